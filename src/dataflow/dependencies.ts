import type { TaskMessage } from "../state-machines/task.js";
import type { Dependency, Foreign } from "./arguments.js";
import { dependencyError } from "./failure-path.js";
import { AppFuture } from "./future.js";
import type { TaskRecord } from "./task-record.js";

const settledMessage: TaskMessage = { type: "dependency.settled" };

/** Has the task told when something it depends on has settled. One that has succeeded already was never counted. */
export function waitFor(record: TaskRecord, dependency: Dependency): void {
  if (dependency instanceof AppFuture) {
    const upstream = dependency.record;
    if (upstream.succeeded) return;
    if (upstream.isFinal || upstream.crashed) tellFailure(record, upstream, upstream.context.error);
    else upstream.addDependent(record);
    return;
  }
  dependency.listen(record, tellOfForeign);
}

function tellOfForeign(record: TaskRecord, { state, value }: Foreign): void {
  if (state === "fulfilled") record.table.dispatcher.tell(record, settledMessage);
  else tellFailure(record, undefined, value);
}

/** A task has ended: those that depend on it are told. */
export function tellDependents(record: TaskRecord): void {
  const { dependents } = record;
  if (dependents === undefined) return;
  record.dependents = undefined;
  if (Array.isArray(dependents)) for (const dependent of dependents) tellOne(record, dependent);
  else tellOne(record, dependents);
}

function tellOne(record: TaskRecord, dependent: TaskRecord): void {
  if (record.succeeded) record.table.dispatcher.tell(dependent, settledMessage);
  else tellFailure(dependent, record, record.context.error);
}

/** One failed dependency is enough: what follows it is not told. */
function tellFailure(record: TaskRecord, of: TaskRecord | undefined, error: unknown): void {
  if (record.isFinal || record.extra?.blocked === true) return;
  record.more().blocked = true;
  record.table.dispatcher.tell(record, { type: "dependency.failed", error: dependencyError(record, of, error) });
}
