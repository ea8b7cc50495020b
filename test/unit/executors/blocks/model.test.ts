import { expect, test } from "vitest";
import { createMachine, type AnyStateMachine } from "xstate";
import { compile, type ChartState } from "#internal/actors/compile";
import { blockMachine, type BlockContext, type BlockEffect, type BlockInput, type BlockMessage } from "#internal/state-machines/block";
import { jobMachine, type JobContext, type JobEffect, type JobInput, type JobMessage } from "#internal/state-machines/job";

const blockCharts = (machine: AnyStateMachine) => compile<BlockContext, BlockMessage, BlockEffect, BlockInput>(machine);
const jobCharts = (machine: AnyStateMachine) => compile<JobContext, JobMessage, JobEffect, JobInput>(machine);
/** What is explored: the charts as they are, or with something planted. */
let blockChart = blockCharts(blockMachine);
let jobChart = jobCharts(jobMachine);

/** A block, its job, and what is really there. Whatever the provider answers may be lost, late, repeated or out of date. */
interface Model {
  readonly block: { state: ChartState<BlockContext>; context: BlockContext };
  readonly job: { state: ChartState<JobContext>; context: JobContext } | undefined;
  /** `travelling`: the submission is on its way, and may still be lost. */
  readonly truth: "none" | "travelling" | "queued" | "running" | "over";
  readonly submissions: number;
  readonly identified: boolean;
  readonly managers: boolean;
  readonly drains: boolean;
  readonly timer: "registration.expired" | "retry.due" | undefined;
  readonly finding: boolean;
}

type Draft = { -readonly [K in keyof Model]: Model[K] };

const keyOf = ({ block, job, ...rest }: Model): string => JSON.stringify([block.state.name, block.context, job?.state.name, job === undefined ? undefined : { ...job.context, misses: Math.min(3, job.context.misses), report: undefined }, rest]);
const clone = (model: Model): Draft => ({ ...model, block: { ...model.block, context: { ...model.block.context } }, job: model.job === undefined ? undefined : { ...model.job, context: { ...model.job.context } } });

function begin(): Model {
  const model: Draft = { block: { state: undefined as never, context: undefined as never }, job: undefined, truth: "none", submissions: 0, identified: false, managers: false, drains: false, timer: undefined, finding: false };
  blockChart.start(model.block, { registrationTimeout: 10, retryAfter: 10 }, []);
  return model;
}

function tellBlock(model: Draft, message: BlockMessage): void {
  const effects: BlockEffect[] = [];
  expect(blockChart.step(model.block, message, effects)).not.toBe("unexpected");
  for (const effect of effects) {
    if (effect.type === "timer.start") model.timer = effect.message;
    else if (effect.type === "timer.cancel") model.timer = undefined;
    else if (effect.type === "managers.drain") model.drains = true;
    else if (effect.type === "job.cancel" && model.job?.state.final === true) tellBlock(model, { type: "job.ended", reason: "lost" });
    else if (effect.type === "job.submit") {
      model.submissions++;
      model.truth = "travelling";
      model.job = { state: undefined as never, context: undefined as never };
      jobChart.start(model.job, { patience: 2 }, []);
    }
  }
}

function tellJob(model: Draft, message: JobMessage): void {
  if (model.job === undefined) return;
  const effects: JobEffect[] = [];
  expect(jobChart.step(model.job, message, effects)).not.toBe("unexpected");
  for (const effect of effects) {
    if (effect.type === "job.find") model.finding = true;
    else if (effect.type === "job.announce") tellBlock(model, { type: `job.${effect.news}` });
    else tellBlock(model, { type: "job.ended", reason: effect.reason });
  }
}

/** Reports that may arrive: what is the case, or was the case before. */
const reports = { none: [], travelling: [], queued: ["queued", "held", "unknown"], running: ["queued", "active", "unknown"], over: ["queued", "active", "unknown", "completed", "failed", "cancelled"] } as const;

/** Everything that can happen next. */
function* next(model: Model): Generator<[what: string, after: Model]> {
  const { truth, block, job, identified } = model;
  const after = (what: string, change: (draft: Draft) => void): [string, Model] => {
    const draft = clone(model);
    change(draft);
    return [what, draft];
  };
  const block$ = (message: BlockMessage, also: (draft: Draft) => void = () => undefined) => after(message.type, (draft) => (also(draft), tellBlock(draft, message)));
  const job$ = (message: JobMessage, also: (draft: Draft) => void = () => undefined) => after(message.type, (draft) => (also(draft), tellJob(draft, message)));
  if (block.state.name === "requested") yield* [block$({ type: "block.prepared" }), block$({ type: "block.unprepared" })];
  yield* [block$({ type: "block.drain" }), block$({ type: "block.cancel" })];
  if (model.timer !== undefined) yield block$({ type: model.timer }, (draft) => (draft.timer = undefined));
  if (model.drains) yield block$({ type: "block.drained" });
  if (truth === "running") yield block$({ type: "manager.registered" }, (draft) => (draft.managers = true));
  if (model.managers) yield block$({ type: "managers.gone" }, (draft) => (draft.managers = false));
  // What becomes of the submission, and of the job.
  if (truth === "travelling") yield* [after("lands", (draft) => (draft.truth = "queued")), after("is lost", (draft) => (draft.truth = "none"))];
  if (truth === "queued") yield after("starts", (draft) => (draft.truth = "running"));
  if (truth === "queued" || truth === "running") yield after("ends", (draft) => (draft.truth = "over"));
  if (truth === "running") yield after("is requeued", (draft) => (draft.truth = "queued"));
  if (job === undefined) return;
  const exists = truth === "queued" || truth === "running" || truth === "over";
  yield job$({ type: "job.unanswered" });
  if (truth === "none" && !identified) yield job$({ type: "job.refused" });
  if (exists) yield job$({ type: "job.submitted" }, (draft) => (draft.identified = true));
  if (model.finding) {
    yield job$({ type: "lookup.failed" }, (draft) => (draft.finding = false));
    if (exists) yield job$({ type: "job.found" }, (draft) => Object.assign(draft, { finding: false, identified: true }));
    if (truth === "none" || truth === "over") yield job$({ type: "job.absent" }, (draft) => (draft.finding = false));
  }
  if (!identified) return;
  yield* [job$({ type: "job.missing" }), job$({ type: "query.failed" })];
  for (const state of reports[truth]) yield job$({ type: "job.reported", report: { state } });
}

interface Explored {
  readonly model: Model;
  readonly to: string[];
}

function explore(): Map<string, Explored> {
  const first = begin();
  const seen = new Map<string, Explored>([[keyOf(first), { model: first, to: [] }]]);
  for (const [, { model, to }] of seen) {
    if (model.block.state.final) continue;
    for (const [, after] of next(model)) {
      const key = keyOf(after);
      to.push(key);
      if (!seen.has(key)) seen.set(key, { model: after, to: [] });
    }
  }
  return seen;
}

/** The same chart, but for the answer of one state to one message. */
function changed(machine: AnyStateMachine, state: string, message: string, answer: unknown): AnyStateMachine {
  const { states = {} } = machine.config as { states?: Record<string, { on?: object }> };
  return createMachine({ ...machine.config, states: { ...states, [state]: { ...states[state], on: { ...states[state]?.on, [message]: answer } } } } as never, { guards: machine.implementations.guards } as never);
}

const explored = explore();
const alive = ({ truth }: Model): boolean => truth === "travelling" || truth === "queued" || truth === "running";
const describeModel = ({ block, job, truth }: Model): string => `block ${block.state.name} (${block.context.reason ?? "-"}), job ${job?.state.name ?? "-"}, really ${truth}`;

test("a block and its job, whatever answers are lost, repeated, late or out of date: all their states are explored", () => {
  expect(explored.size).toBeGreaterThan(500);
  const visited = new Set([...explored.values()].map(({ model }) => model.block.state.name));
  expect([...blockChart.states.keys()].filter((name) => !visited.has(name))).toEqual([]);
  const jobs = new Set([...explored.values()].flatMap(({ model }) => model.job?.state.name ?? []));
  expect([...jobChart.states.keys()].filter((name) => !jobs.has(name))).toEqual([]);
});

test("a block never has two jobs", () => {
  expect([...explored.values()].filter(({ model }) => model.submissions > 1).map(({ model }) => describeModel(model))).toEqual([]);
});

test("a block that has ended has no job that is there, and none on its way", () => {
  expect([...explored.values()].filter(({ model }) => model.block.state.final && alive(model)).map(({ model }) => describeModel(model))).toEqual([]);
});

test("from every state a block can end", () => {
  const from = new Map<string, string[]>();
  for (const [key, { to }] of explored) for (const target of to) from.set(target, [...(from.get(target) ?? []), key]);
  const canEnd = new Set([...explored].flatMap(([key, { model }]) => (model.block.state.final ? [key] : [])));
  for (const key of canEnd) for (const before of from.get(key) ?? []) canEnd.add(before);
  expect([...explored].filter(([key]) => !canEnd.has(key)).map(([, { model }]) => describeModel(model))).toEqual([]);
});

test("the exploration finds what is planted", () => {
  const forgotten = (): number => [...explore().values()].filter(({ model }) => model.block.state.final && alive(model)).length;
  blockChart = blockCharts(changed(blockMachine, "submitting", "block.cancel", "ended"));
  expect(forgotten(), "a cancel that does not wait for the submission's answer").toBeGreaterThan(0);
  blockChart = blockCharts(blockMachine);
  const lost = (jobMachine.config as never as { states: { unknown: { on: { "job.absent": { target?: string }[] } } } }).states.unknown.on["job.absent"][0];
  jobChart = jobCharts(changed(jobMachine, "queued", "job.missing", { ...lost, guard: undefined }));
  expect(forgotten(), "a job that is gone since one look did not list it").toBeGreaterThan(0);
  jobChart = jobCharts(jobMachine);
  expect(forgotten()).toBe(0);
});
