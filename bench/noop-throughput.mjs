// No-op tasks per second on two threads, submitted at once and with bounded pending.
import { contenders, openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { median } from "./statistics.mjs";
import { bounded, flood } from "./workloads.mjs";

/** @typedef {{ contender: string, variant: string, count: number, repeats: number, window?: number }} Case */

const columns = [
  { variant: "1k", count: 1_000, repeats: 10 },
  { variant: "10k", count: 10_000, repeats: 5 },
  { variant: "100k", count: 100_000, repeats: 1 },
  { variant: "100k, ≤256 pending", count: 100_000, repeats: 1, window: 256 },
  { variant: "1M", count: 1_000_000, repeats: 1 },
  { variant: "1M, ≤10k pending", count: 1_000_000, repeats: 1, window: 10_000 },
];
const runners = ["caraway", "piscina", "piscina c10", "poolifier", "tinypool", "xstate actors", "raw batched"];
/** Tasks before the clock starts: after so many, every contender's rate has levelled off. */
const warmUp = 40_000;
const slow = new Set(["tinypool", "xstate actors"]);

/** Pools and actors stop at 100k: a million of theirs takes a minute a round and says nothing new. @param {string} name @param {boolean} quick */
function largest(name, quick) {
  if (["self", "limit"].includes(contenders[name]?.kind ?? "")) return 1_000_000;
  return quick && slow.has(name) ? 10_000 : 100_000;
}

/** @param {boolean} quick @returns {Case[]} */
function cases(quick) {
  const chosen = quick ? columns.filter(({ count, window }) => count <= 100_000 && window === undefined) : columns;
  return chosen.flatMap((column) => runners.filter((name) => column.count <= largest(name, quick)).map((contender) => ({ contender, ...column })));
}

/** @param {Case} c */
async function measure({ contender, count, repeats, window }) {
  const pool = await openContender(contender, window === undefined ? {} : { maxPending: window });
  const once = window === undefined ? (/** @type {number} */ n) => flood(pool, n) : (/** @type {number} */ n) => bounded(pool, n, window);
  for (let i = 0; i < warmUp / 2_000; i++) await once(2_000);
  const rates = [];
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    await once(count);
    rates.push(count / ((performance.now() - start) / 1000));
  }
  await pool.close();
  return { tasksPerSecond: median(rates) };
}

await runFigure({
  name: "noop-throughput",
  title: "No-op throughput, 2 threads",
  metrics: [{ key: "tasksPerSecond", label: "tasks/s", better: "higher" }],
  cases,
  measure,
  notes: ["After a warm-up of 40k tasks; 1k and 10k are medians of 10 and 5 repetitions in one process. Pools and actors stop at 100k."],
});
