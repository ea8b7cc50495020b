import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { app, type AppFuture } from "caraway";
import { alive, until } from "../unit/executors/shell/observe.js";
import { atWork, poolProcesses } from "../killing/cell.js";
import { firstReport, withPool } from "./kernels.js";

const double = app((x: number) => x * 2);

/** Reports, and does not end in its first attempt. */
const stays = app(async () => {
  const { task } = await import("caraway/task");
  task.report(task.attempt);
  if (task.attempt === 1) await new Promise<void>((resolve) => setTimeout(resolve, 60_000));
  return task.attempt;
});

/** Reports, and stays inside a native call in its first attempt. */
const stuck = app(async () => {
  const { pbkdf2Sync } = await import("node:crypto");
  const { task } = await import("caraway/task");
  task.report(task.attempt);
  if (task.attempt === 1) pbkdf2Sync("password", "salt", 12_000_000, 64, "sha512");
  return task.attempt;
});

/** A start that is not known to be over, so that its worker gets nothing else meanwhile. */
const history = (future: AppFuture<unknown>) => future.attempts.map(({ attempt, charge, error }) => ({ attempt, charge, name: error.name }));

test("the death of a pool's process charges what had begun, and nothing else", async () => {
  await withPool({ maxThreads: 2, isolation: "process" }, async (kernel) => {
    expect(await double.on(kernel)(1)).toBe(2);
    const begun = stays.on(kernel)();
    await firstReport(begun);
    const waiting = Array.from({ length: 40 }, (_, i) => double.on(kernel)(i));
    const also = stays.on(kernel)();
    await firstReport(also);
    const behind = double.with({ priority: 5 }).on(kernel)(7);
    const [pid = 0] = poolProcesses();
    process.kill(pid, "SIGKILL");
    expect(await begun).toBe(2);
    expect(await also).toBe(2);
    expect(await Promise.all(waiting)).toEqual(waiting.map((_, i) => i * 2));
    expect(await behind).toBe(14);
    expect(history(begun)).toEqual([{ attempt: 1, charge: "lost", name: "ManagerLost" }]);
    expect(begun.attempts[0]?.error).toMatchObject({ evidence: { signal: "SIGKILL" } });
    expect(behind.attempts).toEqual([]);
    expect(alive(pid)).toBe(false);
    expect(poolProcesses()).toHaveLength(1);
  });
});

test("a process killed on account of one task runs the others in it again, uncharged", async () => {
  await withPool({ maxThreads: 2, isolation: "process" }, async (kernel) => {
    const bystander = stays.with({ retries: { app: 0, lost: 0 } }).on(kernel)();
    await firstReport(bystander);
    const culprit = stuck.on(kernel)();
    await firstReport(culprit);
    await atWork();
    await culprit.cancel();
    expect(culprit.state).toBe("cancelled");
    expect(await bystander).toBe(2);
    expect(history(bystander)).toEqual([{ attempt: 1, charge: "none", name: "WorkerLost" }]);
  });
});

test("a task that kills its process every time is poison, and the message names every loss", async () => {
  const killer = app(() => {
    process.kill(process.pid, "SIGKILL");
    for (;;);
  });
  await withPool({ maxThreads: 1, isolation: "process" }, async (kernel) => {
    const future = killer.with({ retries: { app: 5, lost: 1 } }).on(kernel)();
    await expect(future).rejects.toMatchObject({ name: "TaskPoisoned", cause: { name: "ManagerLost" }, evidence: { losses: [{ attempt: 1 }, { attempt: 2 }] } });
    expect(await double.on(kernel)(4)).toBe(8);
  });
});

test("memory that runs out in one worker of a process leaves the others alone", async () => {
  const greedy = app(() => {
    const kept: number[][] = [];
    for (;;) {
      const some: number[] = [];
      for (let i = 0; i < 1000; i++) some.push(i + 0.5);
      kept.push(some);
    }
  });
  await withPool({ maxThreads: 2, isolation: "process", resourceLimits: { maxOldGenerationSizeMb: 32 } }, async (kernel) => {
    const other = app(async () => {
      const { task } = await import("caraway/task");
      task.report("begun");
      await new Promise((resolve) => task.signal.addEventListener("abort", resolve));
    }).on(kernel)();
    await firstReport(other);
    const [pid = 0] = poolProcesses();
    await expect(greedy.on(kernel)()).rejects.toMatchObject({ name: "MemoryExceeded", code: "CW-APP-007" });
    expect(poolProcesses()).toEqual([pid]);
    expect(other.state).toBe("running");
    expect(other.attempt).toBe(1);
    await other.cancel();
  });
});

test("an interrupt from the keyboard is not for the pool's process", async () => {
  await withPool({ maxThreads: 1, isolation: "process" }, async (kernel) => {
    expect(await double.on(kernel)(1)).toBe(2);
    const [pid = 0] = poolProcesses();
    process.kill(pid, "SIGINT");
    process.kill(pid, "SIGHUP");
    expect(await double.on(kernel)(2)).toBe(4);
    expect(poolProcesses()).toEqual([pid]);
  });
});

test("a process that cannot start fails the start of the kernel, with what it was", async () => {
  await expect(withPool({ maxThreads: 1, isolation: "process", env: { NODE_OPTIONS: "--no-such-option" } }, () => Promise.resolve())).rejects.toMatchObject({ name: "PoolStartFailed", code: "CW-EXEC-007" });
  await until("no process of it is left", () => poolProcesses().length === 0);
});

test("what is told to a process while the program is busy is heard before it is judged", async () => {
  await withPool({ maxThreads: 1, isolation: "process" }, async (kernel) => {
    const bystanders = poolProcesses();
    const future = stays.on(kernel)();
    await firstReport(future);
    const cancelled = future.cancel();
    await delay(0);
    const until = performance.now() + 900;
    while (performance.now() < until);
    await cancelled;
    expect(poolProcesses()).toEqual(bystanders);
  });
});
