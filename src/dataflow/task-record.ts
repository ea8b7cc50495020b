import type { Observable } from "rxjs";
import { Announcer } from "../actors/streams.js";
import { AnonymousCell } from "../actors/cell.js";
import type { ChartState } from "../actors/compile.js";
import type { Timer } from "../actors/ports.js";
import type { DataFile } from "../data/file.js";
import type { Executor, Needs, ShellWork, Work, WorkSetting } from "../executors/executor.js";
import { decode, encode, type Encoded } from "../serialization/index.js";
import type { TaskContext, TaskEffect, TaskMessage } from "../state-machines/task.js";
import type { AppDefinition, CallPlan } from "./app-definition.js";
import { areEncoded, composeArgument, type KeptArgument } from "./arguments.js";
import { AppFuture, DataFuture } from "./future.js";
import type { TaskTable } from "./task-table.js";
import type { Command } from "./sh.js";
import type { Scope } from "./scope.js";
import { shownState } from "./statistics.js";
import type { TaskKind } from "./task-kind.js";
import type { AttemptRecord, Outputs, TaskState } from "./types.js";
import { Deferred, promiseAmong, type Waiter, type Waiters, withWaiter } from "./waiters.js";

/** What only some tasks have. */
export interface TaskExtra {
  history?: AttemptRecord[];
  /** Of the present attempt. */
  needs?: Needs;
  outputs?: Outputs;
  outputFutures?: readonly DataFuture[] | Record<string, DataFuture>;
  inputs?: readonly KeptArgument[];
  command?: Command | string;
  setting?: WorkSetting;
  backoff?: Timer;
  /** When the next attempt begins. */
  dueAt?: number;
  /** Why it cannot run, found when it was called. */
  refusal?: unknown;
  memoKey?: string;
  /** Equal calls that wait for this one. */
  followers?: TaskRecord[];
  states?: Announcer<TaskState>;
  reports?: Announcer<unknown>;
  scope?: Scope;
  progress?: { fraction: number; note: string | undefined };
  unlisten?: () => void;
  /** What its async body returned is no future any more. */
  resolved?: boolean;
  /** What its body submitted. */
  children?: TaskRecord[];
  /** What had submitted it was cancelled: its body must not begin. */
  doomed?: boolean;
  /** It was cancelled, and its executor has not said yet that none of its code can begin. */
  stopping?: boolean;
  /** Who cancelled it and waits for that. */
  onStopped?: (() => void)[];
  /** The failure of a dependency is on its way to it. */
  blocked?: boolean;
}

/** One task: its chart's state, its arguments, and its future. Owned by the kernel. */
export class TaskRecord extends AnonymousCell<TaskContext, TaskMessage, TaskEffect> implements Work {
  extra: TaskExtra | undefined = undefined;
  /** Tasks to tell when this one has ended. */
  dependents: TaskRecord[] | TaskRecord | undefined = undefined;
  private waiters: Waiters = undefined;
  private cached: unknown = undefined;
  /** Where its current attempt is. */
  executor: Executor | undefined = undefined;
  /** What its executor knows of it. */
  place: unknown = undefined;
  /** When it came into its state. */
  since: number;

  constructor(
    kind: TaskKind,
    readonly id: number,
    readonly plan: CallPlan,
    readonly args: readonly KeptArgument[],
    /** Whole monotonic milliseconds, as all times of a record: numbers that fit a word cost no memory of their own. */
    readonly createdAt: number,
  ) {
    super(kind);
    this.since = createdAt;
  }

  get app(): AppDefinition {
    return this.plan.app;
  }

  get table(): TaskTable {
    return this.plan.table;
  }

  get taskId(): number {
    return this.id;
  }

  get incarnation(): number {
    return 1;
  }

  get stateName(): TaskState {
    return shownState(this.state as ChartState);
  }

  get isFinal(): boolean {
    return this.state.final;
  }

  get succeeded(): boolean {
    return this.state.name === "done" || this.state.name === "memoized";
  }

  get priority(): number | undefined {
    return this.plan.priority;
  }

  get walltime(): number {
    return this.plan.walltime;
  }

  get setting(): WorkSetting | undefined {
    return this.extra?.setting;
  }

  more(): TaskExtra {
    return (this.extra ??= {});
  }

  addDependent(record: TaskRecord): void {
    if (this.dependents === undefined) this.dependents = record;
    else if (Array.isArray(this.dependents)) this.dependents.push(record);
    else this.dependents = [this.dependents, record];
  }

  /** Arguments in travelling form, with the files of this attempt where files were declared. */
  argumentsFor(attempt: number): readonly Encoded[] {
    const { args, app, extra } = this;
    const withFiles = extra?.outputs !== undefined || extra?.inputs !== undefined;
    if (!withFiles && areEncoded(args)) return args;
    const composed = args.map((kept, i) => composeArgument(kept, `argument ${i + 1} of ${app.name}`));
    if (withFiles) composed.push(encode(this.table.files.forBody(this, attempt), `the files of ${app.name}`));
    return composed;
  }

  shellFor(attempt: number): ShellWork | undefined {
    if (this.app.kind !== "bash") return undefined;
    const { returns, strict } = this.plan;
    return { command: this.extra?.command === undefined ? "" : this.table.files.renderCommand(this, this.extra.command, attempt), strict, capture: returns !== "exit" };
  }

  settingFor(): WorkSetting | undefined {
    return this.extra?.setting;
  }

  needsFor(): Needs | undefined {
    return this.extra?.needs;
  }

  /** The result, decoded once. Only for a task that succeeded. */
  value(): unknown {
    if (this.cached === undefined) this.cached = decode(ownCopy(this.context.value as Encoded));
    return this.cached;
  }

  promise(): Promise<unknown> {
    const known = promiseAmong(this.waiters);
    if (known !== undefined) return known;
    const deferred = new Deferred();
    this.tell(deferred);
    return deferred.promise;
  }

  /** The waiter is told of the task's end: at once, where it has ended. */
  tell(waiter: Waiter): void {
    if (this.isFinal || this.crashed) this.answer(waiter);
    else this.waiters = withWaiter(this.waiters, waiter);
  }

  /** The task has ended: those who waited for it are told. */
  wake(): void {
    const { waiters } = this;
    if (waiters === undefined) return;
    this.waiters = undefined;
    if (Array.isArray(waiters)) for (const waiter of waiters as readonly Waiter[]) this.answer(waiter);
    else this.answer(waiters as Waiter);
  }

  private answer(waiter: Waiter): void {
    if (!this.succeeded) waiter.reject(this.context.error);
    else {
      try {
        waiter.resolve(this.value());
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  whenSettled(): Promise<TaskState> {
    return this.promise().then(
      () => this.stateName,
      () => this.stateName,
    );
  }

  states$(): Observable<TaskState> {
    const extra = this.more();
    extra.states ??= new Announcer<TaskState>();
    if (this.isFinal) extra.states.complete();
    return extra.states.observable;
  }

  reports$(): Observable<unknown> {
    const extra = this.more();
    extra.reports ??= new Announcer<unknown>();
    if (this.isFinal) extra.reports.complete();
    return extra.reports.observable;
  }

  outputFutures(): unknown {
    const extra = this.more();
    if (extra.outputFutures === undefined) {
      const parent = new AppFuture<unknown, unknown>(this);
      const { outputs } = extra;
      const make = (file: DataFile) => new DataFuture(parent, file);
      extra.outputFutures = Array.isArray(outputs) ? (outputs as readonly DataFile[]).map(make) : Object.fromEntries(Object.entries(outputs ?? {}).map(([name, file]) => [name, make(file)]));
    }
    return extra.outputFutures;
  }
}

/** Decoding takes large memory over; what the tasks that depend on this one get must not be what the user changes. */
function ownCopy(encoded: Encoded): Encoded {
  if (encoded === null || typeof encoded !== "object" || encoded instanceof Uint8Array) return encoded;
  return { bytes: encoded.bytes, buffers: encoded.buffers.map((buffer) => buffer.slice(0)) };
}
