import { setup, type AnyStateMachine } from "xstate";

interface Context {
  n: number;
  trace: readonly string[];
  last: unknown;
}
type Message = { readonly type: "a" | "b" | "c" | "d"; readonly by?: number };
type Effect = { readonly type: string; readonly n?: number; readonly from?: unknown };

const kit = setup({
  types: { context: {} as Context, events: {} as Message, emitted: {} as Effect },
  guards: {
    first: () => true,
    second: () => true,
    third: () => true,
  },
});

const say = (type: string) => kit.emit({ type });
/** Shows what the context was when it was emitted. */
const tell = (type: string) => kit.emit(({ context, event }) => ({ type, n: context.n, from: event.type }));
const add = kit.assign({ n: ({ context }) => context.n + 1 });
const fresh: Context = { n: 0, trace: [], last: undefined };
const options = { maxIterations: 100 };

/** Entry and exit order at every depth, initial actions, siblings, ancestors, and a message handled by an outer state. */
const nested = kit.createMachine({
  id: "nested",
  context: { ...fresh },
  options,
  initial: "outer",
  entry: say("enter root"),
  exit: say("exit root"),
  on: { d: { target: ".other", actions: say("root d") } },
  states: {
    outer: {
      initial: "middle",
      entry: [say("enter outer"), add],
      exit: tell("exit outer"),
      on: {
        a: [{ guard: "first", target: "other", actions: tell("outer a") }, { guard: "second", actions: add }, {}],
        c: { target: "#nested.outer.middle.two" },
      },
      states: {
        middle: {
          initial: "one",
          entry: tell("enter middle"),
          exit: say("exit middle"),
          on: { b: [{ guard: "third", target: "#nested.outer" }, { target: "side" }] },
          states: {
            one: { entry: say("enter one"), exit: say("exit one"), on: { a: [{ guard: "second", target: "two" }], c: "#nested.outer.side" } },
            two: { entry: say("enter two"), exit: say("exit two"), on: { b: { target: "one", actions: tell("two b") }, a: {} } },
          },
        },
        side: { entry: say("enter side"), exit: say("exit side"), on: { b: "middle", c: [{ guard: "first", target: "#nested.end" }, "middle.two"] } },
      },
    },
    other: { entry: say("enter other"), exit: say("exit other"), on: { a: "outer", b: "#nested.outer.side", c: "end", d: {} } },
    end: { type: "final", entry: tell("enter end"), exit: say("exit end") },
  },
});

/** Initial transitions with actions of their own, entered by default, directly and past. */
const initials = kit.createMachine({
  id: "initials",
  context: { ...fresh },
  options,
  initial: { target: "box", actions: tell("initial of root") },
  states: {
    box: {
      initial: { target: "inner", actions: [tell("initial of box"), add] },
      entry: tell("enter box"),
      exit: say("exit box"),
      on: { a: "away", d: { target: "#initials.box" } },
      states: {
        inner: { initial: { target: "core", actions: tell("initial of inner") }, entry: tell("enter inner"), on: { b: { target: "#initials.box.inner" }, c: { target: "#initials.box", reenter: true } }, states: { core: { on: { a: "shell" } }, shell: { entry: tell("enter shell"), on: { c: "#initials.box.inner" } } } },
        plain: { on: { b: "inner", c: "#initials.box.inner.shell" } },
      },
    },
    away: { on: { a: "box", b: "box.inner", c: "box.inner.shell", d: "box.plain" } },
  },
});

/** Self transitions, with and without `reenter`, of leaves, of compounds and of the root. */
const selves = kit.createMachine({
  id: "selves",
  context: { ...fresh },
  options,
  initial: "group",
  entry: say("enter root"),
  exit: say("exit root"),
  on: { d: [{ guard: "first", target: "#selves", reenter: true, actions: tell("again") }, { guard: "second", target: "#selves", actions: tell("same") }, { target: ".group", reenter: true }] },
  states: {
    group: {
      initial: { target: "leaf", actions: say("initial of group") },
      entry: tell("enter group"),
      exit: tell("exit group"),
      on: {
        b: [{ guard: "first", target: "group", reenter: true, actions: add }, { guard: "second", target: "group", actions: add }, { target: ".twin", reenter: true }],
        c: [{ guard: "third", target: ".twin", actions: tell("to twin") }, {}],
      },
      states: {
        leaf: { entry: say("enter leaf"), exit: say("exit leaf"), on: { a: [{ guard: "first", target: "leaf", reenter: true, actions: tell("leaf again") }, { guard: "second", target: "leaf", actions: tell("leaf same") }, { guard: "third", target: "leaf" }, { target: "twin" }] } },
        twin: { entry: tell("enter twin"), exit: say("exit twin"), on: { a: [{ guard: "first", target: "#selves.group", reenter: true }, { guard: "second", target: "#selves.group" }, { guard: "third", target: "#selves" }, { target: "#selves", reenter: true }] } },
      },
    },
  },
});

/** Chains of eventless transitions, with and without targets, on leaves and on states around them. */
const eventless = kit.createMachine({
  id: "eventless",
  context: { ...fresh },
  options,
  initial: "rest",
  states: {
    rest: { always: { guard: "first", target: "way.one", actions: add }, on: { a: { actions: add }, b: "way", c: {} } },
    way: {
      initial: "one",
      entry: tell("enter way"),
      exit: tell("exit way"),
      always: [{ guard: "second", target: "end", actions: tell("way is over") }],
      states: {
        one: { entry: tell("enter one"), always: [{ guard: "first", target: "two", actions: add }, { guard: "third", actions: tell("nothing changes") }], on: { a: {}, b: "two", c: { actions: tell("c") } } },
        two: { entry: tell("enter two"), exit: add, always: { guard: "third", target: "one" }, on: { a: "one", b: [{ guard: "first", target: "two", reenter: true }, { target: "two" }] } },
      },
    },
    end: { type: "final", entry: tell("over") },
  },
});

/** Object, functional and mixed assigns; each value of one assign is computed from the context before it. */
const assigns = kit.createMachine({
  id: "assigns",
  context: { ...fresh },
  options,
  initial: "only",
  states: {
    only: {
      on: {
        a: { actions: kit.assign({ n: ({ context, event }) => context.n + (event.by ?? 1), trace: ({ context }) => [...context.trace, `n was ${context.n}`].slice(-3), last: "a" }) },
        b: { actions: [kit.assign(({ context, event }) => ({ last: event.type, trace: [...context.trace, "b"].slice(-3) })), tell("after b"), kit.assign({ n: 0 }), tell("after zero")] },
        c: { actions: [kit.assign(() => ({})), kit.assign({}), kit.assign({ last: ({ event }: { event: Message }) => event })] },
        d: { target: "end", actions: kit.assign({ n: ({ context }) => -context.n }) },
      },
    },
    end: { type: "final" },
  },
});

/** As many effects as the context says. */
const several = kit.createMachine({
  id: "several",
  context: { ...fresh },
  options,
  on: {
    a: { actions: [add, kit.enqueueActions(({ context, event, enqueue }) => {
      for (let i = 0; i < context.n; i++) enqueue.emit({ type: "one of", n: i, from: event.type });
      enqueue.emit(({ context: later }) => ({ type: "last", n: later.n }));
    }), kit.assign({ n: ({ context }) => context.n % 3 })] },
  },
});

/** Done at once: leaves what it entered. */
const instant = kit.createMachine({ id: "instant", context: { ...fresh }, options, initial: "end", exit: say("exit root"), states: { end: { type: "final", entry: say("enter end"), exit: say("exit end") } } });

/** A chart without inner states, whose context is made from the input. */
const single = setup({ types: { context: {} as { n: number }, input: {} as { n: number }, events: {} as { type: "up" } | { type: "same" } } }).createMachine({ id: "single", context: ({ input }) => ({ n: input.n }), on: { up: { actions: kit.assign({ n: ({ context }) => (context.n + 1) % 4 }) as never }, same: {} } });

/** Actions that throw on the way. */
const throwing = kit.createMachine({
  id: "throwing",
  context: { ...fresh },
  options,
  initial: "calm",
  states: {
    calm: { on: { a: { actions: [add, kit.emit(() => { throw new Error("planned"); })] }, b: [{ guard: () => { throw new Error("planned"); }, target: "worse" }, {}], c: "worse" } },
    worse: { entry: kit.assign(() => { throw new Error("planned"); }) },
  },
});

/** Charts made to exercise what the real ones may use one day. */
export const handmadeCharts: Readonly<Record<string, { machine: AnyStateMachine; input?: unknown; messages?: readonly { type: string; by?: number }[] }>> = {
  nested: { machine: nested },
  initials: { machine: initials },
  selves: { machine: selves },
  eventless: { machine: eventless },
  assigns: { machine: assigns, messages: [{ type: "a", by: 2 }, { type: "a" }] },
  several: { machine: several },
  instant: { machine: instant },
  single: { machine: single, input: { n: 2 } },
  throwing: { machine: throwing },
};
