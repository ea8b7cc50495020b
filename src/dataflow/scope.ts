import { enclosing } from "./enclosing.js";
import type { DataFlowKernel } from "./kernel.js";
import type { AppFuture } from "./future.js";
import type { TaskRecord } from "./task-record.js";
import type { App, AppOptions, Inputs, Submitter } from "./types.js";

export type ScopeOptions = AppOptions;

/** A group of tasks with defaults of its own, to cancel, count and wait for together. */
export class Scope implements Submitter {
  private readonly records = new Set<TaskRecord>();

  constructor(
    readonly kernel: DataFlowKernel,
    readonly name: string,
    readonly options: ScopeOptions,
  ) {}

  /** @internal */
  add(record: TaskRecord): void {
    record.more().scope = this;
    this.records.add(record);
  }

  /** @internal */
  settled(record: TaskRecord): void {
    this.records.delete(record);
  }

  /** Runs something; apps called in it belong to this scope. */
  run<T>(body: () => T): T {
    return enclosing.run({ kernel: this.kernel, scope: this }, body);
  }

  submit<A extends readonly unknown[], R, O>(app: App<A, R, O>, args: Inputs<A>, options?: AppOptions<O, A>): AppFuture<R, O> {
    return this.run(() => this.kernel.submit(app, args, { ...(this.options as AppOptions<O, A>), ...options }));
  }
}
