import { setup } from "xstate";
import type { EndReason } from "./end-reason.js";

/** Children of a template share them. */
export interface ChildLimits {
  /** Milliseconds to end by itself after it was asked to, possibly `Infinity`; `brutal_kill` where it is not asked. */
  readonly shutdown: number | "brutal_kill";
  /** Milliseconds until a start that has not come to an end counts as failed. */
  readonly startTimeout: number;
}

export interface ChildContext {
  readonly key: number;
  readonly limits: ChildLimits;
  /** The present actor, or the one before the next; 0 before the first. */
  incarnation: number;
  /** How the latest incarnation ended. */
  lastEnd: EndReason;
  /** Which delay is running: an older one is not heard. */
  token: number;
}

export interface ChildInput {
  readonly key: number;
  readonly limits: ChildLimits;
}

export type ChildMessage =
  | { readonly type: "child.start" }
  | { readonly type: "child.stop" }
  /** At once, and without a report: the supervisor itself is being killed. */
  | { readonly type: "child.kill" }
  /** The next start is put off. */
  | { readonly type: "child.delay"; readonly token: number; readonly ms: number }
  /** The supervisor has no more use for it. */
  | { readonly type: "child.forget" }
  /** The same, since it was restarted too often. */
  | { readonly type: "child.give-up" }
  | { readonly type: "actor.started"; readonly incarnation: number }
  /** Its start said that there is nothing to do. */
  | { readonly type: "actor.ignored"; readonly incarnation: number }
  | { readonly type: "actor.ended"; readonly incarnation: number; readonly reason: EndReason }
  | { readonly type: "start.expired"; readonly incarnation: number }
  | { readonly type: "stop.expired"; readonly incarnation: number }
  | { readonly type: "delay.expired"; readonly token: number };

export type ChildReport =
  | { readonly type: "child.started"; readonly key: number; readonly incarnation: number }
  | { readonly type: "child.ignored"; readonly key: number }
  | { readonly type: "child.start-failed"; readonly key: number; readonly reason: EndReason }
  /** After `child.stop`, however it came about. */
  | { readonly type: "child.stopped"; readonly key: number; readonly reason: EndReason }
  /** By itself. */
  | { readonly type: "child.ended"; readonly key: number; readonly incarnation: number; readonly reason: EndReason }
  | { readonly type: "child.due"; readonly key: number; readonly token: number };

export type ChildEffect =
  | { readonly type: "actor.launch"; readonly incarnation: number }
  | { readonly type: "actor.stop" }
  | { readonly type: "actor.kill" }
  /** One timer at a time: a new one takes the place of the one before. */
  | { readonly type: "timer.start"; readonly ms: number; readonly expiry: ChildMessage }
  | { readonly type: "timer.cancel" }
  | { readonly type: "supervisor.report"; readonly report: ChildReport };

const child = setup({
  types: { context: {} as ChildContext, events: {} as ChildMessage, input: {} as ChildInput, emitted: {} as ChildEffect, tags: {} as "alive" | "final" },
  guards: {
    isOld: ({ context, event }) => "incarnation" in event && event.incarnation !== context.incarnation,
    isOldDelay: ({ context, event }) => "token" in event && event.token !== context.token,
    isKilledOutright: ({ context }) => context.limits.shutdown === "brutal_kill",
  },
});

const launch = [
  child.assign({ incarnation: ({ context }) => context.incarnation + 1 }),
  child.emit(({ context }) => ({ type: "timer.start", ms: context.limits.startTimeout, expiry: { type: "start.expired", incarnation: context.incarnation } })),
  child.emit(({ context }) => ({ type: "actor.launch", incarnation: context.incarnation })),
];
const cancelTimer = child.emit({ type: "timer.cancel" });
const kill = child.emit({ type: "actor.kill" });
const keepEnd = child.assign({ lastEnd: ({ context, event }: { context: ChildContext; event: ChildMessage }) => (event.type === "actor.ended" ? event.reason : context.lastEnd) });
const blameTimeout = child.assign({ lastEnd: ({ context }: { context: ChildContext }) => ({ error: { start_timeout: context.limits.startTimeout } }) });
const askToStop = [child.emit({ type: "actor.stop" }), child.emit(({ context }) => ({ type: "timer.start", ms: context.limits.shutdown === "brutal_kill" ? 0 : context.limits.shutdown, expiry: { type: "stop.expired", incarnation: context.incarnation } }))];

const delay = [
  child.assign({ token: ({ context, event }: { context: ChildContext; event: ChildMessage }) => (event.type === "child.delay" ? event.token : context.token) }),
  child.emit(({ context, event }) => ({ type: "timer.start", ms: event.type === "child.delay" ? event.ms : 0, expiry: { type: "delay.expired", token: context.token } })),
];

const reportStarted = child.emit(({ context: { key, incarnation } }) => ({ type: "supervisor.report", report: { type: "child.started", key, incarnation } }));
const reportIgnored = child.emit(({ context: { key } }) => ({ type: "supervisor.report", report: { type: "child.ignored", key } }));
const reportStopped = child.emit(({ context: { key, lastEnd } }) => ({ type: "supervisor.report", report: { type: "child.stopped", key, reason: lastEnd } }));
const reportEnded = child.emit(({ context: { key, incarnation, lastEnd } }) => ({ type: "supervisor.report", report: { type: "child.ended", key, incarnation, reason: lastEnd } }));
const reportFailed = child.emit(({ context: { key, lastEnd } }) => ({ type: "supervisor.report", report: { type: "child.start-failed", key, reason: lastEnd } }));
const reportDue = child.emit(({ context: { key, token } }) => ({ type: "supervisor.report", report: { type: "child.due", key, token } }));

/** What cannot concern a state is ignored there, and counted. */
const unheeded = <T extends ChildMessage["type"]>(...types: readonly T[]) => Object.fromEntries(types.map((type) => [type, {}])) as { [K in T]: { readonly description?: string } };

const stopNow = [
  { guard: "isKilledOutright" as const, target: "killing", actions: [cancelTimer, kill] },
  { target: "stopping", actions: askToStop },
];
const killQuietly = { target: "gone", actions: [cancelTimer, kill] };

/**
 * The life of one child of a supervisor, over all its incarnations. It starts and ends when its supervisor says so,
 * and reports every end exactly once.
 */
export const childMachine = child.createMachine({
  id: "child",
  context: ({ input }) => ({ key: input.key, limits: input.limits, incarnation: 0, lastEnd: "normal", token: 0 }),
  initial: "stopped",
  options: { maxIterations: 100 },
  states: {
    stopped: {
      on: {
        "child.start": { target: "starting", actions: launch },
        "child.stop": { actions: reportStopped },
        "child.kill": "gone",
        "child.delay": { target: "backing-off", actions: delay },
        "child.forget": "gone",
        "child.give-up": "gave-up",
        ...unheeded("actor.started", "actor.ignored", "actor.ended", "start.expired", "stop.expired", "delay.expired"),
      },
    },
    "backing-off": {
      on: {
        "delay.expired": [{ guard: "isOldDelay" }, { target: "stopped", actions: reportDue }],
        "child.start": { target: "starting", actions: launch },
        "child.stop": { target: "stopped", actions: [cancelTimer, reportStopped] },
        "child.kill": { target: "gone", actions: cancelTimer },
        "child.forget": { target: "gone", actions: cancelTimer },
        "child.give-up": { target: "gave-up", actions: cancelTimer },
        ...unheeded("child.delay", "actor.started", "actor.ignored", "actor.ended", "start.expired", "stop.expired"),
      },
    },
    starting: {
      tags: ["alive"],
      on: {
        "actor.started": [{ guard: "isOld" }, { target: "running", actions: [cancelTimer, reportStarted] }],
        "actor.ignored": [{ guard: "isOld" }, { target: "stopped", actions: [cancelTimer, child.assign({ lastEnd: "normal" }), reportIgnored] }],
        "actor.ended": [{ guard: "isOld" }, { target: "stopped", actions: [cancelTimer, keepEnd, reportFailed] }],
        "start.expired": [{ guard: "isOld" }, { target: "abandoning", actions: kill }],
        "child.stop": stopNow,
        "child.kill": killQuietly,
        ...unheeded("child.start", "child.delay", "child.forget", "child.give-up", "stop.expired", "delay.expired"),
      },
    },
    abandoning: {
      tags: ["alive"],
      on: {
        "actor.ended": [{ guard: "isOld" }, { target: "stopped", actions: [blameTimeout, reportFailed] }],
        "child.stop": "killing",
        "child.kill": "gone",
        ...unheeded("actor.started", "actor.ignored", "child.start", "child.delay", "child.forget", "child.give-up", "start.expired", "stop.expired", "delay.expired"),
      },
    },
    running: {
      tags: ["alive"],
      on: {
        "actor.ended": [{ guard: "isOld" }, { target: "stopped", actions: [keepEnd, reportEnded] }],
        "child.stop": stopNow,
        "child.kill": killQuietly,
        ...unheeded("actor.started", "actor.ignored", "child.start", "child.delay", "child.forget", "child.give-up", "start.expired", "stop.expired", "delay.expired"),
      },
    },
    stopping: {
      tags: ["alive"],
      on: {
        "actor.ended": [{ guard: "isOld" }, { target: "stopped", actions: [cancelTimer, keepEnd, reportStopped] }],
        "actor.ignored": [{ guard: "isOld" }, { target: "stopped", actions: [cancelTimer, child.assign({ lastEnd: "normal" }), reportStopped] }],
        "stop.expired": [{ guard: "isOld" }, { target: "killing", actions: kill }],
        "child.kill": killQuietly,
        ...unheeded("actor.started", "child.start", "child.stop", "child.delay", "child.forget", "child.give-up", "start.expired", "delay.expired"),
      },
    },
    killing: {
      tags: ["alive"],
      on: {
        "actor.ended": [{ guard: "isOld" }, { target: "stopped", actions: [keepEnd, reportStopped] }],
        "child.kill": "gone",
        ...unheeded("actor.started", "actor.ignored", "child.start", "child.stop", "child.delay", "child.forget", "child.give-up", "start.expired", "stop.expired", "delay.expired"),
      },
    },
    gone: { type: "final", tags: ["final"] },
    "gave-up": { type: "final", tags: ["final"] },
  },
});
