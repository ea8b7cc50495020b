import fc from "fast-check";
import { expect, test } from "vitest";
import { Dispatcher } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import type { RunnableApp, Work, WorkListener } from "#internal/executors/executor";
import { ThreadPool } from "#internal/executors/thread-pool/pool";
import { encode } from "#internal/serialization/index";
import { calm, describeViolation, InvariantChecker, SimulatedHost, type Act, type HostConduct } from "#internal/testing/index";
import { commandOf } from "#internal/testing/script";
import { runs } from "./runs.js";

type Operation =
  | { readonly at: number; readonly do: "submit"; readonly act: Act; readonly shell: boolean; readonly priority: number | undefined; readonly walltime: number }
  | { readonly at: number; readonly do: "cancel"; readonly which: number }
  | { readonly at: number; readonly do: "kill"; readonly lane: number }
  | { readonly at: number; readonly do: "drain" };

const ms = fc.integer({ min: 0, max: 480 }).map((steps) => steps / 16);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: ms.map((time): Act => ({ do: "return", ms: time })) },
  ms.map((time): Act => ({ do: "throw", ms: time, message: "no" })),
  ms.map((time): Act => ({ do: "exit", ms: time, code: 1 })),
  ms.map((time): Act => ({ do: "die", ms: time })),
  ms.map((time): Act => ({ do: "native", ms: time * 4 })),
  fc.tuple(ms, fc.integer({ min: -1, max: 30 })).map(([time, yields]): Act => ({ do: "cooperate", ms: time, yields })),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ at: ms, do: fc.constant("submit" as const), act, shell: fc.integer({ min: 0, max: 5 }).map((n) => n === 0), priority: fc.option(fc.nat(2), { nil: undefined }), walltime: fc.constantFrom(0, 0, 10) }) },
  { weight: 2, arbitrary: fc.record({ at: ms, do: fc.constant("cancel" as const), which: fc.nat(20) }) },
  fc.record({ at: ms, do: fc.constant("kill" as const), lane: fc.nat(2) }),
);
const span = (most: number) => fc.integer({ min: 0, max: most * 16 }).map((steps) => [0, steps / 16] as const);
const conduct: fc.Arbitrary<Partial<HostConduct>> = fc.record({ start: span(5), way: span(3), kill: span(4), flush: span(4), revoke: fc.oneof(fc.constant([0, 0] as const), span(4)), blind: fc.constantFrom(0, 4), duplicate: fc.constantFrom(0, 0.4) });

/** One pool on its own, all that it told, and who waits for what. */
class Bench {
  readonly ports;
  readonly host: SimulatedHost;
  readonly pool: ThreadPool;
  readonly checker = new InvariantChecker({ executor: () => "pool", priority: (task) => this.works[task - 1]?.priority });
  readonly works: Work[] = [];
  readonly told: string[][] = [];
  readonly cancels: number[] = [];
  private readonly app: RunnableApp = { key: 1, name: "scripted", code: { kind: "module", url: "", name: "" }, expected: -1 };

  constructor(seed: number, threads: number, given: Partial<HostConduct>) {
    this.ports = simulatedPorts(seed);
    const dispatcher = new Dispatcher(this.ports);
    dispatcher.transitions$.subscribe((record) => this.checker.feed(record));
    this.host = new SimulatedHost({ ports: this.ports, seed, label: "pool", conduct: { ...calm, ...given }, probe: (probe) => this.checker.feed(probe) });
    const tell = (what: string) => (work: Work) => void this.told[work.taskId - 1]?.push(what);
    const listener: WorkListener = { sent: () => undefined, started: () => undefined, requeued: () => undefined, answered: tell("answered"), failed: (work, _, { held }) => tell(held ? "held" : "failed")(work), revoked: tell("revoked"), released: tell("released"), news: () => undefined };
    this.pool = new ThreadPool({ label: "pool", maxThreads: threads, minThreads: 0, killGrace: 10, patience: 30, ownsProcesses: false }, this.host, dispatcher, listener);
  }

  perform(operation: Operation): void {
    if (operation.do === "submit") this.submit(operation);
    else if (operation.do === "kill") this.host.killWorker(operation.lane);
    else if (operation.do === "drain") void this.pool.drain();
    else {
      const work = this.works[operation.which];
      if (work === undefined) return;
      const at = this.cancels.push(0) - 1;
      this.pool.cancel(work, 1, "cancelled", () => (this.cancels[at] = (this.cancels[at] ?? 0) + 1));
    }
  }

  private submit({ act, shell, priority, walltime }: Extract<Operation, { do: "submit" }>): void {
    const script = { key: "k", acts: [act] };
    const work: Work = {
      taskId: this.works.length + 1, app: this.app, priority, walltime, place: undefined,
      argumentsFor: () => [encode(script, "a script")],
      shellFor: () => (shell ? { command: commandOf(script, []), strict: true, capture: true } : undefined),
      settingFor: () => undefined,
    };
    this.works.push(work);
    this.told.push([]);
    this.pool.submit(work, 1);
  }
}

/** Exactly one outcome; one that a zombie holds is released, once, after it. */
const isOneOutcome = (told: readonly string[]): boolean => {
  const [outcome, ...rest] = told;
  if (outcome === "held") return rest.join() === "released";
  if (outcome === "revoked") return rest.length === 0 || rest.join() === "released";
  return outcome !== undefined && outcome !== "released" && rest.length === 0;
};

test("every attempt given to a pool has exactly one outcome, every cancellation is confirmed once, and a stopped pool has nothing left", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 25 }), fc.option(ms, { nil: undefined }), fc.integer({ min: 1, max: 3 }), conduct, fc.nat(), async (operations, drainAt, threads, given, seed) => {
      const bench = new Bench(seed, threads, given);
      const all: readonly Operation[] = drainAt === undefined ? operations : [...operations, { at: drainAt, do: "drain" }];
      for (const one of all) bench.ports.clock.after(one.at, () => bench.perform(one));
      void bench.pool.start();
      await bench.ports.settle();
      expect(bench.told.filter((told) => !isOneOutcome(told))).toEqual([]);
      expect(bench.cancels.filter((times) => times !== 1)).toEqual([]);
      const stopped = bench.pool.stop(undefined);
      await bench.ports.settle();
      await stopped;
      expect({ load: bench.pool.load, out: bench.pool.status().out, alive: bench.host.alive, closed: bench.host.closed }).toEqual({ load: 0, out: 0, alive: 0, closed: true });
      const violation = bench.checker.end();
      if (violation !== undefined) throw new Error(describeViolation(violation));
    }),
    { numRuns: runs(300) },
  );
});

test("a pool that is stopped in the middle of its work ends it all, once", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 20 }), ms, fc.integer({ min: 1, max: 3 }), conduct, fc.nat(), async (operations, stopAt, threads, given, seed) => {
      const bench = new Bench(seed, threads, given);
      let stop: Promise<unknown> | undefined;
      for (const one of operations) bench.ports.clock.after(one.at, () => bench.perform(one));
      bench.ports.clock.after(stopAt, () => {
        stop = bench.pool.stop(undefined).catch((error: unknown) => error);
      });
      void bench.pool.start();
      await bench.ports.settle();
      const outcome = await stop;
      expect(outcome === undefined || (outcome as Error).message.includes("native calls")).toBe(true);
      expect(bench.told.filter((told) => !isOneOutcome(told))).toEqual([]);
      expect(bench.cancels.filter((times) => times !== 1)).toEqual([]);
      expect({ load: bench.pool.load, out: bench.pool.status().out, alive: bench.host.alive }).toEqual({ load: 0, out: 0, alive: 0 });
      const violation = bench.checker.end();
      if (violation !== undefined) throw new Error(describeViolation(violation));
    }),
    { numRuns: runs(300) },
  );
});
