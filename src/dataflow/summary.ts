import { CarawayError, DependencyError, JoinError } from "../errors/index.js";
import type { AppStatistics, StateCounts, Statistics } from "./statistics.js";

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
  /** Sums over tasks, in milliseconds: from the call to the worker, and on the worker. */
  readonly stages: { readonly waitedMs: number; readonly ranMs: number };
  readonly retries: number;
  /** Apps by the time spent on workers, longest first. */
  readonly apps: readonly AppStatistics[];
  /** The first of each kind. */
  readonly failures: readonly FailureSummary[];
  /** The first of them; `retries` counts them all. */
  readonly retried: readonly RetrySummary[];
  readonly lateErrors: number;
}

export function summarize(statistics: Statistics, wallMs: number): Summary {
  const apps = [...statistics.apps.values()].map((app) => app.toStatistics()).sort((a, b) => b.ranMs - a.ranMs);
  const { counts } = statistics;
  return {
    tasks: Object.values(counts).reduce((sum, n) => sum + n, 0),
    counts,
    wallMs,
    stages: { waitedMs: apps.reduce((sum, app) => sum + app.waitedMs, 0), ranMs: apps.reduce((sum, app) => sum + app.ranMs, 0) },
    retries: apps.reduce((sum, app) => sum + app.retries, 0),
    apps,
    failures: statistics.failures.map(({ task, app, state, error }) => ({ task, app, state, error: errorText(error), hint: error instanceof CarawayError ? error.hint : undefined, root: rootOf(error, `${app}#${task}`), causes: causesOf(error) })),
    retried: statistics.retried.map(({ task, app, attempt, error }) => ({ task, app, attempt, error: errorText(error) })),
    lateErrors: statistics.lateErrors,
  };
}

const errorText = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

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
