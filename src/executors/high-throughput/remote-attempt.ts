import { AnonymousCell, type CellKind } from "../../actors/cell.js";
import type { AttemptContext, AttemptEffect, AttemptInput, AttemptMessage } from "../../state-machines/attempt.js";
import type { Work } from "../executor.js";

export type RemoteAttemptKind = CellKind<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput, RemoteAttempt>;

/** One attempt of one task that is done elsewhere, as the head knows of it. */
export class RemoteAttempt extends AnonymousCell<AttemptContext, AttemptMessage, AttemptEffect> {
  declare readonly work: Work;
  declare readonly number: number;
  /** The worker that held it has ended. Its end, which says that it is held, may still wait in its mailbox; and there is no state after the end. */
  declare freed: boolean;
  /** Told once no user code of it can begin, or go on unfenced. */
  declare onEnd: (() => void)[] | undefined;

  constructor(kind: RemoteAttemptKind, work: Work, number: number) {
    super(kind);
    this.work = work;
    this.number = number;
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
