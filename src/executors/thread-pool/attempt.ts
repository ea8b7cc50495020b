import { AnonymousCell, type CellKind } from "../../actors/cell.js";
import type { Timer } from "../../actors/ports.js";
import type { AttemptContext, AttemptEffect, AttemptInput, AttemptMessage } from "../../state-machines/attempt.js";
import type { Work } from "../executor.js";
import type { Lane } from "./lane.js";

export type AttemptKind = CellKind<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput, Attempt>;

/** One attempt of one task at the pool. */
export class Attempt extends AnonymousCell<AttemptContext, AttemptMessage, AttemptEffect> {
  /** The lane it was sent to, until it has ended or is queued again. */
  lane: Lane | undefined = undefined;
  slot = -1;
  /** Its age in the queue: what came first has the smaller number. */
  arrival = 0;
  timer: Timer | undefined = undefined;
  /** The zombie that held it has ended. */
  freed = false;
  /** Told once no user code of it can begin, or go on unfenced. */
  onEnd: (() => void)[] | undefined = undefined;

  constructor(
    kind: AttemptKind,
    readonly work: Work,
    readonly number: number,
    readonly shell: boolean,
  ) {
    super(kind);
  }

  get id(): number {
    return this.work.taskId;
  }

  get incarnation(): number {
    return this.number;
  }

  get priority(): number | undefined {
    return this.work.priority;
  }

  get isQueued(): boolean {
    return this.is("queued");
  }
}
