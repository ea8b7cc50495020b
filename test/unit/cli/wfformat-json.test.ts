import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonFaultAt } from "#internal/cli/wfformat-json";

describe("where a text stops being JSON", () => {
  it.each([
    ['{"a": oops}', 6],
    ['{"a" 1}', 5],
    ["{a: 1}", 1],
    ["[1,, 2]", 3],
    ["[1, 2}", 5],
    ["[1 2]", 3],
    ['{"a": 1,}', 8],
    ["[01]", 2],
    ['["\\x"]', 1],
    ["1 1", 2],
    ["]", 0],
    ['{"a": [1, 2', 11],
    ["", 0],
  ])("%j: at %i", (text, at) => {
    expect(jsonFaultAt(text)).toBe(at);
  });

  it("is its end, for every text that is JSON", () => {
    fc.assert(fc.property(fc.json(), (text) => jsonFaultAt(text) === text.length));
  });

  it("is before its end, or at it, for a text cut or changed", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom("", "x", ",", "]"), (text, where, mark) => {
        const at = where % (text.length + 1);
        const broken = text.slice(0, at) + mark + text.slice(at + 1);
        const valid = isJson(broken);
        return valid ? jsonFaultAt(broken) === broken.length : jsonFaultAt(broken) <= broken.length;
      }),
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
