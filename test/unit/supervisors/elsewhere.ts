import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SupervisionError, ThreadLost } from "#internal/errors/index";
import { createActorSystem, type ActorSystem } from "#internal/supervisors/system";
import type { ActorRef, ChildSpec, EndReason, Self, Supervisor, TreeNode } from "#internal/supervisors/types";
import { transfer } from "#internal/actors-entry";
import { refOf } from "./lab.js";

export const moduleOf = (name: string): URL => new URL(`./modules/${name}`, import.meta.url);

/** The tests of actors in threads, wherever these are: in this process, or on a node of a block. */
export interface Elsewhere {
  /** In words. */
  readonly where: string;
  readonly on: () => NonNullable<ChildSpec["on"]>;
  /** Shared memory passes to and fro. */
  readonly sharesMemory: boolean;
}

export function elsewhere({ where, on, sharesMemory }: Elsewhere): void {
  const thread = (id: string, more: Partial<ChildSpec> = {}, name = "clerk.mjs"): ChildSpec => ({ id, on: on(), module: moduleOf(name), restart: "temporary", ...more });

  let system: ActorSystem;
  let top: Supervisor;
  beforeEach(async () => {
    system = createActorSystem({ name: "threads" });
    top = await system.supervise({ intensity: 5 }, "top");
  });
  afterEach(async () => {
    await system.stop();
    expect(system.counts.zombies).toBe(0);
  });

  const start = async (spec: ChildSpec): Promise<ActorRef> => {
    const ref = await top.start(spec);
    if (ref === undefined) throw new Error("ignored");
    return ref;
  };
  const word = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(4));
  const heard = async (said: Int32Array): Promise<void> => {
    while (Atomics.load(said, 0) === 0) await new Promise((resolve) => void setImmediate(resolve));
  };
  const reasonOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => "fine", (error: unknown) => (error instanceof SupervisionError ? error.reason : String(error)));
  const next = (ref: ActorRef): Promise<unknown> => new Promise((resolve) => void ref.events$.subscribe(resolve));

  describe(`a module ${where}`, () => {
    it("is told and asked like any actor, in order, in a thread of its own", async () => {
      const [a, b] = [await start(thread("a", { input: { of: "a" } })), await start(thread("b"))];
      for (let i = 0; i < 5000; i++) a.tell({ type: "where" });
      expect(await a.ask({ type: "count" })).toBe(5001);
      const places = await Promise.all([a, b].map((ref) => ref.ask({ type: "where" }) as Promise<{ thread: number }>));
      expect(places[0]).toEqual({ thread: expect.any(Number) as number, path: "threads/top/a", id: "a", incarnation: 1, input: { of: "a" } });
      expect(new Set([threadId, ...places.map((place) => place.thread)]).size).toBe(3);
    });

    it("announces its events, also those of its stop, and ends in its own time", async () => {
      const ref = await start(thread("a"));
      const events: unknown[] = [];
      ref.events$.subscribe((event) => events.push(event));
      ref.tell({ type: "announce", event: { n: 1 } });
      ref.tell({ type: "announce", event: { n: 2 } });
      await ref.ask({ type: "count" });
      await top.stop("a");
      expect(events).toEqual([{ n: 1 }, { n: 2 }, { stopping: "shutdown" }]);
      expect(await ref.ended).toBe("shutdown");
    });

    it("is restarted in a new thread; messages it had not come to wait for that, and the one it failed on does not", async () => {
      const ref = await start(thread("a", { restart: "permanent" }));
      const failed = ref.ask({ type: "fail" }).catch((error: unknown) => error);
      for (let i = 0; i < 3000; i++) ref.tell({ type: "where" });
      expect(await ref.ask({ type: "count" })).toBe(3001);
      expect(await failed).toMatchObject({ reason: "crashed", cause: { message: "planned" } });
      expect(await ref.ask({ type: "where" })).toMatchObject({ incarnation: 2 });
      expect(system.counts.deadLetters).toBe(0);
    });

    it("finds what it had put aside before all else, with whoever asked it", async () => {
      const ref = await start(thread("a", { restart: "permanent" }));
      ref.tell({ type: "aside" });
      const answer = ref.ask({ type: "aside" });
      ref.tell({ type: "where" });
      ref.tell({ type: "fail" });
      ref.tell({ type: "where" });
      expect(await answer).toBe(202);
      expect(await ref.ask({ type: "count" })).toBe(204);
      expect(system.counts.deadLetters).toBe(0);
    });

    it("counts what it told itself and did not come to as lost", async () => {
      const ref = await start(thread("a"));
      const letter = new Promise((resolve) => void system.deadLetters$.subscribe(resolve));
      ref.tell({ type: "to itself and out" });
      expect(await letter).toMatchObject({ to: "threads/top/a", message: { type: "count" }, reason: "unhandled" });
    });

    it("is asked again what its thread had not come to when it died", async () => {
      const ref = await start(thread("a", { restart: "permanent" }));
      ref.tell({ type: "exit", code: 3 });
      expect(await Promise.all([ref.ask({ type: "count" }), ref.ask({ type: "count" })])).toEqual([1, 2]);
    });

    it("keeps what waits also when its thread dies at once", async () => {
      const ref = await start(thread("a", { restart: "permanent" }));
      ref.tell({ type: "exit", code: 3 });
      for (let i = 0; i < 3000; i++) ref.tell({ type: "where" });
      expect(await ref.ask({ type: "count" })).toBe(3001);
      expect(ref.incarnation).toBe(2);
    });

    it("may be a chart in TypeScript, whose state is seen and whose effects are performed there", async () => {
      const ref = await start(thread("door", {}, "door.ts"));
      const snapshots: unknown[] = [];
      ref.snapshot$.subscribe((snapshot) => snapshots.push(snapshot));
      const creak = next(ref);
      ref.tell({ type: "open" });
      expect(await creak).toEqual({ type: "creak" });
      expect(await ref.ask({ type: "count" })).toBe(1);
      ref.tell({ type: "close" });
      await ref.ask({ type: "count" });
      expect(snapshots.at(-1)).toMatchObject({ status: "running", state: "closed", context: { opened: 1 } });
    });

    it("may be logic of xstate", async () => {
      expect(await (await start(thread("fine", { input: { fails: false } }, "promise.mjs"))).ended).toBe("normal");
      expect(await (await start(thread("poor", { input: { fails: true } }, "promise.mjs"))).ended).toMatchObject({ error: { message: "planned" } });
    });

    it("has nothing to do where its function says so", async () => {
      expect(await top.start(thread("a", {}, "ignores.mjs"))).toBeUndefined();
    });

    it.each([
      ["that is missing", "missing.mjs", /module_not_found: the module of threads\/top\/a could not be loaded/],
      ["that throws when it is loaded", "broken.mjs", /module_failed: .*this module is broken/],
      ["without a default export", "no-default.mjs", /invalid_module: the default export of the module of threads\/top\/a must be a function/],
      ["whose function throws", "fails.mjs", /no start/],
    ])("fails to start with a module %s", async (_what, name, message) => {
      await expect(top.start(thread("a", {}, name))).rejects.toMatchObject({ reason: "failed_to_start_child", cause: { message: expect.stringMatching(message) as string } });
    });

    it("fails to start with a module that never ends loading: its thread is ended", async () => {
      await expect(top.start(thread("a", { startTimeout: 200 }, "hangs.mjs"))).rejects.toMatchObject({ reason: "failed_to_start_child", cause: { reason: "start_timeout" } });
    });

    it("fails to start with an input that cannot be copied", async () => {
      await expect(top.start(thread("a", { input: { log: () => undefined } }))).rejects.toMatchObject({ reason: "failed_to_start_child", cause: { reason: "uncloneable", message: expect.stringContaining("input.log is a function") as string } });
    });
  });

  describe(`the end of a thread ${where} is noticed once, as`, () => {
    const ends: readonly (readonly [string, object, unknown, Partial<ChildSpec>?])[] = [
      ["what its actor exits with", { type: "end", reason: { shutdown: "enough" } }, { shutdown: "enough" }],
      ["the error of its handler, with class, code and cause", { type: "fail" }, { error: { name: "RangeError", message: "planned", code: "PLANNED", cause: { message: "inner" } } }],
      ["an error that nobody caught there", { type: "late" }, { error: { name: "TypeError", message: "from a callback" } }],
      ["the loss of its thread by process.exit", { type: "exit", code: 7 }, { error: { name: "ThreadLost", code: "CW-SUP-003", evidence: { exitCode: 7 } } }],
      ["the loss of its thread by process.exit(0)", { type: "exit", code: 0 }, { error: { name: "ThreadLost", evidence: { exitCode: 0 } } }],
      ["the loss of its thread by memory that ran out", { type: "exhaust" }, { error: { name: "ThreadLost", message: expect.stringContaining("used up the memory") as string, evidence: { code: "ERR_WORKER_OUT_OF_MEMORY" } } }, { resourceLimits: { maxOldGenerationSizeMb: 24 } }],
    ];
    it.each(ends.map(([what, message, expected, more = {}]) => ({ what, message, expected, more })))("$what", async ({ message, expected, more }) => {
      const ref = await start(thread("a", more));
      const notices: EndReason[] = [];
      system.watch(ref, (reason) => notices.push(reason));
      const reports: unknown[] = [];
      top.reports$.subscribe((report) => reports.push(report));
      const unanswered = reasonOf(ref.ask(message));
      const reason = await ref.ended;
      expect(reason).toMatchObject(typeof expected === "object" ? (expected as object) : {});
      expect(await unanswered).toMatch(/noproc|crashed|fine/);
      await top.start(thread("b"));
      expect(notices).toEqual([reason]);
      expect(reports.length).toBe("error" in (expected as object) ? 1 : 0);
      const [error] = typeof reason === "object" && "error" in reason ? [reason.error] : [];
      if (error instanceof Error && error.name === "RangeError") expect(error).toBeInstanceOf(RangeError);
      if (error instanceof Error && error.name === "ThreadLost") expect(error).toBeInstanceOf(ThreadLost);
    });

    it.runIf(sharesMemory)("killed, where it is in a loop that never ends when it is told to stop", async () => {
      const ref = await start(thread("a", { shutdown: 50 }));
      const said = word();
      const notices: EndReason[] = [];
      system.watch(ref, (reason) => notices.push(reason));
      ref.tell({ type: "loop", said });
      await heard(said);
      await top.stop("a");
      expect([await ref.ended, notices]).toEqual(["killed", ["killed"]]);
    });

    it("killed, where it does not heed the stop, or is killed outright", async () => {
      const [a, b] = [await start(thread("a", { shutdown: 50 })), await start(thread("b", { shutdown: "brutal_kill" }))];
      await a.ask({ type: "ignore stop" });
      await Promise.all([top.stop("a"), top.stop("b")]);
      expect([await a.ended, await b.ended]).toEqual(["killed", "killed"]);
    });

    it.runIf(sharesMemory)("killed, while its thread is counted, where a native call keeps that: nothing waits for it", async () => {
      const directory = mkdtempSync(join(tmpdir(), "caraway-"));
      const pipe = join(directory, "pipe");
      execFileSync("mkfifo", [pipe]);
      const ref = await start(thread("a", { shutdown: "brutal_kill" }));
      ref.tell({ type: "run a command", directory });
      while (!existsSync(join(directory, "started"))) await new Promise((resolve) => void setImmediate(resolve));
      await top.stop("a");
      expect([await ref.ended, system.counts.zombies]).toEqual(["killed", 1]);
      const file = openSync(pipe, "r+");
      writeSync(file, "go on\n");
      while (system.counts.zombies > 0) await new Promise((resolve) => void setImmediate(resolve));
      closeSync(file);
      rmSync(directory, { recursive: true });
    });

    it("killed, for all of a supervisor that is killed", async () => {
      const inner = await start({ id: "inner", shutdown: "brutal_kill", supervisor: { children: [thread("a", { restart: "permanent" })] } });
      const ref = inner.supervisor === undefined ? undefined : refOf(inner.supervisor, "a");
      await top.stop("inner");
      expect(await ref?.ended).toBe("killed");
    });
  });

  describe(`what passes to an actor ${where}`, () => {
    it("is refused where it cannot be copied: its sender learns of it, it is counted, and the actor lives", async () => {
      const ref = await start(thread("a"));
      const letters: unknown[] = [];
      system.deadLetters$.subscribe(({ to, reason }) => letters.push([to, reason]));
      expect(() => ref.tell({ type: "count", then: [() => undefined] })).toThrow(/uncloneable: a message to threads\/top\/a cannot be sent to another thread: then\[0\] is a function/);
      expect(await reasonOf(ref.ask({ type: "count", symbol: Symbol("x") }))).toBe("uncloneable");
      expect(await reasonOf(ref.ask({ type: "count", thing: new (class { run = () => 1; })() }))).toBe("uncloneable");
      expect(letters).toEqual(Array.from({ length: 3 }, () => ["threads/top/a", "uncloneable"]));
      expect(await reasonOf(ref.ask({ type: "answer a function" }))).toBe("uncloneable");
      const letter = new Promise((resolve) => void system.deadLetters$.subscribe(resolve));
      ref.tell({ type: "announce a function" });
      expect(await letter).toMatchObject({ to: "threads/top/a", reason: "uncloneable" });
      expect(await ref.ask({ type: "count" })).toBe(3);
    });

    it("is dropped, counted, and its asker told, where it became impossible to copy after it was told", async () => {
      const ref = await start(thread("a"));
      const message: Record<string, unknown> = { type: "count" };
      const asked = reasonOf(ref.ask(message));
      message["late"] = () => undefined;
      expect(await asked).toBe("uncloneable");
      expect(system.counts.deadLetters).toBe(1);
      expect(await ref.ask({ type: "count" })).toBe(1);
    });

    it("is moved where transfer says so, there and back", async () => {
      const ref = await start(thread("a"));
      const numbers = Float64Array.of(1, 2, 3);
      const answer = ref.ask(transfer({ type: "double", memory: numbers.buffer }, [numbers.buffer]));
      expect(numbers.length).toBe(0);
      expect([...new Float64Array(((await answer) as { memory: ArrayBuffer }).memory)]).toEqual([2, 4, 6]);
      expect(() => ref.tell({ type: "double", memory: numbers.buffer })).toThrow(/uncloneable/);
      expect(() => ref.tell(transfer({ type: "double", memory: numbers.buffer }, [numbers.buffer]))).toThrow(/uncloneable/);
    });

    it("counts a message whose memory had moved to a thread that died before it as lost", async () => {
      const ref = await start(thread("a"));
      ref.tell({ type: "exit", code: 0 });
      const memory = new ArrayBuffer(8);
      const asked = reasonOf(ref.ask(transfer({ type: "double", memory }, [memory])));
      expect(await asked).toBe("noproc");
      expect(system.counts.deadLetters).toBe(1);
    });

    it.runIf(sharesMemory)("waits in the mailbox, which is bounded, while the thread is at work", async () => {
      const ref = await start(thread("a", { mailbox: 10 }));
      const [said, until] = [word(), word()];
      ref.tell({ type: "wait", said, until });
      await heard(said);
      for (let i = 0; i < 400; i++) {
        for (let k = 0; k < 5; k++) ref.tell({ type: "count" });
        await new Promise((resolve) => void setImmediate(resolve));
      }
      expect(system.counts.deadLetters).toBe(2000 - 1024 - 10);
      Atomics.store(until, 0, 1);
      Atomics.notify(until, 0);
      while (ref.alive && (await reasonOf(ref.ask({ type: "count" }))) === "mailbox_full") await new Promise((resolve) => void setImmediate(resolve));
      expect(await ref.ask({ type: "count" })).toBe(1 + 1024 + 10 + 2);
    });

    it("shows the dead letters of the thread here", async () => {
      const ref = await start(thread("a"));
      const letter = new Promise((resolve) => void system.deadLetters$.subscribe(resolve));
      ref.tell({ type: "tell a dead one" });
      expect(await letter).toMatchObject({ to: "threads/top/a/short", message: "too late", reason: "ended" });
    });
  });

  describe(`refs that pass to an actor ${where} and back`, () => {
    const local = (id: string): ChildSpec => ({ id, restart: "temporary", run: (self: Self<{ exit?: EndReason }>) => self.receive((message, reply) => (message.exit === undefined ? reply(`${id} heard ${JSON.stringify(message)}`) : self.exit(message.exit))) });

    it("lead back: its own ref is the one it is known by here, and one that comes again is the same there", async () => {
      const [ref, other] = [await start(thread("a")), await start(local("other"))];
      expect(await ref.ask({ type: "me" })).toBe(ref);
      expect(await ref.ask({ type: "keep", ref: other })).toBeUndefined();
      expect(await ref.ask({ type: "is it the same", ref: other })).toBe(true);
      expect(await ref.ask({ type: "is it the same", ref })).toBe(false);
    });

    it("tell and ask from there, also an actor of a third thread", async () => {
      const [a, b, other] = [await start(thread("a")), await start(thread("b")), await start(local("other"))];
      expect(await a.ask({ type: "forward", to: other, message: { hello: [1] } })).toEqual({ answer: 'other heard {"hello":[1]}' });
      expect(await a.ask({ type: "forward", to: b, message: { type: "forward", to: other, message: { n: 2 } } })).toEqual({ answer: { answer: 'other heard {"n":2}' } });
      expect(await a.ask({ type: "forward", to: b, message: { type: "me" } })).toEqual({ answer: b });
    });

    it("watch from there: one notice of the end of an actor here", async () => {
      const [ref, other] = [await start(thread("a")), await start(local("other"))];
      await ref.ask({ type: "watch", ref: other });
      const notice = next(ref);
      other.tell({ exit: { error: "gone" } });
      expect(await notice).toEqual({ ended: "threads/top/other", reason: { error: "gone" } });
      const again = next(ref);
      await ref.ask({ type: "watch", ref: other });
      expect(await again).toEqual({ ended: "threads/top/other", reason: { error: "gone" } });
    });

    it("may be of actors spawned there, which live there, and end with their thread", async () => {
      const ref = await start(thread("a"));
      const inner = (await ref.ask({ type: "spawn" })) as ActorRef;
      expect([inner.path, inner.alive, await inner.ask("hello")]).toEqual(["threads/top/a/inner", true, "inner heard hello"]);
      const notices: EndReason[] = [];
      system.watch(inner, (reason) => notices.push(reason));
      ref.tell({ type: "exit", code: 1 });
      await Promise.all([ref.ended, inner.ended]);
      expect([notices.length, inner.alive, await reasonOf(inner.ask("there?"))]).toEqual([1, false, "noproc"]);
    });

    it.runIf(sharesMemory)("take no more than is bounded while the thread is at work", async () => {
      const ref = await start(thread("a"));
      const inner = (await ref.ask({ type: "spawn" })) as ActorRef;
      const [said, until] = [word(), word()];
      ref.tell({ type: "wait", said, until });
      await heard(said);
      for (let i = 0; i < 10_005; i++) inner.tell(i);
      expect(await reasonOf(inner.ask("one more"))).toBe("mailbox_full");
      expect(system.counts.deadLetters).toBe(6);
      Atomics.store(until, 0, 1);
      Atomics.notify(until, 0);
      expect(await ref.ask({ type: "count" })).toBe(3);
      expect(await inner.ask("again")).toBe("inner heard again");
    });

    it("are in the tree, below the one that spawned them, while they live and it does", async () => {
      const ref = await start(thread("a", { restart: "transient" }));
      const below = (): readonly TreeNode[] | undefined => system.tree().children[0]?.children[0]?.children;
      const until = async (count: number): Promise<void> => {
        while (below()?.length !== count) await new Promise((resolve) => void setImmediate(resolve));
      };
      const inner = (await ref.ask({ type: "spawn" })) as ActorRef;
      expect(below()).toEqual([{ id: "inner", path: "threads/top/a/inner", type: "worker", state: "running", incarnation: 1, children: [] }]);
      expect(system.lookup("threads/top/a/inner")).toBeUndefined();
      await inner.ask({ exit: "normal" });
      await until(0);
      await ref.ask({ type: "spawn" });
      await until(1);
      await ref.ask({ type: "fail" }).catch(() => undefined);
      expect(await ref.ask({ type: "where" })).toMatchObject({ incarnation: 2 });
      expect(below()).toEqual([]);
    });

    it("show streams from either side: what is announced, and the state, the present one first, until nobody looks or it has ended", async () => {
      const [ref, other] = [await start(thread("a")), await start({ id: "other", restart: "temporary", run: (self: Self<{ say?: unknown; exit?: EndReason }>) => self.receive((message) => (message.exit === undefined ? self.emit(message.say) : self.exit(message.exit))) })];
      const inner = (await ref.ask({ type: "spawn" })) as ActorRef<unknown, unknown, unknown, { status: string }>;
      const [said, also, states, done]: [unknown[], unknown[], unknown[], string[]] = [[], [], [], []];
      const first = inner.events$.subscribe({ next: (event) => said.push(event), complete: () => done.push("first") });
      inner.events$.subscribe({ next: (event) => also.push(event), complete: () => done.push("second") });
      inner.snapshot$.subscribe({ next: ({ status }) => states.push(status), complete: () => done.push("states") });
      await inner.ask({ say: 1 });
      await inner.ask({ say: 2 });
      first.unsubscribe();
      await inner.ask({ say: 3 });
      const late: unknown[] = [];
      inner.snapshot$.subscribe(({ status }) => late.push(status));
      await inner.ask("there?");
      inner.tell({ exit: "normal" });
      await inner.ended;
      expect([said, also, states.slice(0, 1), late[0], done]).toEqual([[1, 2], [1, 2, 3], ["running"], "running", ["second", "states"]]);
      const echoed = new Promise<unknown>((resolve) => void ref.events$.subscribe(resolve));
      await ref.ask({ type: "look at", ref: other });
      other.tell({ say: { n: 7 } });
      expect(await echoed).toEqual({ seen: { n: 7 } });
      const over = next(ref);
      other.tell({ exit: "normal" });
      expect(await over).toEqual({ over: "threads/top/other" });
    });

    it("see the end of an actor spawned there; its failure is the end of the one that spawned it", async () => {
      const [a, b] = [await start(thread("a")), await start(thread("b"))];
      const [first, second] = [(await a.ask({ type: "spawn" })) as ActorRef, (await b.ask({ type: "spawn" })) as ActorRef];
      first.tell({ exit: "normal" });
      expect(await first.ended).toBe("normal");
      expect(await a.ask({ type: "count" })).toBe(2);
      second.tell("fail");
      expect(await b.ended).toMatchObject({ error: { message: "inner failed" } });
    });
  });
}
