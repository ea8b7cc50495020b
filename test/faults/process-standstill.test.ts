import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { app, DataFlowKernel, threadPool, type AppFuture, type ThreadPoolOptions } from "#internal/index";
import { attachChecker } from "#internal/testing/attach-checker";
import { poolProcesses } from "../killing/cell.js";
import { heldOnce, Latch } from "../unit/dataflow/latch.js";
import { alive, until } from "../unit/executors/shell/observe.js";
import { handlesOpen, leaseMs, tells, timed } from "./high-throughput/cluster.js";

const double = app((x: number) => x * 2);

const history = (future: AppFuture<unknown>) => future.attempts.map(({ attempt, charge, error }) => ({ attempt, charge, name: error.name }));

/** Runs the body on one pool in a process of its own, and checks afterwards that the rules were kept and nothing is left. */
async function withProcess(options: ThreadPoolOptions, body: (kernel: DataFlowKernel, latch: Latch) => Promise<void>): Promise<void> {
  const before = handlesOpen();
  const latch = new Latch();
  const kernel = new DataFlowKernel({ executors: [threadPool({ maxThreads: 1, isolation: "process", heartbeatThreshold: leaseMs, ...options })] });
  const checker = attachChecker(kernel);
  try {
    await kernel.start();
    await body(kernel, latch);
    checker.assert();
  } finally {
    await kernel.close({ mode: "cancel", timeout: 20_000 });
    checker.detach();
    latch.close();
  }
  checker.assert("end");
  expect(poolProcesses()).toEqual([]);
  const more = (): string[] => Object.entries(handlesOpen()).filter(([kind, count]) => count > (before[kind] ?? 0)).map(([kind]) => kind);
  await until("its handles are closed", () => more().length === 0, 3000);
}

/** Stops the only process there is. */
function stop(): number {
  const [pid = 0] = poolProcesses();
  process.kill(pid, "SIGSTOP");
  return pid;
}

test("F4: a pool's process that stands still is killed with its lease; what had begun is charged and done again, and what waited is not", async () => {
  await withProcess({ maxThreads: 2 }, async (kernel, latch) => {
    const begun = [heldOnce.on(kernel)(latch.name, "one"), heldOnce.on(kernel)(latch.name, "two")];
    await latch.arrived(2);
    const waiting = Array.from({ length: 40 }, (_, i) => double.on(kernel)(i));
    const pid = stop();
    await timed(`a pool's process that stands still is noticed (lease ${leaseMs} ms)`, 5000, async () => until("its tasks are lost", () => begun.every(({ attempts }) => attempts.length > 0)));
    await timed("all is done after a pool's process stood still", 5000, async () => {
      expect(await Promise.all(begun)).toEqual([2, 2]);
      expect(await Promise.all(waiting)).toEqual(waiting.map((_, i) => i * 2));
    });
    for (const future of begun) {
      expect(history(future)).toEqual([{ attempt: 1, charge: "lost", name: "ManagerLost" }]);
      tells(future.attempts[0]?.error, /heldOnce .*said nothing for 1\.\d s, since 20\d\d-.*T \(stopped\)/, String(pid), '"worker":"threads/', "SIGSTOP", "heartbeatThreshold");
    }
    expect(waiting.flatMap(({ attempts }) => attempts)).toEqual([]);
    expect(alive(pid)).toBe(false);
    expect(poolProcesses()).toHaveLength(1);
  });
});

test("F4: a pool's process that is thawed before its lease is over costs nothing", async () => {
  await withProcess({}, async (kernel, latch) => {
    const one = heldOnce.on(kernel)(latch.name, "one");
    await latch.arrived();
    for (let times = 0; times < 2; times++) {
      const pid = stop();
      await delay(leaseMs * 0.7);
      process.kill(pid, "SIGCONT");
      // Then it is heard.
      await delay(leaseMs / 3);
    }
    latch.open();
    expect(await one).toBe(1);
    expect(one.attempts).toEqual([]);
  });
});

test("F4: a pool's process that stands still while it has nothing to do is replaced, and what is sent to it meanwhile is not charged", async () => {
  await withProcess({}, async (kernel) => {
    expect(await double.on(kernel)(1)).toBe(2);
    const pid = stop();
    const future = double.on(kernel)(2);
    await timed(`what is sent to a process that stands still is done (lease ${leaseMs} ms)`, 6000, async () => expect(await future).toBe(4));
    expect(future.attempts.filter(({ charge }) => charge !== "none")).toEqual([]);
    expect(alive(pid)).toBe(false);
    const next = stop();
    await until("it is noticed by nothing but its silence", () => !alive(next), 5000);
    expect(await double.on(kernel)(3)).toBe(6);
  });
});

test("F4: a program that stands still together with its process, for longer than the lease, finds it as it was", async () => {
  const latch = new Latch();
  const program = spawn(process.execPath, [fileURLToPath(new URL("./fixtures/standing-program.mjs", import.meta.url)), latch.name, String(leaseMs)], { stdio: ["ignore", "pipe", "inherit"] });
  const said = text(program.stdout);
  await latch.arrived();
  const pid = Number(latch.arrivals[0]?.split(" ")[1]);
  const both = [program.pid ?? 0, pid];
  for (const one of both) process.kill(one, "SIGSTOP");
  await delay(2 * leaseMs);
  for (const one of both) process.kill(one, "SIGCONT");
  // Long enough for it to be judged.
  await delay(leaseMs);
  latch.open();
  expect(JSON.parse(await said)).toEqual({ pid, attempts: 0 });
  await until("all has ended", () => !both.some(alive), 5000);
  latch.close();
});

test("F4: a program that is busy for longer than the lease of its processes holds that against none of them", async () => {
  await withProcess({}, async (kernel, latch) => {
    const one = heldOnce.on(kernel)(latch.name, "one");
    await latch.arrived();
    const [pid] = poolProcesses();
    const end = performance.now() + 2 * leaseMs;
    while (performance.now() < end);
    await delay(leaseMs);
    expect(poolProcesses()).toEqual([pid]);
    latch.open();
    expect(await one).toBe(1);
    expect(one.attempts).toEqual([]);
  });
});
