import { describe, expect, it } from "vitest";
import { app, DataFlowKernel, joinApp } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, sharedKernel, thrown } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 2 })] });
const identity = app((x: unknown) => x);
const where = app(() => process.env["CARAWAY_SCOPE"]);
const failing = app((message: string) => {
  throw new Error(message);
});
const env = (value: string) => ({ env: { CARAWAY_SCOPE: value } });

describe("a scope", () => {
  it("gives its defaults to the calls in it; what the app or the call says goes before", async () => {
    const scope = shared.kernel.scope("defaults", env("scope"));
    expect(await scope.run(() => where())).toBe("scope");
    expect(await scope.run(() => where.with(env("app"))())).toBe("app");
    expect(await scope.submit(where, [], env("call"))).toBe("call");
    expect(await scope.submit(where, [])).toBe("scope");
    expect(await where.on(scope)()).toBe("scope");
    expect(await where()).toBeUndefined();
  });

  it("gives retries, walltimes and executors as defaults", async () => {
    const scope = shared.kernel.scope("retries", { retries: 2, walltime: "1m", executors: "threads" });
    const future = scope.run(() => failing("x"));
    await future.settled;
    expect(future.attempt).toBe(3);
  });

  it("holds what is called after awaits, and in the bodies of join apps", async () => {
    const scope = shared.kernel.scope("after awaits", env("inside"));
    const join = joinApp(async () => {
      await Promise.resolve();
      return [where()];
    });
    const [late, joined] = await scope.run(async () => {
      await Promise.resolve();
      return [await where(), await join()] as const;
    });
    expect([late, joined]).toEqual(["inside", ["inside"]]);
    expect(scope.summary().counts.done).toBe(3);
  });

  it("does not hold what is called beside it meanwhile", async () => {
    const scope = shared.kernel.scope("beside", env("inside"));
    const [inside, outside] = await Promise.all([scope.run(async () => (await Promise.resolve(), where())), (async () => (await Promise.resolve(), where()))()]);
    expect([inside, outside]).toEqual(["inside", undefined]);
  });

  it("counts its tasks in a summary of its own", async () => {
    const scope = shared.kernel.scope("summary");
    const bad = scope.run(() => failing("in the scope"));
    scope.run(() => identity(bad));
    await identity("outside");
    await scope.settled();
    expect(scope.summary()).toMatchObject({ tasks: 2, counts: { failed: 1, "dependency-failed": 1, done: 0 }, failures: [{ task: bad.id, blocked: 1 }] });
    expect(scope.summary().apps.map(({ app: name }) => name).sort()).toEqual(["failing", "identity"]);
    expect(scope.summary().stages.running).toBeGreaterThan(0);
  });

  it("settles when its own tasks have ended, whatever else is open", async () => {
    const gate = new Latch();
    const scope = shared.kernel.scope("settled");
    const outside = held(gate.name);
    const inside = scope.run(() => identity(1));
    await scope.settled({ timeout: "20s" });
    expect([inside.state, outside.state === "done"]).toEqual(["done", false]);
    const open = scope.run(() => held(gate.name));
    expect(await rejection(scope.settled({ timeout: 5 }))).toMatchObject({ name: "WaitTimeout", evidence: { tasks: [open.id] } });
    gate.open();
    await Promise.all([scope.settled(), outside]);
    gate.close();
  });

  it("cancels its own tasks, answering how many there were, and leaves others alone", async () => {
    const gate = new Latch();
    const scope = shared.kernel.scope("cancelled");
    const outside = held(gate.name, "kept");
    const open = scope.run(() => held(gate.name));
    const queued = scope.run(() => identity(open));
    await gate.arrived(2);
    expect(scope.open).toBe(2);
    expect(await scope.cancel("enough of it")).toBe(2);
    expect(await rejection(open)).toMatchObject({ name: "TaskCancelled", message: expect.stringContaining("enough of it") });
    expect(["cancelled", "dependency-failed"]).toContain(queued.state);
    expect([scope.open, scope.tasks().length]).toEqual([0, 0]);
    expect(await scope.cancel()).toBe(0);
    gate.open();
    expect(await outside).toBe("kept");
    expect(await scope.run(() => identity("goes on"))).toBe("goes on");
    gate.close();
  });

  it("shows what happens to its tasks, and to no others", async () => {
    const scope = shared.kernel.scope("events");
    const seen: number[] = [];
    scope.events$.subscribe((event) => "task" in event && seen.push(event.task));
    const inside = scope.run(() => identity(1));
    await Promise.all([inside, identity(2)]);
    expect(new Set(seen)).toEqual(new Set([inside.id]));
  });

  it("inside another has its defaults, and is cancelled, counted and waited for with it", async () => {
    const gate = new Latch();
    const outer = shared.kernel.scope("outer", { ...env("outer"), retries: 1 });
    const inner = outer.scope("inner", env("inner"));
    expect(inner.options).toEqual({ ...env("inner"), retries: 1 });
    expect(await inner.run(() => where())).toBe("inner");
    const nested = outer.run(() => shared.kernel.scope("made inside"));
    expect(nested.parent).toBe(outer);
    expect(await nested.run(() => where())).toBe("outer");
    const open = nested.run(() => held(gate.name));
    await gate.arrived();
    expect([outer.open, inner.open, nested.open]).toEqual([1, 0, 1]);
    await outer.cancel();
    expect(open.state).toBe("cancelled");
    expect(outer.summary().tasks).toBe(3);
    gate.close();
  });

  it("of one kernel means nothing to another", async () => {
    const other = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })] }).start();
    const scope = shared.kernel.scope("one kernel", env("scope"));
    expect(await scope.run(() => where.on(other)())).toBeUndefined();
    expect(scope.summary().tasks).toBe(0);
    await other.close();
  });

  it("takes only options that can be defaults", () => {
    expect(thrown(() => shared.kernel.scope("x", { outputs: [] } as never))).toMatchObject({ name: "InvalidOption", code: "CW-APP-011" });
    expect(thrown(() => shared.kernel.scope("x", { retires: 1 } as never))).toMatchObject({ hint: 'Did you mean "retries"?' });
  });
});
