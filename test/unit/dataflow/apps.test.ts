import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { app, type AppFuture, appsFrom, bashApp, joinApp, sh } from "#internal/index";
import { rejection, sharedKernel, thrown } from "./shared-kernel.js";

const shared = sharedKernel();

const square = app((x: number) => x * x);
const add = app((a: number, b: number) => a + b);
const increment = app((x: number) => x + 1);

describe("a function app", () => {
  it("gives what the function gives", async () => {
    expect(await square(7)).toBe(49);
  });

  it("runs each of many calls with its own arguments", async () => {
    const futures = Array.from({ length: 200 }, (_, i) => square(i));
    expect(await Promise.all(futures)).toEqual(Array.from({ length: 200 }, (_, i) => i * i));
  });

  it("answers with a future before anything ran", () => {
    const future = square(2);
    expect(["waiting", "ready", "dispatched"]).toContain(future.state);
  });

  it("runs away from the program's own thread", async () => {
    const { threadId } = await import("node:worker_threads");
    const there = app(async () => (await import("node:worker_threads")).threadId);
    expect(await there()).not.toBe(threadId);
  });

  it("waits for what an async function promises", async () => {
    const later = app(async (x: number) => {
      await new Promise((resolve) => setImmediate(resolve));
      return x;
    });
    expect(await later(3)).toBe(3);
  });

  it("passes strings, numbers, lists, records, maps, sets, dates and buffers unchanged", async () => {
    const same = app((...values: unknown[]) => values);
    const values = ["text", 1.5, -0, Number.NaN, Infinity, true, null, undefined, 10n ** 30n, [1, [2]], { a: { b: 1 } }, new Map([["k", new Set([1, 2])]]), new Date(0), /x/gi, Buffer.from("bytes"), new Float64Array([1, 2])];
    expect(await same(...values)).toEqual(values);
    expect(Object.is((await same(-0))[0], -0)).toBe(true);
  });

  it("takes its arguments as they were at the call", async () => {
    const total = app((xs: number[]) => xs.reduce((a, b) => a + b, 0));
    const xs = [1, 2, 3];
    const before = total(xs);
    xs.push(100);
    expect(await before).toBe(6);
  });

  it("takes an argument of a megabyte", async () => {
    const length = app((bytes: Uint8Array) => bytes.length);
    expect(await length(new Uint8Array(2 ** 20))).toBe(2 ** 20);
  });

  it("ships functions and values along with `using`", async () => {
    const double = (x: number) => x * factor;
    const factor = 2;
    const twice = app((x: number) => double(x), { using: { double, factor } });
    expect(await twice(21)).toBe(42);
  });

  it("keeps default values of parameters", async () => {
    const greet = app((name = "world") => `hello ${name}`);
    expect(await greet()).toBe("hello world");
    expect(await greet("you")).toBe("hello you");
  });

  it("has parameters that may be named like options", async () => {
    const named = app((cache: number, outputs: string, walltime: number) => [cache, outputs, walltime]);
    expect(await named(1, "two", 3)).toEqual([1, "two", 3]);
  });

  it("lets an import that fails inside reach the caller as it is", async () => {
    const broken = app(async () => import("./no-such-module.js" as string));
    const error = await rejection(broken());
    expect(error["code"]).toBe("ERR_MODULE_NOT_FOUND");
  });

  it("lets a name that does not exist reach the caller as a ReferenceError", async () => {
    const broken = app(() => (0, eval)("noSuchName"));
    expect((await rejection(broken())).name).toBe("ReferenceError");
  });
});

describe("graphs of calls", () => {
  it("chains increments", async () => {
    let x: AppFuture<number> = increment(0);
    for (let i = 1; i < 20; i++) x = increment(x);
    expect(await x).toBe(20);
  });

  it("computes a diamond", async () => {
    const top = increment(0);
    const left = add(top, 10);
    const right = add(top, 100);
    expect(await add(left, right)).toBe(112);
  });

  it("grows Fibonacci's numbers as a chain of futures", async () => {
    let [a, b] = [add(0, 0), add(0, 1)];
    for (let i = 0; i < 30; i++) [a, b] = [b, add(a, b)];
    expect(await a).toBe(832_040);
  });

  it("maps and reduces through one list and through many arguments", async () => {
    const sum = app((xs: number[]) => xs.reduce((x, y) => x + y, 0));
    const sumAll = app((...xs: number[]) => xs.reduce((x, y) => x + y, 0));
    const squares = [1, 2, 3, 4].map((x) => square(x));
    expect(await sum(squares)).toBe(30);
    expect(await sumAll(...squares)).toBe(30);
  });

  it("lets a fan of calls depend on one result", async () => {
    const base = square(3);
    expect(await Promise.all([1, 2, 3].map((x) => add(base, x)))).toEqual([10, 11, 12]);
  });

  it("gives equal values to all who depend on one result, each its own copy", async () => {
    const list = app(() => [1, 2, 3]);
    const mutate = app((xs: number[]) => (xs.push(4), xs.length));
    const one = list();
    expect(await Promise.all([mutate(one), mutate(one)])).toEqual([4, 4]);
    expect(await one).toEqual([1, 2, 3]);
  });

  it("passes a large result on as it was, whatever is done to the awaited one", async () => {
    const zeros = app(() => new Uint8Array(4 * 2 ** 20));
    const sum = app((bytes: Uint8Array) => bytes.reduce((a, b) => a + b, 0));
    const result = zeros();
    (await result).fill(1);
    expect(await sum(result)).toBe(0);
  });
});

describe("names", () => {
  it("are those of functions that have one", () => {
    expect(app(function named() {}).name).toBe("named");
  });

  it("are those of the constants that anonymous functions are assigned to", () => {
    expect(square.name).toBe("square");
    expect(square(1).appName).toBe("square");
    const shout = bashApp(() => "echo");
    const join = joinApp(() => square(1));
    expect([shout.name, join.name]).toEqual(["shout", "join"]);
  });

  it("are those of the properties they become", () => {
    const apps = { cube: app((x: number) => x ** 3), "half": app((x: number) => x / 2) };
    expect([apps.cube.name, apps.half.name]).toEqual(["cube", "half"]);
  });

  it("are the place, where an app is given to nobody by name", () => {
    const [first] = [app((x: number) => x)];
    expect(first?.name).toMatch(/^app at apps\.test\.ts:\d+$/);
  });

  it("stay with the app under other options", () => {
    expect(square.with({ retries: 1 }).name).toBe("square");
  });
});

describe("options per call", () => {
  it("win over those of the definition, which stay as they were", async () => {
    const where = app(() => process.env["CARAWAY_TEST_WHERE"], { env: { CARAWAY_TEST_WHERE: "definition" } });
    const there = where.with({ env: { CARAWAY_TEST_WHERE: "call" } });
    expect([await where(), await there(), await where()]).toEqual(["definition", "call", "definition"]);
    expect(where.options.env).toEqual({ CARAWAY_TEST_WHERE: "definition" });
  });

  it("can be given to submit", async () => {
    const where = app(() => process.env["CARAWAY_TEST_WHERE"]);
    expect(await shared.kernel.submit(where, [], { env: { CARAWAY_TEST_WHERE: "submit" } })).toBe("submit");
    expect(await where()).toBeUndefined();
  });

  it("do not leak into the next call", async () => {
    const where = app(() => process.env["CARAWAY_TEST_WHERE"]);
    await Promise.all(Array.from({ length: 4 }, () => where.with({ env: { CARAWAY_TEST_WHERE: "x" } })()));
    expect(await Promise.all(Array.from({ length: 4 }, () => where()))).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe("apps of a module", () => {
  it("are its exported functions", async () => {
    await writeFile(shared.path("maths.mjs"), "export const double = (x) => 2 * x;\nexport async function half(x) { return x / 2; }\nexport const constant = 3;\n");
    const maths = appsFrom<{ double(x: number): number; half(x: number): Promise<number> }>(pathToFileURL(shared.path("maths.mjs")));
    expect(await maths.half(maths.double(21))).toBe(21);
    expect(maths.double.name).toBe("double");
  });

  it("that do not exist are AppNotFound when they run, saying what the module exports", async () => {
    await writeFile(shared.path("few.mjs"), "export const one = () => 1;\n");
    const few = appsFrom<{ one(): number; two(): number }>(pathToFileURL(shared.path("few.mjs")));
    const error = await rejection(few.two());
    expect(error).toMatchObject({ name: "AppNotFound", code: "CW-APP-008", evidence: { exports: ["one"] } });
    expect(error["hint"]).toContain("one");
    expect(await few.one()).toBe(1);
  });

  it("of a module that is missing are AppNotFound", async () => {
    const missing = appsFrom<{ run(): void }>(pathToFileURL(shared.path("missing.mjs")));
    expect(await rejection(missing.run())).toMatchObject({ name: "AppNotFound", code: "CW-APP-008" });
  });

  it("take the URL as a URL or as text, and nothing else", () => {
    expect(thrown(() => appsFrom(3 as never))).toMatchObject({ name: "InvalidApp", code: "CW-APP-009" });
  });
});

describe("bodies that run beside the kernel", () => {
  it("are ordinary closures", async () => {
    let calls = 0;
    const count = joinApp((x: number) => (calls++, square(x)));
    const echo = bashApp(() => sh`echo ${calls}`, { returns: "stdout" });
    expect(await count(5)).toBe(25);
    expect(await echo()).toBe("1\n");
  });
});
