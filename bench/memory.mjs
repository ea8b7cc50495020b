// Heap held by one waiting task: its cell, its place in the graph, its future, its arguments.
import { setImmediate as turn } from "node:timers/promises";
import { contenders, openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";

/** Live bytes in and beside the heap. */
function held() {
  if (globalThis.gc === undefined) throw new Error("this figure needs --expose-gc");
  for (let i = 0; i < 3; i++) void globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return { heapUsed, external };
}

/** Holds `count` of what `make` makes, and tells what each holds. @param {number} count @param {(i: number) => unknown} make @param {boolean} settle whether turns of the event loop may pass before the second look */
async function weigh(count, make, settle) {
  const kept = new Array(count).fill(undefined);
  const before = held();
  for (let i = 0; i < count; i++) kept[i] = make(i);
  if (settle) for (let i = 0; i < 20; i++) await turn();
  const after = held();
  return { sample: { heap: (after.heapUsed - before.heapUsed) / count, external: (after.external - before.external) / count }, kept };
}

/** Tasks that all wait for one promise. @param {number} count */
async function waitingTasks(count) {
  const pool = await openContender("caraway");
  for (let i = 0; i < 1_000; i++) await pool.run("echo", i);
  /** @type {(value: string) => void} */
  let open = () => undefined;
  const gate = new Promise((resolve) => (open = resolve));
  const { sample, kept } = await weigh(count, () => pool.run("echo", gate), true);
  open("open");
  for (const value of await Promise.all(kept)) if (value !== "open") throw new Error("a task answered something else");
  await pool.close();
  return sample;
}

/** Calls queued in a pool, seen before the event loop turns. @param {string} contender @param {number} count */
async function queuedCalls(contender, count) {
  const pool = await openContender(contender);
  for (let i = 0; i < 1_000; i++) await pool.run("echo", i);
  const { sample, kept } = await weigh(count, (i) => pool.run("echo", i), false);
  await Promise.all(kept);
  await pool.close();
  return sample;
}

/** @param {{ contender: string, variant: string, count: number }} c @returns {Promise<{ [metric: string]: number }>} */
async function measure({ contender, count }) {
  if (contender === "caraway") return waitingTasks(count);
  if (contender === "bare promise") {
    const gate = new Promise(() => undefined);
    return (await weigh(count, (i) => gate.then(() => i), true)).sample;
  }
  if (contender === "xstate actors") {
    const { startTaskActor } = await import("./task-actor.mjs");
    return (await weigh(count, startTaskActor, true)).sample;
  }
  if (contenders[contender] === undefined) throw new Error(`no contender is called ${contender}`);
  return queuedCalls(contender, count);
}

await runFigure({
  name: "memory",
  title: "Bytes per waiting task",
  metrics: [
    { key: "heap", label: "heap B/task", better: "lower" },
    { key: "external", label: "outside the heap B/task", better: "lower", ratio: false },
  ],
  rounds: 3,
  limits: ["bare promise"],
  execArgv: ["--expose-gc"],
  cases(quick) {
    const count = quick ? 20_000 : 100_000;
    const runners = ["caraway", "piscina", "piscina c10", "poolifier", "tinypool", "xstate actors", "bare promise"];
    return runners.map((contender) => ({ contender, variant: `${String(count / 1000)}k tasks`, count }));
  },
  measure,
  notes: ["caraway: all wait for one promise, futures kept. Pools: calls queued, promises kept (poolifier has sent its messages by then, and they are not in the heap). Actors: started, waiting."],
});
