import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { app, type AppFuture, asCompleted, file, joinApp } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 2 })] });
const identity = app(<T>(x: T) => x) as <T>(x: T | PromiseLike<T>) => AppFuture<T>;
const square = app((x: number) => x * x);
const failing = app((message: string): number => {
  throw new Error(message);
});

/** A promise that the test settles. */
class Gate<T> {
  open!: (value: T) => void;
  readonly promise = new Promise<T>((resolve) => (this.open = resolve));
}

describe("a future", () => {
  it("is awaited like a promise, as often as one likes", async () => {
    const future = square(4);
    expect(await future).toBe(16);
    expect(await future.then((x) => x + 1)).toBe(17);
    expect(await Promise.all([future, future])).toEqual([16, 16]);
  });

  it("calls back in the async context that its callback was given in", async () => {
    const context = new AsyncLocalStorage<string>();
    const gate = new Gate<number>();
    const future = identity(gate.promise);
    const seen: unknown[] = [];
    const noted = context.run("mine", () => Promise.all([future.then(() => seen.push(context.getStore())), (async () => seen.push(await future, context.getStore()))()]));
    gate.open(1);
    await noted;
    expect(seen.sort()).toEqual([1, "mine", "mine"]);
  });

  it("gives a promise also to whoever passes it the functions of a promise of their own", async () => {
    const both = await new Promise<unknown>((resolve, reject) => void square(3).then(resolve, reject).finally(() => resolve("too late")));
    expect(both).toBe(9);
    const chained = await new Promise<string>((resolve) => void failing("gone").then(resolve as never, resolve as never).then(() => resolve("too late")));
    expect((chained as unknown as Error).message).toBe("gone");
    await expect(Promise.race([square(5)])).resolves.toBe(25);
    await expect(Promise.allSettled([failing("a"), square(2)])).resolves.toMatchObject([{ status: "rejected" }, { status: "fulfilled", value: 4 }]);
  });

  it("is awaited by many at once, and after its end", async () => {
    const gate = new Gate<{ a: number }>();
    const future = identity(gate.promise);
    const early = Promise.all(Array.from({ length: 5 }, async () => future));
    const directly = Promise.all([future, future.then((value) => value), future]);
    gate.open({ a: 1 });
    expect(await early).toEqual(Array.from({ length: 5 }, () => ({ a: 1 })));
    expect(await directly).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }]);
    expect(await Promise.all([future, future])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it("has catch and finally", async () => {
    let tidied = 0;
    expect(await failing("x").catch((error: unknown) => (error as Error).message)).toBe("x");
    expect(await square(2).finally(() => tidied++)).toBe(4);
    expect((await rejection(failing("y").finally(() => tidied++))).message).toBe("y");
    expect(tidied).toBe(2);
  });

  it("tells its id, app, state and attempt", async () => {
    const one = square(1);
    const two = square(2);
    expect(two.id).toBe(one.id + 1);
    expect(one.appName).toBe("square");
    await one;
    expect([one.state, one.attempt]).toEqual(["done", 1]);
    expect(shared.kernel.task(one.id)?.id).toBe(one.id);
  });

  it("tells its value without waiting, once its task has ended", async () => {
    const gate = new Latch();
    const open = held(gate.name, "value");
    expect(() => open.value).toThrow(expect.objectContaining({ name: "NotSettled", code: "CW-TASK-007" }));
    gate.open();
    await open.settled;
    expect(open.value).toBe("value");
    const failed = failing("no value");
    await failed.settled;
    expect(() => failed.value).toThrow("no value");
    gate.close();
  });

  it("settles without rejecting, however its task ended", async () => {
    expect(await square(1).settled).toBe("done");
    expect(await failing("z").settled).toBe("failed");
    expect(await identity(failing("z")).settled).toBe("dependency-failed");
  });

  it("shows the states its task comes into, and completes", async () => {
    const gate = new Latch();
    const future = held(gate.name);
    const seen: string[] = [];
    const completed = new Promise<void>((resolve) => future.states$.subscribe({ next: (state) => seen.push(state), complete: resolve }));
    await gate.arrived();
    gate.open();
    await completed;
    expect(seen.filter((state) => state !== "running")).toEqual(["ready", "dispatched", "done"].slice(3 - seen.filter((state) => state !== "running").length));
    expect(seen.at(-1)).toBe("done");
    gate.close();
  });

  it("whose subscriber throws harms neither its task nor the program", async () => {
    const future = square(3);
    future.states$.subscribe(() => {
      throw new Error("mine");
    });
    expect(await future).toBe(9);
  });
});

describe("get", () => {
  const pair = app(() => ({ name: "pair", list: [10, 20, { deep: true }] as const }));

  it("is the future of a property, and of properties of that", async () => {
    const both = pair();
    expect(await both.get("name")).toBe("pair");
    expect(await both.get("list").get(1)).toBe(20);
    expect(await both.get("list").get(2).get("deep")).toBe(true);
  });

  it("may be an argument of another call", async () => {
    expect(await square(pair().get("list").get(0))).toBe(100);
  });

  it("of a property that is not there fails by name, and fails what depends on it", async () => {
    const missing = pair().get("nmae" as "name");
    expect((await rejection(missing)).message).toContain('"nmae"');
    expect((await rejection(identity(missing))).name).toBe("DependencyError");
  });

  it("of nothing is a TypeError", async () => {
    const nothing = app(() => null as unknown as { x: number });
    expect(await rejection(nothing().get("x"))).toMatchObject({ name: "TypeError" });
  });

  it("of a failed task is a DependencyError with that failure as its cause", async () => {
    const broken = app((): { x: number } => {
      throw new RangeError("no pair");
    });
    expect(await rejection(broken().get("x"))).toMatchObject({ name: "DependencyError", cause: { name: "RangeError" } });
  });

  it("gives a value of its own, and one that is undefined", async () => {
    const holder = app(() => ({ nothing: undefined }));
    expect(await holder().get("nothing")).toBeUndefined();
  });
});

describe("futures nobody looks at", () => {
  it("may fail by ten thousands without an unhandled rejection, and are in the summary", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const before = shared.kernel.summary().counts;
    for (let i = 0; i < 10_000; i++) {
      const root = failing("nobody looks");
      if (i % 10 === 0) identity(root);
    }
    await shared.kernel.settled();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    const { counts, failures } = shared.kernel.summary();
    expect(counts.failed - before.failed).toBe(10_000);
    expect(counts["dependency-failed"] - before["dependency-failed"]).toBe(1000);
    expect(failures.length).toBeGreaterThan(0);
  });

  it("follow the usual rules once somebody derives a promise from them", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const future = failing("derived");
    void future.then((x) => x);
    await future.settled;
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toHaveLength(1);
  });
});

describe("map", () => {
  it("makes one call for each item; awaited, it gives the values in order", async () => {
    expect(await square.map([1, 2, 3])).toEqual([1, 4, 9]);
    expect(await square.map(new Set([4]))).toEqual([16]);
    expect(await square.map([])).toEqual([]);
  });

  it("gives its values in order as they come", async () => {
    const seen: number[] = [];
    for await (const value of square.map([1, 2, 3])) seen.push(value);
    expect(seen).toEqual([1, 4, 9]);
  });

  it("is the list of its futures, where there is no window", async () => {
    const futures = Array.from(square.map([1, 2, 3]));
    expect(futures.map((future) => future.appName)).toEqual(["square", "square", "square"]);
    expect(await Promise.all(square.map([2, 3]))).toEqual([4, 9]);
    expect(() => Array.from(square.map([1, 2], { window: 1 }))).toThrow(expect.objectContaining({ code: "CW-APP-011" }));
  });

  it("belongs to the scope it was begun in, also where it waits for room", async () => {
    const scope = shared.kernel.scope("mapped");
    expect(await scope.run(() => square.map([1, 2, 3], { window: 1 }))).toEqual([1, 4, 9]);
    expect(scope.summary().tasks).toBe(3);
  });

  it("takes async iterables, and items that are futures", async () => {
    async function* numbers() {
      yield 2;
      yield await Promise.resolve(3);
    }
    expect(await square.map(numbers())).toEqual([4, 9]);
    expect(await square.map([square(2), 3])).toEqual([16, 9]);
  });

  it("keeps at most `window` calls open, and takes items only as there is room", async () => {
    const gate = new Latch();
    let taken = 0;
    function* items() {
      for (let i = 0; i < 6; i++) {
        taken++;
        yield gate.name;
      }
    }
    const mapped = held.map(items(), { window: 2 });
    await gate.arrived(2);
    expect(taken).toBeLessThanOrEqual(3);
    expect(shared.kernel.tasks({ app: "held", state: ["waiting", "ready", "dispatched", "running"] })).toHaveLength(2);
    gate.open();
    expect(await mapped).toHaveLength(6);
    gate.close();
  });

  it("with a window takes items that are futures as arguments, too, and one that fails fails its call alone", async () => {
    const mapped = square.map([square(2), failing("item"), 3], { window: 1 })[Symbol.asyncIterator]();
    expect(await mapped.next()).toEqual({ value: 16, done: false });
    expect(await rejection(mapped.next())).toMatchObject({ name: "DependencyError" });
    expect(await mapped.next()).toEqual({ value: 9, done: false });
    expect(await mapped.next()).toEqual({ value: undefined, done: true });
  });

  it("is an argument of another app as the list of its values", async () => {
    const sum = app((xs: number[]) => xs.reduce((a, b) => a + b, 0));
    expect(await sum(square.map([1, 2, 3]))).toBe(14);
  });

  it("rejects with the first failure when it is awaited, and harms nothing when it is not", async () => {
    const odd = app((x: number) => {
      if (x % 2 === 1) throw new Error(`odd ${x}`);
      return x;
    });
    expect((await rejection(odd.map([2, 3, 4]))).message).toBe("odd 3");
    odd.map([1, 3, 5]);
  });

  it("hands on what its items throw, after the calls that were made", async () => {
    function* broken() {
      yield 1;
      throw new Error("no more items");
    }
    const mapped = square.map(broken());
    const seen: number[] = [];
    const error = await rejection((async () => {
      for await (const value of mapped) seen.push(value);
    })());
    expect([seen, error.message]).toEqual([[1], "no more items"]);
  });

  it("refuses a window that is no number from 1 up", () => {
    expect(() => square.map([1], { window: 0 })).toThrow(expect.objectContaining({ code: "CW-APP-011" }));
  });
});

describe("asCompleted", () => {
  it("gives futures out in the order they end, however they end", async () => {
    const gates = [new Latch(), new Latch()];
    const futures = gates.map((gate, i) => held(gate.name, i));
    const completions = asCompleted(futures)[Symbol.asyncIterator]();
    await Promise.all(gates.map((gate) => gate.arrived()));
    gates[1]?.open();
    expect((await completions.next()).value).toBe(futures[1]);
    gates[0]?.open();
    expect((await completions.next()).value).toBe(futures[0]);
    expect((await completions.next()).done).toBe(true);
    for (const gate of gates) gate.close();
    const ended: string[] = [];
    for await (const future of asCompleted([failing("a")])) ended.push(future.state);
    expect(ended).toEqual(["failed"]);
  });

  it("takes more futures while it runs", async () => {
    const completions = asCompleted([square(0)]);
    const seen: number[] = [];
    for await (const future of completions) {
      const { value } = future;
      seen.push(value);
      if (value < 100) completions.add(square(value + 2));
    }
    expect(seen).toEqual([0, 4, 36, 1444]);
  });

  it("waits in several loops at once without giving one future to two", async () => {
    const completions = asCompleted([1, 2, 3, 4].map((x) => square(x)));
    const seen: number[] = [];
    const loop = async () => {
      for await (const future of completions) seen.push(future.value);
    };
    await Promise.all([loop(), loop()]);
    expect(seen.sort((a, b) => a - b)).toEqual([1, 4, 9, 16]);
  });
});

describe("futures of files", () => {
  const write = app(async (text: string, { outputs }: { outputs: { readonly out: { readonly path: string } } }) => {
    const { writeFile } = await import("node:fs/promises");
    await writeFile(outputs.out.path, text);
    return text.length;
  }, { outputs: { out: file("placeholder") } });

  it("give the file once its task is done, with and without dependencies", async () => {
    const path = shared.path("future-file.txt");
    const future = write.with({ outputs: { out: file(path) } })(identity("content"));
    const out = future.outputs.out;
    expect([out.path, out.name, out.stem, out.ext, out.scheme, out.url, String(out)]).toEqual([path, "future-file.txt", "future-file", ".txt", "file", `file://${path}`, path]);
    expect((await out).path).toBe(path);
    expect(await future).toBe(7);
  });

  it("fail as their task fails", async () => {
    const future = write.with({ outputs: { out: file(shared.path("never.txt")) } })(failing("no content") as never);
    expect(await rejection(future.outputs.out)).toMatchObject({ name: "DependencyError", cause: { message: "no content" } });
    expect(await future.outputs.out.catch(() => "caught")).toBe("caught");
  });
});

describe("joins of futures", () => {
  it("have states and attempts as other tasks", async () => {
    const both = joinApp((x: number) => [square(x), square(x + 1)]);
    const future = both(2);
    const seen: string[] = [];
    future.states$.subscribe((state) => seen.push(state));
    expect(await future).toEqual([4, 9]);
    expect(seen).toContain("joining");
  });
});
