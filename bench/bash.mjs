// Shell commands per second: a bash app that runs `:`, beside xargs and bare child processes.
import { spawn } from "node:child_process";
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { lanes } from "./workloads.mjs";

/** @param {string} command @param {string[]} args */
const run = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "ignore" });
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(code) : reject(new Error(`${command} ended with ${String(code)}`))));
  });

/** @type {Record<string, (count: number) => Promise<unknown>>} */
const others = {
  "xargs -P2": (count) => run("/bin/bash", ["-c", `seq ${String(count)} | xargs -P2 -n1 bash -c ':'`]),
  "child_process, 2 at once": (count) => lanes(count, 2, () => run("/bin/bash", ["-c", ":"])),
};

/** @param {string} contender */
async function open(contender) {
  const other = others[contender];
  if (other !== undefined) return { work: other, close: async () => undefined };
  const { bashApp, load, threadPool } = await importCaraway(["bashApp", "load", "threadPool"]);
  const kernel = await load({ executors: [threadPool({ maxThreads: 2 })] });
  const nothing = bashApp(() => ":");
  return {
    work: (/** @type {number} */ count) => Promise.all(Array.from({ length: count }, () => nothing())),
    close: async () => void (await kernel.close()),
  };
}

await runFigure({
  name: "bash",
  title: "Shell commands, 2 at once",
  metrics: [{ key: "tasksPerSecond", label: "commands/s", better: "higher" }],
  limits: Object.keys(others),
  cases: (quick) => ["caraway", ...Object.keys(others)].map((contender) => ({ contender, variant: "`:`", count: quick ? 200 : 1_000 })),
  async measure({ contender, count }) {
    const { work, close } = await open(contender);
    await work(20);
    const start = performance.now();
    await work(count);
    const seconds = (performance.now() - start) / 1000;
    await close();
    return { tasksPerSecond: count / seconds };
  },
});
