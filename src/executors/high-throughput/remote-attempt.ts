import { Cell, type CellKind } from "../../actors/cell.js";
import type { AttemptContext, AttemptEffect, AttemptInput, AttemptMessage } from "../../state-machines/attempt.js";
import type { Work } from "../executor.js";

export type RemoteAttemptKind = CellKind<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput, RemoteAttempt>;

/** One attempt of one task that is done elsewhere, as the head knows of it. */
export class RemoteAttempt extends Cell<AttemptContext, AttemptMessage, AttemptEffect> {
  /** The worker that held it has ended. */
  freed = false;
  /** Told once no user code of it can begin, or go on unfenced. */
  onEnd: (() => void)[] | undefined = undefined;

  constructor(
    kind: RemoteAttemptKind,
    readonly work: Work,
    readonly number: number,
  ) {
    super(kind, work.taskId, number);
  }
}
