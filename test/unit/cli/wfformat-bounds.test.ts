import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundsOf, remainingPaths } from "#internal/cli/wfformat-bounds";
import type { RecordedTask } from "#internal/cli/wfformat-document";

const task = (id: string, seconds: number, parents: readonly string[] = []): RecordedTask => ({ id, kind: id, seconds, parents, inputs: [], outputs: [] });
const seconds = (one: RecordedTask) => one.seconds;

/** Tasks in an order in which parents come first. */
const graphs = fc.array(fc.tuple(fc.nat({ max: 100 }), fc.array(fc.nat())), { minLength: 1, maxLength: 40 }).map((drafts) => drafts.map(([length, edges], i) => task(`t${i}`, length, i === 0 ? [] : [...new Set(edges.map((edge) => `t${edge % i}`))])));

describe("bounds of a schedule", () => {
  it("are the longest chain and the shared work", () => {
    const tasks = [task("a", 3), task("b", 4), task("c", 1, ["a"]), task("d", 2, ["a", "b"])];
    expect(boundsOf(tasks, seconds, 2)).toEqual({ criticalPath: 6, work: 10, lower: 6, listSchedule: 6 });
    expect(boundsOf(tasks, seconds, 1)).toMatchObject({ lower: 10, listSchedule: 10 });
  });

  it("know how far it is to the end from each task", () => {
    expect([...remainingPaths([task("a", 3), task("b", 1, ["a"]), task("c", 5, ["a"])], seconds)]).toEqual([["c", 5], ["b", 1], ["a", 8]]);
  });

  it("start the longest way first", () => {
    const tasks = [...Array.from({ length: 6 }, (_, i) => task(`short${i}`, 1)), task("long", 6)];
    expect(boundsOf(tasks, seconds, 2).listSchedule).toBe(6);
  });

  it("hold what Graham proved, for any graph and number of slots", () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 1, max: 8 }), (tasks, slots) => {
        const { lower, listSchedule, work, criticalPath } = boundsOf(tasks, seconds, slots);
        expect(lower).toBe(Math.max(criticalPath, work / slots));
        expect(listSchedule).toBeGreaterThanOrEqual(lower - 1e-9);
        expect(listSchedule).toBeLessThanOrEqual(work / slots + (1 - 1 / slots) * criticalPath + 1e-9);
      }),
    );
  });

  it("are nothing for tasks that take no time", () => {
    expect(boundsOf([task("a", 0)], seconds, 3)).toEqual({ criticalPath: 0, work: 0, lower: 0, listSchedule: 0 });
  });
});
