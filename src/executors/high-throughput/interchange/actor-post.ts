import { frame } from "../protocol.js";
import { readHeading, word } from "../actors/wire.js";
import type { InterchangePorts } from "./types.js";
import type { ManagerNode } from "./node.js";

/** What the program and the nodes say of actors passes here. What finds no way is not kept: both ends say again what the other does not know. */
export class ActorPost {
  constructor(
    private readonly ports: Pick<InterchangePorts, "ofActor">,
    /** Whether there are actors at the manager is another matter now. */
    private readonly settled: (node: ManagerNode) => void,
  ) {}

  down(node: ManagerNode | undefined, heading: Uint8Array, payload: Uint8Array | undefined): void {
    if (node?.link === undefined) return;
    const { word: kind, actor } = readHeading(heading, "head");
    if (kind === word.open) this.change(node, new Set([...node.actors, actor]));
    node.link.send(frame.toActor, heading, payload === undefined ? [] : [payload]);
  }

  /** Throws where it cannot be read. */
  up(node: ManagerNode, heading: Uint8Array, payload: Uint8Array): void {
    const { word: kind, actor } = readHeading(heading, "node");
    this.ports.ofActor(node.facts.uid, new Uint8Array(heading), new Uint8Array(payload));
    if ((kind === word.exited || kind === word.dropped) && node.actors.has(actor)) this.change(node, new Set([...node.actors].filter((one) => one !== actor)));
  }

  private change(node: ManagerNode, actors: ReadonlySet<number>): void {
    if (actors.size === node.actors.size) return;
    const isOther = (actors.size === 0) !== (node.actors.size === 0);
    node.actors = actors;
    if (isOther) this.settled(node);
  }
}
