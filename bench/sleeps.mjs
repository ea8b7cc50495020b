// How much of the time 256 workers that sleep are asleep: 5,000 sleeps of each length, against what they would take without anybody to give them out.
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";

const lanes = 256;

/** @typedef {{ contender: string, variant: string, count: number, ms: number }} Case */

await runFigure({
  name: "sleeps",
  title: "Efficiency of sleeps over 256 sleeping workers (16 managers of 16 that share one machine)",
  metrics: [{ key: "efficiency", label: "% of the ideal", better: "higher" }],
  rounds: 3,
  /** @returns {Case[]} */
  cases: (quick) => [10, 100, 1000].map((ms) => ({ contender: "high throughput", variant: `${String(ms)} ms`, ms, count: quick ? 1024 : 5_000 })),
  async measure({ count, ms }) {
    const { app, highThroughput, load, local, simple } = await importCaraway(["app", "highThroughput", "load", "local", "simple"]);
    const kernel = await load({ executors: [highThroughput({ maxWorkersPerNode: 16, coresPerWorker: 0.01, provider: local({ nodesPerBlock: 16, launcher: simple() }) })] });
    const sleep = app((/** @type {number} */ length) => new Promise((resolve) => setTimeout(resolve, length)));
    await Promise.all(Array.from({ length: lanes * 4 }, () => sleep(200)));
    const began = performance.now();
    await Promise.all(Array.from({ length: count }, () => sleep(ms)));
    const took = performance.now() - began;
    await kernel.close();
    return { efficiency: (100 * Math.ceil(count / lanes) * ms) / took };
  },
});
