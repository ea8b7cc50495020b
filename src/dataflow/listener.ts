import type { Answer, Work, WorkFailure, WorkListener } from "../executors/executor.js";
import { decodeThrown } from "../serialization/index.js";
import { ran, waited } from "./accounts.js";
import { attemptFailed } from "./attempts.js";
import { passOn } from "./news.js";
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
      if (attempt === 1) waited(task, Math.max(0, dispatcher.now - task.createdAt));
      dispatcher.tell(task, sentMessage(attempt));
    },
    started: (work, attempt) => dispatcher.tell(record(work), { type: "attempt.started", attempt }),
    requeued: (work, attempt) => dispatcher.tell(record(work), { type: "attempt.requeued", attempt }),
    answered: (work, attempt, answer) => answered(table, record(work), attempt, answer),
    failed: (work, attempt, failure) => failed(table, record(work), attempt, failure),
    revoked: (work, attempt) => table.files.discard(record(work), attempt),
    released(work, attempt) {
      table.files.discard(record(work), attempt);
      dispatcher.tell(record(work), { type: "attempt.released", attempt });
    },
    news: (taskId, attempt, news) => passOn(table, taskId, attempt, news),
  };
}

const firstSent: TaskMessage = { type: "attempt.sent", attempt: 1 };
const sentMessage = (attempt: number): TaskMessage => (attempt === 1 ? firstSent : { type: "attempt.sent", attempt });

function answered(table: TaskTable, record: TaskRecord, attempt: number, answer: Answer): void {
  if ("shell" in answer) {
    const outcome = shellOutcome(record, attempt, answer.shell);
    if ("error" in outcome) failed(table, record, attempt, { error: outcome.error, charge: "app", held: false });
    else {
      ran(record, timeRunning(table, record));
      table.dispatcher.tell(record, { type: "attempt.succeeded", attempt, value: outcome.value });
    }
    return;
  }
  ran(record, answer.ms);
  if (answer.ok) {
    table.dispatcher.tell(record, { type: "attempt.succeeded", attempt, value: answer.value });
    return;
  }
  const error = attachPlace(decodeThrown(answer.thrown), { task: record.taskId, attempt, app: record.app.name, ...(record.executor === undefined ? {} : { executor: record.executor.label }) });
  attemptFailed(record, attempt, "attempt.failed", { error, charge: "app", held: false });
}

/** An attempt ended without saying how long it ran. */
function failed(table: TaskTable, record: TaskRecord, attempt: number, failure: WorkFailure): void {
  ran(record, timeRunning(table, record));
  attemptFailed(record, attempt, "attempt.failed", failure);
}

function timeRunning({ dispatcher }: TaskTable, record: TaskRecord): number {
  return record.state.name === "live.running" ? Math.max(0, dispatcher.now - record.since) : 0;
}
