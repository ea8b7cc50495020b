import { Cell, type CellKind } from "../../../actors/cell.js";
import type { Timer } from "../../../actors/ports.js";
import type { ManagerContext, ManagerEffect, ManagerInput, ManagerMessage } from "../../../state-machines/manager.js";
import type { Queued } from "../../work-queue.js";
import type { TaskHead } from "../records.js";
import type { Registration } from "../protocol.js";

export type NodeKind = CellKind<ManagerContext, ManagerMessage, ManagerEffect, ManagerInput, ManagerNode>;

/** A task in the interchange: where the bytes of it are, and who has it. */
export class Dispatch implements Queued {
  arrival = 0;
  node: ManagerNode | undefined = undefined;
  /** What it was expected to take when it was sent, in milliseconds. */
  ahead = 0;
  started = false;
  isQueued = true;
  cancelled = false;

  constructor(
    readonly head: TaskHead,
    /** Undefined where an earlier interchange sent it. */
    readonly record: Uint8Array | undefined,
  ) {}

  get priority(): number {
    return this.head.priority;
  }
}

/** The way to a manager. */
export interface NodeLink {
  /** Bytes that were sent and have not left yet. */
  readonly backlog: number;
  send(type: number, header: Uint8Array, payload?: readonly Uint8Array[]): void;
  onDrain(handler: () => void): void;
  /** Ends it once what was sent has left. */
  close(): void;
}

/** A full window: so many tasks at most, and so much work ahead of each worker in milliseconds. Enough to hide the way there. */
const mostAhead = 1024;
const aheadLimitMs = 4;
/** With more than this on its way to it, a manager gets nothing new. */
const mostBacklog = 8 * 1024 * 1024;

/** A manager as the interchange sees it, and what is out at it. */
export class ManagerNode extends Cell<ManagerContext, ManagerMessage, ManagerEffect> {
  link: NodeLink | undefined;
  heardAt = 0;
  /** The number of its last outcome that arrived, and of the last that it was told of. */
  known = 0;
  acknowledged = 0;
  /** When its block ends; `Infinity` where it has no limit. */
  endsAt = Infinity;
  leaseTimer: Timer | undefined;
  reconnectTimer: Timer | undefined;
  /** In the order they were sent. */
  readonly out = new Map<number, Dispatch>();
  /** Apps that it has been told of. */
  readonly apps = new Set<number>();
  /** Records for its next frame. */
  outbox: Uint8Array[] = [];
  private aheadMs = 0;

  constructor(
    kind: NodeKind,
    readonly facts: Registration,
    /** Counts the managers of this executor. */
    number: number,
  ) {
    super(kind, `${facts.block}/${facts.rank}`, number);
  }

  get isIdle(): boolean {
    return this.out.size === 0;
  }

  /** A worker of it has nothing to do. */
  get hasFreeWorker(): boolean {
    return this.is("takes-work") && this.out.size < this.facts.workers && this.hasWay;
  }

  /** It may have work that waits there. */
  get hasRoom(): boolean {
    const { workers, prefetch } = this.facts;
    if (!this.is("takes-work") || !this.hasWay) return false;
    return this.out.size < workers + prefetch || (this.aheadMs < aheadLimitMs * workers && this.out.size < mostAhead * workers);
  }

  /** Whether it may have this now; `expected` is negative where nobody knows how long it takes. */
  mayTake({ head }: Dispatch, expected: number, now: number): boolean {
    if (head.walltime > 0 && now + head.walltime > this.endsAt) return false;
    const { workers, prefetch } = this.facts;
    if (this.out.size < workers + prefetch) return true;
    return expected >= 0 && head.walltime === 0 && this.aheadMs + expected <= aheadLimitMs * workers;
  }

  give(one: Dispatch, expected: number): void {
    one.node = this;
    one.isQueued = false;
    one.ahead = Math.max(0, expected);
    this.aheadMs += one.ahead;
    this.out.set(one.head.task, one);
    if (one.record !== undefined) this.post(one.record);
  }

  take(one: Dispatch): void {
    this.out.delete(one.head.task);
    one.node = undefined;
    this.aheadMs = this.out.size === 0 ? 0 : this.aheadMs - one.ahead;
  }

  /** What could have been running: what was told of, and as many of the oldest as it has workers. Blame is for these. */
  suspects(): ReadonlySet<Dispatch> {
    const all = [...this.out.values()];
    const suspects = new Set(all.filter(({ started }) => started));
    for (const one of all) {
      if (suspects.size >= this.facts.workers) break;
      suspects.add(one);
    }
    return suspects;
  }

  private get hasWay(): boolean {
    return this.link !== undefined && this.link.backlog < mostBacklog;
  }

  /** Records that lie side by side leave as one piece. */
  private post(record: Uint8Array): void {
    const last = this.outbox.at(-1);
    if (last !== undefined && last.buffer === record.buffer && last.byteOffset + last.length === record.byteOffset) {
      this.outbox[this.outbox.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + record.length);
    } else this.outbox.push(record);
  }
}
