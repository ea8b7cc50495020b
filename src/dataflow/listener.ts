import type { Answer, Work, WorkListener } from "../executors/executor.js";
import { decodeThrown } from "../serialization/index.js";
import type { TaskTable } from "./task-table.js";
import type { TaskMessage } from "../state-machines/task.js";
import { attachPlace, shellOutcome } from "./outcomes.js";
import type { TaskRecord } from "./task-record.js";

/** Turns what executors tell into messages to the tasks. */
export function listenerOf(table: TaskTable): WorkListener {
  const { dispatcher } = table;
  const record = (work: Work) => work as TaskRecord;
  return {
    sent(work, attempt) {
      const task = record(work);
      if (attempt === 1) task.plan.counts.waitedMs += dispatcher.now - task.createdAt;
      dispatcher.tell(task, sentMessage(attempt));
    },
    started(work, attempt) {
      record(work).startedAt = Math.round(dispatcher.now);
      dispatcher.tell(record(work), { type: "attempt.started", attempt });
    },
    requeued: (work, attempt) => dispatcher.tell(record(work), { type: "attempt.requeued", attempt }),
    answered: (work, attempt, answer) => answered(table, record(work), attempt, answer),
    failed: (work, attempt, failure) => table.attemptFailed(record(work), attempt, "attempt.failed", failure),
    revoked: (work, attempt) => table.files.discard(record(work), attempt),
    released: (work, attempt) => dispatcher.tell(record(work), { type: "attempt.released", attempt }),
    news: (taskId, attempt, news) => table.news(taskId, attempt, news),
  };
}

const firstSent: TaskMessage = { type: "attempt.sent", attempt: 1 };
const sentMessage = (attempt: number): TaskMessage => (attempt === 1 ? firstSent : { type: "attempt.sent", attempt });

function answered(table: TaskTable, record: TaskRecord, attempt: number, answer: Answer): void {
  if ("shell" in answer) {
    if (record.startedAt > 0) table.ran(record, Math.max(0, table.dispatcher.now - record.startedAt));
    const outcome = shellOutcome(record, attempt, answer.shell);
    if ("value" in outcome) table.dispatcher.tell(record, { type: "attempt.succeeded", attempt, value: outcome.value });
    else table.attemptFailed(record, attempt, "attempt.failed", { error: outcome.error, charge: "app", held: false });
    return;
  }
  if (answer.ok) {
    table.ran(record, answer.ms);
    table.dispatcher.tell(record, { type: "attempt.succeeded", attempt, value: answer.value });
    return;
  }
  const error = attachPlace(decodeThrown(answer.thrown), { task: record.taskId, attempt, app: record.app.name, ...(record.executor === undefined ? {} : { executor: record.executor.label }) });
  table.attemptFailed(record, attempt, "attempt.failed", { error, charge: "app", held: false });
}
