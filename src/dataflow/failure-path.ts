import { DependencyError, JoinError } from "../errors/index.js";
import { dependenciesOf } from "./arguments.js";
import { AppFuture, DataFuture } from "./future.js";
import type { TaskRecord } from "./task-record.js";
import { withoutStack } from "./without-stack.js";

/** The way a failure came: the nearest task first, the one it began in last. Long ones are cut in the middle. */
interface Trail {
  readonly steps: readonly string[];
  readonly omitted: number;
  /** The task it began in; where it began in a promise of the user, the task that waited for that. */
  readonly origin: number;
}

const nearShown = 5;
const farShown = 3;
const trails = new WeakMap<object, Trail>();

const aPromise = "a promise";
const step = (record: TaskRecord | undefined): string => (record === undefined ? aPromise : `${record.app.name}#${record.taskId}`);

function words(text: string): string {
  const at = text.lastIndexOf("#");
  return at < 0 ? text : `${text.slice(0, at)} (task ${text.slice(at + 1)})`;
}

function extend(trail: Trail | undefined, first: string, origin: number): Trail {
  if (trail === undefined) return { steps: [first], omitted: 0, origin };
  const { steps, omitted } = trail;
  if (steps.length < nearShown + farShown) return { steps: [first, ...steps], omitted, origin: trail.origin };
  return { steps: [first, ...steps.slice(0, nearShown - 1), ...steps.slice(-farShown)], omitted: omitted + 1, origin: trail.origin };
}

function pathOf({ steps, omitted }: Trail): string[] {
  return omitted === 0 ? [...steps] : [...steps.slice(0, nearShown), `… ${omitted} more …`, ...steps.slice(nearShown)];
}

/** The first error of a chain of failed dependencies, and the tasks it went through: `app#id`, the root last. */
export function rootCause(error: unknown): { root: unknown; path: readonly string[] } {
  if (!(error instanceof DependencyError) && !(error instanceof JoinError)) return { root: error, path: [] };
  return { root: error.cause, path: (error.evidence["path"] as string[] | undefined) ?? [] };
}

/** The task that a failure began in, where it came from another one. */
export function originOf(error: unknown): number | undefined {
  return typeof error === "object" && error !== null ? trails.get(error)?.origin : undefined;
}

/** What a task fails with when something it depends on failed: a task, or a promise of the user. */
export function dependencyError(record: TaskRecord, of: TaskRecord | undefined, error: unknown): DependencyError {
  const { root } = rootCause(error);
  const trail = extend(trailOf(error), step(of), of?.taskId ?? record.taskId);
  const path = pathOf(trail);
  const others = otherFailures(record, of);
  const more = others.length === 0 ? "" : ` (and ${others.length} more of what it depends on failed: ${others.slice(0, 3).map((other) => words(step(other))).join(", ")}${others.length > 3 ? ", …" : ""})`;
  const made = withoutStack(() => new DependencyError("CW-TASK-001", `${record.app.name} (task ${record.taskId}) was not run: it depends on ${path.map(words).join(" ← ")}, which failed: ${describeError(root)}${more}`, {
    where: { task: record.taskId, app: record.app.name },
    cause: root,
    evidence: { path, ...(others.length === 0 ? {} : { others: others.slice(0, 100).map(step) }) },
  }));
  trails.set(made, trail);
  return made;
}

/** What a join app fails with when a future it returned failed. */
export function joinError(record: TaskRecord, future: unknown, error: unknown): JoinError {
  const { root } = rootCause(error);
  const inner = future instanceof AppFuture ? future.record : future instanceof DataFuture ? future.parent.record : undefined;
  const trail = extend(trailOf(error), step(inner), inner?.taskId ?? record.taskId);
  const path = pathOf(trail);
  const made = withoutStack(() => new JoinError("CW-TASK-002", `${record.app.name} (task ${record.taskId}) joined ${path.map(words).join(" ← ")}, which failed: ${describeError(root)}`, {
    where: { task: record.taskId, app: record.app.name },
    cause: root,
    evidence: { path },
  }));
  trails.set(made, trail);
  return made;
}

function trailOf(error: unknown): Trail | undefined {
  return typeof error === "object" && error !== null ? trails.get(error) : undefined;
}

function otherFailures(record: TaskRecord, than: TaskRecord | undefined): TaskRecord[] {
  const failed = new Set<TaskRecord>();
  for (const dependency of dependenciesOf(record)) {
    if (dependency instanceof AppFuture && dependency.record.isFinal && !dependency.record.succeeded && dependency.record !== than) failed.add(dependency.record);
  }
  return [...failed];
}

export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
