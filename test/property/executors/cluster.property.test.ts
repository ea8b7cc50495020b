import fc from "fast-check";
import { beforeAll, describe, test } from "vitest";
import { controlCodec, type ControlCodec } from "#internal/actors/links/control";
import { runs } from "../runs.js";
import { fault, weatherOf } from "./cluster-weathers.js";
import { ClusterWorld, type Weather } from "./cluster-world.js";

let codec: ControlCodec;
beforeAll(async () => void (codec = await controlCodec()));
const play = async (weather: Weather): Promise<void> => new ClusterWorld(weather, codec).run();

describe("managers under random faults", () => {
  test("in quiet every task ends once, with its own result", { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.constant([]), fc.constant(undefined)), play), { numRuns: runs(60) });
  });

  test("every task ends once, whatever becomes of links, managers, interchanges and the head's time; nothing runs twice that is not fenced", { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.array(fault, { minLength: 1, maxLength: 12 }), fc.constant(undefined)), play), { numRuns: runs(150) });
  });

  test("blocks that end at their walltime cost nothing but time, and no task begins that cannot end by then", { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.array(fault, { maxLength: 4 }), fc.constantFrom(6000, 12_000)), play), { numRuns: runs(60) });
  });
});
