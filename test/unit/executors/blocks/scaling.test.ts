import { describe, expect, test } from "vitest";
import { BadStateException } from "#internal/errors/index";
import type { ScalingDecision, ScalingView } from "#internal/executors/blocks/strategies";
import { Farm } from "./farm.js";

const started = (given?: ConstructorParameters<typeof Farm>[0]): Farm => {
  const farm = new Farm(given);
  farm.blocks.start();
  return farm;
};
const wide = { initBlocks: 0, minBlocks: 0, maxBlocks: 5 } as const;
const requested = (farm: Farm): number => farm.blocks.status().requested;

describe("the scaler", () => {
  test("asks for the first blocks once, and together", async () => {
    const farm = started({ options: { initBlocks: 3, maxBlocks: 5 } });
    farm.blocks.start();
    await farm.pass(30_000);
    expect(requested(farm)).toBe(3);
  });

  test("asks for a block at once when work comes and there is none", async () => {
    const farm = started({ options: wide });
    await farm.pass(5000);
    farm.load(1);
    await farm.pass(1);
    expect(requested(farm)).toBe(1);
  });

  test("sleeps while there is neither work nor a block too many: nothing is left to happen", async () => {
    const farm = started({ options: wide });
    await farm.pass(5000);
    expect(farm.sim.pending).toBe(0);
  });

  test("does not ask for more while blocks are slow to come", async () => {
    const farm = started({ options: wide, conduct: { answer: [10_000, 10_000], queue: [100_000, 100_000] } });
    farm.load(3);
    await farm.pass(60_000);
    expect(requested(farm)).toBe(3);
  });

  test("goes by what managers turn out to have, not by the guess", async () => {
    const farm = started({ options: { ...wide, maxBlocks: 9, strategy: "auto-scale" }, workers: 4, conduct: { queue: [10, 4000] } });
    farm.load(8);
    await farm.pass(60_000);
    expect(requested(farm)).toBe(8);
    expect(farm.blocks.status().present).toBe(2);
    farm.load(20);
    await farm.pass(5000);
    expect(farm.blocks.status().present).toBe(5);
  });

  test("gives idle blocks back when there has been no work for long enough, but for the least, and asks again when work comes", async () => {
    const farm = started({ options: { ...wide, minBlocks: 1, maxIdleTime: 5000 } });
    farm.load(4);
    await farm.pass(3000);
    expect(farm.states).toEqual(["ready", "ready", "ready", "ready"]);
    farm.load(0);
    await farm.pass(6500);
    expect(farm.blocks.status().present).toBe(1);
    expect(farm.ended.map(([, reason]) => reason)).toEqual(["scaled-in", "scaled-in", "scaled-in"]);
    farm.load(2);
    await farm.pass(1500);
    expect(farm.blocks.status().present).toBe(2);
  });

  test("waits for what runs on a block that it releases, however long that takes", async () => {
    const farm = started({ options: { minBlocks: 0, maxIdleTime: 1000 } });
    await farm.pass(200);
    farm.run("block-1", 1);
    await farm.pass(100_000);
    expect(farm.states).toEqual(["draining"]);
    expect(farm.provider.alive).toHaveLength(1);
    farm.run("block-1", 0);
    await farm.pass(1000);
    expect(farm.ended).toEqual([["block-1", "scaled-in"]]);
  });

  test("asks again to drain where that failed", async () => {
    let asked = 0;
    const farm = started({ options: { minBlocks: 0, maxIdleTime: 1000 }, ports: { drain: () => (++asked < 3 ? Promise.reject(new Error("the interchange was away")) : Promise.resolve()) } });
    await farm.pass(20_000);
    expect([asked, farm.ended]).toEqual([3, [["block-1", "scaled-in"]]]);
  });

  test("that is held changes nothing until it is resumed", async () => {
    const farm = started({ options: wide });
    await farm.pass(100);
    farm.blocks.hold();
    await farm.pass(1);
    farm.load(3);
    await farm.pass(10_000);
    expect(requested(farm)).toBe(0);
    farm.blocks.resume();
    await farm.pass(1);
    expect(requested(farm)).toBe(3);
  });

  test("replaces a block that ended by itself while there is work", async () => {
    const farm = started();
    farm.load(1);
    await farm.pass(2000);
    farm.provider.end(farm.job("block-1"), { state: "failed", reason: "timed-out" });
    await farm.pass(3000);
    expect(farm.states).toEqual(["ready"]);
    expect(requested(farm)).toBe(2);
  });

  test("with the strategy none fails its executor when the last block has ended by itself, since nothing else will come", async () => {
    const farm = started({ options: { strategy: "none" } });
    await farm.pass(2000);
    farm.provider.end(farm.job("block-1"), { state: "failed", reason: "timed-out" });
    await farm.pass(3000);
    expect(farm.failures.map(({ message }) => message)).toEqual(['the last block of "farm" has ended, and its strategy "none" asks for no others']);
  });
});

describe("a strategy of one's own", () => {
  const own = (decide: (view: ScalingView) => ScalingDecision) => ({ options: { ...wide, minBlocks: 2, strategy: { name: "own", decide } } });

  test("is shown the blocks and the load, and is kept within maxBlocks and minBlocks", async () => {
    const views: ScalingView[] = [];
    const farm = started(own((view) => {
      views.push(view);
      return view.outstanding === 7 ? { request: 100 } : { release: view.blocks.map(({ id }) => id) };
    }));
    farm.load(7);
    await farm.pass(3000);
    expect(farm.blocks.status().present).toBe(5);
    expect(views.at(-1)).toMatchObject({ outstanding: 7, blocks: [1, 2, 3, 4, 5].map((n) => ({ id: `block-${n}`, state: "ready", slots: 1, tasks: 0 })) });
    farm.load(1);
    await farm.pass(5000);
    expect(farm.blocks.status().present).toBe(2);
  });

  test.each([
    ["throws", () => { throw new Error("no idea"); }, "no idea"],
    ["asks for half a block", () => ({ request: 0.5 }), "request is 0.5, not a whole number"],
    ["releases what does not exist", () => ({ release: ["block-9"] }), 'release names "block-9", which is no block'],
    ["answers nothing", () => undefined as never, "it decided nothing"],
  ] as const)("that %s fails the executor, by name", async (_what, decide, words) => {
    const farm = started(own(decide));
    await farm.pass(100);
    expect(farm.failures[0]).toBeInstanceOf(BadStateException);
    expect(farm.failures[0]?.message).toContain(`the strategy "own" of "farm" failed: ${words}`);
  });
});
