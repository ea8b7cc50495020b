import type { Observable } from "rxjs";
import { Announcer } from "../actors/streams.js";
import type { ChartState } from "../actors/compile.js";
import { cancelTask } from "./cancelling.js";
import { enclosing } from "./enclosing.js";
import { AppFuture } from "./future.js";
import type { DataFlowKernel, KernelEvent } from "./kernel.js";
import { checkOptions } from "./option-check.js";
import { Statistics } from "./statistics.js";
import { summarize, type Summary } from "./summary.js";
import type { TaskRecord } from "./task-record.js";
import type { App, AppOptions, Inputs, Submitter } from "./types.js";
import { Barriers, settled } from "./waits.js";

/** What calls in a scope have where neither the app nor the call says something else. */
export type ScopeOptions = Pick<AppOptions, "executors" | "walltime" | "retries" | "cache" | "priority" | "resources" | "label" | "signal" | "env" | "cwd">;

/** A group of tasks with defaults of its own, to cancel, count and wait for together. A scope in it is part of it. */
export class Scope implements Submitter {
  /** Its own defaults, over those of the scope it is in. */
  readonly options: ScopeOptions;
  /** @internal */
  readonly events = new Announcer<KernelEvent>();
  /** @internal */
  readonly statistics = new Statistics();
  /** @internal */
  readonly barriers = new Barriers();
  private readonly records = new Set<TaskRecord>();
  private readonly merged = new WeakMap<AppOptions, AppOptions>();
  private readonly beganAt: number;

  /** @internal Use `kernel.scope(…)` or `scope.scope(…)`. */
  constructor(
    readonly kernel: DataFlowKernel,
    readonly name: string,
    options: ScopeOptions,
    readonly parent: Scope | undefined,
  ) {
    checkOptions(`scope "${name}"`, options, scopeOptions);
    this.options = { ...parent?.options, ...options };
    this.beganAt = kernel.ports.clock.now();
  }

  /** How many of its tasks are open. */
  get open(): number {
    return this.records.size;
  }

  /** Runs something; apps called in it, also after its awaits, belong to this scope. */
  run<T>(body: () => T): T {
    return enclosing.run({ kernel: this.kernel, scope: this }, body);
  }

  submit<A extends readonly unknown[], R, O>(app: App<A, R, O>, args: Inputs<A>, options?: AppOptions<O, A>): AppFuture<R, O> {
    return this.run(() => this.kernel.submit(app, args, options));
  }

  /** A scope inside this one: has its defaults, and is cancelled, counted and waited for with it. */
  scope(name: string, options: ScopeOptions = {}): Scope {
    return new Scope(this.kernel, name, options, this);
  }

  /** Its open tasks. */
  tasks(): AppFuture<unknown, unknown>[] {
    return [...this.records].map((record) => new AppFuture<unknown, unknown>(record));
  }

  /** Cancels all its tasks; resolves with how many there were, once none of their code can begin. */
  async cancel(reason?: string): Promise<number> {
    const open = [...this.records];
    await Promise.all(open.map((record) => cancelTask(record, reason ?? `the scope "${this.name}" was cancelled`)));
    return open.length;
  }

  /** Resolves when all its tasks known now have ended. Rejects with `WaitTimeout` at the time limit, saying what is open. */
  settled(options: { readonly timeout?: number | string } = {}): Promise<void> {
    const { kernel, barriers, records } = this;
    return settled({ dispatcher: kernel.dispatcher, barriers, open: records.size, lastId: kernel.table.lastId, openTasks: () => records, why: (record) => kernel.why(record.taskId).sentence }, options.timeout);
  }

  /** Counts, times and first failures of its tasks so far. */
  summary(): Summary {
    return summarize(this.statistics, this.kernel.ports.clock.now() - this.beganAt);
  }

  /** What happens to its tasks. */
  get events$(): Observable<KernelEvent> {
    return this.events.observable;
  }

  /** @internal An app's options with this scope's defaults under them. */
  defaultsFor(options: AppOptions): AppOptions {
    let merged = this.merged.get(options);
    if (merged === undefined) this.merged.set(options, (merged = { ...this.options, ...options }));
    return merged;
  }

  /** @internal This scope and those around it. */
  *outwards(): Generator<Scope> {
    yield this;
    if (this.parent !== undefined) yield* this.parent.outwards();
  }

  /** @internal */
  add(record: TaskRecord, state: ChartState): void {
    for (const scope of this.outwards()) {
      scope.records.add(record);
      scope.statistics.of(record.app.name).entered(state);
    }
  }

  /** @internal */
  moved(record: TaskRecord, from: ChartState, to: ChartState, ms: number): void {
    for (const scope of this.outwards()) scope.statistics.of(record.app.name).moved(from, to, ms);
  }

  /** @internal */
  settle(record: TaskRecord): void {
    for (const scope of this.outwards()) {
      scope.records.delete(record);
      scope.barriers.ended(record.taskId);
    }
  }
}

const scopeOptions = ["executors", "walltime", "retries", "cache", "priority", "resources", "label", "signal", "env", "cwd"] as const;
