import type { Dispatcher } from "../../../actors/dispatcher.js";
import { NodeLost } from "../../../errors/index.js";
import type { NodeLoss } from "../../../state-machines/remote-actor.js";
import type { RemoteActor } from "./remote-actor.js";

const words: Readonly<Record<NodeLoss, string>> = {
  silent: "was silent for a whole lease",
  disconnected: "was out of reach until its lease was over",
  ended: "has lost its manager, whose process ended",
  replaced: "has another manager in the place of the one it had",
  "not-back": "did not come back when the interchange was started again",
  left: "has left",
  "block-over": "ended with its block",
  "executor-over": "ended with its executor",
};

const hints: Partial<Readonly<Record<NodeLoss, string>>> = {
  silent: "The network, or the machine, stood still for longer than heartbeatThreshold: raise it where that is usual.",
  disconnected: "The network was cut for longer than heartbeatThreshold, or its manager ended: see the output of its block.",
  "executor-over": "The kernel was closed, or its executor was removed, before the actor had ended.",
};

/** What is told of an actor whose node was lost. */
export function lossOf({ node, start }: RemoteActor, loss: NodeLoss, { dispatcher, label, leaseMs }: { readonly dispatcher: Dispatcher; readonly label: string; readonly leaseMs: number }): NodeLost {
  const { host = "", block = "", uid = "", lostAt } = node ?? {};
  const { path } = start.owner;
  const { clock } = dispatcher.ports;
  const silentMs = lostAt === undefined ? 0 : Math.round(clock.now() - lostAt);
  const since = new Date(clock.wall() - silentMs).toISOString();
  const details = { where: { actor: path, executor: label, block, host }, evidence: { manager: uid, loss, silentMs, since, leaseMs } };
  return new NodeLost("CW-SUP-004", `the node of ${path}, ${host} (${block} of "${label}"), ${words[loss]}; it was heard of last at ${since}`, { ...details, hint: hints[loss] ?? "See the output of its block for what ended it: memory, a signal, its walltime." });
}
