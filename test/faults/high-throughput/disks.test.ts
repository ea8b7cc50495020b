import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { app, bashApp, type CarawayError, type DataFile, type DataFlowKernel, file, sh } from "#internal/index";
import { held, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);

/** A file system of so many KiB, which goes with the test; nothing where we may have none. */
function smallDisk(kib: number): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "caraway-disk-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", path]);
  onTestFinished(() => {
    if (status === 0) spawnSync("umount", ["--lazy", path]);
    rmSync(path, { recursive: true, force: true });
  });
  return status === 0 ? path : undefined;
}

/** Leaves no room on it. */
function fill(disk: string): void {
  const fd = openSync(join(disk, "ballast"), "a");
  try {
    for (;;) writeSync(fd, Buffer.alloc(512, "x"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(fd);
  }
}

function troublesOf(kernel: DataFlowKernel): CarawayError[] {
  const troubles: CarawayError[] = [];
  kernel.events$.subscribe((event) => {
    if (event.type === "executor.trouble") troubles.push(event.error);
  });
  return troubles;
}

const failureOf = (work: PromiseLike<unknown>): Promise<unknown> => Promise.resolve(work).then(() => undefined, (reason: unknown) => reason);

test("F12: a declared output on a full disk fails its task by name, leaves no file under its name, and its attempt's file is taken away", async (context) => {
  const disk = smallDisk(64);
  if (disk === undefined) return context.skip("only root may make a small disk");
  await withCluster({}, async ({ kernel, manned }) => {
    await manned();
    const large = bashApp((_: number, { outputs }: { outputs: readonly [DataFile] }) => sh`head -c 1000000 /dev/zero > ${outputs[0]}`, { outputs: [file(join(disk, "result.bin"))] as const });
    const error = await timed("a task whose output has no room has failed", 10_000, () => failureOf(large.on(kernel)(1)));
    tells(error, "large", /No space left/);
    await until("its file is taken away", () => readdirSync(disk).length === 0);
    expect(await square.on(kernel)(3)).toBe(9);
  });
});

test("F12: a run directory without room fails the start by name, and nothing was started", async (context) => {
  const disk = smallDisk(16);
  if (disk === undefined) return context.skip("only root may make a small disk");
  fill(disk);
  const error = await timed("a start without room has failed", 10_000, () => failureOf(withCluster({ config: { runDir: disk } }, () => Promise.resolve())));
  tells(error, "cluster", /ENOSPC|no space left/i, disk);
});

test("F12, S20: with a full disk no block is submitted that was not written down; what runs goes on, and the executor says what is wrong", async (context) => {
  const disk = smallDisk(256);
  if (disk === undefined) return context.skip("only root may make a small disk");
  const latch = new Latch();
  await withCluster({ maxWorkersPerNode: 1, provider: { initBlocks: 2, minBlocks: 2, maxBlocks: 2 }, config: { runDir: disk } }, async ({ kernel, manned, managers }) => {
    const troubles = troublesOf(kernel);
    const [victim = 0] = await manned(2);
    const both = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    fill(disk);
    process.kill(victim, "SIGKILL");
    await timed("the failed submission is told of (the disk of the run directory is full)", 10_000, async () => until("trouble is told", () => troubles.length > 0, 10_000));
    tells(troubles[0], "cluster", /ENOSPC|no space left/i, disk);
    latch.open();
    expect(await Promise.all(both)).toEqual(["a", "b"]);
    expect(await square.on(kernel)(3)).toBe(9);
    expect(managers()).toHaveLength(1);
  });
  latch.close();
});

/** Files of this process, as they are synced to disk. */
async function syncing(): Promise<{ datasync: () => Promise<void> }> {
  const one = await open("/dev/null");
  const files = Object.getPrototypeOf(one) as { datasync: () => Promise<void> };
  await one.close();
  const real = files.datasync;
  onTestFinished(() => {
    files.datasync = real;
  });
  return files;
}

test("F13: a disk that cannot write the job ledger any more: no block is submitted, the sync is not tried again, and what runs goes on", async () => {
  const latch = new Latch();
  await withCluster({ maxWorkersPerNode: 1, provider: { initBlocks: 2, minBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned, managers, run }) => {
    const troubles = troublesOf(kernel);
    const [victim = 0] = await manned(2);
    const both = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    const files = await syncing();
    let tried = 0;
    files.datasync = () => {
      tried++;
      return Promise.reject(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }));
    };
    process.kill(victim, "SIGKILL");
    await timed("a ledger that cannot be written is told of", 10_000, async () => until("trouble is told", () => troubles.some((one) => /EIO/.test(JSON.stringify(one))), 10_000));
    latch.open();
    expect(await Promise.all(both)).toEqual(["a", "b"]);
    expect(await Promise.all([3, 4, 5].map((x) => square.on(kernel)(x)))).toEqual([9, 16, 25]);
    expect(tried).toBe(1);
    expect(managers()).toHaveLength(1);
    expect(existsSync(join(run, label, "jobs.ledger"))).toBe(true);
  });
  latch.close();
});

test("F13: a disk that takes twice the lease to sync holds up new blocks and nothing else", async () => {
  const [latch, next] = [new Latch(), new Latch()];
  await withCluster({ maxWorkersPerNode: 1, provider: { initBlocks: 2, minBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned }) => {
    const [victim = 0] = await manned(2);
    const both = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    const files = await syncing();
    const real = files.datasync;
    files.datasync = async function (this: unknown) {
      await new Promise((resolve) => setTimeout(resolve, 2 * leaseMs));
      await real.call(this);
    };
    process.kill(victim, "SIGKILL");
    await until("its attempt is lost", () => both.some(({ attempts }) => attempts.length > 0));
    latch.open();
    expect(await Promise.all(both)).toEqual(["a", "b"]);
    expect(await Promise.all([3, 4, 5].map((x) => square.on(kernel)(x)))).toEqual([9, 16, 25]);
    expect(both.flatMap(({ attempts }) => attempts)).toHaveLength(1);
    await timed(`another block works (each sync takes ${2 * leaseMs} ms)`, 25_000, async () => {
      const pair = [held.on(kernel)(next.name), held.on(kernel)(next.name)];
      await next.arrived(2);
      next.open();
      await Promise.all(pair);
    });
    files.datasync = real;
  });
  for (const each of [latch, next]) each.close();
});
