import type { ChartState } from "../actors/compile.js";
import type { TaskOutcome } from "../state-machines/task.js";
import { originOf } from "./failure-path.js";
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

/** Where tasks spent their time, in milliseconds, summed over tasks; what a task is in the midst of is not in it yet. */
export interface StageTimes {
  /** For what they depend on. */
  readonly waiting: number;
  /** Commands composed, directories made. */
  readonly stagingIn: number;
  /** For a worker, and on the way to it. */
  readonly queued: number;
  /** On workers. */
  readonly running: number;
  /** Outputs given their names. */
  readonly stagingOut: number;
  /** Join apps: for the futures they returned. */
  readonly joining: number;
  /** Between attempts. */
  readonly backingOff: number;
}

/** The running counts of one app. */
export class AppCounts {
  waitedMs = 0;
  ranMs = 0;
  slowestMs = 0;
  retries = 0;
  private readonly byState = new Float64Array(states.length);
  private readonly msByState = new Float64Array(states.length);

  constructor(readonly app: string) {}

  entered(state: ChartState): void {
    (this.byState[describe(state).index] as number)++;
  }

  moved(from: ChartState, to: ChartState, ms: number): void {
    const before = describe(from).index;
    (this.byState[before] as number)--;
    (this.msByState[before] as number) += ms;
    (this.byState[describe(to).index] as number)++;
  }

  ran(ms: number): void {
    this.ranMs += ms;
    if (ms > this.slowestMs) this.slowestMs = ms;
  }

  get counts(): StateCounts {
    return Object.fromEntries(states.map((state, i) => [state, this.byState[i]])) as StateCounts;
  }

  /** Short tasks are over before anybody sees them run: what their workers measured is taken out of the time in the queue. */
  get stages(): StageTimes {
    const ms = (state: TaskState): number => this.msByState[states.indexOf(state)] as number;
    const live = ms("ready") + ms("dispatched") + ms("running");
    return { waiting: ms("waiting") + ms("memo"), stagingIn: ms("staging-in"), queued: Math.max(0, live - this.ranMs), running: this.ranMs, stagingOut: ms("staging-out"), joining: ms("joining"), backingOff: ms("backing-off") };
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
  /** How many tasks were not run because of it. */
  blocked: number;
  /** The first of them. */
  readonly blockedFirst: { readonly task: number; readonly app: string }[];
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
const blockedKept = 3;

/** Counts of a kernel or a scope, kept as tasks move. */
export class Statistics {
  readonly apps = new Map<string, AppCounts>();
  /** What failed by itself, and the first that were not run because of failures from elsewhere. */
  readonly failures: FailureNote[] = [];
  readonly retried: RetryNote[] = [];
  lateErrors = 0;
  private readonly byOrigin = new Map<number, FailureNote>();
  private readonly kept = new Map<TaskOutcome, number>();

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

  /** A task did not succeed. Those that only follow another's failure are counted with it. */
  failed(record: TaskRecord, state: TaskOutcome): void {
    const { taskId: task } = record;
    const app = record.app.name;
    const origin = state === "dependency-failed" ? originOf(record.context.error) : undefined;
    const known = origin === undefined ? undefined : this.byOrigin.get(origin);
    if (known !== undefined && known.task !== task) {
      known.blocked++;
      if (known.blockedFirst.length < blockedKept) known.blockedFirst.push({ task, app });
      return;
    }
    const kept = this.kept.get(state) ?? 0;
    if (kept >= notesKept) return;
    this.kept.set(state, kept + 1);
    const note: FailureNote = { task, app, state, error: record.context.error, blocked: 0, blockedFirst: [] };
    this.failures.push(note);
    this.byOrigin.set(origin ?? task, note);
  }

  /** Another attempt begins: `failed` is the one before. */
  triesAgain(record: TaskRecord, failed: { readonly attempt: number; readonly error: unknown }): void {
    this.of(record.app.name).retries++;
    if (this.retried.length < notesKept) this.retried.push({ task: record.taskId, app: record.app.name, attempt: failed.attempt, error: failed.error });
  }
}
