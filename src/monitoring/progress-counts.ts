import type { StateCounts } from "../dataflow/statistics.js";

/** A task's states as a reader of progress wants them. */
export interface ProgressCounts {
  readonly total: number;
  readonly done: number;
  readonly running: number;
  readonly waiting: number;
  readonly failed: number;
  /** Not run, since something they depend on failed. */
  readonly skipped: number;
  readonly cancelled: number;
}

/** Fourteen states in six groups; the groups add up to the total. */
export function progressCounts(counts: StateCounts): ProgressCounts {
  const done = counts.done + counts.memoized;
  const running = counts.running + counts["staging-out"] + counts.joining;
  const waiting = counts.waiting + counts.memo + counts["staging-in"] + counts.ready + counts.dispatched + counts["backing-off"];
  const { failed, cancelled } = counts;
  const skipped = counts["dependency-failed"];
  return { total: done + running + waiting + failed + skipped + cancelled, done, running, waiting, failed, skipped, cancelled };
}

/** How many of them have ended, however they ended. */
export const endedOf = ({ done, failed, skipped, cancelled }: ProgressCounts): number => done + failed + skipped + cancelled;
