import { compile } from "../../../actors/compile.js";
import type { ControlCodec } from "../../../actors/links/control.js";
import { managerMachine, type ManagerContext, type ManagerEffect, type ManagerInput, type ManagerMessage } from "../../../state-machines/manager.js";
import { frame } from "../protocol.js";
import type { Interchange } from "./interchange.js";
import type { NodeKind } from "./node.js";

const chart = compile<ManagerContext, ManagerMessage, ManagerEffect, ManagerInput>(managerMachine);

/** What an interchange does for its managers. */
export function nodeKind(interchange: Interchange, codec: ControlCodec): NodeKind {
  return {
    name: "manager",
    chart,
    perform: {
      "work.offer": (_, node) => interchange.distribution.offer(node),
      "work.lose": ({ loss }, node) => interchange.loseAll(node, loss),
      "work.watch": (_, node) => interchange.rests(node),
      "lease.watch": (_, node) => interchange.quiet.watchLease(node),
      "lease.forget": (_, node) => node.leaseTimer?.cancel(),
      "reconnect.await": ({ ms }, node) => interchange.quiet.watchReturn(node, ms),
      "reconnect.settle": (_, node) => node.reconnectTimer?.cancel(),
      "manager.tell": ({ what }, node) => node.link?.send(what === "drain" ? frame.drain : frame.stop, codec.encode(null)),
      "manager.announce": ({ what, loss }, node) => interchange.announce(what, loss, node),
    },
    moved: (node) => interchange.distribution.settleRoom(node),
    crashed: (node) => {
      node.link?.close();
      interchange.loseAll(node, "disconnected");
    },
  };
}
