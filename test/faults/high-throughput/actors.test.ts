import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ChildSpec, EndReason } from "#internal/supervisors/types";
import { until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withProxy } from "./cluster.js";
import { endOf, errorOf, farOf, placeOf, withFar } from "./far.js";

test("an actor on a block is told, asked, watched, restarted and stopped like any other", async () => {
  await withFar({}, async ({ block, system, top, start, letters }) => {
    const ref = await start("a", { restart: "transient", input: { of: "a" } });
    for (let i = 0; i < 3000; i++) ref.tell({ type: "where" });
    expect(await ref.ask({ type: "count" })).toBe(3001);
    expect(await ref.ask({ type: "where" })).toMatchObject({ path: "far/top/a", id: "a", incarnation: 1, input: { of: "a" } });
    const events: unknown[] = [];
    ref.events$.subscribe((event) => events.push(event));
    ref.tell({ type: "announce", event: { n: 1 } });
    const first = new Promise<EndReason>((resolve) => void system.watch(ref, resolve));
    await expect(ref.ask({ type: "fail" })).rejects.toMatchObject({ reason: "crashed", cause: { message: "planned", code: "PLANNED" } });
    expect(await first).toMatchObject({ error: { message: "planned" } });
    expect(await ref.ask({ type: "where" })).toMatchObject({ incarnation: 2 });
    expect(system.lookup("far/top/a")).toBe(ref);
    expect(system.tree().children[0]?.children).toMatchObject([{ path: "far/top/a", state: "running", incarnation: 2 }]);
    await top.stop("a");
    expect(await ref.ended).toBe("shutdown");
    expect(events).toMatchObject([{ n: 1 }, { stopping: { error: {} } }, { stopping: "shutdown" }]);
    expect(letters).toEqual([]);
    expect(block).toMatchObject({ id: "block-1", executor: label, state: "running", nodes: [{ rank: 0, block: "block-1", running: true }] });
  });
});

test("what an actor on a block is started with decides how that fails: a module that is missing, one that throws, one that gives nothing to start", async () => {
  await withFar({}, async ({ start }) => {
    await timed("a missing module is told of", 5000, () => expect(start("a", {}, "there-is-none.mjs")).rejects.toMatchObject({ cause: { reason: "module_not_found" } }));
    await expect(start("b", {}, "broken.mjs")).rejects.toMatchObject({ cause: { reason: "module_failed" } });
    await expect(start("c", {}, "no-default.mjs")).rejects.toMatchObject({ cause: { reason: "invalid_module" } });
    await expect(start("d", {}, "fails.mjs")).rejects.toThrow(/refused the start of "d": no start/);
  });
});

test("F2: an actor whose manager is killed has one end, which names its node, and is restarted on another block", async () => {
  await withFar({ provider: { initBlocks: 1, maxBlocks: 2 } }, async (far) => {
    const ref = await far.start("a", { restart: "permanent" });
    const before = await placeOf(ref);
    const notices: EndReason[] = [];
    const end = endOf(far, ref);
    far.system.watch(ref, (reason) => notices.push(reason));
    const asked = ref.ask({ type: "aside" }).catch((error: unknown) => error);
    await ref.ask({ type: "count" });
    const error = await timed("the end of an actor whose manager was killed is told", 3000, async () => {
      process.kill(before.pid, "SIGKILL");
      return errorOf(await end);
    });
    tells(error, "CW-SUP-004", "far/top/a", before.block, '"manager"', '"since"');
    expect(await asked).toMatchObject({ reason: "noproc" });
    const after = await timed("it is at work on another block", 15_000, () => placeOf(ref));
    expect(after.block).not.toBe(before.block);
    expect(ref.incarnation).toBe(2);
    expect(notices).toHaveLength(1);
    expect(far.block.state).toBe("ended");
    await expect(far.start("b")).rejects.toMatchObject({ cause: { code: "CW-BLOCK-007" } });
  });
});

test("F4: an actor whose manager stands still beyond the lease is restarted elsewhere, and the old one does nothing any more once it is thawed", async () => {
  await withFar({ provider: { initBlocks: 2, maxBlocks: 2 } }, async (far) => {
    await far.cluster.manned(2);
    const ref = await far.start("a", { restart: "permanent" });
    const before = await placeOf(ref);
    const file = join(far.cluster.directory, "written");
    await ref.ask({ type: "write every ms", file });
    await until("it writes", () => existsSync(file));
    const end = endOf(far, ref);
    const error = await timed(`the end of an actor whose manager stands still is told (lease ${leaseMs} ms)`, leaseMs + 3000, async () => {
      process.kill(before.pid, "SIGSTOP");
      return errorOf(await end);
    });
    tells(error, "CW-SUP-004", "far/top/a", before.block, "silent", "heartbeatThreshold");
    await ref.ask({ type: "write every ms", file }, { timeout: "10s" });
    process.kill(before.pid, "SIGCONT");
    await until("the old manager has heard that it was held for lost", () => far.cluster.managers().length === 2 && far.block.nodes.length + far.cluster.kernel.blocks(label).length >= 1);
    const stale = (): number => readFileSync(file, "utf8").split("\n").filter((line) => line.startsWith("1 ")).length;
    let last = -1;
    await until("the old actor writes no more", () => last === (last = stale()), 5000);
    const count = stale();
    await ref.ask({ type: "count" });
    expect(stale()).toBe(count);
    expect((await placeOf(ref)).pid).not.toBe(before.pid);
    expect(ref.incarnation).toBe(2);
  });
});

test("F7: links that are cut again and again lose nothing and repeat nothing of what an actor is told, asked and announces", async () => {
  await withProxy({}, (cluster, proxy) => farOf(cluster, async ({ start, letters }) => {
    const ref = await start("a", { restart: "permanent" });
    const events: number[] = [];
    ref.events$.subscribe((event) => events.push((event as { n: number }).n));
    const answers: Promise<unknown>[] = [];
    const sent = 6000;
    for (let n = 1; n <= sent; n++) {
      if (n % 3 === 0) answers.push(ref.ask({ type: "count" }, { timeout: "30s" }));
      else ref.tell({ type: "announce", event: { n } });
      if (n % 1500 === 700) proxy.cut(n % 2 === 0 ? "reset" : "end");
      if (n % 50 === 0) await new Promise((resolve) => void setImmediate(resolve));
    }
    const expected = Array.from({ length: sent }, (_, i) => i + 1);
    await timed("all was answered after four cuts", 15_000, async () => {
      expect(await Promise.all(answers)).toEqual(expected.filter((n) => n % 3 === 0));
    });
    expect(events).toEqual(expected.filter((n) => n % 3 !== 0));
    expect([ref.incarnation, letters, proxy.counts.connections > 1]).toEqual([1, [], true]);
  }));
});

test("F5: a partition that is healed before the lease is over costs an actor nothing; one that is not ends it once, and it is begun again", async () => {
  await withProxy({}, (cluster, proxy) => farOf(cluster, async (far) => {
    const ref = await far.start("a", { restart: "permanent" });
    const before = await placeOf(ref);
    proxy.partition();
    const asked = ref.ask({ type: "count" }, { timeout: "20s" });
    await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
    proxy.heal();
    expect(await asked).toBe(2);
    const end = endOf(far, ref);
    const error = await timed(`the end of an actor behind a partition is told (lease ${leaseMs} ms)`, leaseMs + 3000, async () => {
      proxy.partition();
      return errorOf(await end);
    });
    tells(error, "CW-SUP-004", before.block, "silent");
    proxy.heal();
    await timed("it is at work again after the partition", 20_000, () => placeOf(ref));
    expect(ref.incarnation).toBe(2);
  }));
});

test("F3: an interchange that is killed and started again costs actors nothing", async () => {
  await withFar({}, async ({ cluster, start, letters }) => {
    const ref = await start("a", { restart: "permanent" });
    for (let i = 0; i < 1000; i++) ref.tell({ type: "where" });
    await cluster.killInterchange();
    for (let i = 0; i < 1000; i++) ref.tell({ type: "where" });
    await timed("an actor has answered after its interchange was killed", 10_000, async () => {
      expect(await ref.ask({ type: "count" }, { timeout: "20s" })).toBe(2001);
    });
    expect([ref.incarnation, letters]).toEqual([1, []]);
  });
});

test("F15, F19, F21: what an actor does to its thread ends the actor, says how, and harms neither its manager nor its neighbour", async () => {
  await withFar({}, async (far) => {
    const neighbour = await far.start("n");
    const place = await placeOf(neighbour);
    const endings: readonly [Partial<ChildSpec>, object, object][] = [
      [{}, { type: "exit", code: 3 }, { error: { code: "CW-SUP-003", message: expect.stringContaining("process.exit(3)") as string } }],
      [{ resourceLimits: { maxOldGenerationSizeMb: 24 } }, { type: "exhaust" }, { error: { code: "CW-SUP-003", message: expect.stringContaining("used up the memory") as string } }],
      [{}, { type: "late" }, { error: { message: "from a callback" } }],
    ];
    for (const [i, [more, order, reason]] of endings.entries()) {
      const ref = await far.start(`a${i}`, more);
      ref.tell(order);
      expect(await ref.ended).toMatchObject(reason);
    }
    const stubborn = await far.start("s", { shutdown: 100 });
    await stubborn.ask({ type: "ignore stop" });
    await far.top.stop("s");
    expect(await stubborn.ended).toBe("killed");
    const busy = await far.start("b", { shutdown: 100 });
    await busy.ask({ type: "loop soon" });
    // Until it does not answer any more.
    while (await busy.ask({ type: "count" }, { timeout: 300 }).then(() => true, () => false));
    await timed("an actor in an endless loop is ended", 5000, () => far.top.stop("b"));
    expect(await busy.ended).toBe("killed");
    expect(await placeOf(neighbour)).toEqual(place);
  });
});

test("a block with an actor on it is not idle; without it, it is released", async () => {
  await withFar({ config: { strategyPeriod: 100, maxIdleTime: 300 } }, async ({ cluster, block, top, start }) => {
    const ref = await start("a");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(block.state).toBe("running");
    expect(await ref.ask({ type: "count" })).toBe(1);
    await top.stop("a");
    await timed("an idle block is released", 5000, () => block.ended);
    expect(cluster.kernel.blocks()).toEqual([]);
    const next = await cluster.kernel.block(label);
    expect([next.state, next === block]).toEqual(["running", false]);
  });
});

test("an actor whose node is drained is asked to end and told why; a permanent one goes on elsewhere", async () => {
  await withFar({ drainPeriod: "2s", provider: { initBlocks: 1, maxBlocks: 2 } }, async (far) => {
    const [stays, goes] = [await far.start("stays", { restart: "permanent" }), await far.start("goes", { restart: "transient" })];
    const drained = { shutdown: { reason: "drained", executor: label, block: "block-1" } };
    const ends = [endOf(far, stays), goes.ended];
    await timed("actors of a node that is drained have ended", 6000, async () => {
      expect(await Promise.all(ends)).toMatchObject([drained, drained]);
    });
    const place = await timed("a permanent one is at work on another block", 15_000, () => placeOf(stays));
    expect(place.block).toBe("block-2");
    expect(goes.alive).toBe(false);
  });
});

test("actors end with the executor of their block, which says so; nothing starts there any more", async () => {
  await withFar({}, async ({ cluster, block, start }) => {
    const ref = await start("a", { restart: "transient" });
    await timed("an executor with an actor is removed", 8000, () => cluster.kernel.removeExecutor(label));
    expect(await ref.ended).toMatchObject({ shutdown: { reason: "executor stopped", executor: label } });
    expect(block.state).toBe("ended");
    await expect(start("b")).rejects.toMatchObject({ cause: { code: "CW-EXEC-002" } });
    await expect(cluster.kernel.block(label)).rejects.toMatchObject({ code: "CW-EXEC-004" });
  });
});

test("an actor that floods its program is held up or passed over, and fills no memory", async () => {
  await withFar({}, async ({ cluster, start, letters }) => {
    const ref = await start("a");
    const { pid } = await placeOf(ref);
    let events = 0;
    ref.events$.subscribe(() => events++);
    const resident = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
    const before = resident();
    await timed("a flood of 400 MiB of events has passed", 30_000, () => ref.ask({ type: "flood", count: 400, bytes: 2 ** 20 }, { timeout: "30s" }));
    const dropped = letters.reduce((sum, { message }) => sum + Number(/^(\d+) announcements/.exec(String(message))?.[1] ?? 0), 0);
    process.stdout.write(`      of 400 events ${events} came; the manager grew by ${Math.round(resident() - before)} MiB\n`);
    await ref.ask({ type: "announce", event: 1 });
    expect(events).toBeGreaterThan(8);
    expect(resident() - before).toBeLessThan(250);
    expect(cluster.managers()).toEqual([pid]);
    expect(dropped).toBeLessThanOrEqual(400);
  });
});
