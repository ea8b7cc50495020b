import { setup } from "xstate";

/** Why the head holds a manager for lost. */
export type ManagerLoss = "silent" | "disconnected" | "replaced";

export interface ManagerContext {
  /** Milliseconds without a sign after which it gets no new work, and after which it is lost. */
  readonly waning: number;
  readonly lease: number;
  /** Milliseconds that it has to come back in when its link has ended and its process cannot be seen. */
  readonly reconnect: number;
  loss: ManagerLoss | undefined;
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
  /** It gets no new work; what it has goes on. */
  | { readonly type: "manager.drain" }
  /** A drained manager may have work again. */
  | { readonly type: "manager.resume" }
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
  | { readonly type: "work.watch" }
  | { readonly type: "lease.watch"; readonly lease: number }
  | { readonly type: "lease.forget" }
  | { readonly type: "reconnect.await"; readonly ms: number }
  | { readonly type: "reconnect.settle" }
  | { readonly type: "manager.tell"; readonly what: "drain" | "stop" }
  | { readonly type: "manager.announce"; readonly what: "registered" | "lost" | "gone"; readonly loss: ManagerLoss | undefined };

const manager = setup({
  types: { context: {} as ManagerContext, events: {} as ManagerMessage, input: {} as ManagerInput, emitted: {} as ManagerEffect, tags: {} as "takes-work" | "linked" | "final" },
});

const lossOf = (loss: ManagerLoss) => manager.assign({ loss });
const announce = (what: "registered" | "lost" | "gone") => manager.emit(({ context }) => ({ type: "manager.announce", what, loss: context.loss }));
const lose = manager.emit(({ context }) => ({ type: "work.lose", loss: context.loss }));
const offer = manager.emit({ type: "work.offer" });
const forget = manager.emit({ type: "lease.forget" });
const say = (what: "drain" | "stop") => manager.emit({ type: "manager.tell", what });

const isLost = (loss: ManagerLoss) => ({ target: "lost", actions: [lossOf(loss), forget, lose, announce("lost")] });
const detach = { target: "detached", actions: manager.emit(({ context }) => ({ type: "reconnect.await", ms: context.reconnect })) };
const settle = manager.emit({ type: "reconnect.settle" });
const leave = { target: "gone", actions: [forget, lose, announce("gone")] };
const stop = { target: "stopping", actions: say("stop") };
const drain = { target: "draining", actions: [say("drain"), manager.emit({ type: "work.watch" })] };

/** A manager as the head sees it. It is held for lost a lease after its last sign, and at once when its link ends and it does not come back. */
export const managerMachine = manager.createMachine({
  id: "manager",
  context: ({ input }) => ({ waning: input.waning, lease: input.lease, reconnect: input.reconnect, loss: undefined }),
  initial: "registering",
  options: { maxIterations: 100 },
  states: {
    registering: {
      on: {
        "manager.accepted": { target: "active", actions: [manager.emit(({ context }) => ({ type: "lease.watch", lease: context.lease })), announce("registered"), offer] },
        "link.lost": isLost("disconnected"),
        "manager.replaced": isLost("replaced"),
        "manager.stop": stop,
        "manager.left": leave,
        "manager.drain": {},
        "manager.resume": {},
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
        "manager.drain": drain,
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
        "manager.drain": drain,
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
        "link.restored": { target: "active", actions: [settle, offer] },
        "reconnect.expired": isLost("disconnected"),
        "lease.expired": { target: "lost", actions: [settle, lossOf("silent"), forget, lose, announce("lost")] },
        "manager.replaced": { target: "lost", actions: [settle, lossOf("replaced"), forget, lose, announce("lost")] },
        "manager.stop": { target: "gone", actions: [settle, forget, lose, announce("gone")] },
        "manager.left": { target: "gone", actions: [settle, forget, lose, announce("gone")] },
        "link.lost": {},
        "manager.heard": {},
        "lease.waned": {},
        "manager.drain": {},
        "manager.resume": {},
        "manager.emptied": {},
        "manager.accepted": {},
      },
    },
    draining: {
      tags: ["linked"],
      on: {
        "manager.emptied": stop,
        "manager.resume": { target: "active", actions: offer },
        "manager.heard": {},
        "lease.waned": {},
        "lease.expired": isLost("silent"),
        "link.lost": detach,
        "link.restored": {},
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
