import type { WorkNews } from "../executors/executor.js";
import { announce, statisticsOf } from "./accounts.js";
import type { KernelEvent } from "./kernel.js";
import type { TaskTable } from "./task-table.js";

/** What a running task sends besides its answer: to those who watch the task, its scope or the kernel. */
export function passOn(table: TaskTable, task: number, attempt: number, news: WorkNews): void {
  const record = table.get(task);
  if (news.kind === "late-error") {
    if (record === undefined) table.statistics.lateErrors++;
    else for (const statistics of statisticsOf(record)) statistics.lateErrors++;
  } else if (record !== undefined && attempt !== record.context.attempt) return;
  if (news.kind === "report") record?.extra?.reports?.next(news.value);
  if (news.kind === "progress" && record !== undefined) record.more().progress = { fraction: news.fraction, note: news.note };
  const event = eventOf(task, attempt, news);
  if (record === undefined) table.kernel.events.next(event);
  else announce(record, event);
}

function eventOf(task: number, attempt: number, news: WorkNews): KernelEvent {
  switch (news.kind) {
    case "report":
      return { type: "task.report", task, attempt, value: news.value };
    case "progress":
      return { type: "task.progress", task, attempt, fraction: news.fraction, note: news.note };
    case "log":
      return { type: "task.log", task, attempt, line: news.line };
    case "late-error":
      return { type: "task.late-error", task, attempt, error: news.error };
  }
}
