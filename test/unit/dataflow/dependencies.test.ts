import { describe, expect, it } from "vitest";
import { app, type AppFuture, DataFlowKernel, file } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { onThreads, testExecutor } from "./test-executor.js";

const shared = sharedKernel();
const identity = app((x: unknown) => x);
const increment = app((x: number) => x + 1);
const failing = app(function failing(message: string): number {
  throw new Error(message);
});

describe("futures in arguments", () => {
  it("are found at any depth of arrays, records, maps and sets", async () => {
    const one = increment(0);
    const value = { list: [one, [one]], map: new Map([["k", one]]), set: new Set([one]), bare: 2 };
    expect(await identity(value)).toEqual({ list: [1, [1]], map: new Map([["k", 1]]), set: new Set([1]), bare: 2 });
  });

  it("are found beside dates, buffers and files, which stay what they are", async () => {
    const value = await identity([increment(0), new Date(5), Buffer.from("x"), file("/tmp/x")]);
    expect(value).toEqual([1, new Date(5), Buffer.from("x"), expect.objectContaining({ url: "file:///tmp/x" })]);
  });

  it("are found in containers that hold themselves", async () => {
    const loop: Record<string, unknown> = { one: increment(0) };
    loop["self"] = loop;
    const back = (await identity(loop)) as Record<string, unknown>;
    expect(back["one"]).toBe(1);
    expect(back["self"]).toBe(back);
  });

  it("leave the container that was given as it was", async () => {
    const one = increment(0);
    const given = { one };
    await identity(given);
    expect(given.one).toBe(one);
  });

  it("are snapshots: what is changed after the call does not arrive", async () => {
    const gate = new Latch();
    const slow = held(gate.name, 1);
    const given = { slow, list: [1], buffer: Buffer.from("a") };
    const future = identity(given);
    given.list.push(2);
    given.buffer[0] = 0;
    gate.open();
    expect(await future).toEqual({ slow: 1, list: [1], buffer: Buffer.from("a") });
    gate.close();
  });

  it("may be promises of anybody: they delay the task", async () => {
    let settle: (value: number) => void = () => undefined;
    const foreign = new Promise<number>((resolve) => (settle = resolve));
    const future = increment(foreign);
    await shared.kernel.settled({ timeout: 1 }).catch(() => undefined);
    expect(future.state).toBe("waiting");
    settle(41);
    expect(await future).toBe(42);
  });

  it("are listened to once, however many tasks wait for them, before their end and after", async () => {
    let listened = 0;
    let settle: (value: number) => void = () => undefined;
    const inner = new Promise<number>((resolve) => (settle = resolve));
    const foreign = { then: (...callbacks: Parameters<typeof inner.then>) => (listened++, inner.then(...callbacks)) } as unknown as Promise<number>;
    const early = [increment(foreign), increment(foreign)];
    settle(1);
    expect(await Promise.all(early)).toEqual([2, 2]);
    expect(await increment(foreign)).toBe(2);
    expect(listened).toBe(1);
    const broken = Promise.reject(new Error("no"));
    expect((await rejection(increment(broken as Promise<never>))).name).toBe("DependencyError");
    expect((await rejection(increment(broken as Promise<never>))).name).toBe("DependencyError");
  });

  it("may be thenables that are no promises", async () => {
    const thenable = { then: (resolve: (x: number) => void) => resolve(6) } as PromiseLike<number>;
    expect(await increment(thenable)).toBe(7);
  });

  it("that is a promise which rejects fails the task, naming the reason", async () => {
    const error = await rejection(increment(Promise.reject(new RangeError("foreign"))));
    expect(error).toMatchObject({ name: "DependencyError", code: "CW-TASK-001", cause: { name: "RangeError", message: "foreign" } });
    expect(error.message).toContain("a promise");
    expect(error.message).toContain("foreign");
  });

  it("used twice in one call are waited for once and given twice", async () => {
    const one = increment(0);
    expect(await identity([one, one])).toEqual([1, 1]);
  });

  it("that have ended long ago are given at once", async () => {
    const one = increment(0);
    await one;
    expect(await increment(one)).toBe(2);
  });
});

describe("other ways to find futures", () => {
  const kernelWith = (dependencyResolver: "shallow" | { gather(a: unknown): Iterable<PromiseLike<unknown>>; unwrap(a: unknown, v: (p: PromiseLike<unknown>) => unknown): unknown }) =>
    new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })], dependencyResolver }).start();

  it("shallow: only arguments themselves; one further inside cannot travel", async () => {
    const kernel = await kernelWith("shallow");
    const one = increment.on(kernel)(0);
    expect(await identity.on(kernel)(one)).toBe(1);
    expect(await rejection(identity.on(kernel)({ one }))).toMatchObject({ name: "SerializationError", code: "CW-DATA-001" });
    await kernel.close();
  });

  it("a resolver of the user's finds and replaces them", async () => {
    class Box {
      constructor(readonly inside: PromiseLike<unknown>) {}
    }
    const kernel = await kernelWith({
      gather: (argument) => (argument instanceof Box ? [argument.inside] : []),
      unwrap: (argument, valueOf) => ({ boxed: valueOf((argument as Box).inside) }),
    });
    expect(await identity.on(kernel)(new Box(increment.on(kernel)(1)))).toEqual({ boxed: 2 });
    expect(await identity.on(kernel)(new Box(Promise.resolve("foreign")))).toEqual({ boxed: "foreign" });
    expect(await rejection(identity.on(kernel)(new Box(failing.on(kernel)("inside"))))).toMatchObject({ name: "DependencyError", cause: { message: "inside" } });
    await kernel.close();
  });

  it("a resolver that throws fails the task with what it threw", async () => {
    const mine = new Error("my resolver");
    const kernel = await kernelWith({
      gather: () => {
        throw mine;
      },
      unwrap: (argument) => argument,
    });
    expect(await rejection(identity.on(kernel)({}))).toBe(mine);
    expect(await identity.on(kernel)(1)).toBe(1);
    await kernel.close();
  });
});

describe("a failed dependency", () => {
  it("keeps a task from running, and other branches go on", async () => {
    const bad = failing("root");
    const skipped = increment(bad);
    const fine = increment(1);
    expect(await rejection(skipped)).toMatchObject({ name: "DependencyError" });
    expect([skipped.state, skipped.attempt]).toEqual(["dependency-failed", 0]);
    expect(await fine).toBe(2);
  });

  it("arrives with the root error as its cause, and the way it came in its message", async () => {
    const root = failing("the root");
    const middle = increment(root);
    const end = identity([middle]);
    const error = await rejection(end);
    expect(error["cause"]).toBe(await rejection(root));
    expect(error.message).toBe(`identity (task ${end.id}) was not run: it depends on increment (task ${middle.id}) ← failing (task ${root.id}), which failed: Error: the root`);
    expect(error["evidence"]).toEqual({ path: [`increment#${middle.id}`, `failing#${root.id}`] });
    expect(error["where"]).toEqual({ task: end.id, app: "identity" });
  });

  it("says how many more failed where there are several", async () => {
    const roots = [failing("a"), failing("b"), failing("c")];
    await Promise.all(roots.map((root) => root.settled));
    const error = await rejection(identity(roots));
    expect(error.message).toContain(`failing (task ${roots[0]?.id}), which failed: Error: a`);
    expect(error.message).toContain(`and 2 more of what it depends on failed: failing (task ${roots[1]?.id}), failing (task ${roots[2]?.id})`);
  });

  it("at the end of a long chain shows both ends of it, and how many are between", async () => {
    const root = failing("far away");
    let last: AppFuture<number> = root;
    for (let i = 0; i < 50; i++) last = increment(last);
    const error = await rejection(last);
    const { path } = error["evidence"] as { path: string[] };
    expect(path).toHaveLength(9);
    expect(path[0]).toBe(`increment#${last.id - 1}`);
    expect(path.at(-1)).toBe(`failing#${root.id}`);
    expect(path[5]).toBe("… 42 more …");
    expect(error["cause"]).toMatchObject({ message: "far away" });
  });

  it("is told at once, while other dependencies still run", async () => {
    const gate = new Latch();
    const slow = held(gate.name);
    const future = identity([slow, failing("quick")]);
    expect((await rejection(future)).name).toBe("DependencyError");
    gate.open();
    await slow;
    gate.close();
  });
});

describe("large graphs", () => {
  // Each link of the chain goes there and back, which takes longer where that is another process.
  const links = onThreads ? 100_000 : 5000;

  it(`a chain of ${links} runs in constant stack`, async () => {
    let last: AppFuture<number> = increment(0);
    for (let i = 1; i < links; i++) last = increment(last);
    expect(await last).toBe(links);
  });

  it("a chain of 100,000 whose beginning fails fails in constant stack", async () => {
    const gate = new Latch();
    const blocker = held(gate.name, 0);
    let last: AppFuture<unknown> = failing(blocker as never);
    for (let i = 1; i < 100_000; i++) last = identity(last);
    gate.open();
    expect(await rejection(last)).toMatchObject({ name: "DependencyError", cause: { name: "Error" } });
    gate.close();
  });

  it("10,000 futures are one call's argument", async () => {
    const sum = app((xs: number[]) => xs.reduce((a, b) => a + b, 0));
    expect(await sum(Array.from({ length: 10_000 }, (_, i) => increment(i)))).toBe(50_005_000);
  });

  it("10,000 failed futures as one call's argument fail it once", async () => {
    const future = identity(Array.from({ length: 10_000 }, () => failing("one of many")));
    expect((await rejection(future)).name).toBe("DependencyError");
  });
});
