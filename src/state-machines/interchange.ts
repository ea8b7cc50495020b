import { setup } from "xstate";

export interface InterchangeContext {
  /** None was before it: nothing is out anywhere. */
  readonly isFirst: boolean;
  /** Managers of the one before that have neither come nor are known not to. */
  awaited: number;
}

export interface InterchangeInput {
  readonly isFirst: boolean;
  readonly awaited: number;
}

export type InterchangeMessage =
  /** The head has said what was out when the interchange before ended. */
  | { readonly type: "head.told" }
  /** One that was awaited has said what it has. */
  | { readonly type: "manager.returned" }
  /** So many that were awaited do not come any more. */
  | { readonly type: "managers.missing"; readonly count: number }
  /** Its managers are to end, for which they have so many milliseconds. */
  | { readonly type: "interchange.stop"; readonly within: number }
  /** The last of its managers. */
  | { readonly type: "managers.gone" }
  | { readonly type: "stop.expired" };

export type InterchangeEffect =
  /** Those that are not back after a lease do not come. */
  | { readonly type: "return.await" }
  /** Those whose processes are seen to have ended do not come either. */
  | { readonly type: "processes.watch" }
  /** Managers that came before the head had told what they may have are let in. */
  | { readonly type: "managers.admit" }
  /** That some do not come may have been what was missing to call a block drained. */
  | { readonly type: "blocks.check" }
  /** What waits is given out from now on. */
  | { readonly type: "work.begin" }
  | { readonly type: "managers.stop" }
  | { readonly type: "timer.start"; readonly ms: number }
  | { readonly type: "timer.cancel" }
  | { readonly type: "interchange.end" };

const interchange = setup({
  types: { context: {} as InterchangeContext, events: {} as InterchangeMessage, input: {} as InterchangeInput, emitted: {} as InterchangeEffect, tags: {} as "admits" | "gives-work" | "ending" | "final" },
  guards: {
    isFirst: ({ context }) => context.isFirst,
    awaitsNobody: ({ context }) => context.awaited <= 0,
  },
});

const countReturned = interchange.assign({ awaited: ({ context }) => context.awaited - 1 });
const countMissing = interchange.assign({ awaited: ({ context, event }) => context.awaited - (event.type === "managers.missing" ? event.count : 0) });
const check = interchange.emit({ type: "blocks.check" });
const startTimer = interchange.emit(({ event }) => ({ type: "timer.start", ms: event.type === "interchange.stop" ? event.within : 0 }));
const stop = { target: "stopping", actions: [startTimer, interchange.emit({ type: "managers.stop" })] };
const end = interchange.emit({ type: "interchange.end" });

/**
 * An interchange. One that follows another lets managers in when the head has told what was out, and gives nothing to anybody before all managers of
 * the one before have said what they have, or cannot come any more: so nothing runs twice.
 */
export const interchangeMachine = interchange.createMachine({
  id: "interchange",
  context: ({ input }) => ({ isFirst: input.isFirst, awaited: input.awaited }),
  initial: "recovering",
  options: { maxIterations: 100 },
  states: {
    recovering: {
      entry: interchange.emit({ type: "return.await" }),
      always: { guard: "isFirst", target: "awaiting" },
      on: {
        "head.told": { target: "awaiting", actions: interchange.emit({ type: "managers.admit" }) },
        "manager.returned": { actions: countReturned },
        "managers.missing": { actions: countMissing },
        "interchange.stop": stop,
        "managers.gone": {},
        "stop.expired": {},
      },
    },
    awaiting: {
      tags: ["admits"],
      entry: interchange.emit({ type: "processes.watch" }),
      always: { guard: "awaitsNobody", target: "serving" },
      on: {
        "manager.returned": { actions: countReturned },
        "managers.missing": { actions: [countMissing, check] },
        "interchange.stop": stop,
        "head.told": {},
        "managers.gone": {},
        "stop.expired": {},
      },
    },
    serving: {
      tags: ["admits", "gives-work"],
      entry: [check, interchange.emit({ type: "work.begin" })],
      on: {
        "interchange.stop": stop,
        "head.told": {},
        "manager.returned": {},
        "managers.missing": {},
        "managers.gone": {},
        "stop.expired": {},
      },
    },
    // Who comes now may tell what it has, and is told to end as the others were.
    stopping: {
      tags: ["admits", "ending"],
      on: {
        "managers.gone": { target: "gone", actions: [interchange.emit({ type: "timer.cancel" }), end] },
        "stop.expired": { target: "gone", actions: end },
        "head.told": {},
        "manager.returned": {},
        "managers.missing": {},
        "interchange.stop": {},
      },
    },
    gone: { type: "final", tags: ["ending", "final"] },
  },
});
