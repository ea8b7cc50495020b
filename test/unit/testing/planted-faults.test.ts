import { describe, expect, test } from "vitest";
import { taskMachine } from "#internal/state-machines/task";
import { plain, runWorkload, type Disturbance, type PlannedTask, type SimulatedKernel, type Workload } from "#internal/testing/index";
import { altered, attemptEffect, links, poolOf, taskChart, toldAgain } from "./sabotage.js";

const one = (tasks: readonly Partial<PlannedTask>[], disturbances: readonly Disturbance[] = [], conduct: Workload["executors"][number]["conduct"] = {}): Workload => ({
  tasks: tasks.map((task, i) => ({ ...plain, name: `t${i}`, key: `t${i}`, ...task })),
  executors: [{ label: "threads", maxThreads: 1, minThreads: 0, conduct: { start: [1, 1], way: [0, 0], flush: [0, 0], ...conduct } }],
  disturbances,
});

/** What is said of the run where the fault is planted; the same run without it is sound. */
async function found(workload: Workload, plant: (sim: SimulatedKernel) => void): Promise<string> {
  await runWorkload(workload, 1);
  return runWorkload(workload, 1, { prepare: plant }).then(
    () => "nothing",
    (error: unknown) => (error as Error).message,
  );
}

const failing: Partial<PlannedTask> = { acts: [{ do: "throw", ms: 1, message: "t0!" }], retries: 1 };

describe("a planted fault is found", () => {
  test("a dropped fence: what comes of an old attempt is taken", async () => {
    const flaky: Partial<PlannedTask> = { acts: [{ do: "throw", ms: 1, message: "t0!" }, { do: "return", ms: 20 }], retries: 3 };
    const again = (sim: SimulatedKernel) => toldAgain(sim, "answered", 5);
    expect(await found(one([flaky]), again)).toBe("nothing");
    expect(await found(one([flaky]), (sim) => {
      again(sim);
      taskChart(sim, taskMachine.provide({ guards: { isOld: () => false } }));
    })).toContain("S5 fence is broken");
  });

  test("a task that is settled twice", async () => {
    const twice = altered(taskMachine, (config) => {
      const { states } = config as unknown as { states: Record<string, { entry: object }> };
      return { ...config, states: { ...states, done: { ...states["done"], entry: [states["done"]?.entry, states["done"]?.entry] } } };
    });
    expect(await found(one([{}]), (sim) => taskChart(sim, twice))).toContain("S2 is broken");
  });

  test("a requeue that loses its task", async () => {
    const behindAnExit: Partial<PlannedTask>[] = [{}, { acts: [{ do: "exit", ms: 0, code: 1 }] }, { acts: [{ do: "return", ms: 0 }] }, { acts: [{ do: "return", ms: 0 }] }];
    const shared = behindAnExit.map((task) => ({ acts: [{ do: "return", ms: 0 }] as const, ...task, needs: task === behindAnExit[0] ? [] : ["t0"] }));
    expect(await found(one(shared), (sim) => attemptEffect(sim, "work.requeue", () => undefined))).toContain("nothing is left to happen");
  });

  test("a retry beyond the budget", async () => {
    expect(await found(one([failing]), (sim) => taskChart(sim, taskMachine.provide({ guards: { mayRetryNow: ({ context }) => context.attempt < 5 } })))).toContain("S5 budget is broken");
  });

  test("a failure that is not retryable, retried", async () => {
    const refused: Workload = { ...one([{ ...failing, walltime: 0 }]) };
    expect(await found(refused, (sim) => {
      const { listener } = sim.kernel.table;
      (listener as unknown as Record<string, unknown>)["answered"] = (work: never, attempt: never) => sim.kernel.dispatcher.tell(work, { type: "attempt.failed", attempt, error: new Error("no"), charge: "app", cost: 0, retryable: false, delay: 0, held: false } as never);
      taskChart(sim, taskMachine.provide({ guards: { mayRetryNow: ({ context }) => context.attempt < 2 } }));
    })).toContain("S6 is broken");
  });

  test("code that begins after its attempt was revoked", async () => {
    const cancelled: Disturbance = { at: 2.5, do: "cancel", task: "t0", twice: false };
    expect(await found(one([{}], [cancelled], { way: [1, 1] }), (sim) => links(sim, () => ({ revoke: (_slot, answer) => answer(true) })))).toContain("S14 is broken");
  });

  test("a cancel that leaves the code running", async () => {
    const cancelled: Disturbance = { at: 5, do: "cancel", task: "t0", twice: false };
    expect(await found(one([{ acts: [{ do: "hang" }] }], [cancelled]), (sim) => attemptEffect(sim, "worker.stop", () => undefined))).toMatch(/have passed|has not settled/);
  });

  test("a priority inversion", async () => {
    const tasks: Partial<PlannedTask>[] = [{ acts: [{ do: "return", ms: 5 }] }, { priority: 5 }, { priority: 1 }];
    expect(await found(one(tasks), (sim) => {
      const queue = poolOf(sim).queue as unknown as { level: (attempt: unknown) => unknown };
      const level = queue.level.bind(queue);
      queue.level = () => level({ work: {} });
    })).toContain("S12 is broken");
  });

  test("what is taken back is sent in the wrong order", async () => {
    const tasks: Partial<PlannedTask>[] = [{ acts: [{ do: "return", ms: 0 }] }, ...[1, 2, 3].map((n) => ({ needs: ["t0"], acts: [n === 1 ? ({ do: "exit", ms: 0, code: 1 } as const) : ({ do: "return", ms: 0 } as const)] }))];
    expect(await found(one(tasks), (sim) => {
      const { queue } = poolOf(sim);
      let arrival = 0;
      const putBack = queue.putBack.bind(queue);
      queue.putBack = (attempt) => {
        attempt.arrival = --arrival;
        putBack(attempt);
      };
    })).toContain("S12 is broken");
  });

  test("a task that had started is taken for unclaimed, and runs twice", async () => {
    expect(await found(one([{ acts: [{ do: "exit", ms: 1, code: 1 }, { do: "return", ms: 1 }], retries: 1 }]), (sim) => links(sim, () => ({ fate: () => "unclaimed" })))).toContain("S7 is broken");
  });

  test("a retry that does not wait for the native call of the attempt before", async () => {
    const stuck: Partial<PlannedTask> = { acts: [{ do: "native", ms: 200 }, { do: "return", ms: 1 }], walltime: 5, retries: 1 };
    expect(await found(one([stuck]), (sim) => taskChart(sim, taskMachine.provide({ guards: { mayRetryWhenReleased: () => false } })))).toContain("S7 is broken");
  });

  test("a walltime that is never enforced", async () => {
    const slow: Partial<PlannedTask> = { acts: [{ do: "return", ms: 2000 }], walltime: 5 };
    expect(await found(one([slow]), (sim) => attemptEffect(sim, "worker.stop", () => undefined))).toContain("S13 is broken");
  });

  test("a dependency that is not waited for", async () => {
    expect(await found(one([{ acts: [{ do: "return", ms: 20 }] }, { needs: ["t0"] }]), (sim) => taskChart(sim, taskMachine.provide({ guards: { dependenciesAreSettled: () => true } })))).toContain("S4 is broken");
  });
});
