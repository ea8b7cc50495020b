// A map of 10k summed in groups of ten (11,111 tasks), and in one group (10,001 tasks).
import { openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { tree } from "./workloads.mjs";

const runners = ["caraway", "piscina", "piscina c10", "poolifier", "tinypool", "raw batched"];
const shapes = [
  { variant: "tree, 10k by 10", leaves: 10_000, width: 10 },
  { variant: "fan-in, 10k into 1", leaves: 10_000, width: 10_000 },
];

await runFigure({
  name: "tree",
  title: "Tree and fan-in, 2 threads",
  metrics: [{ key: "tasksPerSecond", label: "tasks/s", better: "higher" }],
  cases: () => shapes.flatMap((shape) => runners.map((contender) => ({ contender, ...shape }))),
  async measure({ contender, leaves, width }) {
    const pool = await openContender(contender);
    await tree(pool, 2_000, Math.min(width, 2_000));
    const start = performance.now();
    const tasks = await tree(pool, leaves, width);
    const seconds = (performance.now() - start) / 1000;
    await pool.close();
    return { tasksPerSecond: tasks / seconds };
  },
  notes: ["caraway: futures as arguments; the others: Promise.all, then the call."],
});
