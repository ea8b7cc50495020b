import type { AppStatistics, FailureSummary, StateCounts, Summary } from "caraway";

const none: StateCounts = { waiting: 0, memo: 0, "staging-in": 0, ready: 0, dispatched: 0, running: 0, "staging-out": 0, joining: 0, "backing-off": 0, done: 0, memoized: 0, failed: 0, "dependency-failed": 0, cancelled: 0 };

export const counts = (some: Partial<StateCounts>): StateCounts => ({ ...none, ...some });

export const appOf = (app: string, some: Partial<StateCounts>, more: Partial<AppStatistics> = {}): AppStatistics => ({ app, counts: counts(some), waitedMs: 0, ranMs: 0, slowestMs: 0, retries: 0, ...more });

/** A summary with the totals of its apps. */
export function summaryOf(apps: readonly AppStatistics[], more: Partial<Summary> = {}): Summary {
  const total: Record<string, number> = { ...none };
  for (const app of apps) for (const [state, n] of Object.entries(app.counts)) total[state] = (total[state] ?? 0) + n;
  const sum = (of: (app: AppStatistics) => number) => apps.reduce((all, app) => all + of(app), 0);
  return {
    tasks: Object.values(total).reduce((all, n) => all + n, 0),
    counts: total as StateCounts,
    wallMs: 2000,
    stages: { waitedMs: sum((app) => app.waitedMs), ranMs: sum((app) => app.ranMs), waiting: sum((app) => app.waitedMs), stagingIn: 0, queued: 0, running: sum((app) => app.ranMs), stagingOut: 0, joining: 0, backingOff: 0 },
    retries: sum((app) => app.retries),
    apps,
    failures: [],
    retried: [],
    lateErrors: 0,
    ...more,
  };
}

export const failureOf = (some: Partial<FailureSummary>): FailureSummary => ({ task: 1, app: "bad", state: "failed", error: "Error: no", hint: undefined, root: undefined, causes: [], blocked: 0, blockedFirst: [], ...some });
