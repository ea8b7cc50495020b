import { describe, expect, test } from "vitest";
import { childKindOf } from "#internal/supervisors/child-cell";
import { simulate } from "#internal/supervisors/simulation";
import { ActorSystem } from "#internal/supervisors/system";
import { describeViolation, InvariantChecker, plain, runWorkload, type Disturbance, type PlannedTask, type SimulatedKernel, type Workload } from "#internal/testing/index";
import { BlockWorld } from "../../property/block-world.js";
import { supervisionRules } from "../../property/supervision-rules.js";
import { poolOf } from "./sabotage.js";

const executor = (label: string) => ({ label, maxThreads: 1, minThreads: 1, conduct: { start: [1, 1], way: [0, 0], flush: [0, 0] } }) as const;
/** Work beside what is looked at: the stream goes on. */
const beside = Array.from({ length: 20 }, (_, i): Partial<PlannedTask> => ({ name: `beside ${i}`, executors: ["other"], acts: [{ do: "return", ms: 1000 }] }));
const workload = (tasks: readonly Partial<PlannedTask>[], disturbances: readonly Disturbance[] = []): Workload => ({
  tasks: [...tasks, ...beside].map((task, i) => ({ ...plain, executors: ["threads"], name: `t${i}`, key: `t${i}`, ...task })),
  executors: [executor("threads"), executor("other")],
  disturbances,
});

/** What is said of the run where the fault is planted; the same run without it is sound. */
async function found(work: Workload, plant: (sim: SimulatedKernel) => void): Promise<string> {
  await runWorkload(work, 1);
  return runWorkload(work, 1, { prepare: plant }).then(
    () => "nothing",
    (error: unknown) => (error as Error).message,
  );
}

describe("what is owed and does not come is found, while other things go on", () => {
  test("a dependency has ended, and who waits for it is not told", async () => {
    const told = await found(workload([{}, { needs: ["t0"] }]), ({ kernel: { dispatcher } }) => {
      const tell = dispatcher.tell.bind(dispatcher) as (cell: never, message: never) => void;
      dispatcher.tell = (cell, message) => {
        if (message.type !== "dependency.settled") tell(cell as never, message as never);
      };
    });
    expect(told).toContain("L1 is broken");
    expect(told).toContain("1 of the tasks that task 2 waits for have ended, and it was told of 0");
    expect(told).toContain("task/2#1");
  });

  test("a pool does not look at its queue when there is work", async () => {
    const told = await found(workload([{}, { at: 500 }]), (sim) => {
      sim.at(400, () => (poolOf(sim).offer = () => undefined));
    });
    expect(told).toMatch(/L1 is broken(.|\n)*waited in the queue of "threads" all the time, 1 of whose workers had nothing to do/);
  });

  test("a kernel's time limit is not watched", async () => {
    const told = await found(workload([], [{ at: 50, do: "close", mode: "wait", timeout: 1000 }]), ({ kernel: { life } }) => {
      Reflect.set(life.cell.kind.perform, "timer.start", () => undefined);
    });
    expect(told).toMatch(/L6 is broken(.|\n)*the kernel was told to close by 105\d ms/);
  });
});

describe("of blocks", () => {
  const calm = { seed: 1, options: { strategyPeriod: 500, maxIdleTime: 1000 }, workers: [1], mute: 0, cutOff: 0, conduct: {} } as const;

  /** A block comes, is not needed any more and goes; then there is work again. */
  async function life(spoil: (world: BlockWorld) => void, minBlocks = 0): Promise<string> {
    const world = new BlockWorld({ ...calm, options: { ...calm.options, minBlocks } });
    world.blocks.start();
    world.submit(3, 400);
    await world.pass(1500);
    spoil(world);
    await world.pass(10_000);
    world.submit(1, 400);
    await world.pass(5000);
    // The stream goes on.
    for (let i = 0; i < 40; i++) {
      world.checker.feed({ seq: 0, cause: 0, at: world.sim.clock.now(), kind: "other", id: i, incarnation: 1, to: "gone", final: true, message: { type: "xstate.init" }, effects: [], outcome: "started" });
      await world.pass(20);
    }
    return world.checker.violations.map(describeViolation).join("\n");
  }

  test("a life as it should be breaks nothing", async () => {
    expect(await life(() => undefined)).toBe("");
  });

  test("the scaler is not told of work", async () => {
    expect(await life(({ blocks }) => (blocks.workOffered = () => undefined))).toMatch(/^L3 is broken(.|\n)*"world" was to ask for a block/);
  });

  test("the scaler's time for a look does not come", async () => {
    expect(await life(({ blocks }) => Reflect.set(blocks, "tickIn", () => undefined))).toMatch(/^L4 is broken(.|\n)*was to look whether they have tasks/);
  });

  test("the strategy keeps what is idle", async () => {
    expect(await life(({ blocks }) => {
      const { name, decide } = blocks.strategy;
      Reflect.set(blocks, "strategy", { name, decide: (...given: Parameters<typeof decide>) => ({ ...decide(...given), release: [] }) });
    })).toMatch(/^L4 is broken(.|\n)*its idle time is 1000 ms, and it kept 3 blocks where 0 are the least/);
  });
});

test("a start whose time-out does not come is found", async () => {
  const { system, ports } = simulate(1);
  const checker = new InvariantChecker({ invariants: supervisionRules, slack: 100 });
  system.transitions$.subscribe((record) => checker.feed(record));
  Reflect.set(childKindOf(ActorSystem.servicesOf(system)).perform, "timer.start", () => undefined);
  void system.supervise({ children: [{ id: "hangs", startTimeout: 50, run: () => new Promise(() => undefined) }] }, "top");
  void system.supervise({ intensity: 100, period: 1, children: [{ id: "again", run: (self) => void ports.clock.after(10, () => self.exit("normal")) }] }, "beside");
  await ports.settleFor(1000);
  expect(checker.violations.map(describeViolation).join("\n")).toMatch(/^L5 is broken(.|\n)*simulation\/top\/hangs was "starting" and was to have started or failed by 50 ms/);
});
