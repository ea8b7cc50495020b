import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, decodeThrown, encode, encodeThrown, transferables } from "#internal/serialization/codec";

const anything = fc.anything({
  withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true,
  withSet: true, withSparseArray: true, withTypedArray: true, stringUnit: "binary", maxDepth: 5,
});

/** Node 20 holds two dates that are no dates to be different. */
const hasInvalidDate = (text: string): boolean => text.includes("new Date(NaN)");

const send = (value: unknown): unknown => {
  const encoded = encode(value, "the value");
  return decode(structuredClone(encoded, { transfer: transferables(encoded) }));
};

test("any value arrives as it was: prototypes, holes, -0 and all", () => {
  fc.assert(fc.property(anything.filter((value) => !hasInvalidDate(fc.stringify(value))), (value) => {
    expect(isDeepStrictEqual(send(value), value)).toBe(true);
  }), { numRuns: 2000 });
});

/** Graphs: objects that refer to one another at random, some of kinds that need care. */
const graph = fc.record({
  kinds: fc.array(fc.constantFrom("record", "array", "map", "set", "error", "bare", "buffer"), { minLength: 1, maxLength: 12 }),
  edges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 40 }),
});

const make = { record: () => ({}), array: () => [], map: () => new Map(), set: () => new Set(), error: () => new RangeError("e"), bare: () => Object.create(null) as object, buffer: () => Buffer.from("pooled") };

function build({ kinds, edges }: { kinds: (keyof typeof make)[]; edges: [number, number][] }): object[] {
  const nodes: object[] = kinds.map((kind) => make[kind]());
  edges.forEach(([from, to], index) => {
    const source = nodes[from % nodes.length];
    const target = nodes[to % nodes.length];
    if (source === undefined || target === undefined) return;
    if (source instanceof Map) source.set(index % 3 === 0 ? target : `k${index}`, target);
    else if (source instanceof Set) source.add(target);
    else if (Array.isArray(source)) source.push(target);
    else if (!Buffer.isBuffer(source)) (source as Record<string, object>)[`k${index}`] = target;
  });
  return nodes;
}

/** The shape of a graph as text: every object numbered where it is first met. */
function shape(root: unknown): string {
  const numbers = new Map<object, number>();
  const show = (value: unknown): string => {
    if (typeof value !== "object" || value === null) return typeof value === "string" ? JSON.stringify(value) : String(value);
    const known = numbers.get(value);
    if (known !== undefined) return `#${known}`;
    numbers.set(value, numbers.size);
    const kind = Object.getPrototypeOf(value) === null ? "bare" : value.constructor.name;
    if (Buffer.isBuffer(value)) return `Buffer(${value.toString()})`;
    if (value instanceof Map) return `${kind}{${[...value].map(([key, item]) => `${show(key)}=>${show(item)}`).join()}}`;
    if (value instanceof Set) return `${kind}{${[...value].map(show).join()}}`;
    return `${kind}{${Object.entries(value).map(([key, item]) => `${key}:${show(item)}`).join()}}`;
  };
  return show(root);
}

test("any graph of shared and cyclic references keeps its shape", () => {
  fc.assert(fc.property(graph, (description) => {
    const nodes = build(description);
    expect(shape(send(nodes))).toBe(shape(nodes));
    expect(shape(send(nodes[0]))).toBe(shape(nodes[0]));
  }), { numRuns: 2000 });
});

test("whatever is thrown, encoding and decoding it never throws, and gives an error", () => {
  fc.assert(fc.property(anything, fc.array(fc.tuple(fc.string(), anything)), fc.boolean(), (thrown, properties, asError) => {
    const subject = asError ? Object.assign(new TypeError("x"), Object.fromEntries(properties)) : thrown;
    expect(decodeThrown(structuredClone(encodeThrown(subject, "x")))).toBeInstanceOf(Error);
  }), { numRuns: 500 });
});
