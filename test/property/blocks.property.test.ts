import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SchedulerConduct } from "#internal/testing/simulated-provider";
import { BlockWorld, type BlockWeather } from "./block-world.js";
import { runs } from "./runs.js";

const likely = fc.constantFrom(0, 0, 0.1, 0.4);
const conduct: fc.Arbitrary<Partial<SchedulerConduct>> = fc.record({
  answer: fc.constantFrom([1, 5] as const, [1, 3000] as const),
  queue: fc.constantFrom([5, 50] as const, [5, 8000] as const),
  life: fc.constantFrom(undefined, [2000, 60_000] as const),
  kill: fc.constantFrom([1, 20] as const, [10, 6000] as const),
  refuse: likely, loseRequest: likely, loseReply: likely, hang: fc.constantFrom(0, 0.5, 1), queryFails: likely, omit: likely, cancelFails: likely, hold: likely, requeue: likely, preempt: likely, dieAtOnce: likely,
});
const shape = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map(([a, b, c]) => {
  const [min, init, max] = [a, a + b, Math.max(1, a + b + c)];
  return { minBlocks: min, initBlocks: init, maxBlocks: max };
});
const weather: fc.Arbitrary<BlockWeather> = fc
  .record({
    seed: fc.integer(),
    shape,
    parallelism: fc.constantFrom(0, 0.25, 0.5, 1),
    nodesPerBlock: fc.constantFrom(1, 1, 2),
    strategy: fc.constantFrom("simple" as const, "auto-scale" as const),
    errorBudget: fc.constantFrom(0, 0, 3),
    workers: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
    mute: likely,
    cutOff: likely,
    conduct,
  })
  .map(({ seed, shape: blocks, parallelism, nodesPerBlock, strategy, errorBudget, workers, mute, cutOff, conduct: given }) => ({ seed, options: { ...blocks, parallelism, nodesPerBlock, strategy, errorBudget }, workers, mute, cutOff, conduct: given }));
const phases = fc.array(fc.record({ tasks: fc.integer({ min: 0, max: 30 }), duration: fc.constantFrom(50, 2000, 12_000), pass: fc.integer({ min: 0, max: 40_000 }) }), { minLength: 1, maxLength: 4 });

/** Longer than any answer, start or retry takes once nothing goes wrong. */
const longEnough = 400_000;

describe("blocks under random faults", () => {
  test("S17 to S23, L3 and L4 hold at every step, all work is done once the faults end, idle blocks are given back in time, and nothing is left", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(weather, phases, async (given, plan) => {
        const world = new BlockWorld(given);
        world.blocks.start();
        let submitted = 0;
        for (const { tasks, duration, pass } of plan) {
          world.submit(tasks, duration);
          submitted += tasks;
          await world.pass(pass);
          world.check();
        }
        world.calm();
        if (world.failures.length === 0) await finishes(world, submitted);
        world.check();
        const closed = world.blocks.close(100_000);
        await world.pass(100_000);
        await closed;
        world.check();
        expect(world.provider.alive.map(({ id }) => id)).toEqual([]);
        expect(world.blocks.status().present).toBe(0);
        expect(world.sim.pending, "timers that are left").toBeLessThan(20);
      }),
      { numRuns: runs(80) },
    );
  });

  test("comes to rest under a load that does not change, whatever the managers turn out to have (S23)", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(weather, fc.integer({ min: 1, max: 40 }), async ({ seed, options, workers }, tasks) => {
        const world = new BlockWorld({ seed, options, workers, mute: 0, cutOff: 0, conduct: {} });
        world.blocks.start();
        world.submit(tasks, 10_000_000);
        await world.pass(200_000);
        const { actions } = world;
        await world.pass(200_000);
        world.check();
        expect(world.actions).toBe(actions);
        expect(actions).toBeLessThan(12);
      }),
      { numRuns: runs(60) },
    );
  });
});

/** L1, L3, L4 and L5, as far as blocks are concerned. */
async function finishes(world: BlockWorld, submitted: number): Promise<void> {
  const { maxIdleTime, strategyPeriod, minBlocks } = world.options;
  const { alive } = world.provider;
  const before = world.done;
  await world.pass(longEnough + world.workLeft);
  if (world.failures.length > 0) return;
  expect(world.outstanding, `tasks of ${submitted} that were not done; ${world.done - before} were since the faults ended, with ${alive.length} jobs there; ${JSON.stringify(world.blocks.status())}`).toBe(0);
  await world.pass(maxIdleTime + 2 * strategyPeriod);
  expect(world.blocks.status().present).toBeLessThanOrEqual(Math.max(minBlocks, 0));
  // L3: work is offered, and a block is asked for within one period.
  const { requested } = world.blocks.status();
  world.submit(1, 50);
  await world.pass(strategyPeriod + 1);
  if (world.options.minBlocks === 0) expect(world.blocks.status().requested).toBe(requested + 1);
}
