import { describe, expect, it } from "vitest";
import { Roll } from "#internal/supervisors/roll";

describe("a roll of members", () => {
  it("has each by its key, in the order of these, until it is removed", () => {
    const roll = new Roll<string>();
    const keys = [1, 2, 31, 32, 33, 100, 5000, 2 ** 31, 2 ** 40 + 1];
    for (const key of keys) roll.add(key, `member ${key}`);
    expect(keys.map((key) => roll.get(key))).toEqual(keys.map((key) => `member ${key}`));
    expect([...roll]).toEqual(keys.map((key) => `member ${key}`));
    for (const key of [2, 32, 33, 33, 4000, 2 ** 40]) roll.remove(key);
    expect([...roll]).toEqual([1, 31, 100, 5000, 2 ** 31, 2 ** 40 + 1].map((key) => `member ${key}`));
    expect([roll.get(2), roll.get(33), roll.get(0), roll.get(2 ** 31 + 1)]).toEqual([undefined, undefined, undefined, undefined]);
    roll.clear();
    expect([...roll, roll.get(1)]).toEqual([undefined]);
  });
});
