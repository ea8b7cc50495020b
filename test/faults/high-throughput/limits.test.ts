import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { app, bashApp, sh, type AppFuture } from "#internal/index";
import { held, heldOnce, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withCluster, withProxy } from "./cluster.js";

const square = app((x: number) => x * x);
const some = [3, 4, 5];
const squares = [9, 16, 25];
const failureOf = (work: PromiseLike<unknown>): Promise<unknown> => Promise.resolve(work).then(() => undefined, (reason: unknown) => reason);
const losses = (futures: readonly AppFuture<unknown>[]) => futures.flatMap(({ attempts }) => attempts.map(({ charge, error }) => [charge, error.name]));

/** Opens files until there are no more to be had, waits at the latch, and closes them. */
const hoards = app(async function hoards(latch: string) {
  const [{ closeSync, openSync }, { connect }, { default: events }] = [await import("node:fs"), await import("node:net"), await import("node:events")];
  const socket = connect(latch).resume();
  const opened = events.once(socket, "close");
  await events.once(socket, "connect");
  const files: number[] = [];
  try {
    for (;;) files.push(openSync("/dev/null", "r"));
  } catch {
    // There are no more.
  }
  socket.write("hoarder");
  await opened;
  for (const file of files) closeSync(file);
  return files.length;
});

test("F12: a manager whose descriptors a task has used up keeps its link, fails what needs one by name, and goes on when they are given back", async () => {
  const [warm, latch] = [new Latch(), new Latch()];
  await withCluster({ isolation: "thread", launcher: 'ulimit -n 256\nexec "$@"' }, async ({ kernel, manned }) => {
    const before = await manned();
    // A worker that cannot be started any more would end its manager, which is then replaced: both are there before.
    const both = [held.on(kernel)(warm.name), held.on(kernel)(warm.name)];
    await warm.arrived(2);
    warm.open();
    await Promise.all(both);
    const echo = bashApp(() => sh`echo hello`, { returns: "stdout", retries: 0 });
    expect(await echo.on(kernel)()).toBe("hello\n");
    const hoarder = hoards.on(kernel)(latch.name);
    await latch.arrived();
    const one = echo.on(kernel)();
    const error = await timed("a command that gets no descriptor has failed", 10_000, () => failureOf(one));
    tells(error, "echo", "EMFILE");
    expect(await Promise.all(some.map((x) => square.on(kernel)(x)))).toEqual(squares);
    latch.open();
    expect(await hoarder).toBeGreaterThan(50);
    expect(await echo.on(kernel)()).toBe("hello\n");
    expect(await manned()).toEqual(before);
    expect(kernel.executors.get(label)).toMatchObject({ lost: 0 });
  });
  for (const each of [warm, latch]) each.close();
});

/** Takes every descriptor that this process may have; the answer gives them back. */
function takeAll(): () => void {
  const fds = "/proc/self/fd";
  const most = Number(spawnSync("prlimit", ["--pid", String(process.pid), "--nofile", "--output", "SOFT", "--noheadings"], { encoding: "utf8" }).stdout);
  const limited = spawnSync("prlimit", ["--pid", String(process.pid), `--nofile=${readdirSync(fds).length + 64}:`]);
  if (limited.status !== 0) throw new Error(`prlimit: ${String(limited.stderr)}`);
  const files: number[] = [];
  const giveBack = (): void => {
    for (const file of files.splice(0)) closeSync(file);
    spawnSync("prlimit", ["--pid", String(process.pid), `--nofile=${most}:`]);
  };
  onTestFinished(giveBack);
  try {
    for (;;) files.push(openSync("/dev/null", "r"));
  } catch {
    return giveBack;
  }
}

test("F12: a program without descriptors keeps the managers it has; what it cannot do it says, and does later", async () => {
  const [latch, second] = [new Latch(), new Latch()];
  await withCluster({ maxWorkersPerNode: 1, provider: { initBlocks: 2, minBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned }) => {
    const [victim = 0] = await manned(2);
    const both = [heldOnce.on(kernel)(latch.name), heldOnce.on(kernel)(latch.name)];
    await latch.arrived(2);
    const giveBack = takeAll();
    process.kill(victim, "SIGKILL");
    const began = performance.now();
    while (performance.now() - began < leaseMs) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(losses(both)).toHaveLength(1);
    giveBack();
    latch.open();
    await timed("all is done after descriptors were given back", 30_000, async () => {
      expect((await Promise.all(both)).sort()).toEqual([1, 2]);
      expect(await Promise.all(some.map((x) => square.on(kernel)(x)))).toEqual(squares);
      const next = [held.on(kernel)(second.name), held.on(kernel)(second.name)];
      await second.arrived(2);
      second.open();
      await Promise.all(next);
    });
  });
  for (const each of [latch, second]) each.close();
});

const closesAll = app(async function closesAll() {
  const { closeSync } = await import("node:fs");
  for (let fd = 0; fd < 200; fd++) {
    try {
      closeSync(fd);
    } catch {
      // There is none of that number.
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});

const scribbles = app(async function scribbles() {
  const { writeSync } = await import("node:fs");
  for (let fd = 3; fd < 64; fd++) {
    try {
      writeSync(fd, Buffer.alloc(4096, 0xa5));
    } catch {
      // There is none of that number that can be written to.
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});

test.for([["closes every descriptor of its process", closesAll], ["writes garbage to every descriptor of its process", scribbles]] as const)("F27: a task that %s costs its own worker's process, and the message says whose it was", async ([what, bad]) => {
  const latch = new Latch();
  await withCluster({ isolation: "process" }, async ({ kernel, manned }) => {
    const before = await manned();
    const bystander = held.on(kernel)(latch.name, "fine");
    await latch.arrived();
    const error = await timed(`a task that ${what} has failed`, 20_000, () => failureOf(bad.with({ retries: { app: 0, lost: 0 }, walltime: 5000 }).on(kernel)()));
    tells(error, bad.name, "block-1");
    latch.open();
    expect(await bystander).toBe("fine");
    expect(bystander.attempts).toEqual([]);
    expect(await Promise.all(some.map((x) => square.on(kernel)(x)))).toEqual(squares);
    expect(await manned()).toEqual(before);
  });
  latch.close();
});

const floods = app(function floods(megabytes: number) {
  const line = `${"x".repeat(1023)}\n`.repeat(1024);
  for (let i = 0; i < megabytes; i++) {
    process.stdout.write(line);
    console.error(line);
  }
  return megabytes;
});

test("F26: a task that floods its output fills no disk and holds nobody up; the newest of it is kept", async () => {
  await withCluster({ isolation: "process" }, async ({ kernel, manned, run }) => {
    const before = await manned();
    const future = floods.on(kernel)(40);
    expect(await Promise.all(some.map((x) => square.on(kernel)(x)))).toEqual(squares);
    await timed("80 MiB of output are written and dropped", 30_000, async () => expect(await future).toBe(40));
    const files = readdirSync(run, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const sizes = files.map((entry) => statSync(join(entry.parentPath, entry.name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(2 ** 20);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(20 * 2 ** 20);
    expect(await manned()).toEqual(before);
    expect(kernel.executors.get(label)).toMatchObject({ lost: 0 });
  });
});

const large = app((kilobytes: number) => "y".repeat(kilobytes * 1024));

const lengthOf = app((value: string) => value.length);

test("F8: a network that is suddenly slow makes values late, and nothing else: also those whose way takes longer than the lease", async () => {
  await withProxy({}, async ({ kernel, manned }, proxy) => {
    const before = await manned();
    proxy.faults = { throttle: 2 * 2 ** 20 };
    const futures = [large.on(kernel)(8 * 1024), ...Array.from({ length: 4 }, () => large.on(kernel)(512))];
    const sent = [lengthOf.on(kernel)("x".repeat(8 * 2 ** 20)), lengthOf.on(kernel)("x".repeat(2 ** 20))];
    await timed(`10 MiB of results and 9 MiB of arguments through 2 MiB a second each way (lease ${leaseMs} ms)`, 40_000, async () => {
      expect((await Promise.all(futures)).map(({ length }) => length / 1024)).toEqual([8192, 512, 512, 512, 512]);
      expect(await Promise.all(sent)).toEqual([8 * 2 ** 20, 2 ** 20]);
    });
    proxy.faults = {};
    expect(losses([...futures, ...sent])).toEqual([]);
    expect(await manned()).toEqual(before);
    await until("it is free again", () => kernel.executors.get(label)?.busy === 0);
  });
});
