import { describe, expect, test } from "vitest";
import { asAcceptance, asAlive, asBeat, asFirst, asRegistration, asTokens, headFrames, managerFrames, type Registration } from "#internal/executors/high-throughput/protocol";

const registration: Registration = { uid: "u", block: "block-1", rank: 0, host: "h", pid: 1, cores: 4, memoryMb: 100, accelerators: ["0"], versions: { node: "v20" }, workers: 2, prefetch: 0, remainingMs: null, has: [[1, 2]], told: 0 };
const acceptance = { epoch: 1, heartbeatMs: 1, leaseMs: 1, known: 0 };

/** What a field may not be. */
const notCounts = [undefined, null, "1", -1, 1.5, NaN, Infinity, 2 ** 53, {}, [], true];
const notTexts = [undefined, null, 1, "x".repeat(4097), {}, []];
const notTimes = [null, "1", -1, NaN, Infinity, {}, []];
const notTokens = [undefined, null, 1, "x", [[1]], [[1, 2, 3]], [[1, -1]], [[1, "2"]], [{ 0: 1, 1: 2 }], [null]];

type Row = readonly [read: (value: unknown) => unknown, name: string, whole: object, fields: Readonly<Record<string, readonly unknown[]>>];
const messages: readonly Row[] = [
  [asRegistration, "registration", registration, {
    uid: notTexts, block: notTexts, host: notTexts, rank: notCounts, pid: notCounts, cores: notCounts, memoryMb: notCounts, prefetch: notCounts, told: notCounts,
    workers: [...notCounts, 0, 65_537], accelerators: [undefined, null, "0", [1], [null]], versions: [undefined, null, 1, { node: 20 }], remainingMs: [undefined, ...notTimes.slice(1)], has: notTokens,
  }],
  [asAcceptance, "acceptance", acceptance, { epoch: notCounts, heartbeatMs: notCounts, leaseMs: notCounts, known: notCounts }],
  [asBeat, "beat", { known: 3, at: 1.5 }, { known: notCounts, at: notTimes }],
  [asAlive, "sign of life", { at: 1.5 }, { at: [undefined, ...notTimes] }],
  [asFirst, "frame of outcomes", { first: 1 }, { first: notCounts }],
];

describe("every message is checked when it arrives, and a refusal names the field", () => {
  for (const [read, name, whole, fields] of messages) {
    test(`a ${name}`, () => {
      expect(() => read(whole)).not.toThrow();
      expect(Object.keys(fields).sort(), "every field has something that it may not be").toEqual(Object.keys(whole).sort());
      for (const [field, wrong] of Object.entries(fields)) for (const value of wrong) expect(() => read({ ...whole, [field]: value }), `${field}: ${JSON.stringify(value)}`).toThrow(new TypeError(`the field "${field}" of a ${name} is not valid`));
      for (const value of [undefined, null, 1, "x", true]) expect(() => read(value), String(value)).toThrow(new TypeError(`a ${name} is not an object`));
      expect(() => read([])).toThrow(TypeError);
      expect(() => read({ ...whole, extra: 1 })).toThrow(new TypeError(`a ${name} has the unknown field "extra"`));
      expect(() => read({ ...whole, ["y".repeat(10_000)]: 1 })).toThrow(/^.{0,140}$/);
      expect(() => read(JSON.parse(JSON.stringify(whole).replace("{", '{"__proto__":{"x":1},')))).toThrow(/unknown field "__proto__"/);
    });
  }

  test("a list of tokens", () => {
    expect(asTokens([[1, 2], [3, 4]])).toEqual([[1, 2], [3, 4]]);
    for (const value of notTokens) expect(() => asTokens(value), JSON.stringify(value)).toThrow(new TypeError("a list of tokens is not valid"));
  });

  test("a beat need not answer a sign of life, and a manager without a time limit has none left", () => {
    expect(asBeat({ known: 0 })).toEqual({ known: 0 });
    expect(asRegistration({ ...registration, remainingMs: 5 }).remainingMs).toBe(5);
  });
});

test("no type of frame means something in both directions", () => {
  const all: readonly number[] = [...headFrames, ...managerFrames];
  expect(new Set(all).size).toBe(all.length);
  expect(all.every((type) => type >= 16 && type <= 255)).toBe(true);
});
