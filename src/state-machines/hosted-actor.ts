import { setup } from "xstate";

export interface HostedActorContext {
  /** Milliseconds that its thread has to be gone after it was told to. */
  readonly patience: number;
  /** Whether the end of its thread was wanted here because nobody could be heard any more. */
  leaseOver: boolean;
}

export interface HostedActorInput {
  readonly patience: number;
}

export type HostedActorMessage =
  /** Its owner wants it no more. */
  | { readonly type: "actor.terminate" }
  /** Its owner has begun another in its place by now. */
  | { readonly type: "lease.expired" }
  /** Its owner does not know it. */
  | { readonly type: "actor.forgotten" }
  | { readonly type: "thread.exited" }
  | { readonly type: "patience.expired" }
  /** Its owner knows that it is over, and all it said. */
  | { readonly type: "end.known" };

export type HostedActorEffect =
  | { readonly type: "thread.terminate" }
  | { readonly type: "patience.start"; readonly ms: number }
  | { readonly type: "patience.cancel" }
  /** The last thing its owner hears. `isHeld`: the thread is inside a native call, and does nothing else any more. */
  | { readonly type: "end.tell"; readonly isHeld: boolean; readonly leaseOver: boolean }
  | { readonly type: "actor.drop" };

const actor = setup({
  types: { context: {} as HostedActorContext, events: {} as HostedActorMessage, input: {} as HostedActorInput, emitted: {} as HostedActorEffect, tags: {} as "live" | "final" },
});

const terminate = [actor.emit({ type: "thread.terminate" }), actor.emit(({ context }) => ({ type: "patience.start", ms: context.patience }))];
const tell = (isHeld: boolean) => actor.emit(({ context }) => ({ type: "end.tell", isHeld, leaseOver: context.leaseOver }));
const drop = actor.emit({ type: "actor.drop" });
const cancel = actor.emit({ type: "patience.cancel" });

/** One incarnation of an actor at its node: a thread, and what is to be said of it until its owner has heard all of it. */
export const hostedActorMachine = actor.createMachine({
  id: "hosted-actor",
  context: ({ input }) => ({ patience: input.patience, leaseOver: false }),
  initial: "running",
  options: { maxIterations: 100 },
  states: {
    running: {
      tags: ["live"],
      on: {
        "actor.terminate": { target: "ending", actions: terminate },
        "lease.expired": { target: "ending", actions: [actor.assign({ leaseOver: true }), ...terminate] },
        "actor.forgotten": { target: "vanishing", actions: terminate },
        "thread.exited": { target: "over", actions: tell(false) },
        "patience.expired": {},
        "end.known": {},
      },
    },
    ending: {
      tags: ["live"],
      on: {
        "thread.exited": { target: "over", actions: [cancel, tell(false)] },
        "patience.expired": { target: "over", actions: tell(true) },
        "actor.forgotten": "vanishing",
        "actor.terminate": {},
        "lease.expired": {},
        "end.known": {},
      },
    },
    over: {
      on: {
        "end.known": { target: "gone", actions: drop },
        "actor.forgotten": { target: "gone", actions: drop },
        "actor.terminate": {},
        "lease.expired": {},
        "thread.exited": {},
        "patience.expired": {},
      },
    },
    // Nobody waits for what it says.
    vanishing: {
      tags: ["live"],
      on: {
        "thread.exited": { target: "gone", actions: [cancel, drop] },
        "patience.expired": { target: "gone", actions: drop },
        "actor.terminate": {},
        "lease.expired": {},
        "actor.forgotten": {},
        "end.known": {},
      },
    },
    gone: { type: "final", tags: ["final"] },
  },
});
