// How much of the time 256 workers that sleep are asleep: 5,000 sleeps of each length, against what they would take without anybody to give them out.
import { Worker } from "node:worker_threads";
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";

const lanes = 256;
const count = 5_000;
const bare = "bare threads";
/** With one task that waits at each worker. */
const ahead = "bare threads, one ahead";

/** @typedef {{ contender: string, variant: string, ms: number }} Case */
/** @typedef {{ sleepAll: (count: number, ms: number) => Promise<unknown>, close: () => Promise<unknown> }} Sleepers */

/** A manager of 256 workers, or a pool of as many threads. @param {string} contender @returns {Promise<Sleepers>} */
async function open(contender) {
  const { app, highThroughput, load, local, threadPool } = await importCaraway(["app", "highThroughput", "load", "local", "threadPool"]);
  const executor = contender === "thread pool" ? threadPool({ maxThreads: lanes }) : highThroughput({ maxWorkersPerNode: lanes, coresPerWorker: 1 / lanes, prefetchCapacity: 2 * lanes, provider: local() });
  const kernel = await load({ executors: [executor] });
  const sleep = app((/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  return { sleepAll: (count, ms) => Promise.all(Array.from({ length: count }, () => sleep(ms))), close: () => kernel.close() };
}

/** The limit: each worker is posted the next sleep when it has answered. @param {number} window @returns {Promise<Sleepers>} */
async function openBare(window) {
  const workers = Array.from({ length: lanes }, () => new Worker(new URL("./workers/raw-sleeper.mjs", import.meta.url)));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("online", resolve))));
  let [left, unsent, ms] = [0, 0, 0];
  /** @type {(value?: unknown) => void} */
  let done = () => undefined;
  /** @param {Worker} worker */
  const give = (worker) => {
    if (unsent-- > 0) worker.postMessage(ms);
  };
  for (const worker of workers) {
    worker.on("message", () => {
      give(worker);
      if (--left === 0) done();
    });
  }
  return {
    sleepAll: (count, length) =>
      new Promise((resolve) => {
        [left, unsent, ms, done] = [count, count, length, resolve];
        for (let i = 0; i < window; i++) for (const worker of workers) give(worker);
      }),
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}

await runFigure({
  name: "sleeps",
  title: `Efficiency of ${String(count)} sleeps over ${String(lanes)} sleeping workers, of one manager`,
  metrics: [{ key: "efficiency", label: "% of the ideal", better: "higher" }],
  rounds: 3,
  limits: [bare, ahead],
  /** @returns {Case[]} */
  cases: () => ["high throughput", "thread pool", bare, ahead].flatMap((contender) => [10, 100, 1000].map((ms) => ({ contender, variant: `${String(ms)} ms`, ms }))),
  async measure({ contender, ms }) {
    const sleepers = await (contender === bare ? openBare(1) : contender === ahead ? openBare(2) : open(contender));
    // All threads are there, and have run their code some times.
    await sleepers.sleepAll(lanes * 4, 200);
    await sleepers.sleepAll(count, 10);
    const began = performance.now();
    await sleepers.sleepAll(count, ms);
    const took = performance.now() - began;
    await sleepers.close();
    return { efficiency: (100 * Math.ceil(count / lanes) * ms) / took };
  },
  notes: ["The ideal: 20 sleeps one after the other. Bare threads are given each sleep by postMessage when they have answered the one before, or one earlier."],
});
