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
  /** A sign of the head. */
  | { readonly type: "lease.renewed" }
  /** The time that was asked for last is over, and there was no sign. `idle`: nothing runs here, and the head has all that there was to tell. */
  | { readonly type: "lease.due"; readonly idle: boolean };

export type LeaseEffect =
  /** One timer: `ms` after the last sign of the head. */
  | { readonly type: "lease.await"; readonly ms: number }
  | { readonly type: "starts.stop" }
  | { readonly type: "starts.resume" }
  /** What runs has been given to others by now. */
  | { readonly type: "work.kill" }
  | { readonly type: "lease.end" };

const lease = setup({
  types: { context: {} as LeaseContext, events: {} as LeaseMessage, input: {} as LeaseInput, emitted: {} as LeaseEffect, tags: {} as "may-start" | "final" },
  guards: { hasNothingToTell: ({ event }) => event.type === "lease.due" && event.idle },
});

const awaiting = (until: (context: LeaseContext) => number) => lease.emit(({ context }) => ({ type: "lease.await", ms: until(context) }));
const waning = awaiting((context) => context.waning);
const end = { target: "over", actions: lease.emit({ type: "lease.end" }) };
const resume = { target: "held", actions: lease.emit({ type: "starts.resume" }) };

/**
 * A manager's side of its lease. It stops starting work before the head may give that to others, ends what runs when the head has,
 * keeps what is finished for longer, and then ends itself, at once where there is nothing to keep: nothing outlives its lease.
 */
export const leaseMachine = lease.createMachine({
  id: "lease",
  context: ({ input }) => ({ ...input }),
  initial: "held",
  options: { maxIterations: 100 },
  states: {
    held: {
      tags: ["may-start"],
      entry: waning,
      on: {
        "lease.renewed": {},
        "lease.due": { target: "waning", actions: [lease.emit({ type: "starts.stop" }), awaiting((context) => context.term)] },
      },
    },
    waning: {
      on: {
        "lease.renewed": resume,
        "lease.due": [{ guard: "hasNothingToTell", ...end }, { target: "expired", actions: [lease.emit({ type: "work.kill" }), awaiting((context) => context.term + context.grace)] }],
      },
    },
    expired: {
      on: {
        "lease.renewed": resume,
        "lease.due": end,
      },
    },
    over: { type: "final", tags: ["final"] },
  },
});
