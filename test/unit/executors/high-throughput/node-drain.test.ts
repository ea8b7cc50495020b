import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { app } from "#internal/index";
import { frame } from "#internal/executors/high-throughput/protocol";
import { held, Latch } from "../../dataflow/latch.js";
import { until } from "../shell/observe.js";
import { label, withCluster } from "../../../faults/high-throughput/cluster.js";
import { Desk } from "./desk.js";

describe("an interchange and a manager that wants no more work from some time on", () => {
  test("gives it work until then and none afterwards, and tells it to end when it has finished what it has", () => {
    const desk = new Desk();
    const manager = desk.manager({ workers: 2, drainMs: 1000 });
    const [first = 0, second = 0] = desk.submit(2);
    desk.pass(990);
    expect(manager.told).not.toContain(frame.drain);
    manager.done(first);
    const [third = 0] = desk.submit(1);
    expect(manager.has).toEqual([second, third]);
    desk.pass(20);
    expect(manager.told).toContain(frame.drain);
    expect(desk.heard("manager.retired")).toEqual([{ t: "manager.retired", uid: "block-1.0", block: "block-1" }]);
    desk.submit(1);
    manager.done(second);
    expect(manager.has).toEqual([third]);
    expect(manager.told).not.toContain(frame.stop);
    manager.done(third);
    expect(manager.told.at(-1)).toBe(frame.stop);
    manager.leave();
    expect(desk.heard("manager.gone")).toHaveLength(1);
    expect(desk.heard("manager.lost")).toEqual([]);
    expect(desk.interchange.status()).toMatchObject({ queued: 1, out: 0, managers: 0 });
  });

  test("one without work ends at once; another takes what waits", () => {
    const desk = new Desk();
    const retiring = desk.manager({ drainMs: 0 });
    expect(retiring.told.at(-1)).toBe(frame.stop);
    const [task] = desk.submit(1);
    expect(retiring.has).toEqual([]);
    expect(desk.manager({ block: "block-2" }).has).toEqual([task]);
  });

  test("one that retires while its link is down gets nothing when it is back, and ends when it has told what it had", () => {
    const desk = new Desk();
    const manager = desk.manager({ drainMs: 100 });
    const [task = 0] = desk.submit(1);
    manager.started(task);
    desk.interchange.linkLost(desk.interchange.nodes.get("block-1.0") as never, desk.interchange.nodes.get("block-1.0")?.link as never);
    desk.pass(120);
    desk.submit(1);
    manager.register();
    expect(manager.has).toEqual([task]);
    manager.done(task);
    expect(manager.told.at(-1)).toBe(frame.stop);
  });

  test("a block that is kept after all does not bring back a manager that retires", () => {
    const desk = new Desk();
    const manager = desk.manager({ drainMs: 10 });
    const [task = 0] = desk.submit(1);
    desk.pass(20);
    desk.interchange.drain("block-1");
    desk.interchange.resume("block-1");
    desk.submit(1);
    expect(manager.has).toEqual([task]);
  });
});

const exits = (run: string): number[] => {
  const directory = join(run, label, "blocks");
  return (existsSync(directory) ? readdirSync(directory) : []).filter((name) => name.endsWith(".exit")).map((name) => Number.parseInt(readFileSync(join(directory, name), "utf8"), 10));
};

const place = app(() => process.env["CARAWAY_BLOCK"]);

describe("on real managers", () => {
  test("after its drainPeriod a manager finishes what it has, its job ends by itself, and another block does the rest; nothing is charged", async () => {
    const latch = new Latch();
    await withCluster({ maxWorkersPerNode: 1, drainPeriod: 3000, config: { strategy: "simple", strategyPeriod: 100 } }, async ({ kernel, manned, run }) => {
      await manned();
      const first = held.on(kernel)(latch.name, "first");
      await latch.arrived();
      const rest = Array.from({ length: 5 }, () => place.on(kernel)());
      await until("the manager retires", () => kernel.executors.get(label)?.workers === 0, 8000);
      expect(first.state).toBe("running");
      latch.open();
      expect(await first).toBe("first");
      expect(new Set(await Promise.all(rest))).toEqual(new Set(["block-2"]));
      expect([first, ...rest].flatMap(({ attempts }) => attempts)).toEqual([]);
      expect(exits(run)[0]).toBe(0);
    });
    latch.close();
  });

  test("a manager whose block has a walltime retires before it is over", async () => {
    await withCluster({ maxWorkersPerNode: 1, provider: { walltime: "3s" } }, async ({ kernel, manned, run }) => {
      await manned();
      expect(await place.on(kernel)()).toBe("block-1");
      await until("the first job has ended", () => exits(run).length > 0, 6000);
      expect(exits(run)).toEqual([0]);
    });
  });
});
