import { AnonymousCell, type CellKind } from "../../actors/cell.js";
import type { AttemptContext, AttemptEffect, AttemptInput, AttemptMessage } from "../../state-machines/attempt.js";
import type { Work } from "../executor.js";

export type RemoteAttemptKind = CellKind<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput, RemoteAttempt>;

/** One attempt of one task that is done elsewhere, as the head knows of it. */
export class RemoteAttempt extends AnonymousCell<AttemptContext, AttemptMessage, AttemptEffect> {
  declare readonly work: Work;
  declare readonly number: number;
  /** An interchange has said that it was sent, or it counts as sent since it was taken back. What is told of it may still wait in its mailbox. */
  declare isOut: boolean;
  /** It was taken back: only what becomes of that is of interest. */
  declare isRecalled: boolean;
  /** The worker that held it has ended. */
  declare freed: boolean;
  /** Told once no user code of it can begin, or go on unfenced. */
  declare onEnd: (() => void)[] | undefined;

  constructor(kind: RemoteAttemptKind, work: Work, number: number) {
    super(kind);
    this.work = work;
    this.number = number;
    this.isOut = false;
    this.isRecalled = false;
    this.freed = false;
    this.onEnd = undefined;
  }

  get id(): number {
    return this.work.taskId;
  }

  get incarnation(): number {
    return this.number;
  }
}
