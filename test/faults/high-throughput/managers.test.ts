import { expect, test } from "vitest";
import { app, type AppFuture } from "#internal/index";
import { held, heldOnce, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);
const squares = Array.from({ length: 500 }, (_, i) => i * i);

const losses = (future: AppFuture<unknown>) => future.attempts.map(({ attempt, charge, error }) => ({ attempt, charge, name: error.name }));

test("F2: a manager that is killed under load costs one attempt of what ran there; the rest is done elsewhere, uncharged", async () => {
  const latch = new Latch();
  await withCluster({ maxWorkersPerNode: 1, provider: { initBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned }) => {
    await manned(2);
    const both = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    const load = squares.map((_, i) => square.on(kernel)(i));
    const [victim = 0] = await manned(2);
    await timed("a killed manager is noticed", 5000, async () => {
      process.kill(victim, "SIGKILL");
      await until("its task has lost an attempt", () => both.some(({ attempts }) => attempts.length > 0));
    });
    latch.open();
    await timed("all is done after a manager was killed", 10_000, async () => {
      expect(await Promise.all(both)).toEqual(["a", "b"]);
      expect(await Promise.all(load)).toEqual(squares);
    });
    expect(both.flatMap(losses)).toEqual([{ attempt: 1, charge: "lost", name: "ManagerLost" }]);
    expect(load.flatMap(losses).filter(({ charge }) => charge !== "none")).toEqual([]);
    const [loss] = both.flatMap(({ attempts }) => attempts);
    tells(loss?.error, "CW-EXEC-006", "held (task", "block-", "ended", '"silentMs"');
  });
  latch.close();
});

test("F4: a manager that stands still for less than its lease loses nothing", async () => {
  const latch = new Latch();
  await withCluster({}, async ({ kernel, manned }) => {
    const [manager = 0] = await manned();
    const waiting = held.on(kernel)(latch.name, "still here");
    await latch.arrived();
    process.kill(manager, "SIGSTOP");
    const load = squares.map((_, i) => square.on(kernel)(i));
    await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
    process.kill(manager, "SIGCONT");
    latch.open();
    await timed("all is done after a short stop of a manager", 10_000, async () => {
      expect(await waiting).toBe("still here");
      expect(await Promise.all(load)).toEqual(squares);
    });
    expect([waiting, ...load].flatMap(losses)).toEqual([]);
    expect(kernel.executors.get(label)).toMatchObject({ lost: 0 });
    expect(await manned()).toEqual([manager]);
  });
  latch.close();
});

test("F4: a manager that stands still for longer than its lease is replaced; what it says later is fenced", async () => {
  const latch = new Latch();
  await withCluster({ maxWorkersPerNode: 1, provider: { initBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned, managers }) => {
    const all = await manned(2);
    const both = [held.on(kernel)(latch.name, 1), held.on(kernel)(latch.name, 2)];
    await latch.arrived(2);
    const [frozen = 0] = all;
    await timed(`a silent manager is noticed (lease ${leaseMs} ms)`, leaseMs + 3000, async () => {
      process.kill(frozen, "SIGSTOP");
      await until("its task has lost an attempt", () => both.some(({ attempts }) => attempts.length > 0), 8000);
    });
    // The answer of the first attempt waits in the frozen process; the second ends elsewhere.
    latch.open();
    expect(await Promise.all(both)).toEqual([1, 2]);
    process.kill(frozen, "SIGCONT");
    expect(await Promise.all(squares.map((_, i) => square.on(kernel)(i)))).toEqual(squares);
    expect(both.flatMap(losses)).toEqual([{ attempt: 1, charge: "lost", name: "ManagerLost" }]);
    tells(both.flatMap(({ attempts }) => attempts)[0]?.error, "CW-EXEC-006", /was silent for \d+ ms/, "block-", "heartbeatThreshold");
    expect(managers().length).toBeGreaterThan(0);
  });
  latch.close();
});

test("F4: what a manager still runs that was given to others meanwhile is ended when it is back, and its worker is free", async () => {
  const [first, second] = [new Latch(), new Latch()];
  await withCluster({ maxWorkersPerNode: 1, lostGrace: "20s", provider: { initBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned, managers }) => {
    await manned(2);
    const stranger = heldOnce.on(kernel)(first.name, "stranger");
    await first.arrived();
    const frozen = Number(first.arrivals[0]?.split(" ")[1]);
    process.kill(frozen, "SIGSTOP");
    await timed(`a frozen manager's task is done elsewhere (lease ${leaseMs} ms)`, leaseMs + 5000, async () => expect(await stranger).toBe(2));
    process.kill(frozen, "SIGCONT");
    // Nobody has opened the first latch: the worker that waits there is free only if it was ended.
    await timed("the worker of a thawed manager is free", 8000, async () => {
      const both = [held.on(kernel)(second.name, 1), held.on(kernel)(second.name, 2)];
      await second.arrived(2);
      second.open();
      expect(await Promise.all(both)).toEqual([1, 2]);
    });
    expect(managers()).toContain(frozen);
    expect(first.arrivals).toHaveLength(1);
  });
  for (const latch of [first, second]) latch.close();
});

test("a manager that is told to end under load, by whoever cancels its job, fails nobody's task and charges none", async () => {
  await withCluster({ provider: { initBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned }) => {
    const [victim = 0] = await manned(2);
    const load = Array.from({ length: 4 }, () => squares.map((_, i) => square.on(kernel)(i))).flat();
    await load[0];
    process.kill(victim, "SIGTERM");
    const more = squares.map((_, i) => square.on(kernel)(i));
    await timed("all is done after a manager was told to end", 10_000, async () => {
      expect(await Promise.all(load)).toEqual([...squares, ...squares, ...squares, ...squares]);
      expect(await Promise.all(more)).toEqual(squares);
    });
    expect([...load, ...more].flatMap(losses).filter(({ charge }) => charge !== "none")).toEqual([]);
  });
});
