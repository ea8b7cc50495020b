import { expect, test } from "vitest";
import { compile, type ChartState } from "#internal/actors/compile";
import { interchangeMachine, type InterchangeContext, type InterchangeEffect, type InterchangeInput, type InterchangeMessage } from "#internal/state-machines/interchange";

const chart = compile<InterchangeContext, InterchangeMessage, InterchangeEffect, InterchangeInput>(interchangeMachine);

/** A manager of the interchange before: it may still come with what it runs, waits to be let in, has been, or is known not to come. */
type Old = "away" | "early" | "back" | "missing";

/** A new interchange, the head, and two managers of the interchange before. */
interface Model {
  readonly state: ChartState<InterchangeContext>;
  readonly context: InterchangeContext;
  readonly told: boolean;
  readonly old: readonly [Old, Old];
  readonly stopped: boolean;
}

type Draft = { -readonly [K in keyof Model]: Model[K] } & { old: [Old, Old] };

const keyOf = ({ state, context, told, old, stopped }: Model): string => `${state.name} ${context.awaited} ${old.join()} ${told} ${stopped}`;

function begin(): Model {
  const model = { state: undefined as never, context: undefined as never, told: false, old: ["away", "away"] as [Old, Old], stopped: false };
  chart.start(model, { isFirst: false, awaited: 2 }, []);
  return model;
}

function tell(draft: Draft, message: InterchangeMessage): void {
  const effects: InterchangeEffect[] = [];
  if (chart.step(draft, message, effects) === "unexpected") throw new Error(`${draft.state.name} has no answer to ${message.type}`);
  for (const { type } of effects) {
    if (type === "managers.admit") draft.old.forEach((one, i) => one === "early" && admit(draft, i));
    else if (type === "interchange.end") draft.stopped = true;
  }
}

function admit(draft: Draft, which: number): void {
  draft.old[which] = "back";
  tell(draft, { type: "manager.returned" });
}

function* next(model: Model): Generator<Model> {
  const after = (change: (draft: Draft) => void): Model => {
    const draft: Draft = { ...model, context: { ...model.context }, old: [...model.old] };
    change(draft);
    return draft;
  };
  if (!model.told) yield after((draft) => { draft.told = true; tell(draft, { type: "head.told" }); });
  for (const [i, one] of model.old.entries()) {
    if (one !== "away") continue;
    yield after((draft) => (draft.state.tags.has("admits") ? admit(draft, i) : void (draft.old[i] = "early")));
    yield after((draft) => { draft.old[i] = "missing"; tell(draft, { type: "managers.missing", count: 1 }); });
  }
  if (!model.state.tags.has("ending")) yield after((draft) => tell(draft, { type: "interchange.stop", within: 1 }));
  else yield* (["managers.gone", "stop.expired"] as const).map((type) => after((draft) => tell(draft, { type })));
}

const explored = new Map<string, { readonly model: Model; readonly to: string[] }>();
const first = begin();
explored.set(keyOf(first), { model: first, to: [] });
for (const [, { model, to }] of explored) {
  for (const after of next(model)) {
    const key = keyOf(after);
    to.push(key);
    if (!explored.has(key)) explored.set(key, { model: after, to: [] });
  }
}
const all = [...explored.values()].map(({ model }) => model);

test("whatever comes when, all states of a new interchange are explored", () => {
  expect(all.length).toBeGreaterThan(30);
  expect([...chart.states.keys()].filter((name) => !all.some(({ state }) => state.name === name))).toEqual([]);
});

test("a new interchange gives nothing while one that may have it can still come, and lets nobody in before the head has told what was out", () => {
  const isWrong = ({ state, told, old }: Model): boolean => (state.tags.has("gives-work") && (!told || old.some((one) => one === "away" || one === "early"))) || (!told && old.includes("back") && !state.tags.has("ending"));
  expect(all.filter(isWrong).map(keyOf)).toEqual([]);
});

test("once the head has told, and each is back or known not to come, a new interchange serves, until it is stopped", () => {
  const isOver = ({ told, old }: Model): boolean => told && !old.includes("away") && !old.includes("early");
  expect(all.filter((model) => isOver(model) && !["serving", "stopping", "gone"].includes(model.state.name)).map(keyOf)).toEqual([]);
});

test("an interchange that has ended has said so, and one that has not can", () => {
  expect(all.filter(({ state, stopped }) => state.final !== stopped).map(keyOf)).toEqual([]);
  const canEnd = new Set(all.filter(({ state }) => state.final).map(keyOf));
  for (let grown = true; grown; ) {
    grown = false;
    for (const [key, { to }] of explored) if (!canEnd.has(key) && to.some((one) => canEnd.has(one))) grown = canEnd.add(key) === canEnd;
  }
  expect([...explored.keys()].filter((key) => !canEnd.has(key))).toEqual([]);
});
