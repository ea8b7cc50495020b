import fc from "fast-check";
import { beforeAll, describe, test } from "vitest";
import { controlCodec, type ControlCodec } from "#internal/actors/links/control";
import { runs } from "../runs.js";
import { fault, weatherOf } from "./cluster-weathers.js";
import { ClusterWorld, type Planned, type Weather } from "./cluster-world.js";

let codec: ControlCodec;
beforeAll(async () => void (codec = await controlCodec()));
const play = async (weather: Weather): Promise<void> => new ClusterWorld(weather, codec).run();

const calm = { selector: "random", leaseMs: 3000, way: [0.05, 0.3], conduct: { start: [1, 3], flush: [0, 0.25], kill: [0, 1] } } as const;
const task = (at: number, act: Planned["act"], more: Partial<Planned> = {}): Planned => ({ at, act, shell: true, priority: undefined, walltime: 0, cancel: undefined, ...more });
const found: readonly Weather[] = [
  // A lease that ends while the manager has registered, and the head has not yet said so: nothing is told over that link.
  {
    seed: 0, cluster: { ...calm, managers: 1, workers: 1, threadWay: [0.01, 0.05] },
    tasks: [task(0, { do: "exit", ms: 120, code: 1 }), task(0, { do: "return", ms: 0 }, { priority: 0 }), task(0, { do: "native", ms: 0 })],
    faults: [{ do: "stall-interchange", ms: 3300, at: 6 }, { do: "cut", which: 0, ms: 20, at: 7 }, { do: "freeze", which: 0, ms: 20, at: 2994 }],
  },
  // What an interchange sent before it ended, and did not come to say, is handed over again, and is at its manager.
  {
    seed: 1464972886, cluster: { ...calm, managers: 2, workers: 1, threadWay: [0, 20] },
    tasks: [
      task(1006, { do: "return", ms: 0 }), task(0, { do: "cooperate", ms: 0, yields: 0 }, { shell: false }), task(0, { do: "return", ms: 0 }, { shell: false, cancel: 0 }),
      task(0, { do: "exit", ms: 0, code: 1 }), task(0, { do: "return", ms: 0 }), task(0, { do: "return", ms: 2000 }, { cancel: 500 }), task(0, { do: "exit", ms: 0, code: 1 }),
    ],
    faults: [{ do: "crash-interchange", at: 1017 }, { do: "partition", which: 0, towards: "both", ms: 20, at: 1006 }],
  },
  // A manager that is lost while its block is drained: what that cost is told before the block is said to be drained.
  {
    seed: 842691081, cluster: { ...calm, managers: 1, workers: 1, threadWay: [0.01, 0.05] },
    tasks: [task(1, { do: "return", ms: 0 })],
    faults: [{ do: "busy-head", ms: 3300, at: 1 }, { do: "freeze", which: 0, ms: 20, at: 190 }, { do: "partition", which: 0, towards: "both", ms: 1400, at: 191 }, { do: "kill-worker", which: 0, lane: 0, at: 1581 }, { do: "crash-interchange", at: 0 }, { do: "drain", which: 0, ms: 20, at: 191 }, { do: "cut", which: 0, ms: 20, at: 1146 }],
  },
];

describe("managers under random faults", () => {
  test("in quiet every task ends once, with its own result", { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.constant([]), fc.constant(undefined)), play), { numRuns: runs(60) });
  });

  test("every task ends once, whatever becomes of links, managers, interchanges and the head's time; nothing runs twice that is not fenced", { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.array(fault, { minLength: 1, maxLength: 12 }), fc.constant(undefined)), play), { numRuns: runs(150), examples: found.map((weather): [Weather] => [weather]) });
  });

  test("blocks that end at their walltime cost nothing but time, and no task begins that cannot end by then", { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(weatherOf(fc.array(fault, { maxLength: 4 }), fc.constantFrom(6000, 12_000)), play), { numRuns: runs(60) });
  });
});
