import { describe, expect, it } from "vitest";
import { app, bashApp, DataFlowKernel, type Summary, joinApp, sh } from "#internal/index";
import { held, Latch } from "./latch.js";
import { sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

sharedKernel();
const identity = app((x: unknown) => x);
const failing = app(function failing(message: string): number {
  throw new RangeError(message);
});
const busy = app(function busy(ms: number) {
  const end = performance.now() + ms;
  while (performance.now() < end);
});

async function summaryOf(run: (kernel: DataFlowKernel) => Promise<unknown>, retries = 0): Promise<Summary> {
  const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })], retries }).start();
  await kernel.scope("all").run(() => run(kernel));
  await kernel.settled();
  await kernel.close();
  return kernel.summary();
}

describe("a summary", () => {
  it("counts tasks by the states they are in, per app and in all", async () => {
    const { tasks, counts, apps } = await summaryOf(async () => {
      const bad = failing("x");
      await Promise.allSettled([identity(1), identity(bad), identity.with({ cache: true })(2)]);
      await identity.with({ cache: true })(2);
      await identity(new Promise(() => undefined)).cancel();
    });
    expect(tasks).toBe(6);
    expect(counts).toMatchObject({ done: 2, memoized: 1, failed: 1, "dependency-failed": 1, cancelled: 1, waiting: 0, running: 0 });
    expect(Object.fromEntries(apps.map(({ app: name, counts: own }) => [name, own.done + own.failed + own.memoized + own.cancelled + own["dependency-failed"]]))).toEqual({ failing: 1, identity: 5 });
  });

  it("can be looked at while work is open, at once", async () => {
    const gate = new Latch();
    const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })] }).start();
    const open = held.on(kernel)(gate.name);
    await gate.arrived();
    const { counts, wallMs } = kernel.summary();
    expect(counts.running + counts.dispatched).toBe(1);
    expect(wallMs).toBeGreaterThan(0);
    gate.open();
    await open;
    await kernel.close();
    gate.close();
    expect(kernel.summary().wallMs).toBe(kernel.summary().wallMs);
  });

  it("tells the time in each stage of a task's life, and the slowest apps first", async () => {
    const { stages, apps, wallMs } = await summaryOf(async () => {
      const first = busy(60);
      await Promise.all([identity(first), busy(5), bashApp(function shell() { return sh`sleep 0.1`; })(), joinApp(() => [busy(20)])()]);
    });
    expect(apps.slice(0, 2).map(({ app: name }) => name).sort()).toEqual(["busy", "shell"]);
    const slow = apps.find(({ app: name }) => name === "busy");
    expect(slow?.slowestMs).toBeGreaterThanOrEqual(59);
    expect(slow?.ranMs).toBeGreaterThanOrEqual(84);
    expect(stages.running).toBeGreaterThanOrEqual(180);
    expect(stages.waiting).toBeGreaterThanOrEqual(50);
    expect(stages.queued).toBeGreaterThan(0);
    expect(stages.joining).toBeGreaterThan(0);
    expect(wallMs).toBeGreaterThan(80);
  });

  it("tells the time between attempts, and counts retries", async () => {
    const { stages, retries, retried, apps } = await summaryOf(() => failing.with({ retries: { app: 2, backoff: 20 } })("again").settled);
    expect(retries).toBe(2);
    expect(apps[0]?.retries).toBe(2);
    expect(stages.backingOff).toBeGreaterThanOrEqual(30);
    expect(retried).toMatchObject([{ app: "failing", attempt: 1, error: "RangeError: again" }, { attempt: 2 }]);
  });

  it("lists the first failures, and counts with each the tasks that were not run because of it", async () => {
    let root = 0;
    const { failures, counts } = await summaryOf(async () => {
      const bad = failing("the root");
      root = bad.id;
      const after = [...Array(30).keys()].map(() => identity(bad));
      await Promise.allSettled([...after, ...after.map((one) => identity(one))]);
      await failing("another").settled;
    });
    expect(counts["dependency-failed"]).toBe(60);
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({ task: root, app: "failing", state: "failed", error: "RangeError: the root", root: undefined, blocked: 60 });
    expect(failures[0]?.blockedFirst).toHaveLength(3);
    expect(failures[1]).toMatchObject({ error: "RangeError: another", blocked: 0 });
  });

  it("puts root causes before what they brought down, with the hint that goes with them", async () => {
    const { failures } = await summaryOf(async () => {
      await joinApp(function joined() {
        return [failing("inside")];
      })().settled;
      await bashApp(function shell() {
        return sh`exit 3`;
      })().settled;
    });
    expect(failures.map(({ app: name, root }) => [name, root === undefined])).toEqual([["failing", true], ["shell", true], ["joined", false]]);
    expect(failures[1]?.hint).toContain("stderr");
    expect(failures[2]).toMatchObject({ error: expect.stringContaining("JoinError"), causes: ["RangeError: inside"] });
  });

  it("keeps the first failures only, however many there are", async () => {
    const { failures, counts } = await summaryOf(async () => {
      for (let i = 0; i < 200; i++) failing(`number ${i}`);
      await Promise.resolve();
    });
    expect(counts.failed).toBe(200);
    expect(failures).toHaveLength(20);
    expect(failures[0]?.error).toBe("RangeError: number 0");
  });

  it("names a cancelled task where others needed it", async () => {
    const { failures } = await summaryOf(async () => {
      const needed = identity(new Promise(() => undefined));
      const dependent = identity(needed);
      await identity(new Promise(() => undefined)).cancel("nobody needs it");
      await needed.cancel("stopped");
      await dependent.settled;
    });
    expect(failures).toMatchObject([{ state: "cancelled", blocked: 1 }]);
  });
});
