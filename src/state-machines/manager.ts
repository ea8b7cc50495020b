import { setup } from "xstate";

/** Why the head holds a manager for lost. */
export type ManagerLoss = "silent" | "disconnected" | "replaced";

/** Why it gets no new work, where it gets none: its block is drained, and may be resumed; or it wants no more, ever. */
export type Rest = "none" | "with-its-block" | "for-good";

export interface ManagerContext {
  /** Milliseconds without a sign after which it gets no new work, and after which it is lost. */
  readonly waning: number;
  readonly lease: number;
  /** Milliseconds that it has to come back in when its link has ended and its process cannot be seen. */
  readonly reconnect: number;
  loss: ManagerLoss | undefined;
  rest: Rest;
}

export interface ManagerInput {
  readonly waning: number;
  readonly lease: number;
  readonly reconnect: number;
}

export type ManagerMessage =
  | { readonly type: "manager.accepted" }
  /** A sign of life after its lease had begun to wane. */
  | { readonly type: "manager.heard" }
  | { readonly type: "lease.waned" }
  | { readonly type: "lease.expired" }
  | { readonly type: "link.lost" }
  /** It registered again, with what it runs and what it could not tell. */
  | { readonly type: "link.restored" }
  /** It is not back in time, or its process is seen to have ended. */
  | { readonly type: "reconnect.expired" }
  /** Its block is drained: it gets no new work, and what it has goes on. */
  | { readonly type: "manager.drain" }
  /** Its block may have work again. */
  | { readonly type: "manager.resume" }
  /** It wants no more work, and ends when it has none. */
  | { readonly type: "manager.retire" }
  /** It has no work, and gets none. */
  | { readonly type: "manager.emptied" }
  /** Its process ends now, whatever it has. */
  | { readonly type: "manager.stop" }
  /** It said that it leaves. */
  | { readonly type: "manager.left" }
  /** Another incarnation of it has registered. */
  | { readonly type: "manager.replaced" };

export type ManagerEffect =
  | { readonly type: "work.offer" }
  /** What is out at it runs again elsewhere. */
  | { readonly type: "work.lose"; readonly loss: ManagerLoss | undefined }
  /** It gets no more: it is not kept free for anything, and it is told when it has none. */
  | { readonly type: "work.watch" }
  | { readonly type: "lease.watch"; readonly lease: number }
  | { readonly type: "lease.forget" }
  | { readonly type: "reconnect.await"; readonly ms: number }
  | { readonly type: "reconnect.settle" }
  | { readonly type: "manager.tell"; readonly what: "drain" | "stop" }
  | { readonly type: "manager.announce"; readonly what: "registered" | "retired" | "lost" | "gone"; readonly loss: ManagerLoss | undefined };

const manager = setup({
  types: { context: {} as ManagerContext, events: {} as ManagerMessage, input: {} as ManagerInput, emitted: {} as ManagerEffect, tags: {} as "takes-work" | "resting" | "linked" | "final" },
  guards: {
    rests: ({ context }) => context.rest !== "none",
    restsForGood: ({ context }) => context.rest === "for-good",
  },
});

const lossOf = (loss: ManagerLoss) => manager.assign({ loss });
const restOf = (rest: Rest) => manager.assign({ rest });
const announce = (what: "registered" | "retired" | "lost" | "gone") => manager.emit(({ context }) => ({ type: "manager.announce", what, loss: context.loss }));
const lose = manager.emit(({ context }) => ({ type: "work.lose", loss: context.loss }));
const offer = manager.emit({ type: "work.offer" });
const watch = manager.emit({ type: "work.watch" });
const forget = manager.emit({ type: "lease.forget" });
const say = (what: "drain" | "stop") => manager.emit({ type: "manager.tell", what });

const isLost = (loss: ManagerLoss) => ({ target: "lost", actions: [lossOf(loss), forget, lose, announce("lost")] });
const detach = { target: "detached", actions: manager.emit(({ context }) => ({ type: "reconnect.await", ms: context.reconnect })) };
const settle = manager.emit({ type: "reconnect.settle" });
const leave = { target: "gone", actions: [forget, lose, announce("gone")] };
const stop = { target: "stopping", actions: say("stop") };
const ignoredForGood = { guard: "restsForGood" as const };

/** While it is linked, and takes work or would if it were heard of. */
const rest = {
  "manager.drain": { target: "draining", actions: [restOf("with-its-block"), say("drain"), watch] },
  "manager.retire": { target: "draining", actions: [restOf("for-good"), announce("retired"), say("drain"), watch] },
};
/** While it cannot be told: that it rests is acted on once it is there. */
const restLater = {
  "manager.drain": [ignoredForGood, { actions: [restOf("with-its-block"), watch] }],
  "manager.retire": [ignoredForGood, { actions: [restOf("for-good"), announce("retired"), watch] }],
  "manager.resume": [ignoredForGood, { actions: restOf("none") }],
};
const begin = [manager.emit(({ context }) => ({ type: "lease.watch", lease: context.lease })), announce("registered")];

/**
 * A manager as the head sees it. It is held for lost a lease after its last sign, and at once when its link ends and it does not come back. That it is to
 * rest outlives the links it is told over.
 */
export const managerMachine = manager.createMachine({
  id: "manager",
  context: ({ input }) => ({ waning: input.waning, lease: input.lease, reconnect: input.reconnect, loss: undefined, rest: "none" }),
  initial: "registering",
  options: { maxIterations: 100 },
  states: {
    registering: {
      on: {
        ...restLater,
        "manager.accepted": [
          { guard: "rests", target: "draining", actions: [...begin, say("drain"), watch] },
          { target: "active", actions: [...begin, offer] },
        ],
        "link.lost": isLost("disconnected"),
        "manager.replaced": isLost("replaced"),
        "manager.stop": stop,
        "manager.left": leave,
        "manager.emptied": {},
        "manager.heard": {},
        "lease.waned": {},
        "lease.expired": {},
        "link.restored": {},
        "reconnect.expired": {},
      },
    },
    active: {
      tags: ["takes-work", "linked"],
      on: {
        "manager.heard": {},
        "lease.waned": "suspect",
        "lease.expired": isLost("silent"),
        "link.lost": detach,
        "link.restored": { actions: offer },
        ...rest,
        "manager.resume": {},
        "manager.emptied": {},
        "manager.stop": stop,
        "manager.left": leave,
        "manager.replaced": isLost("replaced"),
        "manager.accepted": {},
        "reconnect.expired": {},
      },
    },
    // Silent for long, and given nothing new; what it has is still its own.
    suspect: {
      tags: ["linked"],
      on: {
        "manager.heard": { target: "active", actions: offer },
        "lease.waned": {},
        "lease.expired": isLost("silent"),
        "link.lost": detach,
        "link.restored": { target: "active", actions: offer },
        ...rest,
        "manager.resume": {},
        "manager.emptied": {},
        "manager.stop": stop,
        "manager.left": leave,
        "manager.replaced": isLost("replaced"),
        "manager.accepted": {},
        "reconnect.expired": {},
      },
    },
    detached: {
      on: {
        ...restLater,
        "link.restored": [
          { guard: "rests", target: "draining", actions: [settle, say("drain"), watch] },
          { target: "active", actions: [settle, offer] },
        ],
        "reconnect.expired": isLost("disconnected"),
        "lease.expired": { target: "lost", actions: [settle, lossOf("silent"), forget, lose, announce("lost")] },
        "manager.replaced": { target: "lost", actions: [settle, lossOf("replaced"), forget, lose, announce("lost")] },
        "manager.stop": { target: "gone", actions: [settle, forget, lose, announce("gone")] },
        "manager.left": { target: "gone", actions: [settle, forget, lose, announce("gone")] },
        "link.lost": {},
        "manager.heard": {},
        "lease.waned": {},
        "manager.emptied": {},
        "manager.accepted": {},
      },
    },
    draining: {
      tags: ["resting", "linked"],
      on: {
        "manager.emptied": [{ guard: "restsForGood", ...stop }, {}],
        "manager.resume": [ignoredForGood, { target: "active", actions: [restOf("none"), offer] }],
        "manager.retire": [ignoredForGood, { actions: [restOf("for-good"), announce("retired"), watch] }],
        "manager.heard": {},
        "lease.waned": {},
        "lease.expired": isLost("silent"),
        "link.lost": detach,
        "link.restored": { actions: say("drain") },
        "manager.drain": {},
        "manager.stop": stop,
        "manager.left": leave,
        "manager.replaced": isLost("replaced"),
        "manager.accepted": {},
        "reconnect.expired": {},
      },
    },
    // Told to end; its link ends with it.
    stopping: {
      tags: ["linked"],
      on: {
        "link.lost": leave,
        "manager.left": leave,
        "lease.expired": leave,
        "manager.replaced": leave,
        "manager.heard": {},
        "lease.waned": {},
        "link.restored": { actions: say("stop") },
        "manager.drain": {},
        "manager.resume": {},
        "manager.retire": {},
        "manager.emptied": {},
        "manager.stop": {},
        "manager.accepted": {},
        "reconnect.expired": {},
      },
    },
    gone: { type: "final", tags: ["final"] },
    lost: { type: "final", tags: ["final"] },
  },
});
