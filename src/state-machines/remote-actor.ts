import { setup } from "xstate";

/** Why nothing more comes from the node of an actor: what the head knows of its manager. */
export type NodeLoss = "silent" | "disconnected" | "ended" | "replaced" | "not-back" | "left" | "block-over" | "executor-over";

/** How it came to its end. */
export type RemoteEnd =
  /** Its thread is gone, and all it said has come. */
  | { readonly how: "exited" }
  /** Its lease is over, or its node certainly is. */
  | { readonly how: "lost"; readonly loss: NodeLoss }
  | { readonly how: "failed"; readonly error: unknown }
  /** It was ended before it had begun. */
  | { readonly how: "unbegun" };

export interface RemoteActorContext {
  /** Why its node is not there, while it is not. */
  loss: NodeLoss | undefined;
}

export type RemoteActorMessage =
  /** There is a node for it. */
  | { readonly type: "node.chosen" }
  /** There is none, and none is awaited any more; or what came from it cannot be read. */
  | { readonly type: "actor.failed"; readonly error: unknown }
  /** Its manager has registered again, and says what has come of it. */
  | { readonly type: "node.back" }
  /** It is told that it is wanted no more. */
  | { readonly type: "actor.terminate" }
  /** Its manager may be there, and be out of reach, for at most so many milliseconds. */
  | { readonly type: "node.detached"; readonly loss: NodeLoss; readonly ms: number }
  /** Its manager is certainly not at work any more. */
  | { readonly type: "node.lost"; readonly loss: NodeLoss }
  | { readonly type: "lease.expired" }
  | { readonly type: "thread.exited" };

export type RemoteActorEffect =
  | { readonly type: "actor.open" }
  /** What its node is not known to have is sent once more. */
  | { readonly type: "items.again" }
  | { readonly type: "thread.terminate" }
  | { readonly type: "lease.await"; readonly ms: number }
  | { readonly type: "lease.settle" }
  | { readonly type: "actor.end"; readonly end: RemoteEnd };

const actor = setup({
  types: { context: {} as RemoteActorContext, events: {} as RemoteActorMessage, input: {}, emitted: {} as RemoteActorEffect, tags: {} as "placed" | "final" },
});

const end = (of: RemoteEnd) => actor.emit({ type: "actor.end", end: of });
const lossOf = ({ context, event }: { context: RemoteActorContext; event: RemoteActorMessage }): NodeLoss => ("loss" in event ? event.loss : (context.loss ?? "silent"));
const endLost = actor.emit(({ context, event }) => ({ type: "actor.end", end: { how: "lost", loss: lossOf({ context, event }) } }));
const endFailed = actor.emit(({ event }: { event: RemoteActorMessage }) => ({ type: "actor.end", end: { how: "failed", error: "error" in event ? event.error : undefined } }));
const terminate = actor.emit({ type: "thread.terminate" });
const again = actor.emit({ type: "items.again" });
const settle = actor.emit({ type: "lease.settle" });
const wait = actor.emit(({ event }: { event: RemoteActorMessage }) => ({ type: "lease.await", ms: "ms" in event ? event.ms : 0 }));
const keepLoss = actor.assign({ loss: ({ context, event }: { context: RemoteActorContext; event: RemoteActorMessage }) => lossOf({ context, event }) });

/**
 * One incarnation of an actor on a node, as the program sees it. It ends once, with what its thread said last, or when its node can do nothing more: the
 * lease of a manager that is only out of reach is waited for, so that no second one is ever begun beside it.
 */
export const remoteActorMachine = actor.createMachine({
  id: "remote-actor",
  context: { loss: undefined },
  initial: "placing",
  options: { maxIterations: 100 },
  states: {
    placing: {
      on: {
        "node.chosen": { target: "linked", actions: actor.emit({ type: "actor.open" }) },
        "actor.failed": { target: "ended", actions: endFailed },
        "actor.terminate": { target: "ended", actions: end({ how: "unbegun" }) },
        "node.lost": { target: "ended", actions: endLost },
        "node.back": {},
        "node.detached": {},
        "lease.expired": {},
        "thread.exited": {},
      },
    },
    linked: {
      tags: ["placed"],
      on: {
        "node.back": { actions: again },
        "actor.terminate": { actions: terminate },
        "node.detached": { target: "detached", actions: [keepLoss, wait] },
        "node.lost": { target: "ended", actions: endLost },
        "actor.failed": { target: "ended", actions: [terminate, endFailed] },
        "thread.exited": { target: "ended", actions: end({ how: "exited" }) },
        "node.chosen": {},
        "lease.expired": {},
      },
    },
    // Its manager may have lost its link alone: then the actor goes on until its lease is over.
    detached: {
      tags: ["placed"],
      on: {
        "node.back": { target: "linked", actions: [settle, again] },
        "actor.terminate": { actions: terminate },
        "lease.expired": { target: "ended", actions: endLost },
        "node.lost": { target: "ended", actions: [settle, endLost] },
        "actor.failed": { target: "ended", actions: [settle, endFailed] },
        "thread.exited": { target: "ended", actions: [settle, end({ how: "exited" })] },
        "node.detached": {},
        "node.chosen": {},
      },
    },
    ended: { type: "final", tags: ["final"] },
  },
});
