import { Cell, type CellKind } from "../../actors/cell.js";
import type { Timer } from "../../actors/ports.js";
import type { Encoded } from "../../serialization/index.js";
import type { MemoryUse, ThreadContext, ThreadEffect, ThreadInput, ThreadMessage } from "../../state-machines/thread.js";
import type { Attempt } from "./attempt.js";
import { slotsPerLane } from "./claims.js";
import type { FrameDraft } from "./frames.js";
import type { LaneLink, ShellLink } from "./host.js";

export type ThreadKind = CellKind<ThreadContext, ThreadMessage, ThreadEffect, ThreadInput, Thread>;

/** One incarnation of a lane's worker, and what is out at it. */
export class Thread extends Cell<ThreadContext, ThreadMessage, ThreadEffect> {
  link: LaneLink | undefined = undefined;
  timer: Timer | undefined = undefined;
  /** The attempt it was told to stop for: the others on it are bystanders. */
  stoppedFor: Attempt | undefined = undefined;
  /** Attempts that a zombie still holds. */
  held: Attempt[] = [];
  /** It has claimed some work. */
  worked = false;
  readonly slots: (Attempt | undefined)[] = new Array<Attempt | undefined>(slotsPerLane);

  constructor(
    kind: ThreadKind,
    readonly lane: Lane,
    /** Of its executor. */
    label: string,
    incarnation: number,
  ) {
    super(kind, `${label}/${lane.index}`, incarnation);
  }

  /** What is out at it, by slot. */
  *attempts(): Generator<[number, Attempt]> {
    for (let slot = 0; slot < this.slots.length; slot++) {
      const attempt = this.slots[slot];
      if (attempt !== undefined) yield [slot, attempt];
    }
  }
}

/** Work ahead of a worker, in milliseconds: enough to hide the way there, too little to be missed when it dies. */
const aheadLimitMs = 2;
/** What takes longer than that and no longer than this, in milliseconds, may wait behind the task that runs, until another worker is free. Beyond it, its way there costs nothing worth hiding. */
const spareLimitMs = 250;

/** A place for one worker: its credit window, and what is in it. A lane outlives the threads that fill it. */
export class Lane {
  thread: Thread | undefined = undefined;
  shell: ShellLink | undefined = undefined;
  shellAttempt: Attempt | undefined = undefined;
  /** Its command is ended for the memory that it uses. */
  private shellUse: MemoryUse | undefined = undefined;
  incarnations = 0;
  /** Tasks out at the thread. */
  count = 0;
  private aheadMs = 0;
  private readonly free: number[] = [];
  private readonly expected = new Float64Array(slotsPerLane);
  private known = new Set<number>();
  /** What is out runs alone: nothing may wait behind it. */
  private alone = false;
  /** It waits behind the task that runs, and is taken back once another worker is free. */
  private spare: Attempt | undefined = undefined;
  /** What was taken back and its worker has not passed over yet: task by slot. */
  private readonly returned = new Map<number, number>();

  constructor(readonly index: number) {
    this.reset();
  }

  /** Forgets the last thread's window. */
  reset(): void {
    this.thread = undefined;
    this.count = 0;
    this.aheadMs = 0;
    this.alone = false;
    this.spare = undefined;
    this.returned.clear();
    this.known = new Set();
    this.free.length = 0;
    for (let slot = slotsPerLane - 1; slot >= 0; slot--) this.free.push(slot);
  }

  get isOpen(): boolean {
    return this.thread !== undefined && this.thread.is("open") && this.shell === undefined;
  }

  /** Its command is over. Gives what it used, where it was ended for that. */
  endShell(): MemoryUse | undefined {
    const { shellUse } = this;
    this.shell = this.shellAttempt = this.shellUse = undefined;
    return shellUse;
  }

  /** Ends its command for the memory that it uses. */
  expelShell(use: MemoryUse): void {
    this.shellUse ??= use;
    this.shell?.kill();
  }

  /** No function and no command is on it. */
  get isFree(): boolean {
    return this.count === 0 && this.shell === undefined;
  }

  /** Whether the credit allows one more: one until the app's duration is known, then some 2 ms of work. */
  accepts(attempt: Attempt): boolean {
    if (!this.isOpen) return false;
    if (this.count === 0) return true;
    const { expected } = attempt.work.app;
    if (this.alone || expected < 0 || attempt.work.walltime > 0) return false;
    return this.free.length > 0 && this.aheadMs + expected <= aheadLimitMs;
  }

  /** Whether it may have this one to begin with when the task that runs is over. */
  acceptsSpare(attempt: Attempt): boolean {
    const { expected } = attempt.work.app;
    return this.count === 1 && this.isOpen && !this.alone && expected >= 0 && expected <= spareLimitMs && attempt.work.walltime === 0 && this.thread?.link?.takesBackAtOnce === true;
  }

  /** What was sent last waits there, and is wanted elsewhere. */
  keepAsSpare(attempt: Attempt): void {
    this.spare = attempt;
  }

  isSpare(attempt: Attempt): boolean {
    return this.spare === attempt;
  }

  /** Takes back what waits behind the running task. Undefined where it has begun, or is none. */
  takeSpare(): Attempt | undefined {
    const { spare, thread } = this;
    this.spare = undefined;
    if (spare === undefined || thread?.slots[spare.slot] !== spare) return undefined;
    let isBack = false;
    thread.link?.revoke(spare.slot, (revoked) => (isBack = revoked));
    if (!isBack) return undefined;
    thread.slots[spare.slot] = undefined;
    this.returned.set(spare.slot, spare.work.taskId);
    return spare;
  }

  /** The worker has passed over a slot. True where that is of what was taken back. */
  passedOver(slot: number, task: number): boolean {
    if (this.returned.get(slot) !== task) return false;
    this.returned.delete(slot);
    this.release(slot);
    return true;
  }

  /** Adds the attempt to a frame; answers with the bytes of its arguments. Throws where its arguments cannot travel; nothing has changed then. */
  send(attempt: Attempt, frame: FrameDraft): number {
    const { work, number } = attempt;
    const { app } = work;
    const args = work.argumentsFor(number);
    const thread = this.thread as Thread;
    const link = thread.link as LaneLink;
    if (!this.known.has(app.key) && app.code !== undefined) {
      this.known.add(app.key);
      link.tell({ t: "define", app: app.key, name: app.name, code: app.code });
    }
    const slot = this.free.pop() as number;
    thread.slots[slot] = attempt;
    attempt.lane = this;
    attempt.slot = slot;
    const expected = Math.max(0, app.expected);
    this.expected[slot] = expected;
    this.aheadMs += expected;
    this.alone = app.expected < 0 || work.walltime > 0;
    this.count++;
    link.claim(slot);
    frame.add(slot, work.taskId, number, app.key, args, work.settingFor(number));
    let bytes = 0;
    for (let i = 0; i < args.length; i++) bytes += sizeOf(args[i]);
    return bytes;
  }

  /** Takes back the slot. */
  release(slot: number): void {
    const thread = this.thread as Thread;
    thread.slots[slot] = undefined;
    this.free.push(slot);
    this.count--;
    this.aheadMs = this.count === 0 ? 0 : this.aheadMs - (this.expected[slot] as number);
    if (this.count === 0) this.alone = false;
    // It has begun, or was passed over.
    this.spare = undefined;
  }
}

function sizeOf(arg: Encoded): number {
  if (typeof arg !== "object" || arg === null) return 0;
  return arg instanceof Uint8Array ? arg.byteLength : arg.bytes.byteLength + arg.buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
}
