import type { KernelEvent } from "./kernel.js";
import type { Statistics } from "./statistics.js";
import type { TaskRecord } from "./task-record.js";

/** Tells those who watch the kernel, or a scope that the task is in. */
export function announce(record: TaskRecord, event: KernelEvent): void {
  record.table.kernel.events.next(event);
  const scope = record.extra?.scope;
  if (scope !== undefined) for (const around of scope.outwards()) around.events.next(event);
}

/** Where the task is counted: in the kernel, and in the scopes it is in. */
export function* statisticsOf(record: TaskRecord): Generator<Statistics> {
  yield record.table.statistics;
  for (const scope of record.extra?.scope?.outwards() ?? []) yield scope.statistics;
}

/** How long an attempt ran on its worker. */
export function ran(record: TaskRecord, ms: number): void {
  record.plan.counts.ran(ms);
  const scope = record.extra?.scope;
  if (scope !== undefined) for (const around of scope.outwards()) around.statistics.of(record.app.name).ran(ms);
}

/** How long a task waited for its first worker. */
export function waited(record: TaskRecord, ms: number): void {
  record.plan.counts.waitedMs += ms;
  const scope = record.extra?.scope;
  if (scope !== undefined) for (const around of scope.outwards()) around.statistics.of(record.app.name).waitedMs += ms;
}
