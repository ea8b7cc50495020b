// A chain of dependent tasks: each takes the future of the one before it.
import { openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { chain } from "./workloads.mjs";

await runFigure({
  name: "chain",
  title: "A chain of dependent tasks",
  metrics: [{ key: "tasksPerSecond", label: "tasks/s", better: "higher" }],
  cases(quick) {
    const scale = quick ? 0.1 : 1;
    const own = { contender: "caraway", variant: "chain", length: 100_000 * scale };
    const others = ["piscina", "piscina c10", "poolifier", "tinypool", "raw round trip"];
    return [own, ...others.map((contender) => ({ contender, variant: "chain", length: 10_000 * scale }))];
  },
  async measure({ contender, length }) {
    const pool = await openContender(contender);
    await chain(pool, 1_000);
    const start = performance.now();
    await chain(pool, length);
    const seconds = (performance.now() - start) / 1000;
    await pool.close();
    return { tasksPerSecond: length / seconds };
  },
  notes: ["caraway: 100k tasks submitted at once, futures as arguments; the others know no dependencies: 10k, each awaited before the next."],
});
