import { describe, expect, it } from "vitest";
import type { SupervisionError } from "#internal/errors/index";
import type { ActorRef, Self } from "#internal/supervisors/types";
import { Lab, refOf } from "./lab.js";

const never = (): Promise<void> => new Promise(() => undefined);

describe("the start of a supervisor", () => {
  it("starts its children from left to right, each after the one before has started", async () => {
    const lab = new Lab();
    const slow = (ms: number) => ({ onStart: () => new Promise<void>((resolve) => void lab.ports.clock.after(ms, resolve)) });
    await lab.supervise({ children: [lab.worker("a", slow(20)), lab.worker("b", slow(5)), lab.worker("c")] });
    expect(lab.log).toEqual(["0 start a", "20 start b", "25 start c"]);
  });

  it("stops in reverse what had started when one does not, and says which and why", async () => {
    const lab = new Lab();
    const failing = lab.worker("c", { onStart: () => { throw new Error("no disk"); } });
    const error = (await lab.supervise({ children: [lab.worker("a"), lab.worker("b"), failing, lab.worker("d")] }).catch((cause: unknown) => cause)) as SupervisionError;
    expect(lab.log).toEqual(["0 start a", "0 start b", "0 start c", `0 stop c {"error":{}}`, `0 stop b "shutdown"`, `0 stop a "shutdown"`]);
    expect(error).toMatchObject({ name: "SupervisionError", code: "CW-SUP-001", reason: "failed_to_start_child", where: { actor: "lab/top" }, cause: { message: "no disk" } });
    expect(error.message).toMatch(/lab\/top did not start, since its child "c" did not: no disk/);
    expect(lab.system.tree().children).toEqual([]);
  });

  it("goes on past a child that says there is nothing to do", async () => {
    const lab = new Lab();
    const ignoring = (restart: "permanent" | "temporary") => lab.worker(restart, { restart, onStart: () => "ignore" });
    const top = await lab.supervise({ children: [ignoring("permanent"), ignoring("temporary"), lab.worker("c")] });
    expect(top.children()).toMatchObject([{ id: "c", ref: { alive: true } }, { id: "permanent", ref: undefined }]);
    expect(await lab.settled(top.restart("permanent"))).toBeUndefined();
  });

  it("counts a start that never ends as failed", async () => {
    const lab = new Lab();
    const error = (await lab.supervise({ children: [lab.worker("a", { startTimeout: "2s", onStart: never })] }).catch((cause: unknown) => cause)) as SupervisionError;
    expect(lab.ports.clock.now()).toBe(2000);
    expect(error).toMatchObject({ reason: "failed_to_start_child", cause: { reason: "start_timeout" } });
    expect(error.message).toMatch(/had not started after 2000 ms/);
  });

  it("is given up when the supervisor is shut down meanwhile", async () => {
    const lab = new Lab();
    const starting = lab.supervise({ children: [{ id: "inner", supervisor: { children: [lab.worker("a"), lab.worker("b", { startTimeout: "infinity", onStart: never, shutdown: 50 })] } }] });
    const word = lab.word(starting);
    await lab.ports.settleFor(10);
    const over = lab.system.stop();
    await lab.ports.settle();
    await over;
    expect(await word).toBe("shutdown");
    expect(lab.log).toEqual(["0 start a", "0 start b", `60 stop a "shutdown"`]);
    expect(lab.ports.clock.now()).toBe(60);
  });
});

describe("the stop of a supervisor", () => {
  it("waits for a child whose start comes to its end at that moment", async () => {
    const lab = new Lab();
    let start: (() => void) | undefined;
    const takes = (ms: number) => () => new Promise<void>((resolve) => void lab.ports.clock.after(ms, resolve));
    const top = await lab.supervise({ children: [lab.worker("a")] });
    const word = lab.word(top.start(lab.worker("b", { onStart: () => new Promise<void>((resolve) => (start = resolve)), onStop: takes(20) })));
    await lab.ports.settleFor(5);
    start?.();
    void top.shutdown().then(() => lab.note("over"));
    await word;
    expect(lab.log).toEqual(["0 start a", "0 start b", `5 stop b "shutdown"`, `25 stop a "shutdown"`, "25 over"]);
  });

  it("stops its children in reverse, each in its own time, and kills the one that takes too long", async () => {
    const lab = new Lab();
    const takes = (ms: number) => ({ onStop: () => new Promise<void>((resolve) => void lab.ports.clock.after(ms, resolve)) });
    const reports: unknown[] = [];
    lab.system.reports$.subscribe(({ report, id }) => reports.push([report, id]));
    const top = await lab.supervise({ children: [lab.worker("slow", { ...takes(10_000), shutdown: "infinity" }), lab.worker("late", { ...takes(500), shutdown: 100 }), lab.worker("brutal", { shutdown: "brutal_kill" }), lab.worker("quick", takes(30))] });
    const refs = ["slow", "late", "brutal", "quick"].map((id) => refOf(top, id));
    lab.log.length = 0;
    await lab.settled(top.shutdown());
    expect(lab.log).toEqual([`0 stop quick "shutdown"`, `30 stop late "shutdown"`, `130 stop slow "shutdown"`]);
    expect(await Promise.all(refs.map((ref) => ref.ended))).toEqual(["shutdown", "killed", "killed", "shutdown"]);
    expect(reports).toEqual([["shutdown_error", "late"]]);
    expect([lab.ports.clock.now(), await top.ended]).toEqual([10_130, "shutdown"]);
  });

  it("ends dynamic children all at the same time", async () => {
    const lab = new Lab();
    const { id: _id, ...child } = lab.worker("x", { onStop: () => new Promise<void>((resolve) => void lab.ports.clock.after(100, resolve)) });
    const top = await lab.supervise({ strategy: "simple_one_for_one", child });
    for (let i = 0; i < 50; i++) await lab.settled(top.start({}));
    await lab.settled(top.shutdown());
    expect(lab.ports.clock.now()).toBe(100);
    expect(lab.log.filter((line) => line.startsWith("0 stop"))).toHaveLength(50);
  });

  it("waits for the message at work, and for nothing behind it", async () => {
    const lab = new Lab();
    const done: string[] = [];
    const top = await lab.supervise({ children: [{ id: "a", run: (self: Self<string>) => self.receive(async (text) => {
      await new Promise<void>((resolve) => void lab.ports.clock.after(40, resolve));
      done.push(text);
    }) }] });
    const dead: unknown[] = [];
    lab.system.deadLetters$.subscribe(({ message, reason }) => dead.push([message, reason]));
    refOf(top, "a").tell("one");
    refOf(top, "a").tell("two");
    await lab.ports.settleFor(10);
    await lab.settled(top.shutdown());
    expect([done, dead, lab.ports.clock.now()]).toEqual([["one"], [["two", "unhandled"]], 40]);
  });

  it("reports a clean-up that fails, and is not held up by it", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a"), lab.worker("b", { onStop: () => Promise.reject(new Error("stuck")) })] });
    const reports: unknown[] = [];
    top.reports$.subscribe((report) => reports.push(report));
    const ref = refOf(top, "b");
    await lab.settled(top.shutdown());
    expect(await ref.ended).toMatchObject({ error: { message: "stuck" } });
    expect(reports).toMatchObject([{ report: "shutdown_error", id: "b", supervisor: "lab/top", reason: { error: { message: "stuck" } } }]);
    expect(lab.log.at(-1)).toBe(`0 stop a "shutdown"`);
  });

  it("ends with the reason it was given", async () => {
    const lab = new Lab();
    const top = await lab.supervise({});
    await lab.settled(top.shutdown({ shutdown: "maintenance" }));
    expect(await top.ended).toEqual({ shutdown: "maintenance" });
    expect(await lab.word(top.start(lab.worker("a")))).toBe("noproc");
    expect(top.children()).toEqual([]);
  });

  it("answers calls that wait, and calls that come while it ends", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a", { shutdown: 100, onStop: never })] });
    const waiting = [lab.word(top.stop("a")), lab.word(top.start(lab.worker("b"))), lab.word(top.shutdown())];
    const late = lab.word(top.restart("a"));
    expect(await Promise.all([...waiting, late])).toEqual(["shutdown", "shutdown", "fine", "shutdown"]);
    expect(lab.log.filter((line) => line.includes("start b"))).toEqual([]);
  });
});

describe("the stop of a system", () => {
  it("stops its supervisors, the newest first, and kills what takes longer than the time-out", async () => {
    const lab = new Lab();
    const patient = { shutdown: "infinity", onStop: never };
    const [one, two] = [await lab.supervise({ children: [lab.worker("a", patient)] }, "one"), await lab.supervise({ children: [{ id: "inner", supervisor: { children: [lab.worker("b", patient)] } }] }, "two")];
    lab.log.length = 0;
    await lab.settled(lab.system.stop({ timeout: "3s" }));
    expect([await one.ended, await two.ended]).toEqual(["killed", "killed"]);
    expect(lab.log).toEqual([`0 stop b "shutdown"`]);
    expect(lab.ports.clock.now()).toBe(3000);
    expect(await lab.word(lab.system.supervise({}))).toBe("shutdown");
    expect(lab.ports.pending).toBe(0);
  });
});

describe("administration", () => {
  it("stop ends the ref, restart makes a new one, delete forgets", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a")] });
    const first = refOf(top, "a");
    expect(await lab.word(top.delete("a"))).toBe("running");
    expect(await lab.word(top.restart("a"))).toBe("running");
    await lab.settled(top.stop("a"));
    expect([await first.ended, first.alive]).toEqual(["shutdown", false]);
    expect(await lab.word(top.stop("a"))).toBe("fine");
    expect(await lab.word(top.start(lab.worker("a")))).toBe("already_present");
    const second = await lab.settled(top.restart("a"));
    expect([second === first, second?.incarnation, second?.path]).toEqual([false, 1, first.path]);
    await lab.settled(top.stop(second as ActorRef));
    await lab.settled(top.delete("a"));
    expect([top.children(), top.count().specs]).toEqual([[], 0]);
    for (const call of [() => top.stop("a"), () => top.restart("a"), () => top.delete("a")]) expect(await lab.word(call())).toBe("not_found");
    expect(() => top.spec("a")).toThrow(/not_found/);
  });

  it("stop of a temporary child forgets it", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a", { restart: "temporary" })] });
    await lab.settled(top.stop("a"));
    expect(top.children()).toEqual([]);
  });

  it("lists the newest first, counts kinds, and gives specifications back", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a"), { id: "s", supervisor: {} }] });
    await lab.settled(top.start(lab.worker("b", { restart: "transient" })));
    expect(top.children().map(({ id, type }) => [id, type])).toEqual([["b", "worker"], ["s", "supervisor"], ["a", "worker"]]);
    expect(top.count()).toEqual({ specs: 3, active: 3, supervisors: 1, workers: 2 });
    expect(top.spec("b")).toMatchObject({ id: "b", restart: "transient" });
  });

  it("of simple_one_for_one starts instances of the template, by ref alone known", async () => {
    const lab = new Lab();
    const inputs: unknown[] = [];
    const top = await lab.supervise({ strategy: "simple_one_for_one", child: { input: "default", run: (self) => void inputs.push([self.ref.id, self.input]) } });
    const a = await lab.settled(top.start({ id: "a", input: 7 }));
    const b = await lab.settled(top.start({}));
    expect(inputs).toEqual([["a", 7], [b?.id, "default"]]);
    expect(top.count()).toEqual({ specs: 1, active: 2, supervisors: 0, workers: 2 });
    for (const call of [() => top.stop("a"), () => top.restart("a"), () => top.delete("a")]) expect(await lab.word(call())).toBe("simple_one_for_one");
    await lab.settled(top.stop(a as ActorRef));
    expect(await lab.word(top.stop(a as ActorRef))).toBe("not_found");
    expect(top.children()).toMatchObject([{ id: b?.id }]);
  });

  it("takes calls one after the other, in the order they were made", async () => {
    const lab = new Lab();
    const top = await lab.supervise({});
    const words = [top.start(lab.worker("a")), top.start(lab.worker("a")), top.stop("a"), top.start(lab.worker("a")), top.delete("a"), top.start(lab.worker("a"))].map((call) => lab.word(call));
    expect(await Promise.all(words)).toEqual(["fine", "already_started", "fine", "already_present", "fine", "fine"]);
  });
});

describe("a start that goes on when its supervisor is shut down", () => {
  it("is stopped before the supervisor has ended, and its caller is told", async () => {
    const lab = new Lab();
    const top = await lab.supervise({});
    const word = lab.word(top.start(lab.worker("a", { onStart: () => new Promise<void>((resolve) => void lab.ports.clock.after(20, resolve)) })));
    const over = top.shutdown().then(() => lab.note("over"));
    await lab.ports.settle();
    await over;
    expect([await word, lab.log]).toEqual(["shutdown", ["0 start a", `20 stop a "shutdown"`, "20 over"]]);
  });
});
