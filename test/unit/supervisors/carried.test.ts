import { describe, expect, it } from "vitest";
import { AskTimeout, SupervisionError } from "#internal/errors/index";
import { carry, carryReason, uncarry, uncarryReason } from "#internal/supervisors/carried";
import { mapRefs } from "#internal/supervisors/map-refs";
import { refusal } from "#internal/supervisors/refusal";
import { sendable } from "#internal/supervisors/sendable";
import type { EndReason } from "#internal/supervisors/types";

const across = (thrown: unknown): unknown => uncarry(structuredClone(carry(thrown)));

describe("what was thrown in a thread arrives", () => {
  it("with class, message, stack, own properties and causes", () => {
    const error = Object.assign(new RangeError("outer", { cause: Object.assign(new Error("inner"), { name: "Mine", code: 3 }) }), { at: { x: 1 } });
    const come = across(error) as RangeError & { at: unknown; cause: Error & { code: number } };
    expect(come).toBeInstanceOf(RangeError);
    expect([come.message, come.stack, come.at, come.cause.name, come.cause.message, come.cause.code]).toEqual(["outer", error.stack, { x: 1 }, "Mine", "inner", 3]);
  });

  it("as an error of caraway, where it is one, with reason, evidence and cause", () => {
    const come = across(refusal("not_found", "no such child", { actor: "a/b", evidence: { seen: 1, how: () => 1 }, cause: new TypeError("why") })) as SupervisionError;
    expect(come).toBeInstanceOf(SupervisionError);
    expect([come.reason, come.where.actor, (come.cause as Error).constructor]).toEqual(["not_found", "a/b", TypeError]);
    expect(across(new AskTimeout("CW-SUP-002", "late"))).toBeInstanceOf(AskTimeout);
  });

  it("as it is where it is no error, and as a text where it cannot be copied", () => {
    expect(across({ plain: [1] })).toEqual({ plain: [1] });
    expect(across("text")).toBe("text");
    expect(across(() => 1)).toMatch(/Function/);
    expect((across(Object.assign(new Error("x"), { open: () => 1 })) as { open: unknown }).open).toMatch(/Function/);
  });

  it("also where an error is its own cause", () => {
    const error = new Error("round");
    error.cause = error;
    expect((across(error) as Error).message).toBe("round");
  });

  it("within the reason of an end", () => {
    for (const reason of ["normal", "killed", { shutdown: { to: "b" } }] as EndReason[]) expect(uncarryReason(structuredClone(carryReason(reason)))).toEqual(reason);
    expect(uncarryReason(structuredClone(carryReason({ error: new TypeError("x") })))).toEqual({ error: new TypeError("x") });
  });
});

describe("whether a value can be sent is said at once", () => {
  it.each([
    ["a function deep within", { a: [{ b: () => 1 }] }, /a\[0\]\.b is a function/],
    ["a symbol", Symbol("x"), /it is a symbol/],
    ["a function in a map", new Map([["key", () => 1]]), /is a function/],
    ["an object with methods of its own", new (class { run = () => 1; })(), /could not be cloned/],
    ["a promise", { later: Promise.resolve() }, /could not be cloned/],
    ["a proxy", new Proxy({}, {}), /could not be cloned/],
    ["a getter that throws", { get x(): never { throw new Error("not now"); } }, /not now/],
    ["memory that has moved", ((view) => { structuredClone(view.buffer, { transfer: [view.buffer] }); return view; })(new Uint8Array(4)), /detached/],
  ])("no: %s", (_what, value, message) => {
    expect(() => sendable(value, "it")).toThrow(expect.objectContaining({ reason: "uncloneable", message: expect.stringMatching(message) as string }) as Error);
  });

  it.each([
    ["plain data", { n: 1, s: "x", list: [true, null, undefined, 10n], date: new Date(0) }],
    ["a circle", (() => { const ring: Record<string, unknown> = {}; ring["self"] = ring; return ring; })()],
    ["maps, sets and memory", { map: new Map([[{}, new Set([1])]]), bytes: new Uint8Array(3), empty: new ArrayBuffer(0) }],
  ])("yes: %s", (_what, value) => {
    expect(structuredClone(sendable(value, "it").value)).toEqual(value);
  });
});

it("what is too large to be looked through is tried", () => {
  const list: unknown[] = Array.from({ length: 100_001 }, () => ({}));
  expect(sendable(list, "it").value).toHaveLength(list.length);
  list.push(() => 1);
  expect(() => sendable(list, "it")).toThrow(/uncloneable/);
});

it("refs are found and replaced wherever they are in plain data, circles included", () => {
  const ref = { ref: 1 };
  const ring: Record<string, unknown> = { list: [ref, { deep: new Map([["key", new Set([ref])]]) }], date: new Date(0) };
  ring["self"] = ring;
  const mapped = mapRefs(ring, (found) => (found === ref ? "REF" : undefined)) as typeof ring & { list: [string, { deep: Map<string, Set<string>> }] };
  expect([mapped.list[0], [...(mapped.list[1].deep.get("key") ?? [])], mapped["self"] === mapped, mapped["date"] === ring["date"], ring["list"]]).toEqual(["REF", ["REF"], true, true, [ref, expect.anything()]]);
});
