import { describe, expect, it } from "vitest";
import { Lab, refOf } from "./lab.js";

describe("restart intensity", () => {
  const burst = async (intensity: number, failures: number) => {
    const lab = new Lab();
    const top = await lab.supervise({ intensity, period: 1000, children: [lab.worker("a")] });
    for (let i = 0; i < failures && top.children().length > 0; i++) {
      refOf(top, "a").tell({ exit: { error: i } });
      await lab.ports.settle();
    }
    return { lab, top, starts: lab.log.filter((line) => line.includes("start")).length };
  };

  it("allows as many restarts as it says, and ends the supervisor with shutdown at the next", async () => {
    expect((await burst(3, 3)).starts).toBe(4);
    const { top, starts } = await burst(3, 4);
    expect(starts).toBe(4);
    expect(await top.ended).toBe("shutdown");
  });

  it("of 0 ends the supervisor at the first", async () => {
    const { top, starts } = await burst(0, 1);
    expect([starts, await top.ended]).toEqual([1, "shutdown"]);
  });

  it("counts a restart that is exactly one period old, and no older one", async () => {
    for (const [gap, survives] of [[1000, false], [1001, true]] as const) {
      const lab = new Lab();
      const top = await lab.supervise({ intensity: 1, period: 1000, children: [lab.worker("a")] });
      refOf(top, "a").tell({ exit: { error: 1 } });
      await lab.ports.settle();
      await lab.ports.settleFor(gap - lab.ports.clock.now());
      refOf(top, "a").tell({ exit: { error: 2 } });
      await lab.ports.settle();
      expect(top.children().length, `${gap} ms`).toBe(survives ? 1 : 0);
    }
  });

  it("counts one failure once, however many siblings are restarted with it", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ strategy: "one_for_all", intensity: 2, period: "1m", children: ["a", "b", "c"].map((id) => lab.worker(id)) });
    for (const id of ["a", "b"]) {
      refOf(top, id).tell({ exit: { error: id } });
      await lab.ports.settle();
    }
    expect(top.children().map(({ id, restarts }) => [id, restarts])).toEqual([["c", 2], ["b", 2], ["a", 2]]);
  });

  it("counts every try of a restart whose start fails", async () => {
    const lab = new Lab();
    let starts = 0;
    const top = await lab.supervise({ intensity: 5, period: "1m", children: [lab.worker("a", { onStart: () => { if (++starts > 1) throw new Error("no"); } })] });
    refOf(top, "a").tell({ exit: { error: 1 } });
    await lab.ports.settle();
    expect([starts, await top.ended]).toEqual([6, "shutdown"]);
  });

  it("is reported with the child that was one too many", async () => {
    const lab = new Lab();
    const reports: string[] = [];
    lab.system.reports$.subscribe(({ report, supervisor, id }) => reports.push(`${supervisor} ${report} ${id}`));
    const top = await lab.supervise({ intensity: 0, children: [lab.worker("a")] });
    refOf(top, "a").tell({ fail: new Error("broken") });
    await lab.ports.settle();
    expect(reports).toEqual(["lab/top child_terminated a", "lab/top reached_max_restart_intensity a"]);
  });
});

describe("escalation", () => {
  const nested = async (restart: "permanent" | "transient" | "temporary") => {
    const lab = new Lab();
    const top = await lab.supervise({ intensity: 1, period: "1m", children: [{ id: "middle", restart, supervisor: { intensity: 0, children: [lab.worker("a")] } }] });
    const fail = async () => {
      const middle = top.children()[0]?.ref;
      const ref = typeof middle === "object" ? middle.supervisor?.children()[0]?.ref : undefined;
      if (typeof ref === "object") ref.tell({ fail: new Error("broken") });
      await lab.ports.settle();
    };
    return { lab, top, fail };
  };

  it("restarts a permanent supervisor that gave up, until the one above gives up too", async () => {
    const { top, fail } = await nested("permanent");
    await fail();
    expect(top.children()).toMatchObject([{ id: "middle", restarts: 1, type: "supervisor" }]);
    await fail();
    expect(await top.ended).toBe("shutdown");
  });

  it("does not restart a transient supervisor that gave up: it ended with shutdown", async () => {
    const { top, fail } = await nested("transient");
    const { ref } = top.children()[0] ?? {};
    await fail();
    expect(top.children()).toMatchObject([{ id: "middle", ref: undefined }]);
    expect(typeof ref === "object" && (await ref.ended)).toBe("shutdown");
  });

  it("keeps the handle of a nested supervisor valid over its restarts", async () => {
    const { lab, top, fail } = await nested("permanent");
    const { supervisor } = refOf(top, "middle");
    await fail();
    expect(supervisor?.children()).toMatchObject([{ id: "a", restarts: 0 }]);
    const more = await lab.settled(supervisor?.start(lab.worker("b")) ?? Promise.resolve(undefined));
    expect(more?.path).toBe("lab/top/middle/b");
  });
});

describe("back-off", () => {
  it("doubles from min to max, the first restart included, and begins again after a good while", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ intensity: 100, period: "1m", children: [lab.worker("a", { backoff: { min: 100, max: 400, jitter: 0 } })] });
    const starts = () => lab.log.filter((line) => line.endsWith("start a")).map((line) => Number.parseInt(line, 10));
    const fail = async () => {
      refOf(top, "a").tell({ exit: { error: 1 } });
      await lab.ports.settle();
    };
    for (let i = 0; i < 4; i++) await fail();
    expect(starts()).toEqual([0, 100, 300, 700, 1100]);
    await lab.ports.settleFor(250);
    await fail();
    expect(starts().at(-1)).toBe(1100 + 250 + 100);
  });

  it("is spread by its jitter, the same way for the same seed", async () => {
    const delay = async (seed: number): Promise<number> => {
      const lab = new Lab(seed);
      const top = await lab.supervise({ intensity: 1, children: [lab.worker("a", { backoff: { min: 1000, max: 1000, jitter: 0.5 } })] });
      refOf(top, "a").tell({ exit: { error: 1 } });
      await lab.ports.settle();
      return lab.ports.clock.now();
    };
    const delays = await Promise.all([1, 2, 3, 4, 5, 6].map(delay));
    expect(new Set(delays).size).toBe(6);
    for (const ms of delays) expect(ms).toSatisfy((n: number) => n >= 500 && n <= 1500);
    expect(await delay(3)).toBe(delays[2]);
  });

  it("lets calls and the shutdown through while it waits", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ intensity: 9, children: [lab.worker("a", { backoff: { min: "1h", max: "2h" } }), lab.worker("b")] });
    const ref = refOf(top, "a");
    ref.tell({ exit: { error: 1 } });
    await lab.ports.settleFor(1);
    expect(top.children()).toMatchObject([{ id: "b" }, { id: "a", ref: "restarting" }]);
    expect(top.count()).toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 });
    const words: string[] = [];
    for (const call of [() => top.restart("a"), () => top.delete("a"), () => top.start(lab.worker("a"))]) {
      call().catch((error: unknown) => words.push((error as { reason: string }).reason));
      await lab.ports.settleFor(0);
    }
    expect(words).toEqual(["restarting", "restarting", "already_started"]);
    const over = top.shutdown();
    await lab.ports.settleFor(0);
    await over;
    expect(lab.ports.clock.now()).toBe(1);
    expect([await ref.ended, await top.ended]).toEqual([{ error: 1 }, "shutdown"]);
  });

  it("is cut short by a stop, and then does not restart", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ intensity: 9, children: [lab.worker("a", { backoff: { min: 50, max: 50, jitter: 0 } })] });
    refOf(top, "a").tell({ exit: { error: 1 } });
    await lab.ports.settleFor(1);
    expect(await lab.word(top.stop("a"))).toBe("fine");
    expect(lab.log.filter((line) => line.includes("start"))).toHaveLength(1);
    expect(await lab.word(top.restart("a"))).toBe("fine");
  });
});

describe("a restart", () => {
  it("keeps the ref, lets messages wait for the next incarnation, and drops the one that failed", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ intensity: 1, children: [lab.worker("a", { backoff: { min: 100, max: 100 } })] });
    const ref = refOf(top, "a");
    const failed = lab.word(ref.ask({ fail: new Error("poison") }));
    const waiting = ref.ask({ say: "hello" });
    expect(ref.incarnation).toBe(1);
    expect(await lab.settled(waiting)).toBe("a.2 heard hello");
    expect(await failed).toBe("crashed");
    expect([ref.incarnation, ref.alive, refOf(top, "a") === ref]).toEqual([2, true, true]);
  });

  it("stops the others in reverse order and starts all in order, dropping temporary ones: one_for_all", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ strategy: "one_for_all", children: [lab.worker("a"), lab.worker("b"), lab.worker("c", { restart: "temporary" }), lab.worker("d")] });
    const dropped = refOf(top, "c");
    lab.log.length = 0;
    refOf(top, "b").tell({ exit: { error: 1 } });
    await lab.ports.settle();
    expect(lab.log).toEqual(["0 stop b {\"error\":1}", "0 stop d \"shutdown\"", "0 stop c \"shutdown\"", "0 stop a \"shutdown\"", "0 start a", "0 start b", "0 start d"]);
    expect(await dropped.ended).toBe("shutdown");
  });

  it("that fails midway leaves those after it stopped until it is tried again, and none is tried once the failed one is stopped", async () => {
    const lab = new Lab();
    let starts = 0;
    const failing = lab.worker("b", { backoff: { min: 100, max: 100, jitter: 0 }, onStart: () => { if (++starts === 2) throw new Error("no"); } });
    const top = await lab.supervise({ strategy: "one_for_all", intensity: 5, children: [lab.worker("a"), failing, lab.worker("c")] });
    const c = refOf(top, "c");
    const states = () => top.children().map(({ id, ref }) => `${id} ${typeof ref === "object" ? "running" : String(ref)}`);
    refOf(top, "a").tell({ exit: { error: 1 } });
    await lab.ports.settleFor(50);
    expect(states()).toEqual(["c undefined", "b restarting", "a running"]);
    await lab.ports.settleFor(60);
    expect(states()).toEqual(["c running", "b running", "a running"]);
    expect([refOf(top, "c") === c, c.incarnation]).toEqual([true, 2]);
    starts = 1;
    refOf(top, "a").tell({ exit: { error: 2 } });
    await lab.ports.settleFor(50);
    const stopped = top.stop("b");
    await lab.ports.settleFor(1000);
    await stopped;
    expect(states()).toEqual(["c undefined", "b undefined", "a running"]);
    expect(await lab.word(top.restart("c"))).toBe("fine");
    expect([c.alive, c.incarnation]).toEqual([true, 3]);
  });

  it("leaves those before it alone: rest_for_one", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ strategy: "rest_for_one", children: ["a", "b", "c"].map((id) => lab.worker(id)) });
    lab.log.length = 0;
    refOf(top, "b").tell({ exit: { error: 1 } });
    await lab.ports.settle();
    expect(lab.log).toEqual(["0 stop b {\"error\":1}", "0 stop c \"shutdown\"", "0 start b", "0 start c"]);
    expect(top.children().map(({ restarts }) => restarts)).toEqual([1, 1, 0]);
  });
});

describe("significant children", () => {
  it("end their supervisor with the first that ends by itself: any_significant", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ autoShutdown: "any_significant", children: [lab.worker("kernel", { restart: "temporary", significant: true }), lab.worker("other")] });
    const kernel = refOf(top, "kernel");
    kernel.tell({ fail: new Error("our bug") });
    await lab.ports.settle();
    expect(await top.ended).toBe("shutdown");
    expect(await kernel.ended).toMatchObject({ error: { message: "our bug" } });
    expect(lab.log.at(-1)).toBe("0 stop other \"shutdown\"");
  });

  it("end their supervisor with the last: all_significant", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ autoShutdown: "all_significant", children: ["a", "b"].map((id) => lab.worker(id, { restart: "transient", significant: true })) });
    refOf(top, "a").tell({ exit: "normal" });
    await lab.ports.settle();
    expect(top.count().active).toBe(1);
    refOf(top, "b").tell({ exit: "normal" });
    await lab.ports.settle();
    expect(await top.ended).toBe("shutdown");
  });

  it("do not end it when they are stopped from outside, or by a sibling's restart", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ strategy: "one_for_all", intensity: 5, autoShutdown: "any_significant", children: [lab.worker("a"), lab.worker("b", { restart: "transient", significant: true })] });
    refOf(top, "a").tell({ exit: { error: 1 } });
    await lab.ports.settle();
    expect(await lab.word(top.stop("b"))).toBe("fine");
    expect(top.count().active).toBe(1);
  });
});
