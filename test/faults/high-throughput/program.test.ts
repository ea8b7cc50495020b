import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { app, DataFlowKernel } from "#internal/index";
import { Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { executorOf, handlesOpen, leaseMs, nothingLeft, processesOf, timed } from "./cluster.js";

const program = fileURLToPath(new URL("../fixtures/cluster-program.mjs", import.meta.url));
const idleProgram = fileURLToPath(new URL("../fixtures/idle-cluster.mjs", import.meta.url));
const square = app((x: number) => x * x);

/** A program with managers, in whose directory all processes of it are found. */
async function started(lease: number, path = program) {
  const directory = mkdtempSync(join(tmpdir(), "caraway-faults-"));
  mkdirSync(join(directory, "tmp"));
  const latch = new Latch();
  const child = spawn(process.execPath, [path, join(directory, "runs"), latch.name, String(lease)], { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, TMPDIR: join(directory, "tmp") } });
  onTestFinished(() => {
    child.kill("SIGKILL");
    latch.close();
    rmSync(directory, { recursive: true, force: true });
  });
  await latch.arrived();
  if (path === program) await until("its command runs", () => commands(directory).length >= 2, 10_000);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { directory, kill };
}

const commands = (directory: string) => processesOf(directory).filter(({ argv }) => argv[0] === "sleep" && argv[1] === "100000");

test("F3, R4: a program that is killed takes its managers, workers and commands with it, within the lease", async () => {
  const { directory, kill } = await started(leaseMs);
  expect(processesOf(directory).length).toBeGreaterThan(8);
  await kill();
  await timed(`no command of a killed program is left (lease ${leaseMs} ms)`, leaseMs + 2000, async () => until("its commands have ended", () => commands(directory).length === 0, 10_000));
  await timed(`no process of a killed program is left (lease ${leaseMs} ms, 500 ms of grace)`, leaseMs + 4000, async () => until("all have ended", () => processesOf(directory).length === 0, 10_000));
  expect(readdirSync(join(directory, "tmp"))).toEqual([]);
});

test("F3, R4: managers of a killed program that have nothing to tell end with the lease, however long results would be kept", async () => {
  const { directory, kill } = await started(leaseMs, idleProgram);
  expect(processesOf(directory).length).toBeGreaterThan(4);
  await kill();
  await timed(`no idle manager of a killed program is left (lease ${leaseMs} ms, 10 minutes of grace)`, leaseMs + 4000, async () => until("all have ended", () => processesOf(directory).length === 0, 10_000));
  expect(readdirSync(join(directory, "tmp"))).toEqual([]);
});

test("F3: the next start ends what a killed program has left, and takes its keys away", async () => {
  const { directory, kill } = await started(60_000);
  const before = processesOf(directory).map(({ pid }) => pid);
  await kill();
  expect(commands(directory).length).toBeGreaterThan(1);
  const handles = handlesOpen();
  const kernel = new DataFlowKernel({ runDir: join(directory, "runs"), executors: [executorOf({}, directory)] });
  await timed("the next start has ended what a killed program had left", 15_000, async () => {
    await kernel.start();
    await until("all have ended", () => processesOf(directory).every(({ pid }) => !before.includes(pid)), 10_000);
  });
  expect(await square.on(kernel)(3)).toBe(9);
  await kernel.close();
  await nothingLeft(directory, handles);
});
