import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { app, type AppFuture, bashApp, DataFlowKernel, sh, threadPool } from "#internal/index";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

const shared = sharedKernel();

/** Writes a line for each attempt, and fails until the attempt whose number it was given. */
const flaky = app(async function flaky(log: string, succeedsAt: number, message = "not yet") {
  const { appendFileSync } = await import("node:fs");
  const { task } = await import("caraway/task");
  appendFileSync(log, `${task.attempt}\n`);
  if (task.attempt < succeedsAt) throw new RangeError(`${message} (attempt ${task.attempt})`);
  return task.attempt;
});

const attemptsIn = async (path: string): Promise<number> => (await readFile(path, "utf8")).trim().split("\n").length;

describe("retries", () => {
  it("are none by default: an app that fails runs once", async () => {
    const future = flaky(shared.path("once"), 2);
    expect(await rejection(future)).toMatchObject({ name: "RangeError", message: "not yet (attempt 1)" });
    expect(await attemptsIn(shared.path("once"))).toBe(1);
    expect([future.state, future.attempt]).toEqual(["failed", 1]);
  });

  it("run an app once more than their number, and the error is the last one", async () => {
    const future = flaky.with({ retries: 2 })(shared.path("thrice"), 99);
    expect(await rejection(future)).toMatchObject({ message: "not yet (attempt 3)" });
    expect(await attemptsIn(shared.path("thrice"))).toBe(3);
  });

  it("end with the first attempt that succeeds", async () => {
    const future = flaky.with({ retries: 5 })(shared.path("second"), 2);
    expect(await future).toBe(2);
    expect(await attemptsIn(shared.path("second"))).toBe(2);
  });

  it("leave the history of attempts with their causes at the future", async () => {
    const future = flaky.with({ retries: 2 })(shared.path("history"), 3);
    await future;
    expect(future.attempts.map(({ attempt, charge, executor, error }) => ({ attempt, charge, executor, message: error.message }))).toEqual([
      { attempt: 1, charge: "app", executor: "threads", message: "not yet (attempt 1)" },
      { attempt: 2, charge: "app", executor: "threads", message: "not yet (attempt 2)" },
    ]);
  });

  it("keep the future pending, and what depends on it waits for the last attempt", async () => {
    const after = app((attempt: number) => attempt * 10);
    expect(await after(flaky.with({ retries: 1 })(shared.path("dependent"), 2))).toBe(20);
  });

  it("count in the summary, and are announced", async () => {
    const before = shared.kernel.summary().retries;
    const told: number[] = [];
    const subscription = shared.kernel.events$.subscribe((event) => {
      if (event.type === "task.retry") told.push(event.attempt);
    });
    await flaky.with({ retries: 2 })(shared.path("counted"), 3);
    subscription.unsubscribe();
    expect(told).toEqual([2, 3]);
    expect(shared.kernel.summary().retries - before).toBe(2);
  });

  it("are not spent on a failed dependency", async () => {
    const never = app((x: unknown) => x);
    const failing = app(() => {
      throw new Error("root");
    });
    const future = never.with({ retries: 5 })(failing());
    expect((await rejection(future)).name).toBe("DependencyError");
    expect([future.attempt, future.attempts.length]).toEqual([0, 0]);
  });

  it("are spent on shell commands that fail, too", async () => {
    const command = bashApp((log: string) => sh`echo attempt >> ${log}; test $(wc -l < ${log}) -ge 3`, { retries: 2 });
    expect(await command(shared.path("bash-log"))).toBe(0);
    expect(await attemptsIn(shared.path("bash-log"))).toBe(3);
  });

  it("are not spent on what another attempt cannot mend", async () => {
    const nothing = bashApp(() => undefined as never, { retries: 3 });
    const future = nothing();
    expect((await rejection(future)).name).toBe("BashAppNoReturn");
    expect(future.attempt).toBe(0);
  });
});

describe("the cost of failures", () => {
  it("adds up until the budget is spent", async () => {
    const costs: [string, number][] = [];
    const cost = (error: unknown, task: { attempt: number }) => {
      costs.push([(error as Error).message, task.attempt]);
      return 0.5;
    };
    const future = flaky.with({ retries: { app: 1, cost } })(shared.path("cost"), 99, "half");
    await rejection(future);
    expect(future.attempt).toBe(3);
    expect(costs).toEqual([["half (attempt 1)", 1], ["half (attempt 2)", 2], ["half (attempt 3)", 3]]);
  });

  it("may depend on the error: one that is dear ends the task at once", async () => {
    const cost = (error: unknown) => (error instanceof RangeError ? 100 : 0);
    const future = flaky.with({ retries: { app: 10, cost } })(shared.path("dear"), 99);
    await rejection(future);
    expect(future.attempt).toBe(1);
  });

  it("of nothing is tried again without end: here until it succeeds", async () => {
    const future = flaky.with({ retries: { cost: () => 0 } })(shared.path("free"), 6);
    expect(await future).toBe(6);
  });

  it("that throws ends the task with what it threw", async () => {
    const mine = new TypeError("my handler is broken");
    const cost = () => {
      throw mine;
    };
    const future = flaky.with({ retries: { app: 5, cost } })(shared.path("throws"), 99);
    expect(await rejection(future)).toBe(mine);
    expect(future.attempt).toBe(1);
  });

  it("that is no number ends the task, saying so", async () => {
    const future = flaky.with({ retries: { app: 5, cost: () => "much" as never } })(shared.path("nan"), 99);
    expect(await rejection(future)).toMatchObject({ code: "CW-TASK-006", name: "RetryHandlerFailed", cause: { name: "RangeError" } });
    expect(await rejection(future)).toHaveProperty("message", expect.stringContaining("much"));
  });
});

describe("back-off", () => {
  const states = async (future: AppFuture<unknown>): Promise<string[]> => {
    const seen: string[] = [];
    future.states$.subscribe((state) => seen.push(state));
    await future.settled;
    return seen;
  };

  it("puts a pause between attempts, in a state of its own", async () => {
    const future = flaky.with({ retries: { app: 1, backoff: 20 } })(shared.path("pause"), 2);
    expect(await states(future)).toContain("backing-off");
    expect(await future).toBe(2);
  });

  it("is not waited for where there is no attempt left", async () => {
    const future = flaky.with({ retries: { app: 0, backoff: "1h" } })(shared.path("no-pause"), 2);
    expect(await states(future)).not.toContain("backing-off");
  });

  it("grows from `min` by `factor` up to `max`", async () => {
    const delays: number[] = [];
    const subscription = shared.kernel.events$.subscribe((event) => {
      if (event.type === "task.retry") delays.push(event.delay);
    });
    await flaky.with({ retries: { app: 3, backoff: { min: 10, max: 25 } } })(shared.path("grows"), 4);
    subscription.unsubscribe();
    expect(delays).toHaveLength(3);
    [10, 20, 25].forEach((least, i) => expect(delays[i]).toBeGreaterThanOrEqual(least - 2));
  });

  it("may be a function of the attempt and its error", async () => {
    const asked: [number, string][] = [];
    const backoff = (attempt: number, error: unknown) => {
      asked.push([attempt, (error as Error).name]);
      return `${attempt}ms`;
    };
    await flaky.with({ retries: { app: 2, backoff } })(shared.path("function"), 3);
    expect(asked).toEqual([[1, "RangeError"], [2, "RangeError"]]);
  });

  it("that throws ends the task with what it threw", async () => {
    const mine = new Error("my back-off is broken");
    const backoff = () => {
      throw mine;
    };
    expect(await rejection(flaky.with({ retries: { app: 5, backoff } })(shared.path("broken"), 99))).toBe(mine);
  });

  it("that is no duration ends the task, saying so", async () => {
    const future = flaky.with({ retries: { app: 5, backoff: () => "soon" } })(shared.path("soon"), 99);
    expect(await rejection(future)).toMatchObject({ name: "RetryHandlerFailed", code: "CW-TASK-006" });
  });
});

describe("walltime", () => {
  const forever = app(function forever() {
    for (;;);
  });

  it("ends an attempt that takes longer, with AppTimeout", async () => {
    const future = forever.with({ walltime: 50 })();
    expect(await rejection(future)).toMatchObject({ name: "AppTimeout", code: "CW-APP-002", evidence: { walltimeMs: 50 }, where: { app: "forever", attempt: 1 } });
  });

  it("does not disturb an attempt that ends in time, nor one that throws in time", async () => {
    const quick = app((x: number) => x, { walltime: "1m" });
    const throwing = app(() => {
      throw new EvalError("in time");
    }, { walltime: "1m" });
    expect(await quick(1)).toBe(1);
    expect(await rejection(throwing())).toMatchObject({ name: "EvalError", message: "in time" });
  });

  it("counts anew for each attempt, and spends retries", async () => {
    const slowOnce = app(async () => {
      const { task } = await import("caraway/task");
      while (task.attempt === 1);
      return task.attempt;
    }, { walltime: "3s", retries: 1 });
    const future = slowOnce();
    expect(await future).toBe(2);
    expect(future.attempts.map(({ error }) => error.name)).toEqual(["AppTimeout"]);
  });

  it("ends a shell command, and all it has started", async () => {
    const sleeping = bashApp(() => sh`sleep 1000 & sleep 1000; wait`, { walltime: "100ms" });
    expect(await rejection(sleeping())).toMatchObject({ name: "AppTimeout" });
  });

  it("does not count the time in the queue", async () => {
    const short = app((ms: number) => {
      const end = Date.now() + ms;
      while (Date.now() < end);
      return ms;
    }, { walltime: 1500 });
    expect(await Promise.all(Array.from({ length: 8 }, () => short(400)))).toHaveLength(8);
  });

  it("keeps the name of the app", () => {
    expect(forever.with({ walltime: 1 }).name).toBe("forever");
  });
});

describe("losses", () => {
  const dies = app(async function dies(times: number) {
    const { task } = await import("caraway/task");
    if (task.attempt <= times) process.kill(process.pid, "SIGKILL");
    return task.attempt;
  });

  it("of the process spend `lost`, not `retries`; more than `lost` make the task fail as poison, naming every loss", async () => {
    const kernel = await new DataFlowKernel({ executors: [threadPool({ maxThreads: 1, isolation: "process" })], retries: { app: 5, lost: 1 } }).start();
    const future = dies.on(kernel)(1);
    expect(await future).toBe(2);
    expect(future.attempts.map(({ charge }) => charge)).toEqual(["lost"]);
    const error = await rejection(dies.on(kernel)(99));
    expect(error).toMatchObject({ name: "TaskPoisoned", code: "CW-TASK-004", origin: "infrastructure" });
    expect((error["evidence"] as { losses: unknown[] }).losses).toHaveLength(2);
    await kernel.close();
  });

  it("by process.exit or by the memory of the worker are the app's own failures", async () => {
    const exits = app(() => process.exit(3));
    expect(await rejection(exits())).toMatchObject({ name: "AppExit", code: "CW-APP-006", origin: "app" });
    const hog = app(() => {
      const hoard: unknown[] = [];
      for (;;) hoard.push(new Array(1e5).fill(hoard.length));
    });
    const error = await withOwnKernel(() => rejection(hog()));
    expect(error).toMatchObject({ name: "MemoryExceeded", code: "CW-APP-007" });
  });

  async function withOwnKernel<T>(body: () => Promise<T>): Promise<T> {
    const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1, resourceLimits: { maxOldGenerationSizeMb: 24 } })] }).start();
    try {
      return await kernel.scope("own").run(body);
    } finally {
      await kernel.close({ mode: "cancel" });
    }
  }
});
