import { Cell, type CellKind } from "../../../actors/cell.js";
import type { Timer } from "../../../actors/ports.js";
import type { ManagerContext, ManagerEffect, ManagerInput, ManagerMessage } from "../../../state-machines/manager.js";
import type { Queued } from "../../work-queue.js";
import type { Needs } from "../../executor.js";
import type { Registration } from "../protocol.js";

import { Capacity } from "./capacity.js";

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
  /** What it needs beyond a worker. */
  needs: Needs | undefined = undefined;
  /** When it was found that it fits nowhere now. */
  waitsSince = 0;

  constructor(
    readonly task: number,
    readonly attempt: number,
    /** `Infinity`: last. */
    readonly priority: number,
    readonly walltime: number,
    readonly app: number,
    /** Where its record is; undefined where an earlier interchange sent it. */
    readonly bytes: Uint8Array | undefined,
    readonly from: number,
    readonly to: number,
  ) {}
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
  retireTimer: Timer | undefined;
  /** In the order they were sent. */
  readonly out = new Map<number, Dispatch>();
  /** Attempts that are over, and still held by a worker of it that does not end. */
  readonly haunted = new Map<number, number>();
  /** The numbers of the actors that live there. */
  actors: ReadonlySet<number> = new Set();
  /** Apps that it has been told of. */
  readonly apps = new Set<number>();
  /** Whether it is listed among those with a free worker, and those with room. */
  isFree = false;
  isRoomy = false;
  readonly capacity: Capacity;
  /** It is kept free for this one, which has waited for long. */
  keptFor: Dispatch | undefined;
  private pieces: Uint8Array[] = [];
  /** The last piece, which may grow. */
  private piece: Uint8Array | undefined;
  private pieceFrom = 0;
  private pieceTo = 0;
  private aheadMs = 0;

  constructor(
    kind: NodeKind,
    readonly facts: Registration,
    label: string,
    /** Counts the managers of this executor. */
    number: number,
  ) {
    super(kind, `${label}/${facts.block}/${facts.rank}`, number);
    this.capacity = new Capacity(facts);
  }

  get isIdle(): boolean {
    return this.out.size === 0 && this.actors.size === 0;
  }

  /** It gets no new work, also when it is heard of again, or its link is back. */
  get rests(): boolean {
    return this.context.rest !== "none";
  }

  get takesWork(): boolean {
    return this.is("takes-work");
  }

  /** A worker of it has nothing to do. */
  get hasFreeWorker(): boolean {
    const { large, plain } = this.capacity;
    return this.takesWork && this.out.size - large < plain && this.keptFor === undefined && this.hasWay;
  }

  /** It may have work that waits there. */
  get hasRoom(): boolean {
    const { workers, prefetch } = this.facts;
    if (!this.takesWork || !this.hasWay || this.keptFor !== undefined) return false;
    // Beside tasks that need more than a worker nothing waits there: it would run as soon as a worker has nothing to do.
    if (this.capacity.large > 0) return this.out.size - this.capacity.large < this.capacity.plain;
    return this.out.size < workers + prefetch || (this.aheadMs < aheadLimitMs * workers && this.out.size < mostAhead * workers);
  }

  /** Whether it may have this now; `expected` is negative where nobody knows how long it takes. */
  mayTake(one: Dispatch, expected: number, now: number): boolean {
    const { walltime, needs } = one;
    if (walltime > 0 && now + walltime > this.endsAt) return false;
    const { large, plain } = this.capacity;
    if (needs !== undefined) return this.takesWork && this.hasWay && (this.keptFor ?? one) === one && this.capacity.admits(needs, this.out.size - large);
    if (large > 0) return this.out.size - large < plain;
    const { workers, prefetch } = this.facts;
    // What must not wait there goes to a worker that has nothing to do.
    if (walltime > 0 && this.endsAt < Infinity) return this.out.size < workers;
    if (this.out.size < workers + prefetch) return true;
    return expected >= 0 && walltime === 0 && this.aheadMs + expected <= aheadLimitMs * workers;
  }

  /** Whether it could have this if it had nothing else. */
  couldHold({ needs, walltime }: Dispatch, now: number): boolean {
    return this.takesWork && (walltime === 0 || now + walltime <= this.endsAt) && (needs === undefined || this.capacity.couldHold(needs));
  }

  give(one: Dispatch, expected: number): void {
    one.node = this;
    one.isQueued = false;
    one.ahead = Math.max(0, expected);
    this.aheadMs += one.ahead;
    this.enter(one);
    if (one.bytes !== undefined) this.post(one.bytes, one.from, one.to);
  }

  /** It has this already. */
  adopt(one: Dispatch): void {
    one.node = this;
    one.isQueued = false;
    this.enter(one);
  }

  private enter(one: Dispatch): void {
    this.out.set(one.task, one);
    if (one.needs !== undefined) this.capacity.hold(one.needs);
  }

  take(one: Dispatch): void {
    if (this.out.delete(one.task) && one.needs !== undefined) this.capacity.release(one.needs);
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
  private post(bytes: Uint8Array, from: number, to: number): void {
    if (this.piece === bytes && this.pieceTo === from) {
      this.pieceTo = to;
      return;
    }
    this.closePiece();
    this.piece = bytes;
    this.pieceFrom = from;
    this.pieceTo = to;
  }

  private closePiece(): void {
    if (this.piece !== undefined) this.pieces.push(this.piece.subarray(this.pieceFrom, this.pieceTo));
    this.piece = undefined;
  }

  /** Records for its next frame. */
  takeOutbox(): readonly Uint8Array[] {
    this.closePiece();
    const { pieces } = this;
    if (pieces.length > 0) this.pieces = [];
    return pieces;
  }
}
