import type { ControlCodec } from "../../../actors/links/control.js";
import type { Frame } from "../../../actors/links/frames.js";
import { asAlive, asFirst, asRegistration, frame } from "../protocol.js";
import type { Interchange } from "./interchange.js";
import type { ManagerNode, NodeLink } from "./node.js";

/** A link that a manager has made. */
export interface ManagerLink extends NodeLink {
  /** Whose key it has: that of its block. */
  readonly identity: string;
  onFrame(handler: (frame: Frame) => void): void;
  onClose(handler: () => void): void;
  /** Ends it at once. */
  destroy(reason: string): void;
}

/** The first frame of a link says which manager it is; whatever is not understood ends that link, and no other. */
export function serveManager(interchange: Interchange, codec: ControlCodec, link: ManagerLink): void {
  let node: ManagerNode | undefined;
  link.onFrame((it) => {
    try {
      if (node === undefined) node = register(interchange, codec, link, it);
      else receive(interchange, codec, node, it);
    } catch (error) {
      link.destroy(`what it sent is not understood: ${(error as Error).message}`);
    }
  });
  link.onClose(() => {
    if (node !== undefined) interchange.linkLost(node, link);
  });
}

function register(interchange: Interchange, codec: ControlCodec, link: ManagerLink, { type, header }: Frame): ManagerNode {
  if (type !== frame.register) throw new TypeError(`a manager begins with its registration, and this one with a frame of type ${type}`);
  const facts = asRegistration(codec.decode(header));
  // Whoever holds the key of a block speaks for that block alone.
  if (facts.block !== link.identity) throw new TypeError(`the key of ${link.identity} registers managers of that block, not of ${facts.block}`);
  return interchange.register(facts, link);
}

function receive(interchange: Interchange, codec: ControlCodec, node: ManagerNode, { type, header, payload }: Frame): void {
  interchange.heard(node);
  if (type === frame.outcomes) interchange.outcomes(node, asFirst(codec.decode(header)), payload);
  else if (type === frame.alive) interchange.alive(node, asAlive(codec.decode(header)));
  else if (type === frame.news) interchange.news(node, payload);
  else if (type === frame.left) interchange.left(node);
  else if (type === frame.ofActor) interchange.actors.up(node, header, payload);
  else throw new TypeError(`a registered manager sends no frame of type ${type}`);
}
