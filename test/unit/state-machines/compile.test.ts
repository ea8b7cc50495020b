import { assert, describe, expect, it } from "vitest";
import { compile, type ChartState, type Typed } from "#internal/actors/compile";
import { charts } from "#internal/state-machines/index";
import { explore } from "#internal/testing/explore";
import type { AnyStateMachine } from "xstate";
import { handmadeCharts } from "./handmade-charts.js";
import { samples } from "./chart-samples.js";

const show = (value: unknown): string => JSON.stringify(value, null, 1);

describe("a compiled chart steps as xstate does", () => {
  for (const [name, { machine, input, messages = [] }] of Object.entries(handmadeCharts)) {
    it(`in every state, for every message and every answer of the guards: ${name} (made by hand)`, () => {
      const { differences, steps } = explore(machine, { input, messages, maxStates: 400 });
      expect(differences, show(differences[0])).toEqual([]);
      expect(steps).toBeGreaterThan(0);
    });
  }

  for (const [name, machine] of Object.entries(charts)) {
    it(`in every state, for every message and every answer of the guards: ${name}`, () => {
      const { input, messages = [] } = samples[name] ?? {};
      const { differences, visited, steps } = explore(machine, { input, messages, maxStates: 60 });
      expect(differences, show(differences[0])).toEqual([]);
      const restful = [...leaves(machine).values()].filter(({ always }) => always.length === 0 || always.at(-1)?.guard !== undefined);
      expect(restful.map((state) => state.name).filter((leaf) => !visited.has(leaf)), "states that were not reached").toEqual([]);
      expect(steps).toBeGreaterThan(leaves(machine).size);
    });
  }
});

describe("a compiled chart steps as xstate does, its own guards answering", () => {
  for (const [name, machine] of Object.entries(charts)) {
    it(`in every state, for every message: ${name}`, () => {
      const { input, messages = [] } = samples[name] ?? {};
      const { differences, steps } = explore(machine, { input, messages, guards: "real", maxStates: 600 });
      expect(differences, show(differences[0])).toEqual([]);
      expect(steps).toBeGreaterThan(leaves(machine).size);
    });
  }
});

describe("every chart of caraway", () => {
  for (const [name, machine] of Object.entries(charts)) {
    const states = leaves(machine);

    it(`${name}: answers a message it knows in a state whatever its guards say`, () => {
      const open = [...states.values()].flatMap((state) => [...state.plans].filter(([, plans]) => plans.at(-1)?.guard !== undefined).map(([type]) => `${state.name}: ${type}`));
      expect(open).toEqual([]);
    });

    it(`${name}: can reach each of its states`, () => {
      const first = compile<object, Typed, Typed, unknown>(machine);
      const subject = { state: undefined as unknown as ChartState<object>, context: {} };
      first.start(subject, samples[name]?.input ?? {}, []);
      const reached = closure(subject.state.name, (at) => nextNames(states.get(at)));
      expect([...states.keys()].filter((leaf) => !reached.has(leaf))).toEqual([]);
    });

    it(`${name}: can end from each of its states`, () => {
      if (![...states.values()].some((state) => state.final)) return;
      const stuck = [...states.keys()].filter((leaf) => ![...closure(leaf, (at) => nextNames(states.get(at)))].some((at) => states.get(at)?.final));
      expect(stuck).toEqual([]);
    });

    it(`${name}: marks its final states with the tag "final", and no other`, () => {
      expect([...states.values()].filter((state) => state.tags.has("final") !== state.final).map((state) => state.name)).toEqual([]);
    });

    it(`${name}: refuses a message it does not speak of, and stays as it is`, () => {
      const chart = compile<object, Typed, Typed, unknown>(machine);
      const subject = { state: undefined as unknown as ChartState<object>, context: {} };
      const effects: Typed[] = [];
      chart.start(subject, samples[name]?.input ?? {}, effects);
      const before = { state: subject.state, context: { ...subject.context }, effects: effects.length };
      expect(chart.step(subject, { type: "never heard of" }, effects)).toBe("unexpected");
      expect({ state: subject.state, context: subject.context, effects: effects.length }).toEqual(before);
    });
  }
});

describe("a step", () => {
  const states = compile<{ n: number }, Typed, Typed, unknown>(handmadeCharts["nested"]?.machine as AnyStateMachine);

  it("says what became of the message", () => {
    const effects: Typed[] = [];
    const cell = { state: undefined as unknown as ChartState<{ n: number }>, context: { n: 0 } };
    states.start(cell, {}, effects);
    expect(states.step(cell, { type: "unheard" }, effects)).toBe("unexpected");
    expect(states.step(cell, { type: "d" }, effects)).toBe("moved");
    expect(states.step(cell, { type: "d" }, effects)).toBe("ignored");
    expect(states.step(cell, { type: "c" }, effects)).toBe("moved");
    expect(cell.state.final).toBe(true);
    expect(states.step(cell, { type: "a" }, effects)).toBe("late");
  });

  it("changes the context it was given, in place", () => {
    const cell = { state: undefined as unknown as ChartState<{ n: number }>, context: { n: 0 } };
    states.start(cell, {}, []);
    const { context } = cell;
    states.step(cell, { type: "d" }, []);
    states.step(cell, { type: "a" }, []);
    assert.strictEqual(cell.context, context);
    expect(context.n).toBe(2);
  });

  it("gives each cell a context of its own", () => {
    const make = () => {
      const cell = { state: undefined as unknown as ChartState<{ n: number }>, context: { n: 0 } };
      states.start(cell, {}, []);
      return cell;
    };
    const [one, other] = [make(), make()];
    states.step(one, { type: "d" }, []);
    states.step(one, { type: "a" }, []);
    expect([one.context.n, other.context.n]).toEqual([2, 1]);
  });
});

function leaves(machine: AnyStateMachine): ReadonlyMap<string, ChartState<object>> {
  return compile<object, Typed, Typed, unknown>(machine).states;
}

function nextNames(state: ChartState<object> | undefined): string[] {
  if (state === undefined) return [];
  return [...[...state.plans.values()].flat(), ...state.always].map((plan) => plan.to.name);
}

function closure(from: string, next: (at: string) => string[]): Set<string> {
  const seen = new Set([from]);
  for (const at of seen) for (const to of next(at)) seen.add(to);
  return seen;
}
