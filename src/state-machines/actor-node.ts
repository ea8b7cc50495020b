import { setup } from "xstate";
import type { NodeLoss } from "./remote-actor.js";

export type ActorNodeMessage =
  /** Its block, or it alone, takes nothing more. */
  | { readonly type: "node.drain" }
  /** Its manager may be there, and be out of reach, for at most so many milliseconds. */
  | { readonly type: "node.detached"; readonly loss: NodeLoss; readonly ms: number }
  /** Its manager has registered again. */
  | { readonly type: "node.back" }
  /** No actor is on it any more. */
  | { readonly type: "node.emptied" }
  | { readonly type: "node.lost"; readonly loss: NodeLoss };

export type ActorNodeEffect =
  | { readonly type: "actors.detach"; readonly loss: NodeLoss; readonly ms: number }
  /** It is no place for actors any more, and lost to those that it has. */
  | { readonly type: "node.end"; readonly loss: NodeLoss };

const node = setup({ types: { context: {}, events: {} as ActorNodeMessage, input: {}, emitted: {} as ActorNodeEffect, tags: {} as "hosts" | "away" | "final" } });

const lossIn = (event: ActorNodeMessage): NodeLoss => ("loss" in event ? event.loss : "disconnected");
const lost = { target: "gone", actions: node.emit(({ event }: { event: ActorNodeMessage }) => ({ type: "node.end", loss: lossIn(event) })) };
const detach = node.emit(({ event }: { event: ActorNodeMessage }) => ({ type: "actors.detach", loss: lossIn(event), ms: "ms" in event ? event.ms : 0 }));

/** A manager as a place for actors. That it is to take nothing more outlives its links; one that is out of reach is given up when no actor may be on it. */
export const actorNodeMachine = node.createMachine({
  id: "actor-node",
  context: {},
  initial: "hosting",
  options: { maxIterations: 100 },
  states: {
    hosting: {
      tags: ["hosts"],
      on: { "node.drain": "resting", "node.detached": { target: "away", actions: detach }, "node.lost": lost, "node.back": {}, "node.emptied": {} },
    },
    resting: {
      on: { "node.detached": { target: "away-for-good", actions: detach }, "node.lost": lost, "node.drain": {}, "node.back": {}, "node.emptied": {} },
    },
    away: {
      tags: ["away"],
      on: { "node.back": "hosting", "node.drain": "away-for-good", "node.emptied": lost, "node.lost": lost, "node.detached": {} },
    },
    // It takes nothing when it is back either.
    "away-for-good": {
      tags: ["away"],
      on: { "node.back": "resting", "node.emptied": lost, "node.lost": lost, "node.drain": {}, "node.detached": {} },
    },
    gone: { type: "final", tags: ["final"] },
  },
});
