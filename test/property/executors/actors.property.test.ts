import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { controlCodec, type ControlCodec } from "#internal/actors/links/control";
import { runs } from "../runs.js";
import { ActorWorld, type ActorWeather } from "./actor-world.js";
import { fault } from "./cluster-weathers.js";
import type { Fault } from "./cluster-world.js";

let codec: ControlCodec;
beforeAll(async () => void (codec = await controlCodec()));
const play = async (weather: ActorWeather): Promise<ActorWorld> => {
  const world = new ActorWorld(weather, codec);
  await world.run();
  return world;
};

const time = fc.integer({ min: 0, max: 12_000 });
const message = (fails: fc.Arbitrary<boolean>) => fc.record({ at: fc.oneof(time, fc.constantFrom(0, 100, 5000)), to: fc.nat(2), asks: fc.boolean(), fails });
const cluster = fc.record({
  managers: fc.integer({ min: 1, max: 3 }),
  workers: fc.constant(1),
  way: fc.constantFrom([0.05, 0.3] as const, [1, 40] as const),
  threadWay: fc.constantFrom([0.01, 0.05] as const, [0, 20] as const),
});
const weatherOf = (faults: fc.Arbitrary<readonly (Fault & { at: number })[]>, fails: fc.Arbitrary<boolean>): fc.Arbitrary<ActorWeather> =>
  fc.record({ seed: fc.nat(), cluster, actors: fc.integer({ min: 1, max: 3 }), restart: fc.constant("permanent" as const), messages: fc.array(message(fails), { minLength: 1, maxLength: 60 }), faults });

const cut: fc.Arbitrary<Fault & { at: number }> = fc.record({ do: fc.constant("cut" as const), at: time, which: fc.nat(2), ms: fc.constant(0) });
const interchange: fc.Arbitrary<Fault & { at: number }> = fc.record({ do: fc.constant("crash-interchange" as const), at: time });

/** What waits for a node that stands still beyond its lease is not for the actor that it had. */
const frozenWithMail: ActorWeather = {
  seed: 0, cluster: { managers: 2, workers: 1 }, actors: 1, restart: "permanent",
  messages: [{ at: 2495, to: 0, asks: false, fails: true }, { at: 0, to: 0, asks: false, fails: true }],
  faults: [{ do: "freeze", which: 0, ms: 6000, at: 0 }],
};

/** A head that answers a registration when most of a lease has passed: the manager is proven again at once, and what it is told in the meantime is not lost. */
const answeredLate: ActorWeather = {
  seed: 0, cluster: { managers: 2, workers: 1, way: [0.05, 0.3], threadWay: [0.01, 0.05] }, actors: 1, restart: "permanent",
  messages: [{ at: 9229, to: 0, asks: false, fails: true }, { at: 0, to: 0, asks: false, fails: true }],
  faults: [{ do: "stall-interchange", ms: 9000, at: 0 }],
};

describe("actors on nodes", () => {
  test("lose nothing and do nothing twice when links are cut and interchanges end, within the lease", { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.array(fc.oneof(cut, interchange), { maxLength: 10 }), fc.constant(false)), async (weather) => {
      const { subjects } = await play(weather);
      for (const { told, handled, announced, letters, lives, answers } of subjects) {
        expect(handled.map(({ n }) => n)).toEqual(told);
        expect(announced).toEqual(told);
        expect([...answers.values()]).toEqual([...answers.keys()]);
        expect([letters.size, lives.length]).toEqual([0, 1]);
      }
    }), { numRuns: runs(30) });
  });

  test("handle each message at most once and in order, end once for each incarnation, and never live twice at a time, whatever becomes of links, managers and interchanges", { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.array(fault, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 9 }).map((n) => n === 0)), async (weather) => {
      await play(weather);
    }), { numRuns: runs(80), examples: [[frozenWithMail], [answeredLate]] });
  });
});
