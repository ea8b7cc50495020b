import { expect, test } from "vitest";
import { setup } from "xstate";
import { compile } from "#internal/actors/compile";
import { InPlace } from "#internal/actors/in-place";

type Message = { readonly type: "step" } | { readonly type: "end" };
interface Effect {
  readonly type: "say";
  readonly from: string;
}

const machine = setup({ types: { context: {} as object, events: {} as Message, emitted: {} as Effect, tags: {} as "first" | "final" } });
const say = (from: string) => machine.emit({ type: "say", from });
const chart = compile<object, Message, Effect, object>(
  machine.createMachine({
    id: "steps",
    context: {},
    initial: "one",
    states: {
      one: { tags: ["first"], entry: say("one"), on: { step: { target: "two", actions: say("step") }, end: "three" } },
      two: { entry: say("two"), on: { step: {}, end: "three" } },
      three: { type: "final", tags: ["final"], entry: say("three") },
    },
  }),
);

test("a chart that runs in place is in its new state when the call returns, and tells its effects in their order", () => {
  const said: string[] = [];
  const life = new InPlace(chart, {}, { say: ({ from }) => void said.push(from) });
  expect([life.is("first"), said]).toEqual([true, ["one"]]);
  life.tell({ type: "step" });
  expect([life.is("first"), life.state.name, said]).toEqual([false, "two", ["one", "step", "two"]]);
  life.tell({ type: "end" });
  life.tell({ type: "step" });
  expect([life.is("final"), said]).toEqual([true, ["one", "step", "two", "three"]]);
});

test("what it is told while it performs an effect is taken after that, not within it", () => {
  const said: string[] = [];
  const life = new InPlace<object, Message, Effect, object>(chart, {}, {
    say: ({ from }, owner) => {
      const own = owner as typeof life;
      said.push(`${from} in ${own.state.name}`);
      if (from === "step") own.tell({ type: "end" });
    },
  });
  life.tell({ type: "step" });
  expect(said).toEqual(["one in one", "step in two", "two in two", "three in three"]);
});

test("what its chart does not speak of is an error", () => {
  const life = new InPlace(chart, {}, { say: () => undefined });
  expect(() => life.tell({ type: "unheard of" } as never)).toThrow('steps in state "one" has no answer to "unheard of"');
  life.tell({ type: "step" });
  expect(life.state.name).toBe("two");
});
