import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { isNativeError } from "node:util/types";
import { afterAll, expect, test } from "vitest";
import { AppTimeout, BashExitFailure, CarawayError, DeserializationError, ForeignThrow } from "#internal/errors/index";
import { decode, decodeThrown, encode, encodeThrown } from "#internal/serialization/codec";
import { Echo } from "./echo.js";

const echo = new Echo();
afterAll(() => echo.end());

const again = (thrown: unknown): Error => decodeThrown(structuredClone(encodeThrown(thrown, "what square threw"))) as Error;

class ParseFailure extends SyntaxError {
  constructor(message: string, readonly row: number) {
    super(message);
  }
}
class HttpError extends Error {
  override name = "HttpError";
}

test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])("%O comes back as an instance of itself, with message and stack", async (Class) => {
  const error = new Class("it went wrong");
  for (const copy of [again(error), (await echo.thrown(encodeThrown(error, "x"))) as Error]) {
    expect(copy).toBeInstanceOf(Class);
    expect(Object.getPrototypeOf(copy)).toBe(Class.prototype);
    expect(isNativeError(copy)).toBe(true);
    expect([copy.name, copy.message, copy.stack]).toEqual([error.name, error.message, error.stack]);
    expect(Object.keys(copy)).toEqual([]);
  }
});

test("an error of an unknown class has its name, and is an instance of the built-in class it extends", () => {
  const copy = again(new ParseFailure("bad row", 7)) as Error & { row?: number };
  expect(copy).toBeInstanceOf(SyntaxError);
  expect([copy.name, copy.message, copy.row]).toEqual(["ParseFailure", "bad row", 7]);
  const named = again(new HttpError("gone"));
  expect(named.name).toBe("HttpError");
  expect(Object.getOwnPropertyDescriptor(named, "name")?.enumerable).toBe(true);
});

test("own properties stay, hidden ones hidden; so do code and syscall of a system error", () => {
  const error = Object.assign(new Error("x"), { code: "E_MINE", details: { rows: [new Map([[1, Buffer.from("b")]])] } });
  Object.defineProperty(error, "secret", { value: 5, enumerable: false });
  const copy = again(error) as typeof error & { secret: number };
  expect(Object.fromEntries(Object.entries(copy))).toEqual({ code: "E_MINE", details: { rows: [new Map([[1, Buffer.from("b")]])] } });
  expect(copy.secret).toBe(5);
  let system: unknown;
  try {
    readFileSync("/nowhere/at/all");
  } catch (problem) {
    system = problem;
  }
  expect(again(system)).toMatchObject({ code: "ENOENT", syscall: "open", path: "/nowhere/at/all", errno: -2 });
});

test("causes stay, to any depth, also those that are no errors, and cycles of them", () => {
  let error: Error = new Error("0", { cause: { no: "error" } });
  for (let depth = 1; depth < 5_000; depth += 1) error = new TypeError(String(depth), { cause: error });
  let at: unknown = again(error);
  for (let depth = 4_999; depth > 0; depth -= 1) {
    expect((at as Error).message).toBe(String(depth));
    at = (at as Error).cause;
  }
  expect((at as Error).cause).toEqual({ no: "error" });
  const loop = new Error("a");
  loop.cause = new Error("b", { cause: loop });
  const copy = again(loop);
  expect((copy.cause as Error).cause).toBe(copy);
  expect("cause" in again(new Error("none"))).toBe(false);
  expect("cause" in again(new Error("some", { cause: undefined }))).toBe(true);
});

test("an AggregateError keeps its errors", () => {
  const copy = again(new AggregateError([new RangeError("a"), 5, new ParseFailure("b", 1)], "all")) as AggregateError;
  expect(copy).toBeInstanceOf(AggregateError);
  expect(copy.errors[0]).toBeInstanceOf(RangeError);
  expect(copy.errors[1]).toBe(5);
  expect(copy.errors[2]).toMatchObject({ name: "ParseFailure", row: 1 });
  expect(Object.keys(copy)).toEqual([]);
});

test("the reason of an aborted signal is a DOMException with its name and code", () => {
  const copy = again(AbortSignal.abort().reason) as DOMException;
  expect(copy).toBeInstanceOf(DOMException);
  expect([copy.name, copy.code]).toEqual(["AbortError", 20]);
  expect(copy.message).toContain("aborted");
});

test("a CarawayError comes back as one of its own class, whole, with any cause", async () => {
  const error = new AppTimeout("CW-APP-002", "f ran longer than 5 ms", { where: { task: 7, attempt: 1 }, evidence: { ranMs: 6, at: new Date(5) }, hint: "be quick", retryable: false, cause: Object.assign(new ParseFailure("inner", 3), { code: 9 }) });
  for (const copy of [again(error), (await echo.thrown(encodeThrown(error, "x"))) as AppTimeout]) {
    expect(copy).toBeInstanceOf(AppTimeout);
    expect(copy).toMatchObject({ name: "AppTimeout", code: "CW-APP-002", origin: "app", retryable: false, where: { task: 7, attempt: 1 }, evidence: { ranMs: 6, at: new Date(5) }, hint: "be quick", stack: error.stack });
    expect(copy.cause).toMatchObject({ name: "ParseFailure", row: 3, code: 9 });
    expect({ ...CarawayError.prototype.toJSON.call(copy), cause: 0 }).toEqual({ ...error.toJSON(), cause: 0 });
  }
});

test("errors inside values travel as they do when thrown, and where nothing may be lost", () => {
  const shared = new BashExitFailure("CW-APP-001", "exit 1");
  const copy = decode(encode({ results: [shared, { error: shared }] }, "x")) as { results: [BashExitFailure, { error: unknown }] };
  expect(copy.results[0]).toBeInstanceOf(BashExitFailure);
  expect(copy.results[1].error).toBe(copy.results[0]);
});

test("what of an error cannot travel is replaced by a text, there and nowhere else", () => {
  class Socket { fd = 5; }
  const error = Object.assign(new Error("x"), { request: { url: "http://a", socket: new Socket(), retry: (): void => {} }, code: 7 });
  Object.defineProperty(error, "cause", { value: Symbol("why"), enumerable: false });
  const copy = again(Object.defineProperty(error, "late", { get: () => { throw new Error("too late"); }, enumerable: true })) as typeof error & { late: string };
  expect(copy.request).toEqual({ url: "http://a", socket: "[did not travel: it is an instance of Socket, which has no codec]", retry: "[did not travel: it is a function (retry)]" });
  expect(copy.code).toBe(7);
  expect(copy.cause).toBe("[did not travel: it is a symbol (Symbol(why))]");
  expect(copy.late).toBe('[did not travel: reading it threw "too late"]');
});

test.each<[string, unknown]>([["a text", "no luck"], ["undefined", undefined], ["null", null], ["a number", -0], ["a record", { status: 404, at: new Date(5) }]])("%s that was thrown is the cause of a ForeignThrow", (_name, thrown) => {
  const copy = again(thrown) as Error & { code?: string };
  expect(copy).toBeInstanceOf(ForeignThrow);
  expect(copy.code).toBe("CW-APP-013");
  expect(copy.cause).toEqual(thrown);
  expect(copy.message).toContain("what square threw is no Error: ");
});

test("a thrown thing that cannot travel is told as text", () => {
  const copy = again({ run: (): void => {} }) as Error & { code?: string };
  expect(copy).toBeInstanceOf(ForeignThrow);
  expect(copy.cause).toContain("run: [Function: run]");
  expect(again(() => 1)).toBeInstanceOf(ForeignThrow);
  expect(again(Symbol("x"))).toMatchObject({ cause: "Symbol(x)" });
});

test("encoding and decoding a hostile error never throws", () => {
  const bad = (): never => { throw new Error("hostile"); };
  const hostile: unknown[] = [
    Object.defineProperties(new Error("a"), { stack: { get: bad }, message: { get: bad }, name: { get: bad } }),
    new Proxy(new Error("b"), { get: bad, getPrototypeOf: bad, ownKeys: bad, getOwnPropertyDescriptor: bad, has: bad }),
    new Proxy(new Error("c"), { get: bad }),
    new Proxy({}, { getPrototypeOf: bad }),
    Object.assign(new Error("d"), { name: 5, message: { not: "text" }, stack: 7 }),
    Object.setPrototypeOf(new Error("e"), null),
    Object.create(Error.prototype),
    Object.assign(new AggregateError([]), { errors: "none" }),
    new (class Odd extends Error { override get name(): string { return bad(); } })("f"),
  ];
  for (const thrown of hostile) expect(isNativeError(again(thrown))).toBe(true);
  expect(again(hostile[4])).toMatchObject({ name: 5, message: { not: "text" } });
  for (const encoded of [new Uint8Array([9]), new Uint8Array(0), undefined, 7, { bytes: new Uint8Array(3), buffers: [] }, {} as never]) expect(decodeThrown(encoded)).toBeInstanceOf(CarawayError);
  expect(decodeThrown(new Uint8Array([9]))).toBeInstanceOf(DeserializationError);
});

test("a code that this side does not know leaves an error with all it carries", () => {
  const bytes = encodeThrown(new AppTimeout("CW-APP-002", "late"), "x") as Uint8Array;
  const text = Buffer.from(bytes);
  text.write("CW-APP-992", text.indexOf("CW-APP-002"));
  expect(decodeThrown(text)).toMatchObject({ name: "AppTimeout", code: "CW-APP-992", message: "late", where: {} });
});

test("a process without other loaders can decode what this one encoded", () => {
  const bytes = encodeThrown(new ParseFailure("x", 1), "x") as Uint8Array;
  const script = `import { decodeThrown } from "#internal/serialization/codec"; console.log(decodeThrown(Buffer.from("${Buffer.from(bytes).toString("hex")}", "hex")).name);`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: new URL(".", import.meta.url) });
  expect(stdout + stderr).toBe("ParseFailure\n");
});
