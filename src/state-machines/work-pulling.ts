/** How a job ended at its consumer: with an answer, or with the error that its processing threw. */
export type JobOutcome = { readonly answer: unknown } | { readonly error: unknown };

/** A job that was processed; `seq` is its number in the session. */
export interface ProcessedJob {
  readonly seq: number;
  readonly outcome: JobOutcome;
}

/**
 * From the producer. A session is one stretch of work with one consumer: its deliveries are numbered from 1, without gaps.
 * `noted` and `n` say which of the consumer's statements has been taken note of.
 */
export type ToConsumer =
  | { readonly type: "session.open"; readonly session: number }
  | { readonly type: "job.deliver"; readonly session: number; readonly seq: number; readonly token: string; readonly job: unknown; readonly noted: number }
  | { readonly type: "credit.note"; readonly session: number; readonly n: number }
  /** Asks for a statement: a sign of life. */
  | { readonly type: "credit.query"; readonly session: number }
  | { readonly type: "session.close"; readonly session: number };

/**
 * From the consumer: how it stands, as a whole. Lost, doubled and overtaken statements do no harm, since each says what holds.
 * It may be sent deliveries up to the number `upTo`; it has `received` without a gap; with `gap`, later ones came and were dropped.
 */
export interface CreditStatement {
  readonly type: "credit.granted";
  readonly session: number;
  /** Counts the statements of the session. */
  readonly n: number;
  readonly received: number;
  readonly upTo: number;
  readonly gap: boolean;
  /** All of which the consumer does not know yet that the producer knows. */
  readonly done: readonly ProcessedJob[];
}

/** A copy to change, whose outbox is empty. */
export type Draft<C extends { readonly outbox: readonly unknown[] }> = Omit<C, "outbox"> & { outbox: C["outbox"][number][] };

/** Works on a copy and gives what has changed. */
export function edited<C extends { readonly outbox: readonly unknown[] }>(context: C, change: (draft: Draft<C>) => void): Partial<C> {
  const draft: Draft<C> = { ...context, outbox: [] };
  change(draft);
  return draft as unknown as Partial<C>;
}

/** Milliseconds before the next try: doubled with each, up to the longest. */
export const pauseOf = ({ resend, longestResend }: { readonly resend: number; readonly longestResend: number }, tries: number): number => Math.min(longestResend, resend * 2 ** Math.min(tries, 20));
