import { describe, expect, it } from "vitest";
import type { AskTimeout, SupervisionError } from "#internal/errors/index";
import type { ActorRef, ChildSpec, EndReason, Self, Supervisor } from "#internal/supervisors/types";
import { Lab, refOf } from "./lab.js";

const reasonOf = (cause: unknown): string => (cause as SupervisionError).reason;

const single = async (run: (self: Self<never>) => unknown, more: Partial<ChildSpec> = {}) => {
  const lab = new Lab();
  const top = await lab.supervise({ intensity: 10, children: [{ id: "a", run, ...more }] });
  return { lab, top, ref: refOf(top, "a") };
};

describe("a running function", () => {
  it("handles one message at a time, and waits for a handler's promise", async () => {
    const log: string[] = [];
    const { lab, ref } = await single((self: Self<string>) => self.receive(async (text) => {
      log.push(`${text} begins`);
      await Promise.resolve();
      log.push(`${text} ends`);
    }));
    ref.tell("one");
    ref.tell("two");
    expect(log).toEqual([]);
    await lab.ports.settle();
    expect(log).toEqual(["one begins", "one ends", "two begins", "two ends"]);
  });

  it("keeps messages that come before it receives", async () => {
    let begin: () => void = () => undefined;
    const seen: unknown[] = [];
    const { lab, ref } = await single((self: Self<string>) => {
      begin = () => self.receive((text) => void seen.push(text));
    });
    ref.tell("early");
    await lab.ports.settle();
    expect(seen).toEqual([]);
    begin();
    await lab.ports.settle();
    expect(seen).toEqual(["early"]);
  });

  it("takes 100,000 messages in their order", async () => {
    let sum = 0;
    let sorted = true;
    let last = -1;
    const { lab, ref } = await single((self: Self<number>) => self.receive((n) => {
      sorted &&= n === last + 1;
      last = n;
      sum += n;
    }), { mailbox: 100_000 });
    for (let n = 0; n < 100_000; n++) ref.tell(n);
    await lab.ports.settle();
    expect([sum, sorted]).toEqual([4_999_950_000, true]);
  });

  it("ends with the error that its handler threw or rejected with, and is told so in its clean-ups, the latest first", async () => {
    for (const fail of [() => { throw new Error("broken"); }, () => Promise.reject(new Error("broken"))]) {
      const reasons: unknown[] = [];
      const { lab, ref } = await single((self: Self<string>) => {
        self.onStop((reason) => void reasons.push(["first", reason]));
        self.onStop((reason) => void reasons.push(["second", reason]));
        self.receive(fail);
      }, { restart: "temporary" });
      ref.tell("go");
      await lab.ports.settle();
      expect(reasons).toMatchObject([["second", { error: { message: "broken" } }], ["first", { error: { message: "broken" } }]]);
      expect(await ref.ended).toMatchObject({ error: { message: "broken" } });
    }
  });

  it("exits with the reason it gives, once", async () => {
    const { lab, ref } = await single((self: Self<string>) => self.receive(() => {
      self.exit({ shutdown: "done" });
      self.exit({ error: "ignored" });
    }), { restart: "transient" });
    ref.tell("go");
    await lab.ports.settle();
    expect(await ref.ended).toEqual({ shutdown: "done" });
  });

  it("is told by its signal that it should stop, with an error as the reason", async () => {
    let signal: AbortSignal | undefined;
    const { lab, top } = await single((self) => {
      signal = self.signal;
    });
    expect(signal?.aborted).toBe(false);
    await lab.settled(top.stop("a"));
    expect(signal?.reason).toMatchObject({ reason: "shutdown" });
  });

  it("does nothing through self once it was killed, and that is counted", async () => {
    const selves: Self<string>[] = [];
    const { lab, top, ref } = await single((self: Self<string>) => {
      selves.push(self);
      self.receive(async () => {
        await new Promise<void>((resolve) => self.signal.addEventListener("abort", () => resolve()));
        self.emit("from the grave");
        self.exit({ error: "from the grave" });
      });
    }, { shutdown: "brutal_kill" });
    const events: unknown[] = [];
    ref.events$.subscribe((event) => events.push(event));
    ref.tell("go");
    await lab.ports.settleFor(0);
    await lab.settled(top.stop("a"));
    expect([events, await ref.ended, lab.system.counts.afterEnd]).toEqual([[], "killed", 2]);
    await expect(selves[0]?.spawn({ id: "x", run: () => undefined })).rejects.toMatchObject({ reason: "noproc" });
  });

  it("announces on events$, which ends with it", async () => {
    const { lab, top, ref } = await single((self: Self<string>) => self.receive((text) => self.emit(text.toUpperCase())));
    const events: unknown[] = [];
    ref.events$.subscribe({ next: (event) => void events.push(event), complete: () => void events.push("(over)") });
    ref.tell("hello");
    await lab.ports.settle();
    await lab.settled(top.stop("a"));
    expect(events).toEqual(["HELLO", "(over)"]);
  });

  it("shows on snapshot$ how it fares, the present state first", async () => {
    const { lab, top, ref } = await single((self: Self<string>) => self.receive(() => self.exit({ error: 1 })));
    const seen: unknown[] = [];
    ref.snapshot$.subscribe((snapshot) => seen.push(snapshot));
    ref.tell("go");
    await lab.ports.settle();
    await lab.settled(top.stop("a"));
    const distinct = seen.map((one) => JSON.stringify(one)).filter((text, i, all) => text !== all[i - 1]);
    expect(distinct.map((text) => Object.values(JSON.parse(text) as object).join(" "))).toEqual(["running 1", "restarting 1", "restarting 2", "running 2", "restarting 2", "ended 2"]);
  });

  it("that crashes and does not come to an end is not waited for longer than its shutdown allows", async () => {
    const { lab, ref } = await single((self: Self<string>) => {
      self.onStop(() => new Promise(() => undefined));
      self.receive(() => { throw new Error("broken"); });
    }, { shutdown: 500 });
    ref.tell("go");
    await lab.ports.settle();
    expect([ref.incarnation, ref.alive, lab.ports.clock.now()]).toEqual([2, true, 500]);
  });
});

describe("spawned actors", () => {
  const parent = async (childRun: (self: Self<never>) => unknown) => {
    let spawned: ActorRef | undefined;
    const lab = new Lab();
    const top = await lab.supervise({ intensity: 0, children: [{ id: "a", restart: "temporary", run: async (self: Self<never>) => { spawned = await self.spawn({ id: "kid", run: childRun }); } }] });
    return { lab, top, ref: refOf(top, "a"), kid: spawned as ActorRef };
  };

  it("end with the actor that spawned them", async () => {
    const { lab, top, kid } = await parent((self) => self.onStop((reason) => lab.note(`kid stops ${JSON.stringify(reason)}`)));
    expect([kid.path, kid.alive]).toEqual(["lab/top/a/kid", true]);
    await lab.settled(top.stop("a"));
    expect([kid.alive, await kid.ended, lab.log]).toEqual([false, "shutdown", [`0 kid stops "shutdown"`]]);
  });

  it("take the actor that spawned them along when they break, and not when they end normally", async () => {
    const exits = (self: Self<EndReason>) => self.receive((reason) => self.exit(reason));
    const broken = await parent(exits);
    broken.kid.tell({ error: "broken" });
    await broken.lab.ports.settle();
    expect(await broken.ref.ended).toEqual({ error: "broken" });
    const calm = await parent(exits);
    calm.kid.tell("normal");
    await calm.lab.ports.settle();
    expect([calm.ref.alive, await calm.kid.ended]).toEqual([true, "normal"]);
  });
});

describe("ask", () => {
  it("gives the answer, whenever it comes", async () => {
    const { lab, ref } = await single((self: Self<number>) => self.receive((n, reply) => void lab_.ports.clock.after(20, () => reply(n * 2))));
    const lab_ = lab;
    expect(await lab.settled(ref.ask(21))).toBe(42);
  });

  it("rejects with AskTimeout when none comes in time", async () => {
    const { lab, ref } = await single((self: Self<number>) => self.receive(() => undefined));
    const error = (await lab.settled(ref.ask(1, { timeout: "2s" }).catch((cause: unknown) => cause))) as AskTimeout;
    expect(error).toMatchObject({ name: "AskTimeout", code: "CW-SUP-002", where: { actor: "lab/top/a" } });
    expect(lab.ports.clock.now()).toBe(2000);
    await lab.settled(ref.ask(1).catch(() => undefined));
    expect(lab.ports.clock.now()).toBe(7000);
  });

  it("rejects at once when the actor ends before it answers, and names the cause", async () => {
    const { lab, ref } = await single((self: Self<string>) => self.receive((text) => { if (text === "die") throw new Error("broken"); }));
    const unanswered = ref.ask("remember").catch((cause: unknown) => cause);
    ref.tell("die");
    const error = (await lab.settled(unanswered)) as SupervisionError;
    expect(error).toMatchObject({ reason: "noproc", cause: { message: "broken" } });
    expect(lab.ports.clock.now()).toBe(0);
  });

  it("rejects where nobody is left", async () => {
    const { lab, top, ref } = await single(() => undefined);
    const waiting = ref.ask("hello").catch(reasonOf);
    await lab.settled(top.stop("a"));
    expect(await waiting).toBe("noproc");
    expect(await ref.ask("hello").catch(reasonOf)).toBe("noproc");
  });
});

describe("dead letters", () => {
  it("are messages to an actor that ended, to a full mailbox, and left in one; each says why", async () => {
    const { lab, top, ref } = await single(() => undefined, { mailbox: 2 });
    const letters: unknown[] = [];
    lab.system.deadLetters$.subscribe(({ to, message, reason }) => letters.push([to, message, reason]));
    for (const text of ["one", "two", "three"]) ref.tell(text);
    expect(await lab.word(ref.ask("four"))).toBe("mailbox_full");
    await lab.settled(top.stop("a"));
    ref.tell("five");
    expect(letters).toEqual([["three", "mailbox_full"], ["four", "mailbox_full"], ["one", "unhandled"], ["two", "unhandled"], ["five", "ended"]].map(([message, reason]) => ["lab/top/a", message, reason]));
    expect(lab.system.counts.deadLetters).toBe(5);
  });
});

describe("watch", () => {
  const watched = async () => {
    const { lab, top, ref } = await single((self: Self<EndReason>) => self.receive((reason) => self.exit(reason)), { restart: "transient" });
    const notices: EndReason[] = [];
    return { lab, top, ref, notices, onEnd: (reason: EndReason) => void notices.push(reason) };
  };

  it("gives one notice of the end of the incarnation it was set on", async () => {
    const { lab, ref, notices, onEnd } = await watched();
    lab.system.watch(ref, onEnd);
    ref.tell({ error: 1 });
    await lab.ports.settle();
    ref.tell("normal");
    await lab.ports.settle();
    expect([notices, ref.incarnation, await ref.ended]).toEqual([[{ error: 1 }], 2, "normal"]);
  });

  it("gives the notice also when the end came first, never within the call", async () => {
    const { lab, ref, notices, onEnd } = await watched();
    ref.tell("normal");
    await lab.ports.settle();
    lab.system.watch(ref, onEnd);
    expect(notices).toEqual([]);
    await lab.ports.settle();
    expect(notices).toEqual(["normal"]);
  });

  it("gives none once it was taken back, also when the notice was on its way", async () => {
    const { lab, ref, notices, onEnd } = await watched();
    ref.tell("normal");
    await lab.ports.settle();
    lab.system.watch(ref, onEnd);
    lab.system.unwatch(ref, onEnd);
    lab.system.watch(ref, onEnd)();
    await lab.ports.settle();
    expect(notices).toEqual([]);
  });

  it("is not disturbed by what its callbacks throw", async () => {
    const { lab, ref, notices, onEnd } = await watched();
    lab.system.watch(ref, () => { throw new Error("observer"); });
    lab.system.watch(ref, onEnd);
    ref.tell("normal");
    await lab.ports.settle();
    expect([notices, lab.system.counts.contained]).toEqual([["normal"], 1]);
  });

  it("through self comes as a message of the control lane: before other messages, and not into the middle of one", async () => {
    const lab = new Lab();
    const log: string[] = [];
    const target = lab.worker("target", { restart: "temporary" });
    const top: Supervisor = await lab.supervise({ children: [target, { id: "watcher", run: (self: Self<string>) => self.receive(async (text) => {
      log.push(`${text} begins`);
      if (text === "watch") self.watch(refOf(top, "target"), (reason) => void log.push(`target ended: ${JSON.stringify(reason)}`));
      await new Promise<void>((resolve) => void lab.ports.clock.after(10, resolve));
      log.push(`${text} ends`);
    }) }] });
    const watcher = refOf(top, "watcher");
    watcher.tell("watch");
    watcher.tell("one");
    watcher.tell("two");
    await lab.ports.settleFor(12);
    refOf(top, "target").tell({ exit: "normal" });
    await lab.ports.settle();
    expect(log).toEqual(["watch begins", "watch ends", "one begins", "one ends", `target ended: "normal"`, "two begins", "two ends"]);
  });

  it("through self ends the actor when its callback throws", async () => {
    const lab = new Lab();
    const top: Supervisor = await lab.supervise({ children: [lab.worker("target", { restart: "temporary" }), { id: "watcher", restart: "temporary", run: (self: Self<string>) => self.receive(() => void self.watch(refOf(top, "target"), () => { throw new Error("not expected"); })) }] });
    const watcher = refOf(top, "watcher");
    watcher.tell("go");
    await lab.ports.settle();
    refOf(top, "target").tell({ exit: "normal" });
    await lab.ports.settle();
    expect(await watcher.ended).toMatchObject({ error: { message: "not expected" } });
  });
});

describe("a system shows", () => {
  it("its tree", async () => {
    const lab = new Lab();
    await lab.supervise({ children: [lab.worker("a"), { id: "inner", supervisor: { children: [lab.worker("b")] } }] });
    const short = ({ id, type, children }: { id: string; type: string; children: readonly never[] }): unknown => [id, type, ...children.map(short)];
    expect(short(lab.system.tree() as never)).toEqual(["lab", "supervisor", ["top", "supervisor", ["a", "worker"], ["inner", "supervisor", ["b", "worker"]]]]);
    expect(lab.system.tree().children[0]).toMatchObject({ path: "lab/top", state: "running.idle", children: [{ path: "lab/top/a", state: "running", incarnation: 1 }, {}] });
  });

  it("the story of an actor, its messages, and every transition of its cells", async () => {
    const lab = new Lab();
    const messages: unknown[] = [];
    const transitions = new Set<string>();
    lab.system.messages$.subscribe(({ to, message, asked }) => messages.push([to, message, asked]));
    lab.system.transitions$.subscribe(({ kind, id, to }) => transitions.add(`${kind} ${id} ${to}`));
    const top = await lab.supervise({ children: [lab.worker("a")] });
    const ref = refOf(top, "a");
    ref.tell({ exit: { error: 1 } });
    await lab.ports.settle();
    expect(lab.system.story(ref).map(({ what, incarnation }) => `${what} ${incarnation}`)).toEqual(["launched 1", "started 1", "message 1", "ended 1", "launched 2", "started 2"]);
    expect(messages).toEqual([["lab/top/a", { exit: { error: 1 } }, false]]);
    expect([...transitions]).toEqual(expect.arrayContaining(["child lab/top/a running", "child lab/top/a stopped", "supervisor lab/top running.idle", "supervisor lab/top running.working.waiting"]));
  });
});
