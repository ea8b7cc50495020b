import { Place } from "../../../actors/place.js";
import type { Thread, ThreadStart } from "../../../actors/ports.js";
import type { Block, BlockNode } from "../../executor.js";
import type { ActorNode } from "./nodes.js";

/** Who places actors. */
export interface Placement {
  readonly label: string;
  launch(at: BlockHandle | NodeHandle, start: ThreadStart<never>): Thread<never, never>;
}

export class BlockHandle extends Place implements Block {
  readonly ended: Promise<void>;
  readonly members = new Map<string, NodeHandle>();
  /** Actors that were started on it: when it is over, they may be restarted elsewhere. */
  readonly residents = new Set<string>();
  isOver = false;
  private settle!: () => void;

  constructor(
    private readonly placement: Placement,
    readonly id: string,
  ) {
    super();
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  get executor(): string {
    return this.placement.label;
  }

  get name(): string {
    return `${this.id} of "${this.executor}"`;
  }

  get state(): "running" | "draining" | "ended" {
    if (this.isOver) return "ended";
    return [...this.members.values()].some(({ running }) => running) ? "running" : "draining";
  }

  get nodes(): readonly NodeHandle[] {
    return [...this.members.values()].filter(({ node }) => !node.isGone).sort((a, b) => a.rank - b.rank);
  }

  start<Out extends readonly unknown[], In extends readonly unknown[]>(start: ThreadStart<Out>): Thread<Out, In> {
    return this.placement.launch(this, start);
  }

  end(): void {
    this.isOver = true;
    this.settle();
  }
}

export class NodeHandle extends Place implements BlockNode {
  constructor(
    private readonly placement: Placement,
    readonly of: BlockHandle,
    readonly node: ActorNode,
  ) {
    super();
  }

  get id(): string {
    return this.node.uid;
  }

  get block(): string {
    return this.node.block;
  }

  get executor(): string {
    return this.placement.label;
  }

  get host(): string {
    return this.node.host;
  }

  get rank(): number {
    return this.node.rank;
  }

  get workers(): number {
    return this.node.workers;
  }

  get running(): boolean {
    return this.node.mayHost;
  }

  get name(): string {
    return `node ${this.rank} (${this.host}) of ${this.of.name}`;
  }

  start<Out extends readonly unknown[], In extends readonly unknown[]>(start: ThreadStart<Out>): Thread<Out, In> {
    return this.placement.launch(this, start);
  }
}
