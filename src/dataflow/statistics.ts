import type { ChartState } from "../actors/compile.js";
import type { TaskOutcome } from "../state-machines/task.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskState } from "./types.js";

export type StateCounts = Record<TaskState, number>;

const states: readonly TaskState[] = ["waiting", "memo", "staging-in", "ready", "dispatched", "running", "staging-out", "joining", "backing-off", "done", "memoized", "failed", "dependency-failed", "cancelled"];

const shown = new Map<ChartState, { state: TaskState; index: number }>();

/** What users see of a state of the task chart: its last part. Looked up, since it is asked at every move. */
export function shownState(state: ChartState): TaskState {
  return describe(state).state;
}

function describe(state: ChartState): { state: TaskState; index: number } {
  let known = shown.get(state);
  if (known === undefined) {
    const name = state.name.slice(state.name.lastIndexOf(".") + 1) as TaskState;
    shown.set(state, (known = { state: name, index: states.indexOf(name) }));
  }
  return known;
}

/** What is known of the calls of one app. Times are sums of milliseconds. */
export interface AppStatistics {
  readonly app: string;
  readonly counts: StateCounts;
  /** From the call to the worker. */
  readonly waitedMs: number;
  /** On the worker. */
  readonly ranMs: number;
  readonly slowestMs: number;
  readonly retries: number;
}

/** The running counts of one app. */
export class AppCounts {
  waitedMs = 0;
  ranMs = 0;
  slowestMs = 0;
  retries = 0;
  private readonly byState = new Float64Array(states.length);

  constructor(readonly app: string) {}

  entered(state: ChartState): void {
    (this.byState[describe(state).index] as number)++;
  }

  left(state: ChartState): void {
    (this.byState[describe(state).index] as number)--;
  }

  moved(from: ChartState, to: ChartState): void {
    this.left(from);
    this.entered(to);
  }

  get counts(): StateCounts {
    return Object.fromEntries(states.map((state, i) => [state, this.byState[i]])) as StateCounts;
  }

  toStatistics(): AppStatistics {
    const { app, counts, waitedMs, ranMs, slowestMs, retries } = this;
    return { app, counts, waitedMs, ranMs, slowestMs, retries };
  }
}

export interface FailureNote {
  readonly task: number;
  readonly app: string;
  readonly state: TaskOutcome;
  readonly error: unknown;
}

/** An attempt that failed and was followed by another. */
export interface RetryNote {
  readonly task: number;
  readonly app: string;
  /** The number of the attempt that failed. */
  readonly attempt: number;
  readonly error: unknown;
}

/** Of each kind; the counts go on. */
const notesKept = 20;

/** Counts of a kernel or a scope, kept as tasks move. */
export class Statistics {
  readonly apps = new Map<string, AppCounts>();
  readonly failures: FailureNote[] = [];
  readonly retried: RetryNote[] = [];
  lateErrors = 0;

  of(app: string): AppCounts {
    let counts = this.apps.get(app);
    if (counts === undefined) this.apps.set(app, (counts = new AppCounts(app)));
    return counts;
  }

  get counts(): StateCounts {
    const total = new AppCounts("").counts;
    for (const app of this.apps.values()) for (const [state, n] of Object.entries(app.counts) as [TaskState, number][]) total[state] += n;
    return total;
  }

  failed(record: TaskRecord, state: TaskOutcome): void {
    if (this.failures.filter((note) => note.state === state).length < notesKept) this.failures.push({ task: record.taskId, app: record.app.name, state, error: record.context.error });
  }

  /** Another attempt begins: `failed` is the one before. */
  triesAgain(record: TaskRecord, failed: { readonly attempt: number; readonly error: unknown } | undefined): void {
    this.of(record.app.name).retries++;
    if (failed !== undefined && this.retried.length < notesKept) this.retried.push({ task: record.taskId, app: record.app.name, attempt: failed.attempt, error: failed.error });
  }
}
