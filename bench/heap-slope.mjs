// A million tasks through one kernel: what stays behind in the heap.
import { openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { slope } from "./statistics.mjs";
import { bounded } from "./workloads.mjs";

const maxPending = 1_000;

function heapUsed() {
  if (globalThis.gc === undefined) throw new Error("this figure needs --expose-gc");
  for (let i = 0; i < 3; i++) void globalThis.gc();
  return process.memoryUsage().heapUsed;
}

await runFigure({
  name: "heap-slope",
  title: "Heap over many tasks through one kernel",
  metrics: [
    { key: "bytesPerTask", label: "slope B/task", better: "lower", ratio: false },
    { key: "first", label: "heap at the first point MiB", better: "lower", ratio: false },
    { key: "last", label: "heap at the end MiB", better: "lower", ratio: false },
  ],
  rounds: 3,
  execArgv: ["--expose-gc"],
  cases: (quick) => ["caraway", "caraway on a manager", "raw batched"].map((contender) => ({ contender, variant: quick ? "200k tasks" : "1M tasks", step: quick ? 20_000 : 100_000 })),
  async measure({ contender, step }) {
    const pool = await openContender(contender, { maxPending });
    /** @type {[number, number][]} */
    const points = [];
    for (let done = step; done <= 10 * step; done += step) {
      await bounded(pool, step, maxPending);
      await pool.settled?.();
      points.push([done, heapUsed()]);
    }
    await pool.close();
    const mebibytes = points.map(([, bytes]) => bytes / 2 ** 20);
    return { bytesPerTask: slope(points), first: mebibytes[0] ?? Number.NaN, last: mebibytes.at(-1) ?? Number.NaN };
  },
  notes: ["Least squares over ten points after gc(); the first is taken when the finished tasks kept for inspection (`retain`) are full."],
});
