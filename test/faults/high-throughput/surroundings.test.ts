import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { app, DataFlowKernel, type CarawayError } from "#internal/index";
import { Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { executorOf, leaseMs, processesOf, tells, timed, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);
const some = [3, 4, 5];
const squares = [9, 16, 25];
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

function workDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "caraway-faults-"));
  mkdirSync(join(directory, "tmp"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("F18: a wall clock that jumps by days, in the program, its managers and its workers, expires no lease, no walltime and no block", async () => {
  const directory = workDirectory();
  const clock = join(directory, "clock");
  const env = { ...process.env, TMPDIR: join(directory, "tmp"), CARAWAY_TEST_CLOCK: clock, NODE_OPTIONS: `--import ${fixture("jumping-clock.mjs")}` };
  const { stdout } = await timed("a program whose clock jumps three times is done", 60_000, () => promisify(execFile)(process.execPath, [fixture("clock-program.mjs"), join(directory, "runs"), clock, String(leaseMs)], { env }));
  expect(JSON.parse(stdout)).toEqual({ right: 3, attempts: 0, jumped: 3, lost: 0 });
  await until("nothing of it is left", () => processesOf(directory).length === 0);
  expect(readdirSync(join(directory, "tmp"))).toEqual([]);
});

test("F40: of several addresses the first that can be reached is taken, whatever the others are", async () => {
  await withCluster({ address: ["no-such-host.invalid", "::1", "127.0.0.1"] }, async ({ kernel, manned }) => {
    await timed("a manager has found its way past a name that is not known", 15_000, () => manned());
    expect(await Promise.all(some.map((x) => square.on(kernel)(x)))).toEqual(squares);
  });
});

test("F40: an address that nobody knows fails the start, by its name", async () => {
  const error = await withCluster({ address: "no-such-host.invalid" }, () => Promise.resolve()).then(() => undefined, (reason: unknown) => reason);
  tells(error, "no-such-host.invalid", "cluster");
});

test("F40: names of which none can be reached are told of with what each did", async () => {
  const options = { address: ["no-such-host.invalid", "also-not.invalid"], registrationTimeout: 2500, heartbeatThreshold: 600, lostGrace: 100, config: { strategy: "none" as const } };
  const error = await withCluster(options, async ({ kernel }) => {
    await square.on(kernel)(3);
  }).then(() => undefined, (reason: unknown) => reason);
  tells(error as CarawayError, "no-such-host.invalid", "also-not.invalid", "block-1");
});

/** A program with managers, a function and a command that do not end. */
async function started(directory: string) {
  const latch = new Latch();
  const child = spawn(process.execPath, [fixture("cluster-program.mjs"), join(directory, "runs"), latch.name, String(leaseMs)], { detached: true, stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, TMPDIR: join(directory, "tmp") } });
  onTestFinished(() => {
    child.kill("SIGKILL");
    latch.close();
  });
  await latch.arrived();
  return child;
}

test.for(["SIGINT", "SIGTERM", "SIGHUP"] as const)("F39: %s to a program and all of its process group ends it as it would any program; nothing of it is left after the lease", async (signal) => {
  const directory = workDirectory();
  const child = await started(directory);
  const ended = once(child, "exit");
  process.kill(-(child.pid ?? 0), signal);
  expect(await ended).toEqual([null, signal]);
  await timed(`no process of a program that got ${signal} is left (lease ${leaseMs} ms, 500 ms of grace)`, leaseMs + 8000, async () => until("all have ended", () => processesOf(directory).length === 0, 12_000));
  expect(readdirSync(join(directory, "tmp"))).toEqual([]);
});

test("F44: two programs in one run directory have each their own, and the second takes nothing of the first for left behind", async () => {
  const directory = workDirectory();
  const child = await started(directory);
  const before = processesOf(directory).filter(({ argv }) => argv.some((word) => word.endsWith("manager-main.js"))).map(({ pid }) => pid);
  expect(before.length).toBeGreaterThan(0);
  const kernel = new DataFlowKernel({ runDir: join(directory, "runs"), executors: [executorOf({}, directory)] });
  await kernel.start();
  expect(await Promise.all(some.map((x) => square.on(kernel)(x)))).toEqual(squares);
  await kernel.close();
  const after = processesOf(directory).map(({ pid }) => pid);
  expect(before.every((pid) => after.includes(pid))).toBe(true);
  expect(readdirSync(join(directory, "runs")).sort()).toEqual(["000", "001"]);
  child.kill("SIGKILL");
  await until("all of the first have ended", () => processesOf(directory).length === 0, leaseMs + 12_000);
});
