import { describe, expect, it } from "vitest";
import { and, createMachine, enqueueActions, fromPromise, log, raise, setup, type AnyStateMachine } from "xstate";
import { compile } from "#internal/actors/compile";

/** Each chart, and what the refusal has to name. */
const refused: Readonly<Record<string, readonly [AnyStateMachine, RegExp]>> = {
  "onDone of a compound state": [createMachine({ id: "x", initial: "a", states: { a: { initial: "b", states: { b: {} }, onDone: "c" }, c: {} } }), /state "a": onDone/],
  "a wildcard": [createMachine({ id: "x", on: { "*": {} } }), /state "\(root\)": wildcards/],
  "a partial wildcard": [createMachine({ id: "x", initial: "a", states: { a: { on: { "noun.*": {} } } } }), /state "a": wildcards/],
  raise: [createMachine({ id: "x", entry: raise({ type: "e" }) }), /the action xstate\.raise/],
  log: [createMachine({ id: "x", entry: log("hello") }), /the action xstate\.log/],
  "a plain function as an action": [createMachine({ id: "x", entry: function ring() { return undefined; } }), /the action ring, a plain function/],
  "an action that is nowhere defined": [createMachine({ id: "x", entry: "missing" }), /the action "missing"/],
  "an action with parameters": [createMachine({ id: "x", entry: { type: "paint", params: { colour: "red" } } }), /the action \{"type":"paint"/],
  "output of the chart": [createMachine({ id: "x", initial: "a", states: { a: { type: "final" } }, output: 1 }), /state "\(root\)": output/],
  "output of a state": [createMachine({ id: "x", initial: "a", states: { a: { type: "final", output: 1 } } }), /state "a": output/],
  history: [createMachine({ id: "x", initial: "a", states: { a: {}, h: { type: "history" } } }), /state "h": history states/],
  "parallel states": [createMachine({ id: "x", type: "parallel", states: { a: {}, b: {} } }), /state "\(root\)": parallel states/],
  invoke: [createMachine({ id: "x", initial: "a", states: { a: { invoke: { src: fromPromise(async () => undefined) } } } }), /state "a": invoke/],
  after: [createMachine({ id: "x", initial: "a", states: { a: { after: { 10: "b" } }, b: {} } }), /state "a": after/],
  "a final state inside another": [createMachine({ id: "x", initial: "a", states: { a: { initial: "b", states: { b: { type: "final" } } } } }), /state "a\.b": nested final states/],
  "transitions of a final state": [createMachine({ id: "x", initial: "a", states: { a: { type: "final", on: { e: {} } } } }), /state "a": transitions of a final state/],
  "a guard that is nowhere defined": [createMachine({ id: "x", on: { e: { guard: "missing", actions: [] } } }), /the guard "missing"/],
  "a combination of guards": [setup({ guards: { yes: () => true } }).createMachine({ id: "x", on: { e: { guard: and(["yes", "yes"]) } } }), /the guard combination/],
};

describe("compile refuses, naming the chart, the state and the reason:", () => {
  for (const [what, [machine, message]] of Object.entries(refused)) {
    it(what, () => {
      expect(() => compile(machine)).toThrow(TypeError);
      expect(() => compile(machine)).toThrow(message);
      expect(() => compile(machine)).toThrow(/^chart "x"/);
    });
  }

  it("to enqueue anything but emits, when it happens", () => {
    const chart = compile(createMachine({ id: "x", entry: enqueueActions(({ enqueue }) => enqueue.raise({ type: "e" })) }));
    expect(() => chart.start({ state: undefined as never, context: {} }, {}, [])).toThrow(/nothing but emits/);
  });

  it("eventless transitions without end, when they happen", () => {
    const chart = compile(createMachine({ id: "x", initial: "a", states: { a: { always: "b" }, b: { always: "a" } } }));
    expect(() => chart.start({ state: undefined as never, context: {} }, {}, [])).toThrow(/eventless transitions without end/);
  });
});
