import { describe, expect, it } from "vitest";
import { app, type AppFuture, file, joinApp } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 2 })], retries: 3 });
const identity = app((x: number) => x);
const add = app((a: number, b: number) => a + b);
const failing = app(function failing(message: string): number {
  throw new RangeError(message);
}, { retries: 0 });

describe("a join app", () => {
  it("gives what the future that its body returned gives", async () => {
    const single = joinApp((x: number) => identity(x));
    expect(await single(4)).toBe(4);
  });

  it("gives lists, records and deeper things of futures with their values in place", async () => {
    const many = joinApp((x: number) => [identity(x), identity(x + 1)]);
    const record = joinApp((x: number) => ({ a: identity(x), b: [identity(x), { c: identity(x) }], plain: "kept" }));
    expect(await many(1)).toEqual([1, 2]);
    expect(await record(7)).toEqual({ a: 7, b: [7, { c: 7 }], plain: "kept" });
  });

  it("may return no futures at all, in an empty list or record", async () => {
    expect(await joinApp(() => [])()).toEqual([]);
    expect(await joinApp(() => ({}))()).toEqual({});
  });

  it("may be async, and may return promises of its own and futures of files", async () => {
    const later = joinApp(async (x: number) => {
      await Promise.resolve();
      return [identity(x), Promise.resolve(5)];
    });
    expect(await later(1)).toEqual([1, 5]);
    const write = app(async (_: number, { outputs }: { outputs: { readonly out: { readonly path: string } } }) => {
      await (await import("node:fs/promises")).writeFile(outputs.out.path, "x");
    }, { outputs: { out: file(shared.path("joined.txt")) } });
    const joined = await joinApp(() => write(1).outputs.out)();
    expect(joined.path).toBe(shared.path("joined.txt"));
  });

  it("whose async body returns a single future gives what that gives, and its failure as JoinError", async () => {
    const later = joinApp(async (x: number) => {
      await Promise.resolve();
      return identity(x);
    });
    expect(await later(3)).toBe(3);
    const fails = joinApp(async () => {
      await Promise.resolve();
      return failing("late");
    });
    expect(await rejection(fails())).toMatchObject({ name: "JoinError", cause: { message: "late" } });
  });

  it("gets the values of futures it is given", async () => {
    const triple = joinApp((x: number) => add(x, 2 * x));
    expect(await triple(identity(5))).toBe(15);
    expect(await add(triple(1), triple(2))).toBe(9);
  });

  it("is in the state joining while it waits, and holds no worker", async () => {
    const gate = new Latch();
    const waits = joinApp((name: string) => [held(name), held(name)]);
    const outer = waits(gate.name);
    await gate.arrived(2);
    expect(outer.state).toBe("joining");
    gate.open();
    await outer;
    gate.close();
  });

  it("calls itself: Fibonacci by recursion", async () => {
    const fib = joinApp((n: number): AppFuture<number> => (n < 2 ? identity(n) : add(fib(n - 1) as AppFuture<number>, fib(n - 2) as AppFuture<number>)));
    expect(await fib(12)).toBe(144);
  });

  it("that never ends recursing is bounded by nothing but cancel, and keeps the program responsive", async () => {
    const endless = joinApp((n: number): AppFuture<unknown> => endless(n + 1) as AppFuture<unknown>);
    const future = endless(0);
    while ((shared.kernel.summary().apps.find(({ app: name }) => name === "endless")?.counts.joining ?? 0) < 50) await new Promise((resolve) => setImmediate(resolve));
    await future.cancel("enough");
    await shared.kernel.settled({ timeout: "20s" });
    expect(future.state).toBe("cancelled");
  });
});

describe("failures in joins", () => {
  it("arrive as JoinError with the root error, and the task it came from", async () => {
    const one = joinApp(function one() {
      return [identity(1), failing("inner")];
    });
    const future = one();
    const error = await rejection(future);
    expect(error).toMatchObject({ name: "JoinError", code: "CW-TASK-002", cause: { name: "RangeError", message: "inner" }, where: { task: future.id, app: "one" } });
    expect(error.message).toMatch(/^one \(task \d+\) joined failing \(task \d+\), which failed: RangeError: inner$/);
    expect(future.state).toBe("failed");
  });

  it("of several futures are one JoinError", async () => {
    const two = joinApp(() => [failing("first"), failing("second"), identity(1)]);
    expect((await rejection(two())).message).toMatch(/first|second/);
  });

  it("are not tried again by the join, whose body ran once", async () => {
    let calls = 0;
    const once = joinApp(() => (calls++, failing("x")));
    await rejection(once());
    expect(calls).toBe(1);
  });

  it("carry the whole way through joins in joins and dependencies", async () => {
    const inner = joinApp(function inner() {
      return failing("deep");
    });
    const outer = joinApp(function outer() {
      return identity(inner());
    });
    const error = await rejection(add(outer(), 1));
    expect(error["cause"]).toMatchObject({ name: "RangeError", message: "deep" });
    expect((error["evidence"] as { path: string[] }).path.map((step) => step.replace(/#.*/, ""))).toEqual(["outer", "identity", "inner", "failing"]);
  });

  it("thrown by the body itself arrive as they are", async () => {
    class Mine extends Error {
      override name = "Mine";
    }
    const mine = new Mine("the body");
    const broken = joinApp((): AppFuture<number> => {
      throw mine;
    });
    const future = broken();
    expect(await rejection(future)).toBe(mine);
    expect(mine).toMatchObject({ where: { task: future.id, app: "broken" } });
    expect(await rejection(joinApp(async (): Promise<AppFuture<number>> => Promise.reject(new SyntaxError("later")))())).toMatchObject({ message: "later" });
  });

  it("in a dependency keep the body from running", async () => {
    let calls = 0;
    const never = joinApp((x: number) => (calls++, identity(x)));
    expect((await rejection(never(failing("before")))).name).toBe("DependencyError");
    expect(calls).toBe(0);
  });
});

describe("what is no future", () => {
  it.each([["a number", 3], ["a text", "x"], ["null", null], ["nothing", undefined], ["a date", new Date(0)]])("%s as the answer of a body is InvalidJoin", async (_, value) => {
    const wrong = joinApp(() => value);
    const future = wrong();
    expect(await rejection(future)).toMatchObject({ name: "InvalidJoin", code: "CW-TASK-005", where: { task: future.id } });
  });
});
