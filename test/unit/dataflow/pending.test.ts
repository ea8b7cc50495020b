import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { app, DataFlowKernel } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 1 })], maxPending: 3, retain: 5 });
const identity = app((x: unknown) => x);

describe("ready", () => {
  it("resolves at once while there is room, a million times in no time", async () => {
    const begin = performance.now();
    for (let i = 0; i < 1_000_000; i++) await shared.kernel.ready();
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(shared.kernel.ready()).toBe(shared.kernel.ready());
  });

  it("waits while maxPending tasks are open, and lets in one for each place that comes free", async () => {
    const gate = new Latch();
    const open = [held(gate.name, 1), identity(2), identity(3)];
    await gate.arrived();
    const let_in: number[] = [];
    const waiting = [1, 2, 3, 4].map(async (n) => {
      await shared.kernel.ready();
      let_in.push(n);
      const future = held(gate.name, n);
      expect(shared.kernel.health().open).toBeLessThanOrEqual(3);
      return future;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(let_in).toEqual([]);
    gate.open();
    expect(await Promise.all(waiting)).toEqual([1, 2, 3, 4]);
    expect(let_in).toEqual([1, 2, 3, 4]);
    await Promise.all(open);
    gate.close();
  });

  it("keeps a loop of submissions within its bound", async () => {
    let most = 0;
    for (let i = 0; i < 500; i++) {
      await shared.kernel.ready();
      identity(i);
      most = Math.max(most, shared.kernel.health().open);
    }
    await shared.kernel.settled();
    expect(most).toBe(3);
  });

  it("lets those in who wait when the kernel closes: their submission says so", async () => {
    const gate = new Latch();
    const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })], maxPending: 1 }).start();
    held.on(kernel)(gate.name);
    await gate.arrived();
    const late = rejection(kernel.ready().then(() => identity.on(kernel)(1)));
    await kernel.close({ mode: "cancel" });
    expect((await late).name).toBe("KernelClosed");
    gate.close();
  });
});

describe("settled", () => {
  it("resolves when all work known now has ended, failures included", async () => {
    const failing = app(() => {
      throw new Error("x");
    });
    const futures = [identity(1), failing(), identity(failing())];
    await shared.kernel.settled();
    expect(futures.map((future) => future.state)).toEqual(["done", "failed", "dependency-failed"]);
  });

  it("does not wait for what is submitted later", async () => {
    const [early, late] = [new Latch(), new Latch()];
    const first = held(early.name);
    await early.arrived();
    const settled = shared.kernel.settled();
    const second = held(late.name);
    early.open();
    await settled;
    expect([first.state, second.state]).toEqual(["done", expect.stringMatching(/ready|dispatched|running|waiting/)]);
    late.open();
    await second;
    early.close();
    late.close();
  });

  it("rejects at its time limit, saying what is open and why; nothing is lost", async () => {
    const gate = new Latch();
    const open = held(gate.name, "later");
    const dependent = identity(open);
    await gate.arrived();
    const error = await rejection(shared.kernel.settled({ timeout: 10 }));
    expect(error).toMatchObject({ name: "WaitTimeout", code: "CW-KERN-002", evidence: { open: 2, tasks: [open.id, dependent.id] } });
    expect(error.message).toContain(`held (task ${open.id}`);
    gate.open();
    await shared.kernel.settled({ timeout: "10s" });
    expect(await dependent).toBe("later");
    gate.close();
  });

  it("resolves at once where nothing is open", async () => {
    await shared.kernel.settled();
    await shared.kernel.settled({ timeout: 1 });
  });
});

describe("tasks", () => {
  it("that ended stay to be looked at, the last `retain` of them", async () => {
    const futures = [];
    for (let i = 0; i < 8; i++) {
      await shared.kernel.ready();
      futures.push(identity(i));
    }
    await shared.kernel.settled();
    expect(futures.map((future) => shared.kernel.task(future.id) !== undefined)).toEqual([false, false, false, true, true, true, true, true]);
    expect(await futures[0]).toBe(0);
    expect(shared.kernel.tasks()).toHaveLength(5);
    expect(shared.kernel.why(futures[0]?.id ?? 0).sentence).toMatch(/ended long ago/);
  });

  it("are found by state and app", async () => {
    const gate = new Latch();
    const open = held(gate.name);
    const waits = identity(open);
    await new Promise<void>((resolve) => open.states$.subscribe((state) => ["dispatched", "running"].includes(state) && resolve()));
    expect(shared.kernel.tasks({ app: "held", state: ["dispatched", "running"] }).map((future) => future.id)).toEqual([open.id]);
    expect(shared.kernel.tasks({ state: "waiting" }).map((future) => future.id)).toEqual([waits.id]);
    gate.open();
    await waits;
    gate.close();
  });

  it("by hundreds of thousands go through one kernel with a flat heap", { timeout: 120_000 }, async () => {
    const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 2 })], maxPending: 20_000, retain: 100 }).start();
    const nothing = app(() => undefined).on(kernel);
    const heapAfter = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i++) {
        await kernel.ready();
        nothing();
      }
      await kernel.settled();
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const first = await heapAfter(50_000);
    const last = await heapAfter(200_000);
    expect(last - first).toBeLessThan(10 * 2 ** 20);
    expect(kernel.tasks().length).toBeLessThanOrEqual(100);
    await kernel.close();
  });
});
