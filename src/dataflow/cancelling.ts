import { TaskCancelled } from "../errors/index.js";
import type { TaskMessage } from "../state-machines/task.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskState } from "./types.js";
import { withoutStack } from "./without-stack.js";

/** Cancels a task; resolves with the state it was found in, once none of its code can begin. Does nothing to one that has ended. */
export async function cancelTask(record: TaskRecord, reason?: string): Promise<TaskState> {
  const found = record.stateName;
  const ended = record.isFinal || record.crashed;
  if (ended && record.extra?.stopping !== true) return found;
  const { dispatcher } = record.table;
  const stopped = new Promise<void>((resolve) => (record.more().onStopped ??= []).push(resolve));
  if (ended) return stopped.then(() => found);
  const error = new TaskCancelled("CW-TASK-003", `${record.app.name} (task ${record.taskId}) was cancelled${reason === undefined ? "" : `: ${reason}`}`, { where: { task: record.taskId, app: record.app.name }, evidence: { foundIn: found } });
  dispatcher.tell(record, { type: "task.cancel", error } satisfies TaskMessage);
  await stopped;
  return found;
}

/** The attempt that ran when its task was cancelled: stopped by its executor, and its files removed. */
export function stopAttempt(record: TaskRecord, attempt: number): void {
  const stopped = (): void => tellStopped(record);
  record.table.files.discard(record, attempt);
  if (record.executor === undefined) stopped();
  else {
    record.more().stopping = true;
    record.executor.cancel(record, attempt, "cancelled", stopped);
  }
}

/** Tells those who cancelled the task that none of its code can begin any more. */
export function tellStopped(record: TaskRecord): void {
  const { extra } = record;
  if (extra === undefined) return;
  extra.stopping = false;
  for (const tell of extra.onStopped?.splice(0) ?? []) tell();
}

/**
 * What the body of a join app submitted ends with it, and what that submitted, in one go: bodies that submit more meanwhile
 * are marked and run no more, so that no recursion is quicker than its end.
 */
export function cancelChildren(record: TaskRecord): void {
  const open = [record];
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    const { children } = parent.extra ?? {};
    if (children === undefined) continue;
    parent.more().children = [];
    for (const child of children) {
      if (child.isFinal) continue;
      child.more().doomed = true;
      open.push(child);
      const reason = `${parent.app.name} (task ${parent.taskId}), which had submitted it, was cancelled`;
      void withoutStack(() => cancelTask(child, reason));
    }
  }
}

/** Cancels a task when the signal is aborted. */
export function obey(record: TaskRecord, signal: AbortSignal): void {
  const abort = (): void => void cancelTask(record, reasonOf(signal));
  if (signal.aborted) record.table.dispatcher.ports.scheduler.soon(abort);
  else {
    signal.addEventListener("abort", abort, { once: true });
    record.more().unlisten = () => signal.removeEventListener("abort", abort);
  }
}

function reasonOf({ reason }: AbortSignal): string {
  if (reason instanceof DOMException && reason.name === "AbortError") return "its signal was aborted";
  return `its signal was aborted: ${reason instanceof Error ? reason.message : String(reason)}`;
}
