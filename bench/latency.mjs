// Sequential latency: submit one no-op, await it, submit the next.
import { openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { quantile } from "./statistics.mjs";
import { sequence } from "./workloads.mjs";

const runners = ["caraway", "piscina", "piscina c10", "poolifier", "tinypool", "raw round trip"];

await runFigure({
  name: "latency",
  title: "Sequential latency, one no-op at a time",
  metrics: [
    { key: "p50", label: "p50 µs", better: "lower" },
    { key: "p99", label: "p99 µs", better: "lower" },
  ],
  rounds: 7,
  cases: (quick) => runners.map((contender) => ({ contender, variant: quick ? "2k tasks" : "10k tasks", count: quick ? 2_000 : 10_000 })),
  async measure({ contender, count }) {
    const pool = await openContender(contender);
    await sequence(pool, 2_000);
    const microseconds = await sequence(pool, count);
    await pool.close();
    return { p50: quantile(microseconds, 0.5), p99: quantile(microseconds, 0.99) };
  },
});
