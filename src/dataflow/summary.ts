import { CarawayError } from "../errors/index.js";
import type { AppStatistics, StateCounts, Statistics } from "./statistics.js";

export interface FailureSummary {
  readonly task: number;
  readonly app: string;
  readonly state: string;
  readonly error: string;
  readonly hint: string | undefined;
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
  readonly failures: readonly FailureSummary[];
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
    failures: statistics.failures.map(({ task, app, state, error }) => ({ task, app, state, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error), hint: error instanceof CarawayError ? error.hint : undefined })),
    lateErrors: statistics.lateErrors,
  };
}
