import { CarawayError } from "../errors/index.js";
import type { WorkFailure } from "../executors/executor.js";
import type { AttemptFailure } from "../state-machines/task.js";
import { announce, statisticsOf } from "./accounts.js";
import { costOf, delayOf } from "./outcomes.js";
import type { TaskRecord } from "./task-record.js";

/** An attempt did not succeed: says what it costs and how long to wait before the next. */
export function attemptFailed(record: TaskRecord, attempt: number, type: "attempt.failed" | "outputs.failed", failure: WorkFailure): void {
  const { table } = record;
  const { dispatcher } = table;
  const { held } = failure;
  // Whether a manager that was not heard of has ended, nobody knows.
  table.files.discard(record, attempt, failure.charge !== "app");
  if (attempt !== record.context.attempt || record.isFinal) {
    // Too late to count: the chart drops it.
    dispatcher.tell(record, { type, attempt, error: failure.error, charge: failure.charge, cost: 0, retryable: false, delay: 0, held });
    return;
  }
  const { error, charge, cost, retryable, delay } = sentence(record, attempt, failure);
  (record.more().history ??= []).push({ attempt, executor: record.executor?.label, error, charge, endedAt: dispatcher.now });
  dispatcher.tell(record, { type, attempt, error, charge, cost, retryable, delay, held });
}

type Sentence = Pick<AttemptFailure, "charge" | "cost" | "retryable" | "delay"> & { readonly error: Error };

/** What an attempt's failure comes to. Functions of the user that throw end the task with what they threw. */
function sentence(record: TaskRecord, attempt: number, { error, charge }: WorkFailure): Sentence {
  const end = (broken: Error): Sentence => ({ error: broken, charge: "app", cost: 0, retryable: false, delay: 0 });
  const { spent, spec } = record.context;
  const retryable = !(error instanceof CarawayError) || error.retryable;
  let cost = 1;
  if (charge === "app" && retryable) {
    const price = costOf(record, attempt, error);
    if ("broken" in price) return end(price.broken);
    cost = price.cost;
  }
  const again = charge === "lost" ? record.context.losses < spec.lost : charge === "app" && retryable && spent + cost <= spec.retries;
  if (!again) return { error, charge, cost, retryable, delay: 0 };
  const pause = delayOf(record, attempt, error, record.table.dispatcher.ports.random);
  return "broken" in pause ? end(pause.broken) : { error, charge, cost, retryable, delay: pause.ms };
}

/** Another attempt begins: counted and announced, unless the last one was nobody's fault. */
export function announceRetry(record: TaskRecord, attempt: number): void {
  const failed = record.extra?.history?.at(-1);
  if (failed === undefined || failed.charge === "none") return;
  const { table } = record;
  for (const statistics of statisticsOf(record)) statistics.triesAgain(record, failed);
  announce(record, { type: "task.retry", task: record.taskId, app: record.app.name, attempt, error: failed.error, delay: table.dispatcher.now - failed.endedAt });
}
