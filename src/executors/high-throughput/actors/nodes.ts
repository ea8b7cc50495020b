import { compile } from "../../../actors/compile.js";
import { InPlace } from "../../../actors/in-place.js";
import { actorNodeMachine, type ActorNodeEffect, type ActorNodeMessage } from "../../../state-machines/actor-node.js";
import type { Performers } from "../../../actors/cell.js";
import type { Registration } from "../protocol.js";
import type { RemoteActor } from "./remote-actor.js";

export type NodeFacts = Pick<Registration, "uid" | "block" | "host" | "rank" | "workers">;

const chart = compile<object, ActorNodeMessage, ActorNodeEffect, object>(actorNodeMachine);

/** A manager, as a place for actors. */
export class ActorNode {
  /** The manager's own name. */
  readonly uid: string;
  readonly block: string;
  readonly host: string;
  readonly rank: number;
  readonly workers: number;
  readonly actors = new Set<RemoteActor>();
  /** When it was heard of last, by the clock here, while it is not heard of. */
  lostAt: number | undefined;
  private readonly life: InPlace<object, ActorNodeMessage, ActorNodeEffect, object>;

  constructor({ uid, block, host, rank, workers }: NodeFacts, perform: Performers<ActorNodeEffect, unknown>) {
    this.uid = uid;
    this.block = block;
    this.host = host;
    this.rank = rank;
    this.workers = workers;
    this.life = new InPlace(chart, {}, perform);
  }

  tell(message: ActorNodeMessage): void {
    this.life.tell(message);
  }

  get mayHost(): boolean {
    return this.life.is("hosts");
  }

  get isGone(): boolean {
    return this.life.is("final");
  }

  /** There is nothing on it. */
  checkEmpty(): void {
    if (this.actors.size === 0) this.tell({ type: "node.emptied" });
  }
}
