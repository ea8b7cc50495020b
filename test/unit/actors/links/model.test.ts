import { expect, test } from "vitest";
import { createMachine, type AnyStateMachine } from "xstate";
import { compile, type ChartState } from "#internal/actors/compile";
import { linkMachine, type LinkContext, type LinkEffect, type LinkEnding, type LinkInput, type LinkMessage } from "#internal/state-machines/link";

const compiled = (machine: AnyStateMachine) => compile<LinkContext, LinkMessage, LinkEffect, LinkInput>(machine);
let chart = compiled(linkMachine);

/** What is on its way: a frame of a user, word that one has arrived, the farewell, and the end of all, which may come within a frame. */
type Item = "frame" | "arrived" | "farewell" | "end" | "cut";

interface End {
  readonly state: ChartState<LinkContext>;
  readonly context: LinkContext;
  /** Frames that its user may still send, those that wait in its outbox, and those that are not known to have arrived. */
  readonly unsent: number;
  readonly waiting: number;
  readonly underWay: number;
  /** Its farewell waits behind them. */
  readonly parts: boolean;
  /** It has closed its side of the way. */
  readonly silent: boolean;
  readonly endings: readonly LinkEnding[];
  /** What has left it, and has not come to the other. */
  readonly way: readonly Item[];
}

/** Two ends of a link, on a way that brings all in its order until one of them drops it. No more than one frame is under way from either. */
type Model = readonly [End, End];
type Draft = { -readonly [K in keyof End]: End[K] };

const keyOf = (model: Model): string => model.map(({ state, unsent, waiting, underWay, parts, silent, endings, way }) => `${state.name} ${unsent} ${waiting} ${underWay} ${parts} ${silent} ${endings.map(({ clean, reason }) => `${clean} ${reason}`).join()} ${way.join()}`).join(" | ");

function begin(): Model {
  const make = (): End => {
    const end = { state: undefined as never, context: undefined as never, unsent: 2, waiting: 0, underWay: 0, parts: false, silent: false, endings: [], way: [] };
    chart.start(end, { limit: 5000 }, []);
    chart.step(end, { type: "greeting.heard" }, []);
    return end;
  };
  return [make(), make()];
}

function tell(end: Draft, message: LinkMessage): void {
  const effects: LinkEffect[] = [];
  if (chart.step(end, message, effects) === "unexpected") throw new Error(`${end.state.name} has no answer to ${message.type}`);
  for (const effect of effects) {
    if (effect.type === "farewell.say") end.parts = true;
    else if (effect.type === "outbox.clear") Object.assign(end, { waiting: 0, underWay: 0 });
    else if (effect.type === "outbox.release") end.underWay = -Infinity;
    else if (effect.type === "stream.end") leave(end, "end");
    else if (effect.type === "link.end") {
      end.endings = [...end.endings, effect.ending];
      end.silent = true;
    }
  }
  flush(end);
}

function leave(end: Draft, item: Item): void {
  if (end.silent) return;
  end.way = [...end.way, item];
  if (item === "end") end.silent = true;
}

function flush(end: Draft): void {
  while (end.waiting > 0 && end.underWay < 1) {
    end.waiting--;
    end.underWay++;
    leave(end, "frame");
  }
  if (end.waiting > 0 || !end.parts) return;
  end.parts = false;
  leave(end, "farewell");
  tell(end, { type: "outbox.emptied" });
}

/** Everything that can happen next; `faults`: also what nobody wants. */
function* next(model: Model, faults: boolean): Generator<Model> {
  for (const which of [0, 1] as const) {
    const after = (change: (own: Draft, other: Draft) => void): Model => {
      const [own, other] = [model[which], model[1 - which] as End].map((end): Draft => ({ ...end, context: { ...end.context } })) as [Draft, Draft];
      change(own, other);
      return which === 0 ? [own, other] : [other, own];
    };
    const { state, unsent, way } = model[which];
    const [item, ...rest] = way;
    if (unsent > 0 && state.tags.has("open")) yield after((own) => { own.unsent--; own.waiting++; flush(own); });
    if (!state.final) yield after((own) => tell(own, { type: "link.close", reason: "done" }));
    if (item !== undefined) yield after((own, other) => { own.way = rest; arrive(other, own, item); });
    // What was written before it was dropped may all have left, or some of it.
    if (state.final && way.at(-1) !== "end" && way.at(-1) !== "cut" && !(model[1 - which] as End).state.final) {
      yield after((own) => { own.way = [...way, "end"]; });
      yield after((own) => { own.way = [...way.slice(0, -1), "cut"]; });
    }
    if (faults && !state.final) {
      yield after((own) => tell(own, { type: "link.destroy", reason: "now" }));
      yield after((own) => tell(own, { type: "stream.broke", error: new Error("reset"), code: "ECONNRESET" }));
      yield after((own) => tell(own, { type: "limit.expired" }));
    }
  }
}

function arrive(end: Draft, from: Draft, item: Item): void {
  if (end.state.final) return;
  if (item === "end") tell(end, { type: "stream.ended" });
  else if (item === "cut") tell(end, { type: "stream.ended", error: new Error("within a frame") });
  else if (item === "farewell") tell(end, { type: "farewell.heard", reason: from.context.own });
  else if (item === "arrived") {
    end.underWay--;
    flush(end);
  } else if (end.state.tags.has("reports")) leave(end, "arrived");
}

interface Explored {
  readonly model: Model;
  readonly to: readonly string[];
}

function explore(faults: boolean): Map<string, Explored> {
  const first = begin();
  const seen = new Map<string, Explored>([[keyOf(first), { model: first, to: [] }]]);
  for (const [, { model, to }] of seen) {
    for (const after of next(model, faults)) {
      const key = keyOf(after);
      (to as string[]).push(key);
      if (!seen.has(key)) seen.set(key, { model: after, to: [] });
      if (seen.size > 400_000) throw new Error("too many states");
    }
  }
  return seen;
}

const quiet = explore(false);
const wild = explore(true);
const isOver = (model: Model): boolean => model.every(({ state }) => state.final);
const uncleanOf = (explored: Map<string, Explored>): string[] => [...explored.values()].filter(({ model }) => model.some(({ endings }) => endings.some(({ clean }) => !clean))).map(({ model }) => keyOf(model));

test("a link that is closed by one side or by both, with whatever unsent, ends cleanly for both", () => {
  expect(quiet.size).toBeGreaterThan(1000);
  expect(uncleanOf(quiet).slice(0, 3)).toEqual([]);
  const reasons = new Set([...quiet.values()].flatMap(({ model }) => model.flatMap(({ endings }) => endings.map(({ reason }) => reason))));
  expect([...reasons].sort()).toEqual(["it was closed here: done", "the other side closed it: done"]);
});

test("no state is one in which nothing happens any more, but the end of both", () => {
  expect([...quiet.values()].filter(({ model, to }) => to.length === 0 && !isOver(model)).map(({ model }) => keyOf(model))).toEqual([]);
});

test("all states of a link are explored but its greeting; it tells of its end once, whatever happens", () => {
  const visited = new Set([...wild.values()].flatMap(({ model }) => model.map(({ state }) => state.name)));
  expect([...chart.states.keys()].filter((name) => !visited.has(name))).toEqual(["greeting"]);
  expect([...wild.values()].filter(({ model }) => model.some(({ state, endings }) => endings.length !== (state.final ? 1 : 0)))).toEqual([]);
});

test("an end is called clean only where the other side has closed it too, or can have had all that was sent", () => {
  const isWrong = (own: End, other: End): boolean => own.endings.some(({ clean }) => clean) && own.waiting + Number(own.parts) > 0 && other.context.own === "";
  expect([...wild.values()].filter(({ model: [a, b] }) => isWrong(a, b) || isWrong(b, a)).map(({ model }) => keyOf(model)).slice(0, 3)).toEqual([]);
});

/** The same chart, but for the answer of one state to one message. */
function changed(path: readonly [string, string], message: string, answer: unknown): AnyStateMachine {
  const config = structuredCloneOf(linkMachine.config) as { states: Record<string, { states: Record<string, { on: Record<string, unknown> }> }> };
  (config.states[path[0]]?.states[path[1]] as { on: Record<string, unknown> }).on[message] = answer;
  return createMachine(config as never, linkMachine.implementations as never);
}

const structuredCloneOf = (value: unknown): unknown => (Array.isArray(value) ? value.map(structuredCloneOf) : typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, structuredCloneOf(one)])) : value);

test("the exploration finds what is planted", () => {
  const { on } = (linkMachine.config as unknown as { states: { open: { states: { whole: { on: Record<string, unknown> } } } } }).states.open.states.whole;
  chart = compiled(changed(["closing", "awaiting"], "stream.ended", on["stream.ended"]));
  expect(uncleanOf(explore(false)).length, "one that looks whether what nobody receives came whole").toBeGreaterThan(0);
  chart = compiled(changed(["closing", "emptying"], "farewell.heard", {}));
  const stuck = [...explore(false).values()].filter(({ model, to }) => to.length === 0 && !isOver(model));
  expect(stuck.length + uncleanOf(explore(false)).length, "one that goes on sending to who receives nothing").toBeGreaterThan(0);
  chart = compiled(linkMachine);
});
