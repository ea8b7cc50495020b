// No-op tasks through an interchange and managers, encryption on, beside the thread pool of the same run; with `--link nats`, beside links through a NATS server.
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { isNatsAsked, natsServer } from "./nats-server.mjs";
import { measureParsl } from "./parsl.mjs";
import { median, quantile } from "./statistics.mjs";

/** @typedef {{ contender: string, variant: string, what: "rate" | "latency" | "bytes", workers: number, managers: number, count: number, repeats: number, bytes?: number }} Case */

const parsl = "Parsl HTEX";
const overNats = "through NATS";
/** Tasks before the clock starts: after so many, the rate has levelled off (it rises by a quarter from 60k on). */
const warmUp = 200_000;
/** Tasks one at a time before the clock starts, for the same reason. */
const oneByOne = 5_000;

/** @param {Case} c */
async function open({ contender, workers, managers }) {
  const { highThroughput, load, local, nats, simple, threadPool } = await importCaraway(["highThroughput", "load", "local", "nats", "simple", "threadPool"]);
  const block = local({ nodesPerBlock: managers, launcher: simple() });
  return await load({ executors: [contender === "thread pool" ? threadPool({ maxThreads: workers * managers }) : highThroughput({ maxWorkersPerNode: workers, provider: block, ...(contender === overNats ? { link: nats({ servers: await natsServer() }) } : {}) })] });
}

/** @param {(i: number) => PromiseLike<unknown>} call @param {number} count */
const flood = (call, count) => Promise.all(Array.from({ length: count }, (_, i) => call(i)));

/** @param {Case} c @returns {Promise<Record<string, number>>} */
async function measure(c) {
  if (c.contender === parsl) return await measureParsl({ ...c, repeats: 1 });
  const kernel = await open(c);
  const { app } = await importCaraway(["app"]);
  const echo = app((/** @type {unknown} */ x) => x);
  const size = app((/** @type {Uint8Array} */ x) => x.byteLength);
  try {
    for (let i = 0; i < (c.what === "rate" ? warmUp : 5_000); i += 5_000) await flood(echo, 5_000);
    if (c.what === "rate") {
      const rates = [];
      for (let i = 0; i < c.repeats; i++) {
        const began = performance.now();
        await flood(echo, c.count);
        rates.push((c.count / (performance.now() - began)) * 1000);
      }
      return { tasksPerSecond: median(rates) };
    }
    // One at a time is another way through the code than many at once.
    const load = new Uint8Array(c.bytes ?? 0);
    for (let i = 0; i < (c.what === "latency" ? oneByOne : c.count); i++) await (c.what === "bytes" ? size(load) : echo(i));
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
  const own = ["high throughput", "thread pool", ...(isNatsAsked() ? [overNats] : [])];
  const all = [...own, parsl];
  /** @param {string[]} who @param {string} variant @param {number} managers @param {number} workers @param {number} count @param {number} repeats @returns {Case[]} */
  const rate = (who, variant, managers, workers, count, repeats) => who.map((contender) => ({ contender, variant, what: "rate", workers, managers, count, repeats }));
  /** @param {string[]} who @param {string} variant @param {Pick<Case, "what" | "bytes">} what @param {number} count @returns {Case[]} */
  const time = (who, variant, what, count) => who.map((contender) => ({ contender, variant, workers: 1, managers: 1, count: quick ? Math.ceil(count / 4) : count, repeats: 1, ...what }));
  return [
    ...rate(all, "10k no-op, 1 × 1", 1, 1, 10_000, 5),
    ...rate(all, "10k no-op, 1 × 2", 1, 2, 10_000, 5),
    ...rate(own, "10k no-op, 2 × 1", 2, 1, 10_000, 5),
    ...rate(own, "100k no-op, 1 × 2", 1, 2, 100_000, 1),
    ...time(all, "one at a time", { what: "latency" }, 4_000),
    ...time(own, "1 KiB", { what: "bytes", bytes: 1024 }, 2_000),
    ...time(own, "1 MiB", { what: "bytes", bytes: 2 ** 20 }, 100),
    ...time(own, "16 MiB", { what: "bytes", bytes: 16 * 2 ** 20 }, 20),
  ];
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
  notes: ["After a warm-up of 200k tasks (Parsl: 3k), and 5k one at a time before what is measured so (large arguments: as many as are measured); 10k is the median of 5 repetitions in one process (Parsl: 1). Parsl: no logs, prefetch 20, without encryption; measured where CARAWAY_BENCH_PARSL names a checkout of it."],
});
