import { setup } from "xstate";

/** What an attempt's end costs: a retry of the app, a loss of the infrastructure, or nothing. */
export type Charge = "app" | "lost" | "none";

/** What all calls of an app with the same options share. */
export interface TaskSpec {
  /** How much application failures may cost in total. */
  readonly retries: number;
  /** How many times the task may be lost with its worker. */
  readonly lost: number;
  readonly memoized: boolean;
  /** Something is done beside the kernel before the first attempt: a command is composed, inputs are fetched. */
  readonly stages: boolean;
  /** Outputs are published under their final names. */
  readonly publishes: boolean;
  /** The result of the attempt is futures to wait for. */
  readonly joins: boolean;
}

export interface TaskContext {
  readonly spec: TaskSpec;
  /** Dependencies not settled yet. */
  waitingFor: number;
  /** The current attempt; 0 before the first. */
  attempt: number;
  /** What application failures have cost. */
  spent: number;
  losses: number;
  /** The result, as it travelled. */
  value: unknown;
  error: unknown;
}

export interface TaskInput {
  readonly spec: TaskSpec;
  readonly waitingFor: number;
}

/** How an attempt ended that did not succeed. */
export interface AttemptFailure {
  readonly attempt: number;
  readonly error: unknown;
  readonly charge: Charge;
  /** What it costs, where the app is charged. */
  readonly cost: number;
  readonly retryable: boolean;
  /** Milliseconds before the next attempt. */
  readonly delay: number;
  /** The old attempt cannot be stopped yet: the next waits for `attempt.released`. */
  readonly held: boolean;
}

export type TaskMessage =
  | { readonly type: "dependency.settled" }
  | { readonly type: "dependency.failed"; readonly error: unknown }
  | { readonly type: "memo.missed" }
  | { readonly type: "memo.hit"; readonly value: unknown }
  | { readonly type: "memo.failed"; readonly error: unknown }
  | { readonly type: "inputs.staged" }
  | { readonly type: "inputs.failed"; readonly error: unknown }
  | { readonly type: "attempt.sent"; readonly attempt: number }
  | { readonly type: "attempt.requeued"; readonly attempt: number }
  | { readonly type: "attempt.started"; readonly attempt: number }
  | { readonly type: "attempt.succeeded"; readonly attempt: number; readonly value: unknown }
  | ({ readonly type: "attempt.failed" } & AttemptFailure)
  | { readonly type: "attempt.released"; readonly attempt: number }
  | { readonly type: "outputs.published"; readonly attempt: number }
  | ({ readonly type: "outputs.failed" } & AttemptFailure)
  | { readonly type: "join.resolved"; readonly value: unknown }
  | { readonly type: "join.failed"; readonly error: unknown }
  | { readonly type: "retry.due"; readonly attempt: number }
  | { readonly type: "task.cancel"; readonly error: unknown };

export type TaskOutcome = "done" | "memoized" | "failed" | "dependency-failed" | "cancelled";

export type TaskEffect =
  | { readonly type: "memo.lookup" }
  | { readonly type: "inputs.stage" }
  | { readonly type: "attempt.dispatch"; readonly attempt: number }
  | { readonly type: "attempt.cancel"; readonly attempt: number }
  | { readonly type: "outputs.publish"; readonly attempt: number }
  | { readonly type: "join.watch" }
  | { readonly type: "timer.start"; readonly attempt: number; readonly ms: number }
  | { readonly type: "timer.cancel" }
  | { readonly type: "task.settle"; readonly outcome: TaskOutcome };

const task = setup({
  types: { context: {} as TaskContext, events: {} as TaskMessage, input: {} as TaskInput, emitted: {} as TaskEffect, tags: {} as "waiting" | "live" | "final" },
  guards: {
    dependenciesAreSettled: ({ context }) => context.waitingFor === 0,
    isMemoized: ({ context }) => context.waitingFor === 0 && context.spec.memoized,
    needsStaging: ({ context }) => context.waitingFor === 0 && context.spec.stages,
    isOld: ({ context, event }) => "attempt" in event && event.attempt !== context.attempt,
    publishesOutputs: ({ context }) => context.spec.publishes,
    joinsFutures: ({ context }) => context.spec.joins,
    mayRetryWhenReleased: ({ context, event }) => mayRetry(context, event) && "held" in event && event.held,
    mayRetryLater: ({ context, event }) => mayRetry(context, event) && "delay" in event && event.delay > 0,
    mayRetryNow: ({ context, event }) => mayRetry(context, event),
  },
});

function mayRetry(context: TaskContext, event: TaskMessage): boolean {
  if (event.type !== "attempt.failed" && event.type !== "outputs.failed") return false;
  if (event.charge === "lost") return context.losses < context.spec.lost;
  if (event.charge === "none") return true;
  return event.retryable && context.spent + event.cost <= context.spec.retries;
}

const settle = (outcome: TaskOutcome) => task.emit({ type: "task.settle", outcome });
const keepValue = task.assign({ value: ({ event }: { event: TaskMessage }) => ("value" in event ? event.value : undefined) });
const keepError = task.assign({ error: ({ event }: { event: TaskMessage }) => ("error" in event ? event.error : undefined) });
const dropValue = task.assign({ value: undefined });
const cancelAttempt = task.emit(({ context }) => ({ type: "attempt.cancel", attempt: context.attempt }));
const charge = task.assign({
  spent: ({ context, event }) => ("charge" in event && event.charge === "app" ? context.spent + event.cost : context.spent),
  losses: ({ context, event }) => ("charge" in event && event.charge === "lost" ? context.losses + 1 : context.losses),
});
const nextAttempt = task.assign({ attempt: ({ context }) => context.attempt + 1 });
const dispatch = task.emit(({ context }) => ({ type: "attempt.dispatch", attempt: context.attempt }));
const backOff = task.emit(({ context, event }) => ({ type: "timer.start", attempt: context.attempt, ms: "delay" in event ? event.delay : 0 }));

const begin = [nextAttempt, dispatch];
const onFailure = [
  { guard: "isOld" as const },
  { guard: "mayRetryWhenReleased" as const, target: "#task.backing-off", actions: [charge] },
  { guard: "mayRetryLater" as const, target: "#task.backing-off", actions: [charge, backOff] },
  { guard: "mayRetryNow" as const, target: "#task.live.ready", actions: [charge, ...begin] },
  { target: "#task.failed", actions: [charge, keepError] },
];

/** The life of one task: it ends in exactly one of its final states, once. Answers of old attempts are ignored and counted. */
export const taskMachine = task.createMachine({
  id: "task",
  context: ({ input }) => ({ spec: input.spec, waitingFor: input.waitingFor, attempt: 0, spent: 0, losses: 0, value: undefined, error: undefined }),
  initial: "waiting",
  options: { maxIterations: 100 },
  states: {
    waiting: {
      tags: ["waiting"],
      always: [
        { guard: "isMemoized", target: "memo" },
        { guard: "needsStaging", target: "staging-in" },
        { guard: "dependenciesAreSettled", target: "live.ready", actions: begin },
      ],
      on: {
        "dependency.settled": { actions: task.assign({ waitingFor: ({ context }) => context.waitingFor - 1 }) },
        "dependency.failed": { target: "dependency-failed", actions: keepError },
        "task.cancel": { target: "cancelled", actions: keepError },
      },
    },
    memo: {
      tags: ["waiting"],
      entry: task.emit({ type: "memo.lookup" }),
      on: {
        "memo.hit": { target: "memoized", actions: keepValue },
        "memo.failed": { target: "failed", actions: keepError },
        "memo.missed": [
          { guard: "needsStaging", target: "staging-in" },
          { target: "live.ready", actions: begin },
        ],
        "task.cancel": { target: "cancelled", actions: keepError },
      },
    },
    "staging-in": {
      tags: ["waiting"],
      entry: task.emit({ type: "inputs.stage" }),
      on: {
        "inputs.staged": { target: "live.ready", actions: begin },
        "inputs.failed": { target: "failed", actions: keepError },
        "task.cancel": { target: "cancelled", actions: keepError },
      },
    },
    live: {
      tags: ["live"],
      initial: "ready",
      on: {
        "attempt.succeeded": [
          { guard: "isOld" },
          { guard: "publishesOutputs", target: "staging-out", actions: keepValue },
          { guard: "joinsFutures", target: "joining", actions: keepValue },
          { target: "done", actions: keepValue },
        ],
        "attempt.failed": onFailure,
        "attempt.sent": {},
        "attempt.started": {},
        "attempt.requeued": {},
        "attempt.released": {},
        "retry.due": {},
        "task.cancel": { target: "cancelled", actions: [keepError, cancelAttempt] },
      },
      states: {
        ready: { on: { "attempt.sent": [{ guard: "isOld" }, { target: "dispatched" }] } },
        dispatched: {
          on: {
            "attempt.started": [{ guard: "isOld" }, { target: "running" }],
            "attempt.requeued": [{ guard: "isOld" }, { target: "ready" }],
          },
        },
        running: {},
      },
    },
    joining: {
      tags: ["live"],
      entry: task.emit({ type: "join.watch" }),
      on: {
        "join.resolved": { target: "done", actions: keepValue },
        "join.failed": { target: "failed", actions: [dropValue, keepError] },
        "task.cancel": { target: "cancelled", actions: [dropValue, keepError] },
      },
    },
    "staging-out": {
      tags: ["live"],
      entry: task.emit(({ context }) => ({ type: "outputs.publish", attempt: context.attempt })),
      on: {
        "outputs.published": "done",
        "outputs.failed": onFailure,
        "attempt.released": {},
        // The answer was accepted: what is being published cannot be taken back half-way.
        "task.cancel": {},
      },
    },
    "backing-off": {
      tags: ["waiting"],
      on: {
        "retry.due": [{ guard: "isOld" }, { target: "live.ready", actions: begin }],
        "attempt.released": [{ guard: "isOld" }, { target: "live.ready", actions: begin }],
        "task.cancel": { target: "cancelled", actions: [keepError, task.emit({ type: "timer.cancel" })] },
      },
    },
    done: { type: "final", tags: ["final"], entry: settle("done") },
    memoized: { type: "final", tags: ["final"], entry: settle("memoized") },
    failed: { type: "final", tags: ["final"], entry: settle("failed") },
    "dependency-failed": { type: "final", tags: ["final"], entry: settle("dependency-failed") },
    cancelled: { type: "final", tags: ["final"], entry: settle("cancelled") },
  },
});
