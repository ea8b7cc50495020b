import { setup } from "xstate";

export interface LeaseContext {
  /** Milliseconds after the last sign of the head at which nothing new is started: before the head may hold this manager for lost. */
  readonly waning: number;
  /** Milliseconds after the last sign at which the head has given the work to others. */
  readonly term: number;
  /** Milliseconds after that for which finished results are kept. */
  readonly grace: number;
}

export type LeaseInput = LeaseContext;

export type LeaseMessage =
  /** The head has answered what was sent so short a time ago that it can hold nobody for lost; or for the first time, whenever that was sent. */
  | { readonly type: "lease.renewed" }
  /** There was no sign for so long that the head may soon hold this manager for lost. */
  | { readonly type: "lease.waned" }
  /** There was none for a whole lease. `idle`: nothing runs here, and the head has all that there was to tell. */
  | { readonly type: "lease.expired"; readonly idle: boolean }
  | { readonly type: "grace.expired" };

export type LeaseEffect =
  /** One timer: `ms` after the last sign of the head. */
  | { readonly type: "lease.await"; readonly ms: number; readonly message: "lease.waned" | "lease.expired" | "grace.expired" }
  | { readonly type: "starts.stop" }
  | { readonly type: "starts.resume" }
  /** What runs has been given to others by now. */
  | { readonly type: "work.kill" }
  | { readonly type: "lease.end" };

const lease = setup({
  types: { context: {} as LeaseContext, events: {} as LeaseMessage, input: {} as LeaseInput, emitted: {} as LeaseEffect, tags: {} as "may-start" | "held" | "final" },
  guards: { hasNothingToTell: ({ event }) => event.type === "lease.expired" && event.idle },
});

const awaitWaning = lease.emit(({ context }) => ({ type: "lease.await", ms: context.waning, message: "lease.waned" }));
const awaitExpiry = lease.emit(({ context }) => ({ type: "lease.await", ms: context.term, message: "lease.expired" }));
const awaitGrace = lease.emit(({ context }) => ({ type: "lease.await", ms: context.term + context.grace, message: "grace.expired" }));
const end = { target: "over", actions: lease.emit({ type: "lease.end" }) };
const resume = { target: "held", actions: lease.emit({ type: "starts.resume" }) };
const wane = [lease.emit({ type: "starts.stop" }), awaitExpiry];
const expire = { target: "expired", actions: [lease.emit({ type: "work.kill" }), awaitGrace] };

/**
 * A manager's side of its lease. It stops starting work before the head may give that to others, ends what runs when the head has,
 * keeps what is finished for longer, and then ends itself, at once where there is nothing to keep: nothing outlives its lease.
 * One that the head has never answered tries for as long as it may.
 */
export const leaseMachine = lease.createMachine({
  id: "lease",
  context: ({ input }) => ({ ...input }),
  initial: "assumed",
  options: { maxIterations: 100 },
  states: {
    // As if the head had answered when the manager began.
    assumed: {
      tags: ["may-start"],
      entry: awaitWaning,
      on: {
        "lease.renewed": "held",
        "lease.waned": { target: "hoped-for", actions: wane },
        "lease.expired": {},
        "grace.expired": {},
      },
    },
    held: {
      tags: ["may-start", "held"],
      entry: awaitWaning,
      on: {
        "lease.renewed": {},
        "lease.waned": { target: "waning", actions: wane },
        "lease.expired": {},
        "grace.expired": {},
      },
    },
    "hoped-for": {
      on: {
        "lease.renewed": resume,
        "lease.waned": {},
        "lease.expired": expire,
        "grace.expired": {},
      },
    },
    waning: {
      on: {
        "lease.renewed": resume,
        "lease.waned": {},
        "lease.expired": [{ guard: "hasNothingToTell", ...end }, expire],
        "grace.expired": {},
      },
    },
    expired: {
      on: {
        "lease.renewed": resume,
        "lease.waned": {},
        "lease.expired": {},
        "grace.expired": end,
      },
    },
    over: { type: "final", tags: ["final"] },
  },
});
