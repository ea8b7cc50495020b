import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import { afterAll, expect, test } from "vitest";
import { DeserializationError, SerializationError } from "#internal/errors/index";
import { decode, encode, move, registerCodec, transferables, type EncodedParts } from "#internal/serialization/codec";
import { Echo } from "./echo.js";

const echo = new Echo();
afterAll(() => echo.end());

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("there is nothing");
  return value;
}

const again = <T>(value: T): T => decode(structuredClone(encode(value, "the value"))) as T;

function same(value: unknown): void {
  const copy = again(value);
  expect(isDeepStrictEqual(copy, value)).toBe(true);
}

function refusal(value: unknown, what = "argument 1 of square"): SerializationError {
  try {
    encode(value, what);
  } catch (error) {
    if (error instanceof SerializationError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

test("primitives stand for themselves, -0 and NaN included", () => {
  for (const value of [undefined, null, true, false, 0, -0, NaN, Infinity, 5, "", "text", "\ud800", 10n]) {
    expect(Object.is(encode(value, "x"), value)).toBe(true);
    expect(Object.is(decode(encode(value, "x")), value)).toBe(true);
  }
});

test.each<[string, unknown]>([
  ["a small array", [1, "a", true]],
  ["text of every kind", ["ä€😀", "\ud800", "\u2028", ""]],
  ["numbers of every kind", [-0, NaN, -Infinity, 2 ** 60, 0.1, 5e-324]],
  ["undefined", [undefined, { a: undefined }]],
  ["holes", [1, , 3, ,]],
  ["a sparse array", Object.assign([], { 4294967290: 1 })],
  ["an array with properties", Object.assign([1, 2], { name: "x", nested: { a: [] } })],
  ["a long array with properties", Object.assign(Array.from({ length: 500 }, (_, index) => index), { name: "x" })],
  ["the result of a match", /(?<year>\d+)/.exec("in 1999")],
  ["a date", { at: new Date(0), then: [new Date(8.64e15)] }],
  ["regular expressions", [/a\/b/giu, new RegExp("")]],
  ["maps and sets", new Map<unknown, unknown>([[{ a: 1 }, new Set([1, new Set()])], [NaN, -0]])],
  ["big integers", [0n, -(2n ** 200n)]],
  ["boxed primitives", [Object(1), Object(-0), Object("s"), Object(true), Object(2n)]],
  ["typed arrays", [new Int8Array([1, -1]), new Uint8ClampedArray([300]), new Float64Array([NaN, -0]), new BigUint64Array([2n ** 63n]), new Float32Array(0)]],
  ["views and buffers", [new DataView(new ArrayBuffer(4), 2), new Uint8Array([1, 2]).buffer, Buffer.from("abc"), Buffer.alloc(0)]],
  ["a bare record", { bare: Object.assign(Object.create(null) as object, { a: [1], constructor: 2 }) }],
  ["an own property called __proto__", JSON.parse('{"a":{"__proto__":{"b":1}}}')],
  ["an own property called __proto__, in a value that needs care", [JSON.parse('{"__proto__":{"b":1}}'), Object.create(null)]],
  ["a record with toJSON data", { toJSON: 5 }],
  ["a big plain tree", Array.from({ length: 3000 }, (_, id) => ({ id, tags: ["a", "b"], at: { x: id / 3 } }))],
  ["large binary data", { a: new Float64Array(20_000).fill(1.5), b: Buffer.alloc(100_000, 7) }],
])("%s: as it was", async (_name, value) => {
  same(value);
  expect(isDeepStrictEqual(await echo.there(value), value)).toBe(true);
});

test("cycles and shared references keep their identity, in plain values and in those that need care", () => {
  for (const extra of [undefined, Buffer.from("x"), new Error("x"), Object.create(null) as unknown, new URL("http://a/")]) {
    const shared = { n: 1 };
    const value: Record<string, unknown> = { a: shared, b: [shared], map: new Map([[shared, shared]]), extra, same: extra };
    value["self"] = value;
    const copy = again(value);
    expect(copy["self"]).toBe(copy);
    expect((copy["b"] as unknown[])[0]).toBe(copy["a"]);
    expect([...(copy["map"] as Map<unknown, unknown>)][0]).toEqual([copy["a"], copy["a"]]);
    expect((copy["map"] as Map<unknown, unknown>).get(copy["a"])).toBe(copy["a"]);
    expect(copy["same"]).toBe(copy["extra"]);
    expect(copy["a"]).not.toBe(shared);
  }
});

test("a value with exponentially many paths is gone through once", () => {
  let value: unknown[] = [1];
  for (let level = 0; level < 100; level += 1) value = [value, value];
  const copy = again(value) as unknown[][];
  expect(copy[0]).toBe(copy[1]);
});

test("nesting of 100,000 levels comes through, also with cycles from the deep end, in arrays, records, maps and sets", () => {
  const top: unknown[] = [];
  let at: unknown[] = top;
  for (let level = 0; level < 25_000; level += 1) {
    const next: unknown[] = [];
    at.push({ map: new Map([["k", new Set([next])]]) });
    at = next;
  }
  at.push(top, "end");
  const copy = again(top);
  let deep: unknown[] = copy;
  for (let level = 0; level < 25_000; level += 1) deep = must([...must((deep[0] as { map: Map<string, Set<unknown[]>> }).map.get("k"))][0]);
  expect(deep[1]).toBe("end");
  expect(deep[0]).toBe(copy);
});

test("what is wrong at the deep end of 100,000 levels is refused with a path that fits on a page", () => {
  let value: unknown = () => 1;
  for (let level = 0; level < 100_000; level += 1) value = { a: value };
  const { message } = refusal(value);
  expect(message).toMatch(/^argument 1 of square → (\.a){12}…\(99976 more\)…(\.a){12} cannot travel: it is a function \(value\)$/);
});

test("a list of 10,000 nodes that each know the next is no deep nesting for v8, whichever way it is entered", () => {
  const nodes: { id: number; next?: unknown; e?: unknown }[] = Array.from({ length: 10_000 }, (_, id) => ({ id }));
  nodes.forEach((node, index) => { node.next = nodes[index + 1]; });
  must(nodes[5]).e = new Error("x");
  const copy = again(nodes);
  expect(copy).toHaveLength(10_000);
  expect(must(copy[8_999]).next).toBe(copy[9_000]);
});

class Money {
  constructor(readonly cents: number, readonly also?: unknown) {}
}
class Euro extends Money {}
registerCodec({ name: "test.Money", class: Money, encode: ({ cents, also }) => ({ cents, also }), decode: ({ cents, also }) => new Money(cents, also) });

test("instances travel by the codec of their exact class, once each, nested, with errors and binary data inside", () => {
  const one = new Money(1, [new Error("why"), Buffer.from("b"), Object.assign(Object.create(null) as object, { q: 1 })]);
  const copy = again({ one, again: one, two: new Money(2, one) });
  expect(copy.one).toBeInstanceOf(Money);
  expect(copy.again).toBe(copy.one);
  expect(copy.two.also).toBe(copy.one);
  expect(copy.one.also).toEqual([new Error("why"), Buffer.from("b"), { q: 1 }]);
  expect(again(new Money(7))).toEqual(new Money(7));
});

test("a codec sees the plain data whole, also where it is nested deep or without a prototype", () => {
  let seen: unknown;
  class Late { constructor(readonly data: unknown) {} }
  registerCodec({ name: "test.Late", class: Late, encode: ({ data }) => data, decode: (data) => { seen = structuredClone(data); return new Late(data); } });
  let data: unknown = Object.assign(Object.create(null) as object, { end: 1 });
  for (let level = 0; level < 1000; level += 1) data = [data];
  again(new Late(data));
  let at = seen;
  while (Array.isArray(at)) at = at[0] as unknown;
  expect(at).toEqual({ end: 1 });
});

test("codecs: a taken name, a taken class, a built-in class and a malformed one are refused", () => {
  const codec = { encode: () => 1, decode: () => new Euro(1) };
  expect(() => registerCodec({ ...codec, name: "test.Money", class: Euro })).toThrow(/there is a codec named "test.Money" already/);
  expect(() => registerCodec({ ...codec, name: "other", class: Money })).toThrow(/Money has the codec "test.Money" already/);
  expect(() => registerCodec({ ...codec, name: "map", class: Map, decode: () => new Map() })).toThrow(/Map travels as it is/);
  expect(() => registerCodec({ ...codec, name: "", class: Euro })).toThrow(/`name` must be a text/);
});

test("a codec that throws, contains itself, or is missing on the other side is named", async () => {
  class Bad { constructor(readonly self?: unknown) {} }
  registerCodec({ name: "test.Bad", class: Bad, encode: (bad) => { if (bad.self === undefined) throw new Error("no self"); return { self: bad.self }; }, decode: (plain) => { throw new Error(`no use of ${typeof plain}`); } });
  expect(refusal([new Bad()]).message).toBe('argument 1 of square → [0] cannot travel: its codec "test.Bad" threw "no self"');
  const around: unknown[] = [];
  around.push(new Bad([around[0] = new Bad(around)]));
  expect(refusal({ a: around[0] }).message).toContain('→ .a (as plain data of test.Bad).self[0] cannot travel: it is contained in its own plain form, by the codec "test.Bad"');
  expect(() => again(new Bad(5))).toThrow('the codec "test.Bad" threw while decoding: "no use of object"');
  await expect(echo.there(new Money(1))).rejects.toThrow(/there is no codec named "test.Money" on this side/);
});

test("a date that is no date stays one", () => {
  expect(must(again([new Date(NaN)])[0]).getTime()).toBeNaN();
});

test("URLs travel", () => {
  const copy = again({ url: new URL("https://a.b/c?d=1"), search: new URLSearchParams("a=1&a=2") });
  expect(copy.url).toBeInstanceOf(URL);
  expect(copy.url.href).toBe("https://a.b/c?d=1");
  expect(copy.search.getAll("a")).toEqual(["1", "2"]);
});

test("plain values of another realm are plain", () => {
  const value = runInNewContext("({ a: [1, new Map([[1, new Date(5)]])], u: new Uint8Array([1]), e: new RangeError('far') })") as Record<string, unknown>;
  const copy = again(value);
  expect(copy["a"]).toEqual([1, new Map([[1, new Date(5)]])]);
  expect(copy["u"]).toEqual(new Uint8Array([1]));
  expect(copy["e"]).toBeInstanceOf(RangeError);
});

test("a proxy that behaves is read as the plain value it stands for", () => {
  expect(again({ p: new Proxy({ a: 1 }, {}), q: new Proxy([1, Buffer.from("x")], {}) })).toEqual({ p: { a: 1 }, q: [1, Buffer.from("x")] });
});

class Plain { x = 1; }
class List extends Array<number> {}
const revoked = (): unknown => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; };

test.each<[string, unknown, string, string]>([
  ["a function", { rows: [1, 2, 3, { callback: (): void => {} }] }, ".rows[3].callback", "it is a function (callback)"],
  ["a class", [Plain], "[0]", "it is a class (Plain)"],
  ["a symbol", { a: { "odd key": Symbol("s") } }, '.a["odd key"]', "it is a symbol (Symbol(s))"],
  ["an instance", [new Plain()], "[0]", "it is an instance of Plain, which has no codec"],
  ["an instance of a subclass of one with a codec", new Euro(1), "", "it is an instance of Euro, which has no codec"],
  ["a subclass of a built-in class", { list: new List() }, ".list", "it is an instance of List, which has no codec"],
  ["an object with an odd prototype", [Object.create(Object.create(null) as object)], "[0]", "it is an object with a prototype of its own"],
  ["a value of a map", new Map([["a", Symbol("q")]]), '.get("a")', "it is a symbol (Symbol(q))"],
  ["a value of a map under an object", new Map<unknown, unknown>([[{}, 1], [{}, Symbol("q")]]), ".values()[1]", "it is a symbol (Symbol(q))"],
  ["a key of a map", { m: new Map([[1, 1], [Symbol("q"), 1] as never]) }, ".m.keys()[1]", "it is a symbol (Symbol(q))"],
  ["a member of a set", { s: new Set([1, new WeakSet()]) }, ".s.values()[1]", "it is a WeakSet"],
  ["a promise", [Promise.resolve(1)], "[0]", "it is a promise"],
  ["a WeakMap", { w: new WeakMap() }, ".w", "it is a WeakMap"],
  ["a WeakRef", { w: new WeakRef({}) }, ".w", "it is a WeakRef"],
  ["a generator", [(function* () { yield 1; })()], "[0]", "it is a generator"],
  ["a SharedArrayBuffer", { s: new SharedArrayBuffer(4) }, ".s", "it is a SharedArrayBuffer"],
  ["a view on shared memory", { s: new Uint8Array(new SharedArrayBuffer(4)) }, ".s", "it is a view on a SharedArrayBuffer"],
  ["a getter that throws", { ok: 1, get bad(): never { throw new Error("no data"); } }, ".bad", 'reading it threw "no data"'],
  ["a getter that throws undefined", { get bad(): never { throw undefined; } }, ".bad", "reading it threw undefined"],
  ["a proxy that throws", { p: new Proxy({}, { ownKeys: () => { throw new Error("no keys"); } }) }, ".p", 'reading it threw "no keys"'],
  ["a revoked proxy", [revoked()], "[0]", "reading it threw"],
  ["a property of an array", Object.assign([1], { f: (): void => {} }), ".f", "it is a function (f)"],
  ["a property of a long array", Object.assign(new Array(500).fill(0), { f: new Plain() }), ".f", "it is an instance of Plain"],
  ["a property of an error", { e: Object.assign(new Error("x"), { socket: new Plain() }) }, ".e.socket", "it is an instance of Plain"],
  ["the cause of a cause", new Error("a", { cause: new Error("b", { cause: (): void => {} }) }), ".cause.cause", "it is a function (cause)"],
  ["something under a bare record", { n: Object.assign(Object.create(null) as object, { a: [Symbol("x")] }) }, ".n.a[0]", "it is a symbol (Symbol(x))"],
  ["something in the plain form of a codec", [new Money(1, [Symbol("x")])], "[0] (as plain data of test.Money).also[0]", "it is a symbol (Symbol(x))"],
])("%s is refused by its path, with what it is and what to do", (_name, value, path, found) => {
  const error = refusal(value);
  expect(error.code).toBe("CW-DATA-001");
  expect(error.message).toContain(path === "" ? "argument 1 of square cannot travel: " : `argument 1 of square → ${path} cannot travel: `);
  expect(error.message).toContain(found);
  expect(error.hint.length).toBeGreaterThan(10);
  expect(error.evidence).toMatchObject({ what: "argument 1 of square", path });
});

test("refused at the top: functions and symbols", () => {
  expect(refusal(() => 1).message).toBe("argument 1 of square cannot travel: it is a function");
  expect(refusal(Symbol("a")).message).toBe("argument 1 of square cannot travel: it is a symbol (Symbol(a))");
});

test("a Buffer stays a Buffer and drags no slab along", () => {
  const pooled = Buffer.from("hello");
  expect(pooled.buffer.byteLength).toBe(Buffer.poolSize);
  const encoded = encode(pooled, "x") as Uint8Array;
  expect(encoded.byteLength).toBeLessThan(64);
  const copy = decode(encoded) as Buffer;
  expect(Buffer.isBuffer(copy)).toBe(true);
  expect(copy.toString()).toBe("hello");
  expect(copy.buffer.byteLength).toBe(5);
});

test("only the window of memory that is used travels, and views on the same memory go on sharing it", () => {
  const memory = new Float64Array(1_000_000);
  expect((encode(memory.subarray(10, 12), "x") as Uint8Array).byteLength).toBeLessThan(100);
  const { a, b } = again({ a: memory.subarray(10, 14), b: new Uint8Array(memory.buffer, 96, 8) });
  expect(a.buffer).toBe(b.buffer);
  b.fill(255);
  expect([...a]).toEqual([0, 0, NaN, 0]);
  const whole = again({ view: new Uint8Array(memory.buffer, 800, 8), memory: memory.buffer });
  expect(whole.view.buffer).toBe(whole.memory);
  expect(whole.view.byteOffset).toBe(800);
  expect(whole.memory.byteLength).toBe(8_000_000);
});

test("encoded bytes own their memory, so that transferring them empties nothing else", () => {
  for (const value of [[1], { a: "x".repeat(5000) }, [new Date()], [Buffer.from("x")], [new Error("x")]]) {
    const encoded = encode(value, "x") as Uint8Array;
    expect(encoded.byteOffset).toBe(0);
    expect(encoded.buffer.byteLength).toBe(encoded.byteLength);
    const [memory] = transferables(encoded);
    const moved = structuredClone(encoded, { transfer: [must(memory)] });
    expect(encoded.byteLength).toBe(0);
    expect(decode(moved)).toEqual(value);
  }
  expect(transferables(5)).toEqual([]);
  expect(transferables(null)).toEqual([]);
});

test("large binary data goes beside the bytes, as a copy", () => {
  const data = new Float64Array(100_000).fill(2);
  const encoded = encode({ data, small: new Uint8Array(10) }, "x") as EncodedParts;
  expect(encoded.buffers.map((buffer) => buffer.byteLength)).toEqual([800_000]);
  expect(encoded.bytes.byteLength).toBeLessThan(200);
  expect(transferables(encoded)).toHaveLength(2);
  data.fill(3);
  expect((decode(encoded) as { data: Float64Array }).data[99_999]).toBe(2);
});

test("a resizable ArrayBuffer stays one", () => {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer & { resizable: boolean; maxByteLength: number };
  const memory = new Resizable(70_000, { maxByteLength: 100_000 });
  const copy = again({ memory, view: new Uint8Array(memory, 0, 4) });
  expect(copy.memory).toMatchObject({ resizable: true, byteLength: 70_000, maxByteLength: 100_000 });
  expect(copy.view.buffer).toBe(copy.memory);
});

const memoryOf = (x: ArrayBuffer | ArrayBufferView): ArrayBuffer => (ArrayBuffer.isView(x) ? (x.buffer as ArrayBuffer) : x);

test("move(x) takes the memory along without a copy and empties the source", async () => {
  for (const x of [Buffer.alloc(100_000, 1), new Float64Array(10).fill(1), new Uint8Array([1, 1]).buffer, new DataView(new ArrayBuffer(8))]) {
    const expected = structuredClone(x);
    const buffer = memoryOf(x);
    const encoded = encode({ x: move(x) }, "x") as EncodedParts;
    expect(buffer.byteLength).toBe(0);
    expect(encoded.buffers).toHaveLength(1);
    expect(transferables(encoded)).toContain(encoded.buffers[0]);
    const { x: copy } = decode(encoded) as { x: typeof x };
    expect(Buffer.isBuffer(copy)).toBe(Buffer.isBuffer(x));
    expect(isDeepStrictEqual(new Uint8Array(memoryOf(copy)), new Uint8Array(memoryOf(expected)))).toBe(true);
    expect(memoryOf(copy)).toBe(encoded.buffers[0]);
  }
  const big = Buffer.alloc(1 << 20, 9);
  expect(Buffer.alloc(1 << 20, 9).equals((await echo.there(move(big))) as Buffer)).toBe(true);
  expect(big.length).toBe(0);
});

test("move(x) refuses what cannot be moved, and a refused value empties nothing", () => {
  expect(() => move(Buffer.from("pooled"))).toThrow(/memory that Node shares among small Buffers/);
  expect(() => move(new Uint8Array(100).subarray(1))).toThrow(/a view of 99 bytes on 100 bytes that other views may use/);
  expect(() => move(new Uint8Array(new SharedArrayBuffer(1)))).toThrow(/SharedArrayBuffer/);
  expect(() => move("text" as never)).toThrow(/it is not a buffer/);
  const x = new Uint8Array(10);
  refusal([move(x), Symbol("no")]);
  expect(x.byteLength).toBe(10);
  encode([x], "x");
  expect(() => move(x)).toThrow(/moved away before/);
  expect(refusal({ x }).message).toContain("→ .x cannot travel: its memory was moved away before");
});

test("bytes that are no value are a DeserializationError, never a crash", () => {
  const bytes = encode({ a: [new Error("x"), Buffer.from("abc"), new URL("http://a/")] }, "x") as Uint8Array;
  for (const wrong of [new Uint8Array(0), new Uint8Array([7]), new TextEncoder().encode("[1,"), bytes.slice(0, -3), { bytes: (encode(new Uint8Array(70_000), "x") as EncodedParts).bytes, buffers: [] }]) {
    expect(() => decode(wrong)).toThrow(DeserializationError);
  }
  for (let at = 0; at < bytes.length; at += 1) {
    const broken = bytes.slice();
    broken[at] = (broken[at] ?? 0) ^ 0x55;
    try {
      decode(broken);
    } catch (error) {
      expect(error).toBeInstanceOf(DeserializationError);
    }
  }
});

test("values are read once: a getter that changes its mind cannot smuggle a function through", () => {
  let reads = 0;
  const error = refusal({ d: new Date(), get x(): unknown { reads += 1; return reads === 1 ? 1 : (): void => {}; } });
  expect(error.message).toContain("it is a function");
});
