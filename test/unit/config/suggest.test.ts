import { describe, expect, it } from "vitest";
import { distance, nearest } from "#internal/config/suggest";

describe("distance", () => {
  it.each([["", "", 0], ["", "abc", 3], ["kitten", "sitting", 3], ["wiat", "wait", 1], ["flaw", "lawn", 2], ["same", "same", 0]])("of %j and %j is %d", (a, b, changes) => {
    expect(distance(a, b)).toBe(changes);
    expect(distance(b, a)).toBe(changes);
  });
});

describe("nearest", () => {
  const names = ["maxThreads", "minThreads", "label"];
  it.each([["maxThread", "maxThreads"], ["max_threads", "maxThreads"], ["lable", "label"], ["MINTHREADS", "minThreads"], ["colour", undefined], ["x", undefined]])("of %j is %j", (word, found) => {
    expect(nearest(word, names)).toBe(found);
  });
});
