import { from, map, Subject, throwError } from "rxjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assign, createMachine, emit, fromCallback, fromObservable, fromPromise, fromTransition, sendTo, setup, type AnyActorLogic, type AnyActorRef } from "xstate";
import { Lab, refOf } from "./lab.js";

const escaped: unknown[] = [];
const escape = (error: unknown): void => void escaped.push(error);
let others: NodeJS.UncaughtExceptionListener[] = [];

/** What xstate throws where nobody can catch it would come here; a timer of this machine's own passes before it is looked at. */
const nothingEscaped = async (): Promise<void> => {
  await new Promise((resolve) => void setTimeout(resolve, 0));
  await new Promise((resolve) => void setTimeout(resolve, 0));
  expect(escaped).toEqual([]);
};

beforeEach(() => {
  escaped.length = 0;
  others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", escape);
});
afterEach(async () => {
  await nothingEscaped();
  process.off("uncaughtException", escape);
  for (const listener of others) process.on("uncaughtException", listener);
});

const house = async (logic: AnyActorLogic, more = {}) => {
  const lab = new Lab();
  const top = await lab.supervise({ intensity: 5, children: [{ id: "sibling", run: (self) => self.receive((_message, reply) => reply("here")) }] });
  const starting = top.start({ id: "a", restart: "temporary", logic, ...more });
  await lab.ports.settleFor(0);
  const ref = await starting;
  if (ref === undefined) throw new Error("not started");
  return { lab, top, ref };
};

const fail = (text: string) => (): never => {
  throw new Error(text);
};
const disposed: string[] = [];
const guest = fromCallback(() => () => void disposed.push("guest"));

/** Every way in which logic can fail, and what it is told for that. */
const failures: readonly (readonly [string, AnyActorLogic, string?])[] = [
  ["an action that throws", createMachine({ on: { go: { actions: fail("planned") } } }), "go"],
  ["a guard of a delayed transition", createMachine({ initial: "a", states: { a: { after: { 50: { target: "b", guard: fail("planned") } } }, b: {} } })],
  ["a promise that rejects", fromPromise(() => new Promise((_resolve, reject) => { reject(new Error("planned")); }))],
  ["an invoked promise that rejects", createMachine({ invoke: { src: fromPromise(() => Promise.reject(new Error("planned"))) } })],
  ["an invoked callback whose receiver throws", createMachine({ invoke: { id: "c", src: fromCallback(({ receive }) => receive(fail("planned"))) }, on: { go: { actions: sendTo("c", { type: "x" }) } } }), "go"],
  ["a promise two levels down", createMachine({ invoke: { src: createMachine({ invoke: { src: fromPromise(() => Promise.reject(new Error("planned"))) } }) } })],
  ["an observable", fromObservable(() => from(Promise.resolve()).pipe(map(fail("planned"))))],
  ["a transition function", fromTransition(fail("planned"), {}), "go"],
  ["a callback's receiver", fromCallback(({ receive }) => receive(fail("planned"))), "go"],
  ["a spawned child whose subscriber knows no errors", createMachine({ context: ({ spawn }) => { const child = spawn(fromPromise(() => Promise.reject(new Error("planned")))); child.subscribe(() => undefined); return {}; } })],
];

describe("logic of xstate as a child", () => {
  it.each(failures.map((one) => ({ what: one[0], logic: one[1], message: one[2] })))("contains the error of $what: it ends with it, and nothing else does", async ({ logic, message }) => {
    const { lab, top, ref } = await house(logic);
    if (message !== undefined) ref.tell({ type: message });
    await lab.ports.settle();
    expect(await ref.ended).toMatchObject({ error: { message: expect.stringContaining("planned") as string } });
    expect(await lab.settled(refOf(top, "sibling").ask("there?"))).toBe("here");
    await nothingEscaped();
  });

  it.each([
    ["an observable that fails at once", fromObservable(() => throwError(() => new Error("planned")))],
    ["a context that throws", createMachine({ context: fail("planned") })],
    ["an entry action that throws", createMachine({ entry: fail("planned"), invoke: { src: guest } })],
    ["an invoked promise function that throws at once", createMachine({ invoke: [{ src: fromPromise(fail("planned")) }, { src: guest }] })],
  ] as readonly (readonly [string, AnyActorLogic])[])("fails to start with %s", async (_what, logic) => {
    const { lab, top } = await house(fromTransition((state) => state, {}));
    expect(await lab.word(top.start({ id: "b", logic }))).toBe("failed_to_start_child");
  });

  it("contains what subscribers and listeners within it throw, and counts it", async () => {
    const child = createMachine({ on: { go: { actions: emit({ type: "went" }) } } });
    const { lab, ref } = await house(createMachine({
      context: ({ spawn }: { spawn: (logic: AnyActorLogic, options: { id: string }) => AnyActorRef }) => {
        const one = spawn(child, { id: "one" });
        one.subscribe(fail("subscriber"));
        one.on("went", fail("listener"));
        return { one };
      },
      on: { go: { actions: sendTo("one", { type: "go" }) } },
    } as Parameters<typeof createMachine>[0]));
    ref.tell({ type: "go" });
    await lab.ports.settle();
    expect(ref.alive).toBe(true);
    expect(lab.system.counts.contained).toBeGreaterThanOrEqual(2);
  });

  it("stops the children that xstate leaves running when an action throws", async () => {
    disposed.length = 0;
    const inner = createMachine({ invoke: { src: guest }, after: { 1000: { actions: fail("a timer of the dead") } } });
    const { lab, ref } = await house(createMachine({ invoke: { src: inner }, on: { go: { actions: fail("planned") } } }));
    ref.tell({ type: "go" });
    await lab.ports.settle();
    expect(await ref.ended).toMatchObject({ error: { message: "planned" } });
    expect(disposed).toEqual(["guest"]);
    expect(lab.ports.pending).toBe(0);
  });

  it("goes on where its machine handles the error of its child", async () => {
    const { lab, ref } = await house(createMachine({ initial: "trying", states: { trying: { invoke: { src: fromPromise(() => Promise.reject(new Error("planned"))), onError: "failed" } }, failed: { on: { ask: { actions: emit({ type: "reply", answer: "failed, and here" }) } } } } }));
    await lab.ports.settle();
    expect(await lab.settled(ref.ask({ type: "ask" }))).toBe("failed, and here");
  });

  it("has its timers on the system's clock", async () => {
    const { lab, ref } = await house(createMachine({ initial: "red", states: { red: { after: { 3_600_000: "green" } }, green: { after: { 1000: "off" } }, off: { type: "final" } } }));
    const seen: unknown[] = [];
    ref.snapshot$.subscribe((snapshot) => seen.push([lab.ports.clock.now(), (snapshot as { state?: unknown }).state]));
    await lab.ports.settleFor(3_600_500);
    expect(seen).toEqual([[0, "red"], [3_600_000, "green"]]);
    await lab.ports.settleFor(600);
    expect(await ref.ended).toBe("normal");
  });

  it.each([
    ["a machine in its final state", createMachine({ initial: "a", states: { a: { on: { go: "z" } }, z: { type: "final" } } }), "go"],
    ["a promise that resolves", fromPromise(() => Promise.resolve(5)), undefined],
  ])("ends normally as %s", async (_what, logic, message) => {
    const { lab, ref } = await house(logic);
    if (message !== undefined) ref.tell({ type: message });
    await lab.ports.settle();
    expect(await ref.ended).toBe("normal");
  });

  it("has started, and ended normally, where it is done at once", async () => {
    const { lab, top } = await house(fromTransition((state) => state, {}));
    const ref = await lab.settled(top.start({ id: "b", restart: "transient", logic: createMachine({ initial: "a", states: { a: { type: "final" } } }) }));
    expect(await ref?.ended).toBe("normal");
  });

  it("is stopped when its supervisor says so: promises are aborted, callbacks disposed of, observables left", async () => {
    disposed.length = 0;
    const source = new Subject<number>();
    let aborted = false;
    const slow = fromPromise(({ signal }) => new Promise(() => signal.addEventListener("abort", () => (aborted = true))));
    const { lab, top, ref } = await house(createMachine({ invoke: [{ src: slow }, { src: guest }, { src: fromObservable(() => source) }] }));
    expect(source.observed).toBe(true);
    await lab.settled(top.stop("a"));
    expect([await ref.ended, aborted, disposed, source.observed]).toEqual(["shutdown", true, ["guest"], false]);
  });

  it("ends with the error of a clean-up that throws while it is stopped", async () => {
    const { lab, top, ref } = await house(fromCallback(() => fail("planned")));
    await lab.settled(top.stop("a"));
    expect(await ref.ended).toMatchObject({ error: { message: "planned" } });
  });

  it("takes input, announces what it emits, and shows context, state and tags", async () => {
    const machine = setup({ types: { context: {} as { n: number }, input: {} as { n: number }, events: {} as { type: "add"; by: number }, emitted: {} as { type: "added"; n: number } } }).createMachine({
      context: ({ input }) => ({ n: input.n }),
      initial: "open",
      states: { open: { tags: "ready", on: { add: { actions: [assign({ n: ({ context, event }) => context.n + event.by }), emit(({ context }) => ({ type: "added", n: context.n }))] } } } },
    });
    const { lab, ref } = await house(machine, { input: { n: 40 } });
    const [events, snapshots]: [unknown[], unknown[]] = [[], []];
    ref.events$.subscribe((event) => events.push(event));
    ref.snapshot$.subscribe((snapshot) => snapshots.push(snapshot));
    ref.tell({ type: "add", by: 2 });
    await lab.ports.settle();
    expect(events).toEqual([{ type: "added", n: 42 }]);
    expect(snapshots).toEqual([40, 42].map((n) => ({ status: "running", incarnation: 1, state: "open", tags: ["ready"], context: { n } })));
  });

  it("answers the message being handled, the oldest that waits, or the one it names", async () => {
    const { lab, ref } = await house(fromCallback<{ type: string }, unknown, { type: "reply"; answer: string; to?: unknown }>(({ receive, emit: announce }) => {
      const later: { type: string }[] = [];
      receive((event) => {
        if (event.type === "now") announce({ type: "reply", answer: "now" });
        else if (event.type === "flush") {
          announce({ type: "reply", answer: "second", to: later[1] });
          announce({ type: "reply", answer: "flushed" });
        } else later.push(event);
        if (event.type === "rest") queueMicrotask(() => announce({ type: "reply", answer: "oldest" }));
      });
    }) as AnyActorLogic);
    const answers = ["first", "second", "now", "flush", "rest"].map((type) => ref.ask({ type }, { timeout: 100 }).catch((error: unknown) => (error as Error).name));
    await lab.ports.settle();
    expect(await Promise.all(answers)).toEqual(["oldest", "second", "now", "flushed", "AskTimeout"]);
  });

  it("begins anew after a restart", async () => {
    const { lab, ref } = await house(fromTransition((n: number, event: { type: string }) => (event.type === "fail" ? fail("planned")() : n + 1), 0), { restart: "permanent" });
    const snapshots: unknown[] = [];
    ref.snapshot$.subscribe((snapshot) => snapshots.push([(snapshot as { incarnation: number }).incarnation, (snapshot as { context?: unknown }).context]));
    for (const type of ["one", "fail", "one"]) ref.tell({ type });
    await lab.ports.settle();
    expect(snapshots.at(-1)).toEqual([2, 1]);
  });

  it("ends with an error when it is told something that is no message", async () => {
    const { lab, ref } = await house(createMachine({}));
    ref.tell(7);
    await lab.ports.settle();
    expect(await ref.ended).toMatchObject({ error: { name: "TypeError" } });
  });
});
