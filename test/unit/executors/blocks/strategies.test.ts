import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { strategies, type ObservedBlock, type ScalingView } from "#internal/executors/blocks/strategies";

const { none, simple, "auto-scale": autoScale } = strategies;

const block = (id: string, more: Partial<ObservedBlock> = {}): ObservedBlock => ({ id, state: "ready", serving: true, slots: 4, tasks: 4, idleFor: 0, ...more });
const idle = (id: string, idleFor: number): ObservedBlock => block(id, { tasks: 0, idleFor });
const view = (more: Partial<ScalingView> = {}): ScalingView => ({ outstanding: 0, emptyFor: 0, blocks: [], workersPerNode: 4, nodesPerBlock: 1, initBlocks: 0, minBlocks: 0, maxBlocks: 10, parallelism: 1, maxIdleTime: 100, ...more });
const blocks = (n: number): ObservedBlock[] => Array.from({ length: n }, (_, i) => block(`b${i}`));

test("none does nothing, whatever there is to do", () => {
  expect(none.decide(view({ outstanding: 100 }))).toEqual({});
  expect(none.decide(view({ emptyFor: 1000, blocks: blocks(3) }))).toEqual({});
});

describe.each([simple, autoScale])("$name", (strategy) => {
  test.each([
    ["none where there is no work", { outstanding: 0 }, undefined],
    ["one for one task", { outstanding: 1 }, 1],
    ["as many as the tasks need, rounded up", { outstanding: 9 }, 3],
    ["no more than maxBlocks", { outstanding: 1000 }, 10],
    ["what is missing beside those that are there", { outstanding: 17, blocks: blocks(2) }, 3],
    ["none where the slots suffice", { outstanding: 8, blocks: blocks(2) }, undefined],
    ["fewer where several tasks share a slot", { outstanding: 80, parallelism: 0.25 }, 5],
    ["one where there is none, whatever the parallelism", { outstanding: 1000, parallelism: 0 }, 1],
    ["no second one where the parallelism is 0", { outstanding: 1000, parallelism: 0, blocks: blocks(1) }, undefined],
    ["fewer where a block has many nodes", { outstanding: 32, nodesPerBlock: 4 }, 2],
    ["none in the place of those that are on their way out, while they are there", { outstanding: 8, maxBlocks: 2, blocks: [block("a", { serving: false }), block("b")] }, undefined],
    ["in the place of those on their way out, where there is room", { outstanding: 8, maxBlocks: 3, blocks: [block("a", { serving: false }), block("b")] }, 1],
    ["what real worker counts ask for, not what was guessed", { outstanding: 8, blocks: [block("a", { slots: 1 }), block("b", { slots: 1 })], workersPerNode: 1 }, 6],
  ] as const)("asks for blocks: %s", (_what, given, request) => {
    expect(strategy.decide(view(given)).request).toBe(request);
  });

  test("ends all but minBlocks once there has been no work for maxIdleTime, those that never registered first, then the longest idle", () => {
    const there = [idle("young", 10), idle("old", 500), idle("queued", Infinity)];
    expect(strategy.decide(view({ emptyFor: 99, blocks: there }))).toEqual({});
    expect(strategy.decide(view({ emptyFor: 100, blocks: there, minBlocks: 1 }))).toEqual({ release: ["queued", "old"] });
    expect(strategy.decide(view({ emptyFor: 100, blocks: there, minBlocks: 3 }))).toEqual({});
  });
});

test("simple keeps idle blocks while there is any work, auto-scale ends those that the work does not need", () => {
  const there = [block("busy"), idle("young", 50), idle("old", 500), idle("queued", Infinity)];
  expect(simple.decide(view({ outstanding: 4, blocks: there }))).toEqual({});
  expect(autoScale.decide(view({ outstanding: 4, blocks: there }))).toEqual({ release: ["queued", "old"] });
  expect(autoScale.decide(view({ outstanding: 4, blocks: there, minBlocks: 3 }))).toEqual({ release: ["queued"] });
  expect(autoScale.decide(view({ outstanding: 9, blocks: there }))).toEqual({ release: ["queued"] });
});

test("under an unchanged load every strategy comes to rest within three decisions, and never goes below minBlocks", () => {
  const some = fc.array(fc.record({ slots: fc.integer({ min: 1, max: 9 }), tasks: fc.nat(2), idleFor: fc.constantFrom(0, 200, Infinity) }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(none, simple, autoScale), some, fc.nat(40), fc.constantFrom(0, 0.1, 0.5, 1), fc.nat(3), fc.integer({ min: 1, max: 8 }), (strategy, given, outstanding, parallelism, minBlocks, workersPerNode) => {
      const at = view({ outstanding, emptyFor: outstanding === 0 ? 1000 : 0, parallelism, minBlocks, workersPerNode });
      let there = given.map((one, i) => block(`b${i}`, one));
      for (let round = 1; round <= 3; round++) {
        const { request = 0, release = [] } = strategy.decide({ ...at, blocks: there });
        const left = there.filter(({ id }) => !release.includes(id));
        expect(left.length).toBeGreaterThanOrEqual(Math.min(there.length, minBlocks));
        there = [...left, ...Array.from({ length: request }, (_, i) => block(`new${round}.${i}`, { slots: workersPerNode, tasks: 0, idleFor: Infinity }))];
      }
      expect(strategy.decide({ ...at, blocks: there })).toEqual({});
    }),
    { numRuns: 2000 },
  );
});
