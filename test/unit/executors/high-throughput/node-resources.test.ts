import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { app, highThroughput, local, threadPool, withKernel } from "#internal/index";
import type { Needs } from "#internal/executors/executor";
import { outcome } from "#internal/executors/high-throughput/records";
import { held, Latch } from "../../dataflow/latch.js";
import { rejection } from "../../dataflow/shared-kernel.js";
import { withCluster } from "../../../faults/high-throughput/cluster.js";
import { Desk, type DeskManager } from "./desk.js";

const asking = (needs: Needs) => ({ needsFor: () => needs });

describe("an interchange gives tasks that say what they need", () => {
  test("as many at a time as their cores allow, and the next when one is done", () => {
    const desk = new Desk();
    const manager = desk.manager({ cores: 4, workers: 4 });
    const [a = 0, b = 0, c = 0] = desk.submit(3, asking({ cores: 2 }));
    expect(manager.has).toEqual([a, b]);
    manager.done(a);
    expect(manager.has).toEqual([b, c]);
  });

  test("as many as memory and accelerators allow", () => {
    const desk = new Desk();
    const manager = desk.manager({ cores: 8, workers: 4, memoryMb: 4096, accelerators: ["0", "1", "2", "3"] });
    expect(desk.submit(2, asking({ memory: 3 * 2 ** 30 })).slice(0, 1)).toEqual(manager.has);
    manager.done(1);
    manager.done(2);
    desk.submit(2, asking({ gpus: 3, memory: 0 }));
    expect(manager.has).toHaveLength(1);
    // What is left of the node goes on with smaller ones.
    desk.submit(2, asking({ gpus: 1, memory: 0 }));
    expect(manager.has).toHaveLength(2);
  });

  test("tasks that say nothing hold a worker's share beside them", () => {
    const desk = new Desk();
    const manager = desk.manager({ cores: 4, workers: 4, prefetch: 4 });
    const [large = 0] = desk.submit(1, asking({ cores: 3 }));
    const small = desk.submit(3);
    expect(manager.has).toEqual([large, small[0]]);
    manager.done(large);
    expect(manager.has).toEqual(small);
  });

  test("what needs more than is free does not hold up what fits", () => {
    const desk = new Desk();
    const manager = desk.manager({ cores: 4, workers: 4 });
    const [first = 0] = desk.submit(1, asking({ cores: 2 }));
    const [large = 0] = desk.submit(1, asking({ cores: 4 }));
    const [small = 0] = desk.submit(1, asking({ cores: 1 }));
    const [plain = 0] = desk.submit(1);
    expect(manager.has).toEqual([first, small, plain]);
    manager.done(first);
    expect(manager.has).not.toContain(large);
  });

  test("nor does it wait for ever: after some time a manager is kept free for it", () => {
    const desk = new Desk();
    const manager = desk.manager({ cores: 2, workers: 2 });
    const plain = desk.submit(2);
    const [large = 0] = desk.submit(1, asking({ cores: 2 }));
    const later = desk.submit(10);
    manager.done(plain[0] as number);
    expect(manager.has).toContain(later[0]);
    desk.pass(2500);
    manager.done(plain[1] as number);
    expect(manager.has).toEqual([later[0]]);
    manager.done(later[0] as number);
    expect(manager.has).toEqual([large]);
    manager.done(large);
    expect(manager.has).toEqual(later.slice(1, 3));
  });

  test("a large one that is cancelled frees the manager that was kept for it", () => {
    const desk = new Desk();
    const manager = desk.manager({ cores: 2, workers: 2 });
    const plain = desk.submit(2);
    const [large = 0] = desk.submit(1, asking({ cores: 2 }));
    const [later = 0] = desk.submit(1);
    desk.pass(2500);
    manager.done(plain[0] as number);
    expect(manager.has).toEqual([plain[1]]);
    desk.cancel(large);
    expect(manager.has).toEqual([plain[1], later]);
    expect(desk.outcomes.get(large)).toEqual([outcome.revoked]);
  });

  test("what no manager here has waits for one that does; the soonest of the large ones goes first", () => {
    const desk = new Desk();
    const small = desk.manager({ cores: 2, workers: 2 });
    const [late = 0] = desk.submit(1, { ...asking({ cores: 8 }), priority: 2 });
    const [soon = 0] = desk.submit(1, { ...asking({ cores: 7 }), priority: 1 });
    expect(small.has).toEqual([]);
    const big = desk.manager({ block: "block-2", cores: 8, workers: 8 });
    expect(big.has).toEqual([soon]);
    big.done(soon);
    expect(big.has).toEqual([late]);
  });

  test("never more than a node has, whatever comes and goes, and everything is released exactly once", () => {
    const amount = fc.record({ cores: fc.option(fc.constantFrom(0.5, 1, 2, 3)), memory: fc.option(fc.constantFrom(0, 2 ** 29, 2 ** 31)), gpus: fc.option(fc.constantFrom(0, 1, 2)) });
    const step = fc.oneof(
      fc.record({ do: fc.constant("submit" as const), needs: fc.option(amount), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ do: fc.constant("done" as const), which: fc.nat() }),
      fc.record({ do: fc.constant("cancel" as const), which: fc.nat() }),
      fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(10, 1500) }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const desk = new Desk();
      const managers = [desk.manager({ cores: 4, workers: 2, accelerators: ["a", "b"] }), desk.manager({ block: "block-2", cores: 4, workers: 4 })];
      const asked = new Map<number, Needs | undefined>();
      for (const it of steps) {
        if (it.do === "submit") {
          const needs = it.needs === null ? undefined : (Object.fromEntries(Object.entries(it.needs).filter(([, value]) => value !== null)) as Needs);
          for (const id of desk.submit(it.count, needs === undefined ? {} : asking(needs))) asked.set(id, needs);
        } else if (it.do === "pass") desk.pass(it.ms);
        else if (it.do === "cancel") desk.cancel([...asked.keys()][it.which % Math.max(1, asked.size)] ?? 0);
        else finish(managers, it.which);
        for (const manager of managers) withinLimits(manager, asked);
      }
      for (let left = 1000; managers.some(({ has }) => has.length > 0); left--) {
        expect(left).toBeGreaterThan(0);
        finish(managers, left);
        desk.pass(1100);
      }
      const { queued, out } = desk.interchange.status();
      const possible = [...asked.values()].filter((needs) => (needs?.gpus ?? 0) <= 2).length;
      expect({ queued, out }, `of ${asked.size}, ${possible} possible`).toEqual({ queued: 0, out: 0 });
      for (const node of desk.interchange.nodes.values()) expect(node.capacity).toMatchObject({ large: 0, held: { cores: 0, memory: 0, gpus: 0 }, plain: node.facts.workers });
    }), { numRuns: 200 });
  });
});

function finish(managers: readonly DeskManager[], which: number): void {
  const running = managers.flatMap((manager) => manager.has.map((task) => [manager, task] as const));
  const one = running[which % Math.max(1, running.length)];
  if (one !== undefined) one[0].done(one[1]);
}

function withinLimits({ has, facts }: DeskManager, asked: ReadonlyMap<number, Needs | undefined>): void {
  if (!has.some((task) => asked.get(task) !== undefined)) return;
  const share = { cores: 1, memory: (facts.memoryMb / facts.workers) * 2 ** 20, gpus: facts.accelerators.length > 0 ? 1 : 0 };
  const total = { cores: facts.cores, memory: facts.memoryMb * 2 ** 20, gpus: facts.accelerators.length };
  expect(has.length).toBeLessThanOrEqual(facts.workers);
  for (const kind of ["cores", "memory", "gpus"] as const) expect(has.reduce((sum, task) => sum + (asked.get(task)?.[kind] ?? share[kind]), 0), kind).toBeLessThanOrEqual(total[kind]);
}

describe("on real managers", () => {
  test("tasks with cores run as many at a time as there are cores; a retry may ask for more", async () => {
    const latch = new Latch();
    await withCluster({ maxWorkersPerNode: 4, provider: { workerInit: "export CARAWAY_CORES=4 CARAWAY_MEMORY_GB=8" } }, async ({ kernel, manned }) => {
      await manned();
      const two = held.with({ resources: { cores: 2, memory: "1GB" } }).on(kernel);
      const both = [two(latch.name, 1), two(latch.name, 2)];
      await latch.arrived(2);
      const third = two(latch.name, 3);
      const pending = app(() => 1).with({ resources: { cores: 1 } }).on(kernel)();
      expect(kernel.why(third.id).sentence).toContain("cores: 2");
      expect(latch.arrivals).toHaveLength(2);
      latch.open();
      expect(await Promise.all([...both, third, pending])).toEqual([1, 2, 3, 1]);
      const seen: number[] = [];
      const flaky = app(() => {
        throw new Error("more");
      }).with({ retries: 2, resources: ({ attempt }) => { seen.push(attempt); return { cores: attempt }; } }).on(kernel)();
      expect((await rejection(flaky)).message).toContain("more");
      expect(seen).toEqual([1, 2, 3]);
    });
    latch.close();
  });

  test("what no manager could ever have is refused by name; so is what is no resource; another executor that has it is taken", async () => {
    await withKernel({ executors: [highThroughput({ label: "far", availableAccelerators: ["a"], isolation: "process", provider: local({ initBlocks: 0 }) }), threadPool({ label: "near" })] }, async () => {
      const one = app(() => 1);
      const refused = (resources: object, executors = ["far"]) => rejection(one.with({ resources, executors })());
      const gpus = await refused({ gpus: 2 });
      expect(gpus).toMatchObject({ code: "CW-EXEC-003", name: "InvalidResourceSpecification" });
      expect(gpus.message).toContain('asks for gpus: 2; the managers of "far" have 1 accelerator(s) each');
      expect((await refused({ cores: 100_000 })).message).toMatch(/the managers of "far" have \d+ core\(s\) each/);
      expect((await refused({ memory: "900TB" })).message).toMatch(/bytes of memory each/);
      expect((await refused({ nodes: 2, ranks: 4 })).message).toContain("does not give tasks nodes, ranks yet");
      expect((await refused({ gpu: 1 })).message).toContain('there is no resource "gpu"');
      expect((await refused({ memory: "lots" })).message).toContain("its memory is not an amount");
      expect((await refused({ cores: 2 }, ["near"])).message).toContain('the thread pool "near" gives each task one core');
      expect(await one.with({ resources: { cores: 1 }, executors: ["near"] })()).toBe(1);
    });
  });
});
