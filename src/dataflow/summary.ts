import { CarawayError, DependencyError, JoinError } from "../errors/index.js";
import { describeError as errorText, rootCause } from "./failure-path.js";
import type { AppStatistics, FailureNote, StageTimes, StateCounts, Statistics } from "./statistics.js";

export interface FailureSummary {
  readonly task: number;
  readonly app: string;
  readonly state: string;
  readonly error: string;
  readonly hint: string | undefined;
  /** The task whose failure this one comes from, as `app#id`, where it is another one. */
  readonly root: string | undefined;
  /** The errors it was caused by, the innermost last. */
  readonly causes: readonly string[];
  /** How many tasks were not run because of it. */
  readonly blocked: number;
  /** The first of them. */
  readonly blockedFirst: readonly { readonly task: number; readonly app: string }[];
}

/** An attempt that failed and was followed by another. */
export interface RetrySummary {
  readonly task: number;
  readonly app: string;
  /** The number of the attempt that failed. */
  readonly attempt: number;
  readonly error: string;
}

/** What a run came to, so far. */
export interface Summary {
  readonly tasks: number;
  readonly counts: StateCounts;
  readonly wallMs: number;
  /** Sums over tasks, in milliseconds: from the call to the worker, on the worker, and in each stage of a task's life. */
  readonly stages: { readonly waitedMs: number; readonly ranMs: number } & StageTimes;
  readonly retries: number;
  /** Apps by the time spent on workers, longest first. */
  readonly apps: readonly AppStatistics[];
  /** The first of them, root causes first. Tasks that were not run because of one are counted with it. */
  readonly failures: readonly FailureSummary[];
  /** The first of them; `retries` counts them all. */
  readonly retried: readonly RetrySummary[];
  readonly lateErrors: number;
}

export function summarize(statistics: Statistics, wallMs: number): Summary {
  const counted = [...statistics.apps.values()];
  const apps = counted.map((app) => app.toStatistics()).sort((a, b) => b.ranMs - a.ranMs);
  const { counts } = statistics;
  const sum = (each: (app: AppStatistics) => number): number => apps.reduce((total, app) => total + each(app), 0);
  return {
    tasks: Object.values(counts).reduce((total, n) => total + n, 0),
    counts,
    wallMs,
    stages: { waitedMs: sum((app) => app.waitedMs), ranMs: sum((app) => app.ranMs), ...addStages(counted.map((app) => app.stages)) },
    retries: sum((app) => app.retries),
    apps,
    failures: failures(statistics),
    retried: statistics.retried.map(({ task, app, attempt, error }) => ({ task, app, attempt, error: errorText(error) })),
    lateErrors: statistics.lateErrors,
  };
}

function addStages(all: readonly StageTimes[]): StageTimes {
  const total = { waiting: 0, stagingIn: 0, queued: 0, running: 0, stagingOut: 0, joining: 0, backingOff: 0 };
  for (const one of all) for (const stage of Object.keys(total) as (keyof StageTimes)[]) total[stage] += one[stage];
  return total;
}

/** What failed by itself first, then what a join or a failure from outside brought down; a cancelled task only where others needed it. */
function failures(statistics: Statistics): FailureSummary[] {
  const told = statistics.failures.filter(({ state, blocked }) => state !== "cancelled" || blocked > 0);
  return told.map(failureSummary).sort((a, b) => rank(a) - rank(b));
}

const rank = ({ state, root }: FailureSummary): number => (state === "dependency-failed" ? 2 : root === undefined ? 0 : 1);

function failureSummary({ task, app, state, error, blocked, blockedFirst }: FailureNote): FailureSummary {
  return { task, app, state, error: errorText(error), hint: hintOf(error), root: rootOf(error, `${app}#${task}`), causes: causesOf(error), blocked, blockedFirst };
}

/** The hint of the error, or of what caused it where that has one. */
function hintOf(error: unknown): string | undefined {
  const { root } = rootCause(error);
  return root instanceof CarawayError ? root.hint : error instanceof CarawayError ? error.hint : undefined;
}

/** The last step of the path that a failed dependency or join came along. */
function rootOf(error: unknown, self: string): string | undefined {
  const path = error instanceof DependencyError || error instanceof JoinError ? error.evidence["path"] : undefined;
  const last: unknown = Array.isArray(path) ? path.at(-1) : undefined;
  return typeof last === "string" && last !== self ? last : undefined;
}

function causesOf(error: unknown): string[] {
  const causes: unknown[] = [];
  for (let cause = error instanceof Error ? error.cause : undefined; cause !== undefined && causes.length < 5; cause = cause instanceof Error ? cause.cause : undefined) causes.push(cause);
  return causes.map(errorText);
}
