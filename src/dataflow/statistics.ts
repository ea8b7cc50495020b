import type { TaskOutcome } from "../state-machines/task.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskState } from "./types.js";

export type StateCounts = Record<TaskState, number>;

export const emptyCounts = (): StateCounts => ({ waiting: 0, memo: 0, "staging-in": 0, ready: 0, dispatched: 0, running: 0, "staging-out": 0, joining: 0, "backing-off": 0, done: 0, memoized: 0, failed: 0, "dependency-failed": 0, cancelled: 0 });

/** What is known of the calls of one app. Times are sums of milliseconds. */
export interface AppStatistics {
  readonly app: string;
  readonly counts: StateCounts;
  /** From the call to the worker. */
  waitedMs: number;
  /** On the worker. */
  ranMs: number;
  slowestMs: number;
  retries: number;
}

export interface FailureNote {
  readonly task: number;
  readonly app: string;
  readonly state: TaskOutcome;
  readonly error: unknown;
}

const failuresKept = 20;

/** Counts of a kernel or a scope, kept as tasks move. */
export class Statistics {
  readonly counts = emptyCounts();
  readonly apps = new Map<string, AppStatistics>();
  readonly failures: FailureNote[] = [];
  submitted = 0;
  retries = 0;
  lateErrors = 0;

  of(app: string): AppStatistics {
    let stats = this.apps.get(app);
    if (stats === undefined) this.apps.set(app, (stats = { app, counts: emptyCounts(), waitedMs: 0, ranMs: 0, slowestMs: 0, retries: 0 }));
    return stats;
  }

  entered(stats: AppStatistics, state: TaskState): void {
    this.submitted++;
    this.counts[state]++;
    stats.counts[state]++;
  }

  moved(stats: AppStatistics, from: TaskState, to: TaskState): void {
    this.counts[from]--;
    this.counts[to]++;
    stats.counts[from]--;
    stats.counts[to]++;
  }

  failed(record: TaskRecord, state: TaskOutcome): void {
    if (this.failures.length < failuresKept) this.failures.push({ task: record.taskId, app: record.app.name, state, error: record.context.error });
  }
}
