// No-op tasks through an interchange and managers, encryption on, beside the thread pool of the same run.
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { quantile } from "./statistics.mjs";

/** @typedef {{ contender: string, variant: string, what: "rate" | "latency" | "bytes", workers: number, managers: number, count: number, bytes?: number }} Case */

/** @param {Case} c */
async function open({ contender, workers, managers }) {
  const { highThroughput, load, local, simple, threadPool } = await importCaraway(["highThroughput", "load", "local", "simple", "threadPool"]);
  const block = local({ nodesPerBlock: managers, launcher: simple() });
  return await load({ executors: [contender === "thread pool" ? threadPool({ maxThreads: workers * managers }) : highThroughput({ maxWorkersPerNode: workers, provider: block })] });
}

/** @param {(i: number) => PromiseLike<unknown>} call @param {number} count */
const flood = (call, count) => Promise.all(Array.from({ length: count }, (_, i) => call(i)));

/** @param {Case} c @returns {Promise<Record<string, number>>} */
async function measure(c) {
  const kernel = await open(c);
  const { app } = await importCaraway(["app"]);
  const echo = app((/** @type {unknown} */ x) => x);
  const size = app((/** @type {Uint8Array} */ x) => x.byteLength);
  try {
    await flood(echo, c.what === "rate" ? 100_000 : 5_000);
    if (c.what === "rate") {
      const began = performance.now();
      await flood(echo, c.count);
      return { tasksPerSecond: (c.count / (performance.now() - began)) * 1000 };
    }
    const load = new Uint8Array(c.bytes ?? 0);
    const microseconds = [];
    for (let i = 0; i < c.count; i++) {
      const began = performance.now();
      await (c.what === "bytes" ? size(load) : echo(i));
      microseconds.push((performance.now() - began) * 1000);
    }
    return { p50: quantile(microseconds, 0.5), p99: quantile(microseconds, 0.99) };
  } finally {
    await kernel.close();
  }
}

/** @param {boolean} quick @returns {Case[]} */
function cases(quick) {
  const count = quick ? 50_000 : 100_000;
  /** @type {Case[]} */
  const rates = ["high throughput", "thread pool"].flatMap((contender) => [
    { contender, variant: "no-op, 1 × 1", what: "rate", workers: 1, managers: 1, count },
    { contender, variant: "no-op, 1 × 2", what: "rate", workers: 2, managers: 1, count },
    { contender, variant: "no-op, 2 × 1", what: "rate", workers: 1, managers: 2, count },
  ]);
  /** @type {Case[]} */
  const times = ["high throughput", "thread pool"].flatMap((contender) => [
    { contender, variant: "one at a time", what: "latency", workers: 1, managers: 1, count: quick ? 1_000 : 5_000 },
    { contender, variant: "1 KiB", what: "bytes", workers: 1, managers: 1, count: quick ? 500 : 2_000, bytes: 1024 },
    { contender, variant: "1 MiB", what: "bytes", workers: 1, managers: 1, count: quick ? 30 : 100, bytes: 2 ** 20 },
    { contender, variant: "16 MiB", what: "bytes", workers: 1, managers: 1, count: quick ? 5 : 15, bytes: 16 * 2 ** 20 },
  ]);
  return [...rates, ...times];
}

await runFigure({
  name: "high-throughput",
  title: "Managers behind an interchange (managers × workers of each), beside threads of the same process",
  metrics: [
    { key: "tasksPerSecond", label: "tasks/s", better: "higher" },
    { key: "p50", label: "p50 µs", better: "lower" },
    { key: "p99", label: "p99 µs", better: "lower" },
  ],
  cases,
  measure,
});
