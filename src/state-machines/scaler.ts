import { setup } from "xstate";

/** What an executor's blocks are kept within; said with every action, so that a recording can be checked by itself. */
export interface ScalingLimits {
  readonly init: number;
  readonly min: number;
  readonly max: number;
  /** Early deaths in a row that make the executor fail. */
  readonly budget: number;
}

/** What caraway's own strategies keep to, in milliseconds; said with every look. A strategy of the user's has times of its own. */
export interface ScalingTimes {
  /** Where tasks wait and there is no block, one is asked for. */
  readonly period: number;
  /** Without a task for so long, all blocks beyond the least are released. */
  readonly maxIdleTime: number;
}

export interface ScalerContext {
  readonly limits: ScalingLimits;
  /** Milliseconds between two decisions. */
  readonly period: number;
  readonly times: ScalingTimes | undefined;
}

export interface ScalerInput {
  readonly limits: ScalingLimits;
  readonly period: number;
  readonly times: ScalingTimes | undefined;
}

export type ScalerMessage =
  /** The first one: asks for the blocks to begin with. */
  | { readonly type: "scaler.begin" }
  | { readonly type: "scaler.tick" }
  /** There is work where there was none. */
  | { readonly type: "work.offered" }
  /** A block ended by itself. */
  | { readonly type: "blocks.changed" }
  /** `outstanding`: the load that it was made for; `emptyFor`: milliseconds for which there was none. `next`: milliseconds until it is looked at again; undefined: only when something happens. */
  | { readonly type: "decision.made"; readonly request: number; readonly release: readonly string[]; readonly outstanding: number; readonly emptyFor: number; readonly next: number | undefined }
  | { readonly type: "actions.taken" }
  /** No more decisions until it is resumed. */
  | { readonly type: "scaler.hold" }
  | { readonly type: "scaler.resume" }
  | { readonly type: "scaler.stop" };

export type ScalerEffect =
  | { readonly type: "blocks.consider"; readonly limits: ScalingLimits; readonly times: ScalingTimes | undefined }
  | { readonly type: "blocks.request"; readonly count: number; readonly initial: boolean; readonly limits: ScalingLimits }
  | { readonly type: "blocks.release"; readonly ids: readonly string[]; readonly limits: ScalingLimits }
  | { readonly type: "actions.confirm" }
  | { readonly type: "timer.start"; readonly ms: number }
  | { readonly type: "timer.cancel" };

const scaler = setup({
  types: { context: {} as ScalerContext, events: {} as ScalerMessage, input: {} as ScalerInput, emitted: {} as ScalerEffect, tags: {} as "restful" | "final" },
  guards: {
    wantsBlocks: ({ context }) => context.limits.init > 0,
    wantsAction: ({ event }) => event.type === "decision.made" && (event.request > 0 || event.release.length > 0),
    looksAgain: ({ event }) => event.type === "decision.made" && event.next !== undefined,
  },
});

const consider = scaler.emit(({ context: { limits, times } }) => ({ type: "blocks.consider", limits, times }));
const request = scaler.emit(({ context }) => ({ type: "blocks.request", count: context.limits.init, initial: true, limits: context.limits }));
const confirm = scaler.emit({ type: "actions.confirm" });
const act = scaler.enqueueActions(({ context: { limits }, event, enqueue }) => {
  if (event.type !== "decision.made") return;
  if (event.release.length > 0) enqueue.emit({ type: "blocks.release", ids: event.release, limits });
  if (event.request > 0) enqueue.emit({ type: "blocks.request", count: event.request, initial: false, limits });
});
const lookAgain = scaler.emit(({ context, event }) => ({ type: "timer.start", ms: (event.type === "decision.made" ? event.next : undefined) ?? context.period }));
const waitPeriod = scaler.emit(({ context }) => ({ type: "timer.start", ms: context.period }));
const cancelTimer = scaler.emit({ type: "timer.cancel" });

const hold = { target: "#scaler.held", actions: cancelTimer };
const stop = { target: "#scaler.stopped", actions: cancelTimer };
const decide = { target: "#scaler.deciding", actions: [cancelTimer, consider] };

/** The one reconciler of an executor's blocks: what is observed comes in, blocks to request or to release go out. */
export const scalerMachine = scaler.createMachine({
  id: "scaler",
  context: ({ input }) => ({ limits: input.limits, period: input.period, times: input.times }),
  initial: "idle",
  options: { maxIterations: 100 },
  states: {
    idle: {
      tags: ["restful"],
      on: {
        "scaler.tick": decide,
        "work.offered": decide,
        "blocks.changed": decide,
        "scaler.hold": hold,
        "scaler.stop": stop,
        "scaler.begin": [{ guard: "wantsBlocks", target: "acting", actions: [request, confirm] }, decide],
        "decision.made": {},
        "actions.taken": {},
        "scaler.resume": {},
      },
    },
    deciding: {
      on: {
        "decision.made": [{ guard: "wantsAction", target: "acting", actions: [act, confirm] }, { guard: "looksAgain", target: "idle", actions: lookAgain }, { target: "idle" }],
        "scaler.hold": hold,
        "scaler.stop": stop,
        "scaler.begin": {},
        "scaler.tick": {},
        "work.offered": {},
        "blocks.changed": {},
        "actions.taken": {},
        "scaler.resume": {},
      },
    },
    acting: {
      on: {
        "actions.taken": { target: "settling", actions: waitPeriod },
        "scaler.hold": hold,
        "scaler.stop": stop,
        "scaler.begin": {},
        "scaler.tick": {},
        "work.offered": {},
        "blocks.changed": {},
        "decision.made": {},
        "scaler.resume": {},
      },
    },
    settling: {
      on: {
        "scaler.tick": decide,
        "scaler.hold": hold,
        "scaler.stop": stop,
        "scaler.begin": {},
        "work.offered": {},
        "blocks.changed": {},
        "decision.made": {},
        "actions.taken": {},
        "scaler.resume": {},
      },
    },
    held: {
      on: {
        "scaler.resume": decide,
        "scaler.stop": stop,
        "scaler.hold": {},
        "scaler.begin": {},
        "scaler.tick": {},
        "work.offered": {},
        "blocks.changed": {},
        "decision.made": {},
        "actions.taken": {},
      },
    },
    stopped: { type: "final", tags: ["final"] },
  },
});
