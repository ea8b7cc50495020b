import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { app, type AppFuture } from "#internal/index";
import { held, heldOnce, Latch, passing } from "../../unit/dataflow/latch.js";
import { alive, until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);
const losses = (future: AppFuture<unknown>) => future.attempts.map(({ attempt, charge, error }) => ({ attempt, charge, name: error.name }));

const pidOf = (latch: Latch, who: string): number => Number(latch.arrivals.find((arrival) => arrival.startsWith(who))?.split(" ")[1]);

test("F1: a worker's process that is killed costs its own task an attempt; the other worker of the manager notices nothing", async () => {
  const latch = new Latch();
  await withCluster({ isolation: "process" }, async ({ kernel, manned, managers }) => {
    await manned();
    const victim = heldOnce.on(kernel)(latch.name, "victim");
    const bystander = heldOnce.on(kernel)(latch.name, "bystander");
    await latch.arrived(2);
    const pid = pidOf(latch, "victim");
    await timed("a killed worker process is noticed", 5000, async () => {
      process.kill(pid, "SIGKILL");
      await until("the head knows", () => victim.attempts.length > 0);
    });
    await timed("its task runs again after a worker was killed", 5000, async () => expect(await victim).toBe(2));
    expect(losses(victim)).toEqual([{ attempt: 1, charge: "lost", name: "ManagerLost" }]);
    tells(victim.attempts[0]?.error, "SIGKILL", String(pid), "heldOnce", "block-1", '"host"');
    latch.open();
    expect(await bystander).toBe(1);
    expect(alive(pid)).toBe(false);
    expect(managers()).toHaveLength(1);
  });
  latch.close();
});

test.for(["thread", "process"] as const)("F21: a task that ends its process by process.exit fails with that code, and its manager goes on (isolation %s)", async (isolation) => {
  const leaves = app(function leaves() {
    process.exit(7);
  });
  await withCluster({ isolation }, async ({ kernel, manned }) => {
    const before = await manned();
    const future = leaves.on(kernel)();
    await expect(future).rejects.toMatchObject({ name: "AppExit" });
    tells(await future.catch((error: unknown) => error), "leaves", "7", "block-1");
    await timed(`the next task runs after process.exit (isolation ${isolation})`, 5000, async () => expect(await square.on(kernel)(3)).toBe(9));
    expect(await manned()).toEqual(before);
  });
});

const aborts = app(function aborts() {
  process.kill(process.pid, "SIGABRT");
  for (;;);
});

test("F20: a task that aborts its process is poison after its losses; a manager with threads dies of it and another takes its place", async () => {
  await withCluster({ isolation: "thread" }, async ({ kernel, manned }) => {
    const [first = 0] = await manned();
    const future = aborts.with({ retries: { lost: 1 } }).on(kernel)();
    await timed("a task that kills two managers has failed", 15_000, async () => expect(future).rejects.toMatchObject({ name: "TaskPoisoned", cause: { name: "ManagerLost" }, evidence: { losses: [{ attempt: 1 }, { attempt: 2 }] } }));
    tells(await future.catch((error: unknown) => error), "aborts", "CW-EXEC-006", "block-1", "block-2");
    await timed("the next task runs after two managers were killed", 10_000, async () => expect(await square.on(kernel)(3)).toBe(9));
    expect(alive(first)).toBe(false);
  });
});

test("F20: a task that aborts its process kills no manager where workers have processes", async () => {
  const latch = new Latch();
  await withCluster({ isolation: "process" }, async ({ kernel, manned }) => {
    const before = await manned();
    const bystander = held.on(kernel)(latch.name, "fine");
    await latch.arrived();
    const future = aborts.with({ retries: { lost: 1 } }).on(kernel)();
    await expect(future).rejects.toMatchObject({ name: "TaskPoisoned" });
    tells(await future.catch((error: unknown) => error), "aborts", "SIGABRT", "block-1");
    latch.open();
    expect(await bystander).toBe("fine");
    expect(bystander.attempts).toEqual([]);
    expect(await manned()).toEqual(before);
  });
  latch.close();
});

/** More than its engine may have, in one piece: the engine ends the process, not the thread. */
const greedy = app(function greedy() {
  return new Array<number>(100_000_000).fill(1.5).length;
});

test("F15: a task whose memory runs out in a way that ends the process costs a manager with threads; the message says so", async () => {
  await withCluster({ isolation: "thread", resourceLimits: { maxOldGenerationSizeMb: 64 } }, async ({ kernel, manned }) => {
    await manned();
    const future = greedy.with({ retries: { lost: 0 } }).on(kernel)();
    const error = await timed("a task that exhausted the memory of its manager has failed", 15_000, async () => future.then(() => undefined, (reason: unknown) => reason));
    expect(error).toMatchObject({ name: expect.stringMatching(/^(TaskPoisoned|ManagerLost|MemoryExceeded)$/) });
    tells(error, "greedy", /memory/i);
    await timed("the next task runs after memory ran out", 10_000, async () => expect(await square.on(kernel)(3)).toBe(9));
  });
});

test("F4: a worker's process that stands still is killed with the lease; its task runs again, and its slot works again", async () => {
  const latch = new Latch();
  await withCluster({ isolation: "process" }, async ({ kernel, manned, workers }) => {
    const before = await manned();
    const stuck = heldOnce.on(kernel)(latch.name, "stuck");
    const bystander = heldOnce.on(kernel)(latch.name, "bystander");
    await latch.arrived(2);
    const pid = pidOf(latch, "stuck");
    process.kill(pid, "SIGSTOP");
    await timed(`a worker's process that stands still is noticed (lease ${leaseMs} ms)`, 5000, async () => until("the head knows", () => stuck.attempts.length > 0));
    await timed("its task runs again after its worker stood still", 5000, async () => expect(await stuck).toBe(2));
    expect(losses(stuck)).toEqual([{ attempt: 1, charge: "lost", name: "ManagerLost" }]);
    tells(stuck.attempts[0]?.error, /heldOnce .*said nothing for 1\.\d s, since 20\d\d-.*T \(stopped\)/, String(pid), "block-1", '"host"', "SIGSTOP", "heartbeatThreshold");
    latch.open();
    expect(await bystander).toBe(1);
    expect(bystander.attempts).toEqual([]);
    const both = await Promise.all([passing.on(kernel)(latch.name, "a"), passing.on(kernel)(latch.name, "b")]);
    expect(both).toEqual(["a", "b"]);
    expect(alive(pid)).toBe(false);
    expect(workers()).toHaveLength(2);
    expect(await manned()).toEqual(before);
  });
  latch.close();
});

test("F4: a worker's process that stands still is killed with the walltime of its task where that is over first, and its slot works again", async () => {
  const latch = new Latch();
  await withCluster({ isolation: "process", maxWorkersPerNode: 1, heartbeatThreshold: "20s" }, async ({ kernel, manned }) => {
    const before = await manned();
    const stuck = heldOnce.with({ walltime: 3000, retries: 0 }).on(kernel)(latch.name, "stuck");
    await latch.arrived();
    const pid = pidOf(latch, "stuck");
    process.kill(pid, "SIGSTOP");
    await timed("a task in a stopped process is over (walltime 3000 ms)", 8000, async () => expect(stuck).rejects.toMatchObject({ name: "AppTimeout" }));
    tells(await stuck.catch((error: unknown) => error), "heldOnce", "3000");
    await timed("the slot of a stopped process works again", 8000, async () => expect(await square.on(kernel)(3)).toBe(9));
    expect(alive(pid)).toBe(false);
    expect(kernel.executors.get(label)).toMatchObject({ zombies: 0 });
    expect(await manned()).toEqual(before);
  });
  latch.close();
});

test("F4: a worker's process that stood still for a while answers as if nothing had been", async () => {
  const latch = new Latch();
  await withCluster({ isolation: "process" }, async ({ kernel, manned }) => {
    await manned();
    const one = heldOnce.on(kernel)(latch.name, "one");
    await latch.arrived();
    const pid = pidOf(latch, "one");
    process.kill(pid, "SIGSTOP");
    latch.open();
    expect(await square.on(kernel)(4)).toBe(16);
    await delay(leaseMs * 0.7);
    process.kill(pid, "SIGCONT");
    expect(await one).toBe(1);
    expect(one.attempts).toEqual([]);
  });
  latch.close();
});
