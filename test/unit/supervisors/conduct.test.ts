import { describe, expect, it } from "vitest";
import { setup } from "xstate";
import type { ActorRef, ChildSpec, DeadLetter, Self, SupervisorReport } from "#internal/supervisors/types";
import { Lab, refOf } from "./lab.js";

const single = async (spec: Partial<ChildSpec>) => {
  const lab = new Lab();
  const reports: SupervisorReport[] = [];
  const letters: DeadLetter[] = [];
  lab.system.reports$.subscribe((report) => reports.push(report));
  lab.system.deadLetters$.subscribe((letter) => letters.push(letter));
  const top = await lab.supervise({ intensity: 5, children: [{ id: "a", ...spec }] });
  return { lab, top, ref: refOf(top, "a"), reports, letters };
};

const never = (): Promise<void> => new Promise(() => undefined);

describe("bad conduct is contained, named and counted:", () => {
  it("a child that ignores its stop is killed when its time is over, and reported", async () => {
    const { lab, top, ref, reports } = await single({ run: (self: Self<never>) => self.onStop(never), shutdown: 300 });
    await lab.settled(top.stop("a"));
    expect([lab.ports.clock.now(), await ref.ended, lab.system.counts.killed]).toEqual([300, "killed", 1]);
    expect(reports).toMatchObject([{ report: "shutdown_error", id: "a", reason: "killed", supervisor: "lab/top" }]);
  });

  it("a child that throws in its stop ends with that error, and is reported", async () => {
    const { lab, top, ref, reports } = await single({ run: (self: Self<never>) => self.onStop(() => { throw new Error("drawer stuck"); }) });
    await lab.settled(top.stop("a"));
    expect(await ref.ended).toMatchObject({ error: { message: "drawer stuck" } });
    expect(reports).toMatchObject([{ report: "shutdown_error", id: "a", reason: { error: { message: "drawer stuck", where: { actor: "lab/top/a" } } } }]);
  });

  it("a handler whose promise never settles holds up nobody else: asks name it, what waits is bounded, and its stop has its limit", async () => {
    const { lab, top, ref, letters } = await single({ run: (self: Self) => self.receive(never), mailbox: 2, shutdown: 50 });
    const neighbour = await lab.settled(top.start({ id: "b", run: (self: Self<string>) => self.receive((text, reply) => reply(text)) }));
    ref.tell({ type: "endless" });
    await lab.ports.settle();
    const asked = ref.ask("hello", { timeout: 10 }).catch((error: unknown) => error);
    ref.tell("second");
    ref.tell("third");
    expect(await lab.settled(neighbour?.ask("fine") ?? Promise.resolve())).toBe("fine");
    expect(await lab.settled(asked)).toMatchObject({ name: "AskTimeout", evidence: { handling: "endless" } });
    expect(letters).toMatchObject([{ to: "lab/top/a", message: "third", reason: "mailbox_full" }]);
    await lab.settled(top.stop("a"));
    expect([await ref.ended, lab.system.counts.killed]).toEqual(["killed", 1]);
  });

  it("a start whose promise never settles is a failed start when its time is over", async () => {
    const lab = new Lab();
    const top = await lab.supervise({});
    expect(await lab.word(top.start({ id: "a", run: never, startTimeout: 100 }))).toBe("failed_to_start_child");
    expect([lab.ports.clock.now(), top.count().specs]).toEqual([100, 0]);
  });

  it("a handler of a chart's effect whose promise never settles does not hold up the chart", async () => {
    const chart = setup({ types: { events: {} as { readonly type: "save" | "count" }, emitted: {} as { readonly type: "save" | "reply" } } });
    const machine = chart.createMachine({ id: "m", initial: "on", states: { on: { on: { save: { actions: chart.emit({ type: "save" }) }, count: { actions: chart.emit({ type: "reply", answer: "here" } as { readonly type: "reply" }) } } } } });
    const { lab, ref } = await single({ machine, effects: { save: never } });
    ref.tell({ type: "save" });
    expect(await lab.settled(ref.ask({ type: "count" }))).toBe("here");
  });

  it("a subscriber that throws harms no actor, no other subscriber and no other stream, and is counted", async () => {
    const { lab, top, ref } = await single({ run: (self: Self) => self.receive((message) => { self.emit(message); if (message === "die") throw new Error("broken"); }), mailbox: 1 });
    const seen: unknown[] = [];
    const { system } = lab;
    const fail = (): never => { throw new Error("observer"); };
    for (const stream of [ref.events$, ref.snapshot$, system.messages$, system.deadLetters$, system.reports$, top.reports$]) stream.subscribe(fail);
    ref.events$.subscribe({ next: (() => Promise.reject(new Error("late observer"))) as () => void });
    ref.events$.subscribe((event) => seen.push(event));
    ref.tell("one");
    ref.tell("too many");
    await lab.ports.settle();
    ref.tell("die");
    await lab.ports.settle();
    expect([seen, ref.incarnation, ref.alive]).toEqual([["one", "die"], 2, true]);
    expect(system.counts.observers).toBeGreaterThanOrEqual(8);
  });

  it("a callback of watch that throws is counted", async () => {
    const { lab, top, ref } = await single({ run: () => undefined });
    lab.system.watch(ref, () => { throw new Error("observer"); });
    await lab.settled(top.stop("a"));
    expect(lab.system.counts.contained).toBe(1);
  });

  it("a kill during a stop that had already begun ends it once", async () => {
    const { lab, top, ref } = await single({ run: (self: Self<never>) => self.onStop(never), shutdown: "infinity" });
    const ends: unknown[] = [];
    lab.system.watch(ref, (reason) => ends.push(reason));
    const stopping = top.stop("a").catch(() => "refused");
    await lab.ports.settle();
    await lab.settled(lab.system.stop({ timeout: 100 }));
    expect(await stopping).toBe("refused");
    expect(ends).toEqual(["killed"]);
  });
});

describe("stash", () => {
  const gate = (self: Self<string>): void => {
    let open = false;
    self.receive((text, reply) => {
      if (text === "open") {
        open = true;
        self.unstash();
      } else if (open) {
        self.emit(text);
        reply(`${text} done`);
      } else self.stash();
    });
  };

  it("puts messages aside, and gives them back in their order before all that came since", async () => {
    const { lab, ref } = await single({ run: gate });
    const seen: unknown[] = [];
    ref.events$.subscribe((event) => seen.push(event));
    const asked = ref.ask("one");
    for (const text of ["two", "open", "three"]) ref.tell(text);
    expect(await lab.settled(asked)).toBe("one done");
    expect(seen).toEqual(["one", "two", "three"]);
  });

  it("is bounded by the mailbox: one message more ends the actor with stash_full, and what was put aside waits for the next incarnation", async () => {
    const { lab, ref, letters } = await single({ run: (self: Self<string>) => {
      self.receive((text) => {
        if (self.incarnation === 1) self.stash();
        else self.emit(text);
      });
    }, mailbox: 2 });
    const seen: unknown[] = [];
    ref.events$.subscribe((event) => seen.push(event));
    for (const text of ["one", "two"]) ref.tell(text);
    await lab.ports.settle();
    ref.tell("three");
    await lab.ports.settle();
    expect([seen, ref.incarnation, letters]).toEqual([["one", "two"], 2, []]);
    expect(lab.system.story(ref).find(({ what }) => what === "ended")?.reason).toMatch(/stash_full/);
  });

  it("leaves dead letters where no incarnation follows, and refuses their asks", async () => {
    const { lab, top, ref, letters } = await single({ run: gate });
    ref.tell("one");
    const again = ref.ask("two").catch((error: unknown) => (error as { reason: string }).reason);
    await lab.ports.settleFor(1);
    await lab.settled(top.stop("a"));
    expect([await again, letters.map(({ message, reason }) => [message, reason])]).toEqual(["noproc", [["one", "unhandled"], ["two", "unhandled"]]]);
  });

  it("throws where no message is being handled", async () => {
    const { lab } = await single({ restart: "temporary", run: (self: Self<never>) => expect(() => self.stash()).toThrow(/^nothing_to_stash/) });
    expect(lab.system.counts.deadLetters).toBe(0);
  });

  it("is an effect of charts", async () => {
    const door = setup({ types: { events: {} as { readonly type: "knock" | "open"; readonly who?: string }, emitted: {} as { readonly type: "stash" | "unstash" | "greet"; readonly who?: string } } });
    const machine = door.createMachine({
      id: "door",
      initial: "shut",
      states: {
        shut: { on: { knock: { actions: door.emit({ type: "stash" }) }, open: { target: "ajar", actions: door.emit({ type: "unstash" }) } } },
        ajar: { on: { knock: { actions: door.emit(({ event }) => ({ type: "greet", who: event.who ?? "" })) }, open: {} } },
      },
    });
    const { lab, ref } = await single({ machine });
    const seen: unknown[] = [];
    ref.events$.subscribe((event) => seen.push(event));
    for (const who of ["Ada", "Bob"]) ref.tell({ type: "knock", who });
    ref.tell({ type: "open" });
    ref.tell({ type: "knock", who: "Cy" });
    await lab.ports.settle();
    expect(seen).toEqual(["Ada", "Bob", "Cy"].map((who) => ({ type: "greet", who })));
  });
});

describe("a full mailbox", () => {
  it("that drops its oldest message keeps the newest, counts what it dropped, and never drops a notice of an end", async () => {
    const lab = new Lab();
    const seen: unknown[] = [];
    const letters: unknown[] = [];
    lab.system.deadLetters$.subscribe(({ message, reason }) => letters.push([message, reason]));
    const top = await lab.supervise({ children: [lab.worker("other", { restart: "temporary" }), { id: "a", mailbox: { capacity: 2, full: "drop_oldest" }, run: (self: Self<string>) => {
      self.receive(async (text) => {
        seen.push(text);
        if (text !== "watch") return;
        self.watch(lab.system.lookup("lab/top/other") as ActorRef, () => seen.push("other ended"));
        await new Promise<void>((resolve) => void lab.ports.clock.after(10, resolve));
      });
    } }] });
    const ref = refOf(top, "a");
    ref.tell("watch");
    await lab.ports.settleFor(1);
    refOf(top, "other").tell({ exit: "normal" });
    const oldest = lab.word(ref.ask("1"));
    for (const text of ["2", "3", "4"]) ref.tell(text);
    expect(await oldest).toBe("dropped");
    expect(seen).toEqual(["watch", "other ended", "3", "4"]);
    expect([letters, lab.system.counts.deadLetters]).toEqual([[["1", "dropped"], ["2", "dropped"]], 2]);
  });
});

describe("a system knows its actors by their paths", () => {
  it("of children at any depth, of what they have spawned, and of nobody else", async () => {
    const lab = new Lab();
    const parentOf = (id: string, kid: ChildSpec): ChildSpec => ({
      id,
      run: async (self: Self<never>) => {
        await self.spawn(kid);
      },
    });
    const spawner = parentOf("parent", parentOf("kid", { id: "grandkid", run: () => undefined }));
    const top = await lab.supervise({ children: [lab.worker("a"), { id: "inner", supervisor: { children: [lab.worker("b"), spawner] } }] });
    const { system } = lab;
    expect(system.lookup("lab/top/a")).toBe(refOf(top, "a"));
    expect(system.lookup("lab/top/inner")?.supervisor?.children()).toHaveLength(2);
    for (const path of ["lab/top/inner/b", "lab/top/inner/parent", "lab/top/inner/parent/kid", "lab/top/inner/parent/kid/grandkid"]) expect(system.lookup(path)?.path).toBe(path);
    for (const path of ["", "lab", "lab/top", "lab/top/", "lab/top/z", "lab/top/a/x", "lab/top/inner/par", "elsewhere/top/a"]) expect(system.lookup(path)).toBeUndefined();
    const flat = ({ path, children }: { readonly path: string; readonly children: readonly unknown[] }): string[] => [path, ...(children as { readonly path: string; readonly children: readonly unknown[] }[]).flatMap(flat)];
    expect(flat(system.tree())).toContain("lab/top/inner/parent/kid/grandkid");
  });

  it("over restarts the same, and after a new start the new one", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a")] });
    const ref = refOf(top, "a");
    ref.tell({ fail: new Error("x") });
    await lab.ports.settle();
    expect(lab.system.lookup("lab/top/a")).toBe(ref);
    await lab.settled(top.stop("a"));
    await lab.settled(top.restart("a"));
    expect(lab.system.lookup("lab/top/a")).toBe(refOf(top, "a"));
    expect(lab.system.lookup("lab/top/a")).not.toBe(ref);
  });
});
