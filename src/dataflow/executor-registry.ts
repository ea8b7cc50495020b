import { WorkerLost } from "../errors/index.js";
import type { Executor } from "../executors/executor.js";
import { attemptFailed } from "./attempts.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskTable } from "./task-table.js";

interface Parked {
  readonly record: TaskRecord;
  readonly attempt: number;
}

/** The executors of a kernel by label, and the work that waits while one of them is started again. */
export class ExecutorRegistry {
  readonly running = new Map<string, Executor>();
  /** What ran under each label last. */
  private readonly latest = new Map<string, Executor>();
  /** Broken, and being replaced by their supervisors. */
  private readonly restarting = new Set<string>();
  private parked: Parked[] = [];

  constructor(private readonly table: TaskTable) {}

  /** An executor takes work from now on. What its predecessor had not finished is run again, once, uncharged. */
  attach(executor: Executor): void {
    const { label } = executor;
    const before = this.latest.get(label);
    this.latest.set(label, executor);
    this.running.set(label, executor);
    this.restarting.delete(label);
    if (before !== undefined) this.redrive(before);
    this.unpark();
  }

  /** The executor broke: its supervisor ends what is left of it and starts another. */
  broke(label: string): void {
    if (this.running.delete(label)) this.restarting.add(label);
  }

  /** The executor takes no new work; what it has goes on. */
  retire(label: string): void {
    this.running.delete(label);
  }

  /** No executor of that label is to be expected any more. */
  remove(label: string): void {
    this.running.delete(label);
    this.restarting.delete(label);
    const last = this.latest.get(label);
    this.latest.delete(label);
    if (last !== undefined) this.redrive(last);
    this.unpark();
  }

  /** Keeps an attempt until an executor it may run on is back. False where none is to be expected. */
  park(record: TaskRecord, attempt: number): boolean {
    if (![...this.restarting].some((label) => record.plan.allowed(label))) return false;
    record.executor = undefined;
    this.parked.push({ record, attempt });
    return true;
  }

  private redrive(before: Executor): void {
    for (const record of this.table.openTasks()) {
      if (record.executor !== before || !record.is("live")) continue;
      const error = new WorkerLost("CW-EXEC-001", `the executor "${before.label}" of ${record.app.name} (task ${record.taskId}) was replaced`, { where: { task: record.taskId, app: record.app.name, executor: before.label } });
      attemptFailed(record, record.context.attempt, "attempt.failed", { error, charge: "none", held: false });
    }
  }

  private unpark(): void {
    const { parked } = this;
    this.parked = [];
    for (const { record, attempt } of parked) if (record.is("live") && record.context.attempt === attempt) this.table.dispatch(record, attempt);
  }
}
