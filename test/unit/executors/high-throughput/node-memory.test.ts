import { describe, expect, test } from "vitest";
import { app, bashApp, sh } from "#internal/index";
import { MemoryWatch, memoryOf } from "#internal/executors/high-throughput/manager/memory-watch";
import { withCluster } from "../../../faults/high-throughput/cluster.js";
import { rejection } from "../../dataflow/shared-kernel.js";

const MiB = 2 ** 20;

/** Native memory, in pieces, that the garbage collector must leave alone; not for ever, so that nothing hangs where nobody ends it. */
const hoard = app(async (mib: number) => {
  const kept: Buffer[] = [];
  for (let i = 0; i < mib; i += 10) {
    kept.push(Buffer.alloc(10 * 2 ** 20, 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const until = Date.now() + 8000;
  while (Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  return kept.length;
});
const processOf = app(() => process.pid);

describe("a worker in a process of its own", () => {
  test("is ended where its task uses more than memPerWorker, native memory included; others go on, and it is charged to the app", async () => {
    await withCluster({ isolation: "process", maxWorkersPerNode: 1, memPerWorker: "300MiB", provider: { workerInit: "export CARAWAY_CORES=2" } }, async ({ kernel, manned }) => {
      await manned();
      const error = await rejection(hoard.on(kernel)(600));
      expect(error).toMatchObject({ name: "MemoryExceeded", code: "CW-APP-007" });
      expect(error.message).toMatch(/its process used \d+ MiB of memory, and may use 300 MiB/);
      const { peak, limit, pid } = error["evidence"] as { peak: number; limit: number; pid: number };
      expect(limit).toBe(300 * MiB);
      expect(peak).toBeGreaterThan(limit);
      expect(memoryOf(pid)).toBeUndefined();
      expect(await processOf.on(kernel)()).not.toBe(pid);
    });
  });

  test("may use what its task has asked for", async () => {
    await withCluster({ isolation: "process", maxWorkersPerNode: 1, memPerWorker: "300MiB" }, async ({ kernel, manned }) => {
      await manned();
      const future = hoard.with({ resources: { memory: "250MiB" }, retries: 1 }).on(kernel)(400);
      expect((await rejection(future)).message).toContain("may use 250 MiB");
      expect(future.attempts.map(({ charge }) => charge)).toEqual(["app", "app"]);
    });
  });
});

test("where the workers are threads, the manager ends the one that began last before the node's memory is used up", async () => {
  await withCluster({ maxWorkersPerNode: 2, provider: { workerInit: "export CARAWAY_MEMORY_GB=0.4" } }, async ({ kernel, manned }) => {
    await manned();
    const error = await rejection(hoard.on(kernel)(800));
    expect(error).toMatchObject({ name: "MemoryExceeded" });
    expect(error.message).toMatch(/the workers of its node used \d+ MiB of memory, nearly all there is/);
    expect(await processOf.on(kernel)()).toBeGreaterThan(0);
  });
});

/** Two processes of one command that keep so many MiB each. */
const keeps = bashApp((mib: number) => sh`for i in 1 2; do (head -c ${mib}M /dev/zero; sleep 8) | tail -n 1 | wc -c & done; wait`);

describe("a command", () => {
  test("is ended where its processes together use more than memPerWorker, with the peak, and charged to the app; the worker goes on", async () => {
    await withCluster({ maxWorkersPerNode: 1, memPerWorker: "300MiB", provider: { workerInit: "export CARAWAY_CORES=2" } }, async ({ kernel, manned }) => {
      const before = await manned();
      const future = keeps.with({ retries: 0 }).on(kernel)(200);
      const error = await rejection(future);
      expect(error).toMatchObject({ name: "MemoryExceeded", code: "CW-APP-007" });
      expect(error.message).toMatch(/the processes of its command used \d+ MiB of memory, and may use 300 MiB/);
      expect((error["evidence"] as { peak: number }).peak).toBeGreaterThan(300 * MiB);
      expect(future.attempts.map(({ charge }) => charge)).toEqual(["app"]);
      expect(await bashApp(() => sh`echo fine`, { returns: "stdout" }).on(kernel)()).toBe("fine\n");
      expect(await manned()).toEqual(before);
    });
  });

  test("may use what its task has asked for", async () => {
    await withCluster({ isolation: "process", maxWorkersPerNode: 1, memPerWorker: "2GiB" }, async ({ kernel, manned }) => {
      await manned();
      expect((await rejection(keeps.with({ resources: { memory: "250MiB" }, retries: 0 }).on(kernel)(200))).message).toContain("may use 250 MiB");
    });
  });
});

describe("the watch", () => {
  const pool = (lanes: readonly { pid?: number; elapsed: number; memory?: number }[]) => {
    const expelled: { lane: number; of: string }[] = [];
    const all = lanes.map(({ pid, elapsed, memory }, lane) => ({
      thread: { link: { pid, running: () => ({ slot: 0, elapsed }), expel: ({ of }: { of: string }) => expelled.push({ lane, of }) }, slots: [{ number: 1, work: { needsFor: () => (memory === undefined ? undefined : { memory }) } }] },
    }));
    return { pool: { workforce: { out: lanes.length, lanes: all } } as never, expelled };
  };

  test("leaves alone who keeps to its limit, and ends who does not", () => {
    const { pool: one, expelled } = pool([{ pid: 11, elapsed: 1 }, { pid: 12, elapsed: 1, memory: 900 }, { pid: 13, elapsed: 1 }]);
    const watch = new MemoryWatch(one, { worker: 500, node: 1e12 }, (pid) => ({ used: pid === 13 ? 501 : pid === 12 ? 800 : 499, peak: 1000 }));
    watch.check(0);
    expect(expelled).toEqual([{ lane: 2, of: "worker" }]);
  });

  test("ends the largest for the node's sake, one at a time, and gives it time to be gone", () => {
    const { pool: one, expelled } = pool([{ pid: 11, elapsed: 1 }, { pid: 12, elapsed: 1 }]);
    const watch = new MemoryWatch(one, { worker: undefined, node: 1000 }, (pid) => ({ used: pid === 12 ? 600 : 300, peak: 1000 }));
    watch.check(0);
    watch.check(500);
    expect(expelled).toEqual([{ lane: 1, of: "node" }]);
    watch.check(1500);
    expect(expelled).toHaveLength(2);
  });

  test("looks at all processes of commands, now and then, and knows their peak", () => {
    const expelled: object[] = [];
    const command = (pid: number) => ({ shell: { pid }, shellAttempt: { number: 1, work: {} }, expelShell: (use: object) => expelled.push(use) });
    let looks = 0;
    const watch = new MemoryWatch({ workforce: { out: 2, lanes: [command(21), command(22)] } } as never, { worker: undefined, command: 500, node: 1e12 }, () => ({ used: 1, peak: 1 }), () => new Map([[21, [300, 501, 400][looks] ?? 0], [22, 100 * ++looks]]));
    watch.check(0);
    watch.check(300);
    expect([looks, expelled]).toEqual([1, []]);
    watch.check(500);
    expect(expelled).toEqual([{ used: 501, peak: 501, limit: 500, of: "command", pid: 21 }]);
  });

  test("for the node's sake ends a command that is larger than all threads together, and a thread otherwise", () => {
    for (const [used, ended] of [[600, "command"], [300, "thread"]] as const) {
      const expelled: string[] = [];
      const lanes = [
        { shell: { pid: 21 }, shellAttempt: { number: 1, work: {} }, expelShell: () => expelled.push("command") },
        { thread: { link: { running: () => ({ slot: 0, elapsed: 5 }), expel: () => expelled.push("thread") }, slots: [{ number: 1, work: {} }] } },
      ];
      new MemoryWatch({ workforce: { out: 2, lanes } } as never, { worker: undefined, node: 800 }, () => ({ used: 500, peak: 500 }), () => new Map([[21, used]])).check(0);
      expect(expelled).toEqual([ended]);
    }
  });

  test("of threads, ends the one that began last", () => {
    const { pool: one, expelled } = pool([{ elapsed: 900 }, { elapsed: 20 }, { elapsed: 400 }]);
    new MemoryWatch(one, { worker: undefined, node: 1000 }, () => ({ used: 990, peak: 1000 })).check(0);
    expect(expelled).toEqual([{ lane: 1, of: "node" }]);
  });
});
