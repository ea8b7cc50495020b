import { readFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import * as os from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { InvalidApp, OutsideVariable, SerializationError } from "#internal/errors/index";
import { registerCodec } from "#internal/serialization/codec";
import { reviveFunction, shipFunction, type ShipOptions, type ShippedFunction } from "#internal/serialization/function-source";
import { bareGlobals } from "#internal/serialization/bare-globals";
import { Echo } from "./echo.js";
import { fails, imports, where } from "./fixtures/defining/functions.mjs";

const echo = new Echo();
afterAll(() => echo.end());

type AnyFunction = (...args: never[]) => unknown;
/** Beside this file and not there, so that no text is found in it. */
const file = new URL("./nowhere.mjs", import.meta.url).href;
const defining = new URL("./fixtures/defining/functions.mjs", import.meta.url);
const ship = (fn: AnyFunction, options: Partial<ShipOptions> = {}): ShippedFunction => shipFunction(fn, { file, ...options });
const run = async (fn: AnyFunction, options: Partial<ShipOptions> = {}, ...args: unknown[]): Promise<unknown> => (await echo.call(ship(fn, options), ...args)).value;
/** A function whose text is exactly this, as vitest would change it otherwise. */
const written = (text: string): AnyFunction => (0, eval)(`(${text})`) as AnyFunction;

function problem(fn: unknown, options: Partial<ShipOptions> = {}): InvalidApp | OutsideVariable {
  try {
    ship(fn as AnyFunction, options);
  } catch (error) {
    if (error instanceof InvalidApp || error instanceof OutsideVariable) return error;
    throw error;
  }
  throw new Error("it was shipped");
}

test("the names a function may use are those of a bare worker of this Node, all of them and no others", async () => {
  const worker = new Worker("require('node:worker_threads').parentPort.postMessage(Object.getOwnPropertyNames(globalThis))", { eval: true, execArgv: [] });
  const names = await new Promise<string[]>((resolve, reject) => { worker.once("message", resolve); worker.once("error", reject); });
  const ofEval = ["require", "module", "exports", "__dirname", "__filename"];
  const builtInModules = /^(?:assert|async_hooks|buffer|child_process|cluster|constants|dgram|diagnostics_channel|dns|domain|events|fs|http|http2|https|inspector|net|os|path|perf_hooks|punycode|querystring|readline|repl|sqlite|sea|stream|string_decoder|sys|test|timers|tls|trace_events|tty|url|util|v8|vm|wasi|worker_threads|zlib|test\/reporters)$/;
  expect(names.filter((name) => !bareGlobals().has(name) && !ofEval.includes(name) && !builtInModules.test(name))).toEqual([]);
  expect([...bareGlobals()].filter((name) => !names.includes(name))).toEqual([]);
});

const ODD = "odd name";

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("there is nothing");
  return value;
}

/** A method or a getter, apart from its object. */
function member(of: object, key: string): AnyFunction {
  const { get, value } = Object.getOwnPropertyDescriptor(of, key) as Partial<Record<"get" | "value", AnyFunction>>;
  return must(get ?? value);
}

test.each<[string, AnyFunction, unknown[], unknown]>([
  ["an arrow", (x: number) => x * x, [7], 49],
  ["an async arrow", async (x: number) => Promise.resolve(x + 1), [7], 8],
  ["a function with defaults, destructuring and rest", function f({ a, b: [c = 5] }: { a: number; b: number[] }, d = a + c, ...rest: number[]) { return [a, c, d, ...rest]; }, [{ a: 1, b: [] }, undefined, 9], [1, 5, 6, 9]],
  ["a recursive function", function factorial(n: number): number { return n < 2 ? 1 : n * factorial(n - 1); }, [5], 120],
  ["a method", member({ twice(x: number) { return x * 2; } }, "twice"), [4], 8],
  ["an async method of a class", member(class { async go(x: number): Promise<number> { return Promise.resolve(x - 1); } }.prototype, "go"), [4], 3],
  ["a static method", member(class { kept = 1; static go(x: number): number { return x - 1; } }, "go"), [4], 3],
  ["a method with a computed name", member({ [ODD](x: number) { return x; } }, ODD), [4], 4],
  ["a getter function", member({ get five() { return 5; } }, "five"), [], 5],
  ["inner classes with private fields, getters, this and super", () => {
    class Base { value(): number { return 1; } }
    class Counter extends Base { #n = 1; static made = 0; get n(): number { return this.#n; } override value(): number { return super.value() + this.#n; } static { this.made = 3; } }
    return [new Counter().n, new Counter().value(), Counter.made, { x: 2, get y(): number { return this.x; } }.y];
  }, [], [1, 2, 3, 2]],
  ["an inner function with arguments, labels and closures", () => {
    function count(..._: unknown[]): number { return arguments.length; }
    const makers = [1, 2].map((n) => () => n);
    outer: for (const a of [1, 2, 3]) { for (const b of [1, 2]) { if (a * b === 4) break outer; } }
    return [count(1, 2, 3), makers.map((make) => make())];
  }, [], [3, [1, 2]]],
  ["globals of a worker", async () => [typeof fetch, typeof structuredClone, Buffer.from("a").length, new URL("http://a/").host, typeof process.pid, typeof globalThis], [], ["function", "function", 1, "a", "number", "object"]],
  ["guards with typeof", () => (typeof window === "undefined" ? "no window" : window), [], "no window"],
  ["catch, template and regular expression", (x: unknown) => { try { throw x; } catch (error) { const { message } = error as Error; return `<${message}>`.replace(/o/g, "0"); } }, [{ message: "foo" }], "<f00>"],
])("%s ships, and runs in a worker", async (_name, fn, args, expected) => {
  expect(await run(fn, {}, ...args)).toEqual(expected);
});

declare const window: unknown;

test("a shipped function is plain data with name, source and a hash of both source and `using`", () => {
  const one = ship(function named() { return 1; });
  expect(structuredClone(one)).toEqual(one);
  expect(one).toMatchObject({ name: "named", file, using: [], hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  const hash = (using: Record<string, unknown>): string => ship(written("() => n"), { using }).hash;
  expect(hash({ n: 1 })).toBe(hash({ n: 1, unused: 5 }));
  expect(new Set([hash({ n: 1 }), hash({ n: "1" }), hash({ n: 1n }), hash({ n: -0 }), hash({ n: 0 }), hash({ n: [1] }), hash({ n: () => 1 }), hash({ n: () => 2 }), hash({ n: new Float64Array(20_000) }), hash({ n: new Float64Array(20_000).fill(1) })]).size).toBe(10);
});

test("the name stays, also where the source does not say it", async () => {
  for (const fn of [member({ method() { return 1; } }, "method"), (() => () => 1)()]) expect(reviveFunction(ship(fn)).name).toBe(fn.name);
});

test("values and functions of `using` come along, by what uses them", async () => {
  const factor = 3;
  const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
  const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);
  const table = new Map([["a", Buffer.from("x")]]);
  const unusable = Symbol("never used");
  const shipped = ship((x: number) => [x * factor, isEven(x), table], { using: { factor, isEven, isOdd, table, unusable } });
  expect(shipped.using.map(({ name }) => name)).toEqual(["factor", "isEven", "isOdd", "table"]);
  expect((await echo.call(shipped, 10)).value).toEqual([30, true, table]);
});

test("a value of `using` is decoded once in each worker, so that a worker can keep things in it", async () => {
  const seen: number[] = [];
  const shipped = ship((x: number) => { seen.push(x); return seen; }, { using: { seen } });
  await echo.call(shipped, 1);
  expect((await echo.call(shipped, 2)).value).toEqual([1, 2]);
  expect(seen).toEqual([]);
});

test("reviving twice gives the same function; another file or source gives another", () => {
  const text = "() => 1";
  expect(reviveFunction(ship(written(text)))).toBe(reviveFunction(ship(written(text))));
  expect(reviveFunction(ship(written(text)))).not.toBe(reviveFunction(ship(written(text), { file: defining.href })));
  expect(reviveFunction(ship(written(text)))).not.toBe(reviveFunction(ship(written("() => 2"))));
});

const outside = 5;

test("free names are refused, all at once, with their lines in the function and the three ways out", () => {
  const error = problem(written("(x) => {\n  const a = helper(x);\n  return a + factor + helper(1);\n}"));
  expect(error).toBeInstanceOf(OutsideVariable);
  expect(error.code).toBe("CW-APP-010");
  expect(error.message).toBe("the function uses variables from outside itself: `helper` (line 2 of the function), `factor` (line 3 of the function)");
  expect(error.hint).toMatch(/Pass it as an argument, ship it along with `using: \{ helper \}`, or move the function to a module and use appsFrom/);
  expect(error.evidence).toEqual({ variables: [{ name: "helper", line: 2 }, { name: "factor", line: 3 }] });
});

test("the line is that of the file where the function stands in it, and goes by the given line where it does not", () => {
  const text = readFileSync(fileURLToPath(import.meta.url), "utf8").split("\n");
  const here = text.findLastIndex((line) => line.includes("a mark for the line")) + 1;
  const error = problem(written("() =>   outside /* a mark for the line */"), { file: import.meta.url });
  expect(error.message).toContain(`\`outside\` (line ${here})`);
  expect(problem(written("(x) => {\n\n  return  outside; }"), { line: 100 }).message).toContain("`outside` (line 102)");
});

test.each([
  ["a write", "() => { count = 1; }", "count"],
  ["a write, though guarded by typeof", "() => { if (typeof count === 'undefined') count = 1; }", "count"],
  ["an update", "() => count++", "count"],
  ["a default", "(x = outside) => x", "outside"],
  ["a destructuring default", "({ a = outside }) => a", "outside"],
  ["a shorthand property", "() => ({ outside })", "outside"],
  ["a base class", "() => { class A extends Outside {} return A; }", "Outside"],
  ["a computed key", "() => ({ [outside]: 1 })", "outside"],
  ["a tag", "() => outside`x`", "outside"],
  ["a nested function", "() => () => { async function* g() { yield outside; } return g; }", "outside"],
  ["a field initialiser", "() => class { x = outside; }", "outside"],
  ["the recursion of an arrow", "(n) => (n < 2 ? n : fib(n - 1))", "fib"],
  ["CommonJS", "() => require('fs')", "require"],
  ["a CommonJS directory", "() => __dirname", "__dirname"],
  ["the arguments of what is around an arrow", "() => arguments.length", "arguments"],
])("%s counts as a use", (_name, text, name) => {
  const error = problem(written(text));
  expect(error.evidence).toEqual({ variables: [{ name, line: 1 }] });
});

test("an arrow that calls itself is told how to", () => {
  const fib = written("(n) => (n < 2 ? n : fib(n - 1))");
  Object.defineProperty(fib, "name", { value: "fib" });
  expect(problem(fib).hint).toContain("If `fib` means the function itself, write it as function fib(…) {…}");
});

test("CommonJS names and coverage counters are told for what they are", () => {
  expect(problem(written("() => require('x')")).message).toContain("shipped functions have none: use await import(…)");
  expect(problem(written("function f(a) {cov_2k8r1d9zqe().f[0]++;cov_2k8r1d9zqe().s[1]++;return a;}")).message).toContain("a counter that istanbul put there: exclude the file from coverage");
  expect(problem(written("() => __awaiter(1)")).message).toContain("a helper of the compiler: compile for a newer target");
});

test("names that vitest made of imports are shown as the imports they are", () => {
  const error = problem(() => [joinPath("a", "b"), os.cpus(), outside]);
  const names = (error.evidence["variables"] as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(["join", "cpus", "outside"]);
  expect(error.message).toMatch(/`join` \(line \d+[^;]*; an import; vitest calls it __vite_ssr_import_\d+__\.join\)/);
  expect(error.hint).toContain('Imports go inside the function: const { … } = await import("…")');
});

test.each<[string, unknown, RegExp]>([
  ["no function", { a: 1 }, /is no function: it is of type object/],
  ["null", null, /is no function: it is null/],
  ["native code", Math.max, /function max is native code, which has no source to ship/],
  ["a bound function", ((x: number) => x).bind(null), /is a bound function, which has no source/],
  ["a proxy", new Proxy(() => 1, {}), /is native code/],
  ["a class", class Thing { x = 1; }, /function Thing is a class/],
  ["a generator", function* items() { yield 1; }, /function items is a generator/],
  ["an async generator", async function* items() { yield 1; }, /function items is a generator/],
  ["a generator method", member({ *items() { yield 1; } }, "items"), /function items is a generator/],
  ["this in an arrow", written("() => this"), /uses `this` \(line 1 of the function\)/],
  ["this in a function", written("function f() {\n return [1].map(() => this.x);\n}"), /function f uses `this` \(line 2 of the function\)/],
  ["this in a default", written("function f(a = this) { return a; }"), /uses `this`/],
  ["this in a computed key of an inner class", written("() => class { [this.x]() { return this; } }"), /uses `this`/],
  ["super", member(class extends Map { f(): number { return super.size; } }.prototype, "f"), /function f uses `super`/],
  ["new.target", written("function f() { return new.target; }"), /uses `new.target`/],
  ["import.meta of a bundler", () => (import.meta as { env?: unknown }).env, /uses import\.meta\.env \(line \d+.*\), which has no meaning in a worker/],
])("%s is refused, saying so", (_name, fn, message) => {
  const error = problem(fn);
  expect(error).toBeInstanceOf(InvalidApp);
  expect(error.code).toBe("CW-APP-009");
  expect(error.message).toMatch(message);
});

test("`this` inside functions and classes of its own is fine", () => {
  for (const text of ["() => function () { return this; }", "() => ({ m() { return this; } })", "() => class { x = this; static { this.y = 1; } m(a = this) { return super.m(a); } }"]) expect(ship(written(text)).source).toBe(text);
});

test("`using` is checked: names, functions in it, values in it", () => {
  expect(problem(() => 1, { using: { "a-b": 1 } }).message).toContain('using: "a-b" cannot be the name of a variable');
  expect(problem(() => 1, { using: { class: 1 } }).message).toContain('"class" cannot be');
  expect(problem(written("() => helper()"), { using: { helper: written("() => far") } }).message).toBe("using.helper of the function uses a variable from outside itself: `far` (line 1 of the function)");
  expect(problem(written("() => new Thing()"), { using: { Thing: class { x = 1; } } }).message).toContain("using.Thing of the function is a class");
  expect(() => ship(written("() => data"), { using: { data: { f: [Symbol("x")] } } })).toThrow(SerializationError);
  expect(() => ship(written("() => data"), { using: { data: { f: [Symbol("x")] } } })).toThrow("using.data of the function → .f[0] cannot travel");
});

test("`using` goes before globals", async () => {
  expect(await run(written("() => fetch"), { using: { fetch: "mine" } })).toBe("mine");
});

test("instances in `using` need their codec in the worker too", async () => {
  class Here { constructor(readonly x: number) {} }
  registerCodec({ name: "test.Here", class: Here, encode: ({ x }) => x, decode: (x) => new Here(x) });
  await expect(run(written("() => here"), { using: { here: new Here(1) } })).rejects.toThrow(/no codec named "test.Here"/);
});

test("imports inside resolve from the defining file, as written and as vitest rewrites them, without a warning", async () => {
  const plain = await echo.call(shipFunction(imports, { file: defining.href }), "you");
  expect(plain).toEqual({ value: "hello from beside the defining file, you", warnings: [] });
  expect(await run(imports, { file: fileURLToPath(defining) }, "me")).toContain(", me");
  const rewritten = ship(async () => [(await import("./fixtures/defining/words.mjs")).greeting, typeof (await import("fast-check")).assert, (await import("node:path")).sep]);
  expect(rewritten.source).not.toContain("__vite");
  expect((await echo.call(rewritten)).value).toEqual(["hello from beside the defining file", "function", "/"]);
});

test("import.meta in a shipped function is that of the defining file", async () => {
  const path = fileURLToPath(defining);
  expect(await run(where, { file: defining.href })).toEqual([defining.href, path, path.slice(0, path.lastIndexOf("/"))]);
  expect(await run(() => import.meta.url)).toBe(file);
});

test("stack traces name the defining file and the line in it", async () => {
  const error = await run(fails, { file: defining.href, line: 1 }, 4).catch((reason: unknown) => reason) as Error;
  expect(error).toBeInstanceOf(RangeError);
  expect(error.message).toBe("line seven of the file, 8");
  expect(error.stack).toContain(`at fails (${defining.href}:6:9)`);
});

test("what a compiler puts around code is there: names of functions, and `using` declarations", async () => {
  expect(await run(written('() => { function f() {} __name(f, "other"); return f.name; }'))).toBe("other");
  const log = await run(written(`async () => {
    const log = [];
    var _stack = [];
    try {
      const a = __using(_stack, { [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() { log.push("a"); } });
      const b = __using(_stack, { async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() { log.push("b"); } }, true);
      log.push("body", a === b);
    } catch (_) { var _error = _, _hasError = true; } finally { var _promise = __callDispose(_stack, _error, _hasError); _promise && await _promise; }
    return log;
  }`));
  expect(log).toEqual(["body", false, "b", "a"]);
});

test("a function that is not strict code runs as it was written", async () => {
  expect(await run(written("function f(a) { var static = a; return static + 010; }"), {}, 1)).toBe(9);
});
