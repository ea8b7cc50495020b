/**
 * The high-throughput executor for a long time, while its workers, managers, jobs and interchanges are killed and frozen at random:
 * `npm run soak:high-throughput -- [--minutes 10] [--tasks 50000] [--seed N] [--record FILE] [--network]`. Every result is compared, every
 * rule checked, memory measured, and nothing may be left. `caraway verify FILE` checks what `--record FILE` has written once more. With `--network` nobody is killed: all goes through a proxy with 5 % loss and
 * 200 ms of jitter, and no manager may be lost.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { app, bashApp, DataFlowKernel, sh } from "#internal/index";
import { attachChecker } from "#internal/testing/attach-checker";
import { startFaultProxy } from "#internal/testing/fault-proxy";
import { recordTransitions } from "#internal/testing/recording";
import { executorOf, freePort, handlesOpen, label, nothingLeft, whenSet } from "../faults/high-throughput/cluster.js";
import { Memory, Spread, tableHead } from "./soak-figures.js";
import { Harms } from "./soak-harm.js";

const { values: flags } = parseArgs({ options: { minutes: { type: "string", default: "10" }, tasks: { type: "string" }, seed: { type: "string" }, record: { type: "string" }, network: { type: "boolean", default: false } } });
const minutes = Number(flags.minutes);
/** The network that is made here brings some forty a second. */
const wanted = Number(flags.tasks ?? (flags.network ? Math.ceil(minutes * 1200) : 50_000));
const seed = flags.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(flags.seed);
/** Tasks that are open at once, at most. */
const most = 500;
/** What the checker itself keeps of each task (that it was done), and some noise; bytes. */
const allowedPerTask = 256;
/** So many ended tasks the checker remembers. */
const remember = 2000;
const blocks = 3;
const workersPerBlock = 2;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const square = app((x: number) => x * x);
const pause = app(async (x: number, ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return x + 1;
});
const large = app((text: string) => text.length);
const command = bashApp((x: number) => sh`test $((${x} * 2)) -eq ${x * 2}`);

/** Calls one of the apps; resolves with what is wrong with its result, or nothing. */
function call(kernel: DataFlowKernel, i: number): Promise<string | undefined> {
  const options = { retries: { app: 0, lost: 50 } };
  const [what, future, expected] = i % 50 === 0 ? ["command", command.with(options).on(kernel)(i), 0] as const : i % 10 === 0 ? ["large", large.with(options).on(kernel)("x".repeat(i % 20_000)), i % 20_000] as const : i % 3 === 0 ? ["pause", pause.with(options).on(kernel)(i, i % 40), i + 1] as const : ["square", square.with(options).on(kernel)(i), i * i] as const;
  return Promise.resolve(future).then(
    (value: unknown) => (value === expected ? undefined : `${what} ${i} gave ${String(value)} instead of ${expected}`),
    (error: unknown) => `${what} ${i} failed: ${(error as Error).message}`,
  );
}

async function main(): Promise<number> {
  say(`soak: ${minutes} minutes, ${wanted} tasks, seed ${seed}${flags.network ? ", through loss and jitter" : ""}`);
  const directory = mkdtempSync(join(tmpdir(), "caraway-soak-"));
  mkdirSync(join(directory, "tmp"));
  const handles = handlesOpen();
  const port = await freePort();
  const proxy = flags.network ? await startFaultProxy({ target: { host: "127.0.0.1", port }, seed }) : undefined;
  const launcher = proxy === undefined ? undefined : `${whenSet}sed -i 's/127\\.0\\.0\\.1:${port}/${proxy.address}/' "$setup"\nexec "$@"`;
  const kernel = new DataFlowKernel({
    runDir: join(directory, "runs"),
    strategyPeriod: 500,
    retain: 100,
    executors: [executorOf({ workerPort: port, isolation: "process", maxWorkersPerNode: workersPerBlock, ...(launcher === undefined ? {} : { launcher, heartbeatThreshold: "4s" }), provider: { initBlocks: blocks, minBlocks: blocks, maxBlocks: blocks } }, directory)],
  });
  const recording = flags.record === undefined ? undefined : recordTransitions(kernel, flags.record);
  const attached = attachChecker(kernel, { remember });
  await kernel.start();
  if (proxy !== undefined) proxy.faults = { jitter: 200, loss: 0.05 };
  const problems = await run(kernel, directory, proxy === undefined);
  const lost = kernel.executors.get(label)?.lost;
  await kernel.close({ mode: "cancel", timeout: 30_000 });
  attached.detach();
  recording?.end();
  await proxy?.close();
  try {
    attached.assert("end");
  } catch (error) {
    problems.push((error as Error).message.slice(0, 4000));
  }
  await nothingLeft(directory, handles).catch((error: unknown) => problems.push((error as Error).message));
  if (proxy !== undefined && lost !== 0) problems.push(`${lost} attempts were lost, and nobody was killed`);
  rmSync(directory, { recursive: true, force: true });
  for (const problem of problems.slice(0, 20)) say(`WRONG: ${problem}`);
  say(problems.length === 0 ? "all is well" : `${problems.length} problems; seed ${seed}`);
  return problems.length === 0 ? 0 : 1;
}

async function run(kernel: DataFlowKernel, directory: string, harmful: boolean): Promise<string[]> {
  const problems: string[] = [];
  const latencies = new Spread();
  const memory = new Memory();
  const harms = new Harms(kernel, directory, seed, blocks * workersPerBlock);
  const began = performance.now();
  const length = minutes * 60_000;
  let [made, done] = [0, 0];
  let [nextHarm, nextLook, nextWord] = [3000, 0, 10_000];
  while (made < wanted || done < made) {
    const elapsed = performance.now() - began;
    // Spread over the whole time; what is due and has no room waits.
    for (const due = Math.min(wanted, Math.ceil((wanted * elapsed) / length)); made < due && made - done < most; made++) {
      const from = performance.now();
      void call(kernel, made).then((problem) => {
        done++;
        latencies.add(performance.now() - from);
        if (problem !== undefined) problems.push(problem);
      });
    }
    if (harmful && elapsed > nextHarm && made < wanted) {
      nextHarm = elapsed + harms.pause();
      await harms.strike();
    }
    harms.look();
    if (elapsed > nextLook) {
      nextLook = elapsed + 2000;
      memory.sample(done);
    }
    if (elapsed > nextWord) {
      nextWord = elapsed + 10_000;
      say(`${Math.round(elapsed / 1000)} s: ${done} of ${made} done, ${JSON.stringify(harms.done)}, ${JSON.stringify(kernel.executors.get(label))}`);
    }
    if (elapsed > length * 2 + 60_000) {
      problems.push(`${made - done} tasks are not done long after their time: ${JSON.stringify(kernel.tree().filter(({ path }) => !path.includes("attempt")).slice(0, 60))}`);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  harms.end();
  say(`${done} tasks in ${Math.round((performance.now() - began) / 1000)} s; from call to result: ${latencies.describe()}`);
  say(JSON.stringify(harms.done));
  say(harmful ? harms.table() : `${tableHead}\n${latencies.row("from call to result, through loss and jitter")}`);
  say(`memory: ${memory.describe()}`);
  // What is remembered has to be full before it can be seen what grows.
  if (done > 4 * remember && memory.perTask > allowedPerTask) problems.push(`memory grows: ${memory.perTask.toFixed(0)} bytes for each task`);
  return problems;
}

process.exitCode = await main();
