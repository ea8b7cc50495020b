// A program with one victim, to be killed: argv[2] is the isolation, argv[3] the victim's name, argv[4] a mark. Says "begun" when the victim has.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { app, DataFlowKernel, threadPool } from "caraway";
import { victims } from "./victims.mjs";

const [isolation, name, mark] = process.argv.slice(2);
const victim = victims.find((one) => one.name === name);
const kernel = await new DataFlowKernel({ executors: [threadPool({ maxThreads: 2, isolation, resourceLimits: { maxOldGenerationSizeMb: 48 } })] }).start();
const double = app((x) => x * 2).on(kernel);
await double(21);
await app(async () => (await import("caraway/task")).task.id).on(kernel)();
if (victim.needsLimit) limitMemory(isolation === "process" ? poolProcess() : process.pid, 200);
const future = victim.app.on(kernel)(mark);
future.then(
  () => console.log("ended", future.state),
  (error) => console.log("ended", error.name),
);
if (!victim.bash) await new Promise((resolve) => future.reports$.subscribe({ next: resolve, complete: resolve }));
while (victim.processes && !processes().some((environ) => environ.includes(`MARK=${mark}`))) await delay(10);
console.log("begun");
setInterval(() => undefined, 1000);

/** Lets a process have so much memory beyond what it has. */
function limitMemory(pid, moreMb) {
  const kb = Number(/VmSize:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
  spawnSync("prlimit", ["--pid", String(pid), `--as=${(kb + moreMb * 1024) * 1024}`]);
}

function poolProcess() {
  return readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && textOf(`/proc/${pid}/status`).includes(`PPid:\t${process.pid}\n`) && textOf(`/proc/${pid}/cmdline`).includes("process-main"));
}

function processes() {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).map((pid) => textOf(`/proc/${pid}/environ`));
}

function textOf(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it has ended
  }
}
