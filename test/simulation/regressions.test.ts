import { describe, expect, test } from "vitest";
import { compile } from "#internal/actors/compile";
import { attemptMachine, type AttemptContext, type AttemptEffect, type AttemptInput, type AttemptMessage } from "#internal/state-machines/attempt";
import { compareWithReference, plain, runWorkload, type Act, type Disturbance, type Entry, type HostConduct, type Outcome, type PlannedTask, type Workload, type WorkloadRun } from "#internal/testing/index";

const still: Partial<HostConduct> = { start: [1, 1], way: [0, 0], kill: [0, 0], flush: [0, 0] };
const returns = (ms: number): Act => ({ do: "return", ms });

interface Plan {
  readonly tasks: readonly Partial<PlannedTask>[];
  readonly conduct?: Partial<HostConduct>;
  readonly threads?: number;
  readonly disturbances?: readonly Disturbance[];
  readonly more?: Partial<Workload>;
  readonly seed?: number;
}

/** Runs the tasks under the checker; what they become must be what the reference allows. */
async function run({ tasks, conduct = {}, threads = 1, disturbances = [], more = {}, seed = 1 }: Plan): Promise<WorkloadRun> {
  const workload: Workload = {
    tasks: tasks.map((task, i) => ({ ...plain, name: `t${i}`, key: `t${i}`, ...task })),
    executors: [{ label: "left", maxThreads: threads, minThreads: 0, conduct: { ...still, ...conduct } }],
    disturbances,
    ...more,
  };
  const done = await runWorkload(workload, seed);
  expect(compareWithReference(workload, done.outcomes)).toBeUndefined();
  return done;
}

const states = ({ outcomes }: { readonly outcomes: ReadonlyMap<string, Outcome> }): string[] => [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { state, root }]) => `${name} ${root ?? state}`);

const startsOf = (trace: readonly Entry[]): number[] => trace.flatMap((entry) => ("probe" in entry && entry.probe === "code.started" ? [entry.task] : []));

describe("a worker that ends", () => {
  test("gives back what it had not begun, which is sent again in the order it came", async () => {
    const after = [{ do: "exit", ms: 0, code: 1 } as const, returns(0), returns(0), returns(0)];
    const { trace } = await run({ tasks: [{ acts: [returns(0)] }, ...after.map((act) => ({ acts: [act], needs: ["t0"] }))] });
    expect(startsOf(trace)).toEqual([1, 2, 3, 4, 5]);
  });

  test("under a native call, at the moment its patience ends, releases its task after that has failed", async () => {
    for (const native of [64, 64.5, 65, 65.5, 66]) {
      const done = await run({ tasks: [{ acts: [{ do: "native", ms: native }, returns(1)], walltime: 15, retries: 1 }], conduct: { revoke: [1, 1] } });
      expect(states(done)).toEqual(["t0 done"]);
    }
  });

  test("before it is ready, three times, fails its pool, which refuses what comes back to it", async () => {
    const done = await run({ tasks: [{}, {}, {}], conduct: { failStart: 1 }, threads: 2 });
    expect(states(done)).toEqual(["t0 BadStateException", "t1 BadStateException", "t2 BadStateException"]);
  });
});

describe("workers that are ready and end before they have begun any work", () => {
  test("fail their pool the third time in a row, instead of being started for ever", async () => {
    const done = await run({ tasks: [{}, {}], conduct: { death: 1, deathWithin: 0, way: [1, 1] }, threads: 2 });
    expect(states(done)).toEqual(["t0 BadStateException", "t1 BadStateException"]);
  });
});

describe("an attempt", () => {
  const chart = compile<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput>(attemptMachine);
  const at = (...messages: AttemptMessage[]) => {
    const subject = { state: undefined as never, context: undefined as never } as unknown as Parameters<typeof chart.step>[0];
    const effects: AttemptEffect[] = [];
    chart.start(subject, { walltime: 0 }, effects);
    for (const message of messages) chart.step(subject, message, effects);
    return { state: subject.state.name, effects: effects.map(({ type }) => type) };
  };

  test("that a zombie had claimed before that was seen is held, not sent again beside it", () => {
    expect(at({ type: "attempt.sent" }, { type: "attempt.haunted", loss: "stuck" })).toEqual({ state: "killed", effects: ["attempt.mourn"] });
  });

  test("that is cancelled the moment it begins is stopped", async () => {
    const done = await run({ tasks: [{ acts: [{ do: "hang" }], walltime: 5000 }], conduct: { blind: 4 }, disturbances: [{ at: 2, do: "cancel", task: "t0", twice: false }] });
    expect(states(done)).toEqual(["t0 TaskCancelled:t0"]);
    expect(done.duration).toBeLessThan(100);
  });

  test("that ended within its walltime is done, though its answer came after that", async () => {
    expect(states(await run({ tasks: [{ acts: [returns(9)], walltime: 10 }], conduct: { way: [5, 5] } }))).toEqual(["t0 done"]);
    expect(states(await run({ tasks: [{ acts: [returns(11)], walltime: 10 }], conduct: { way: [5, 5] } }))).toEqual(["t0 AppTimeout:t0"]);
  });

  test("that fails at the moment its task is cancelled leaves nobody waiting for the cancellation", async () => {
    for (const ms of [0.9, 1, 1.1]) {
      const done = await run({ tasks: [{ acts: [{ do: "throw", ms, message: "no" }], retries: 3, backoff: 50 }], disturbances: [{ at: 2, do: "cancel", task: "t0", twice: true }] });
      expect(states(done)).toEqual(["t0 TaskCancelled:t0"]);
    }
  });
});

describe("a kernel that closes and waits", () => {
  test("takes what the bodies of join apps still call", async () => {
    for (const late of [false, true]) {
      const inner = [{ ...plain, name: "t1.0", key: "t1.0" }];
      const done = await run({ tasks: [{ acts: [returns(20)] }, { kind: "join", needs: ["t0"], late, inner }], disturbances: [{ at: 5, do: "close", mode: "wait" }] });
      expect(states(done)).toEqual(["t0 done", "t1 done", "t1.0 done"]);
    }
  });
});

describe("an executor that fails or breaks", () => {
  const two = (broken: Partial<HostConduct>): Workload["executors"] => [
    { label: "left", maxThreads: 1, minThreads: 1, conduct: { ...still, ...broken } },
    { label: "right", maxThreads: 1, minThreads: 1, conduct: still },
  ];

  test("is given no work while another takes it", async () => {
    const later = Array.from({ length: 6 }, () => ({ at: 40, acts: [returns(1)] }));
    const done = await run({ tasks: [{ executors: ["left"] }, ...later], more: { executors: two({ failStart: 1 }) } });
    expect(states(done)).toEqual(["t0 BadStateException", ...later.map((_, i) => `t${i + 1} done`)]);
  });

  test("charges nobody for what it ends: functions, commands and native calls run again elsewhere, and beside nothing", async () => {
    const tasks: Partial<PlannedTask>[] = [{ acts: [returns(100)] }, { kind: "command", acts: [returns(100)] }, { acts: [{ do: "native", ms: 100 }] }, { acts: [returns(1)], at: 5 }];
    const done = await run({ tasks: tasks.map((task) => ({ lost: 0, ...task })), threads: 3, disturbances: [{ at: 10, do: "break", executor: "left" }] });
    expect(states(done)).toEqual(["t0 done", "t1 done", "t2 done", "t3 done"]);
  });

  test("and is replaced under a native call has threads of other addresses than before", async () => {
    const { trace } = await run({ tasks: [{ acts: [{ do: "native", ms: 100 }] }, { acts: [returns(1)], at: 5 }], disturbances: [{ at: 10, do: "break", executor: "left" }] });
    const started = trace.filter((entry) => "outcome" in entry && entry.kind === "thread" && entry.outcome === "started").map((entry) => ("outcome" in entry ? `${entry.id}#${entry.incarnation}` : ""));
    expect(started).toEqual(["left/0#1", "left#2/0#1"]);
  });

  test("is removed by a kernel that closes meanwhile, and nobody waits for it in vain", async () => {
    const done = await run({ tasks: [{ acts: [returns(50)] }], disturbances: [{ at: 10, do: "remove", executor: "left" }, { at: 20, do: "close", mode: "cancel" }] });
    expect(states(done)).toEqual(["t0 TaskCancelled:t0"]);
  });

  test("breaks once more while it is being stopped, and is gone all the same", async () => {
    const breaks = [10, 10.0625, 31, 31.5].map((at): Disturbance => ({ at, do: "break", executor: "left" }));
    const done = await run({ tasks: [{ acts: [returns(20)], lost: 0 }], conduct: { kill: [1, 1] }, disturbances: [...breaks.slice(0, 3), { at: 31, do: "close", mode: "wait" }] });
    expect(states(done)).toEqual(["t0 done"]);
    expect(done.duration).toBeLessThan(1000);
  });
});
