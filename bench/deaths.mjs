// How soon the program knows that what ran a task has died or stands still: from the signal until the task leaves its attempt.
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { median } from "./statistics.mjs";

/** @typedef {{ contender: string, variant: string, signal: NodeJS.Signals, isolation: "thread" | "process", repeats: number }} Case */

/** The lease of these runs. */
const lease = "1500ms";

await runFigure({
  name: "deaths",
  title: `Deaths noticed, of managers and of worker processes (lease ${lease})`,
  metrics: [
    { key: "median", label: "ms", better: "lower" },
    { key: "most", label: "most, ms", better: "lower" },
  ],
  rounds: 3,
  /** @returns {Case[]} */
  cases: (quick) => {
    const contender = "high throughput";
    const repeats = quick ? 5 : 20;
    return [
      { contender, variant: "worker killed", signal: "SIGKILL", isolation: "process", repeats },
      { contender, variant: "worker stopped", signal: "SIGSTOP", isolation: "process", repeats: Math.ceil(repeats / 4) },
      { contender, variant: "manager killed", signal: "SIGKILL", isolation: "thread", repeats },
      { contender, variant: "manager stopped", signal: "SIGSTOP", isolation: "thread", repeats: Math.ceil(repeats / 4) },
    ];
  },
  async measure({ signal, isolation, repeats }) {
    const { app, highThroughput, load, local } = await importCaraway(["app", "highThroughput", "load", "local"]);
    const executor = highThroughput({ isolation, maxWorkersPerNode: 1, heartbeatPeriod: "250ms", heartbeatThreshold: lease, provider: local({ initBlocks: 2, maxBlocks: 2, statusInterval: "100ms" }) });
    const kernel = await load({ executors: [executor], retries: { app: 0, lost: 1 } });
    // Waits in its first attempt alone.
    const wait = app(async () => {
      const { task } = await import("caraway/task");
      task.report(process.pid);
      return task.attempt === 1 ? await new Promise(() => undefined) : undefined;
    });
    const took = [];
    for (let i = 0; i < repeats; i++) {
      const future = wait();
      const pid = await new Promise((resolve) => future.reports$.subscribe(resolve));
      const left = new Promise((resolve) => future.states$.subscribe((state) => state !== "running" && state !== "dispatched" && resolve(undefined)));
      const began = performance.now();
      process.kill(Number(pid), signal);
      await left;
      took.push(performance.now() - began);
      if (signal === "SIGSTOP") endStopped(Number(pid));
      await future;
    }
    await kernel.close();
    return { median: median(took), most: Math.max(...took) };
  },
});

/** A worker's process is killed by its pool; a manager may be still there. @param {number} pid */
function endStopped(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}
