import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "#internal/actors/seeded-random";
import { Yard } from "../unit/supervisors/work-pulling/yard.js";

const faults = fc.record({ loss: fc.constantFrom(0, 0.1, 0.4), duplication: fc.constantFrom(0, 0.1, 0.4), reordering: fc.constantFrom(0, 0.2, 0.5), hold: fc.constantFrom(5, 60), delay: fc.constantFrom([0, 0] as const, [1, 5] as const, [1, 80] as const) });
const hand = fc.record({ credit: fc.integer({ min: 1, max: 6 }), concurrency: fc.constantFrom(1, 1, 3), slowest: fc.constantFrom(0, 3, 60), faults });
const blow = fc.record({ at: fc.nat(600), whom: fc.nat(5), what: fc.constantFrom("crash", "cut left", "cut right", "cut both"), for: fc.nat(400) });
const plan = fc.record({ seed: fc.integer(), jobs: fc.integer({ min: 1, max: 40 }), capacity: fc.constantFrom(3, 100), patience: fc.constantFrom<("infinity" | 2 | 5)[]>("infinity", 2, 5), hands: fc.array(hand, { minLength: 1, maxLength: 4 }), blows: fc.array(blow, { maxLength: 6 }) });

type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

/** Offers jobs while consumers crash (another takes the place of each) and links are cut for a while; gives what came of it. */
async function run({ seed, jobs, capacity, patience, hands, blows }: Plan) {
  const yard = new Yard(seed, { capacity, patience });
  const random = seededRandom(seed ^ 0xd1ce);
  const hire = (index: number): void => {
    const { slowest, concurrency, credit, ...rest } = hands[index % hands.length] as Plan["hands"][number];
    const employed = yard.hire({ ...rest, concurrency, credit: Math.max(credit, concurrency), takes: () => random.next() * slowest });
    places[index] = employed;
  };
  const places: Yard["hands"] = [];
  for (const index of hands.keys()) hire(index);
  for (const { at, whom, what, for: ms } of blows) {
    const index = whom % hands.length;
    yard.ports.clock.after(at, () => {
      if (what === "crash") {
        places[index]?.die();
        hire(index);
        return;
      }
      const { link } = places[index] as Yard["hands"][number];
      link.partition(what.slice(4) as "left" | "right" | "both");
      yard.ports.clock.after(ms, () => link.partition("none"));
    });
  }
  const offers = Array.from({ length: jobs }, async (_, n) => {
    await new Promise<void>((resolve) => void yard.ports.clock.after(n * 7, resolve));
    await yard.producer.ready();
    return yard.producer.offer(n, { token: `job ${n}` });
  });
  return { yard, answers: await yard.answers(offers), trace: yard.hands.map(({ began }) => began.join()) };
}

describe("work pulling over links that lose, double, delay, reorder and are cut, with consumers that crash", () => {
  it("confirms every job once, after it was processed; no consumer processes one twice or has more than its credit; nothing hangs", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { yard, answers } = await run(given);
        expect(answers).toEqual(Array.from({ length: given.jobs }, (_, n) => n * 2));
        expect([...yard.settled.values()]).toEqual(Array(given.jobs).fill(1));
        const processed = new Set(yard.hands.flatMap((one) => one.processed));
        expect(processed.size).toBe(given.jobs);
        for (const { began } of yard.hands) expect(new Set(began).size).toBe(began.length);
        expect(yard.excesses).toEqual([]);
        expect(yard.producer.counts).toMatchObject({ waiting: 0, unconfirmed: 0 });
        expect(yard.ports.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("does the same for the same seed", { timeout: 30_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const [first, second] = [await run(given), await run(given)];
        expect(second.trace).toEqual(first.trace);
        expect(second.yard.ports.clock.now()).toBe(first.yard.ports.clock.now());
      }),
      { numRuns: 5 },
    );
  });
});
