import type { Observable } from "rxjs";
import { type DataFile } from "../data/file.js";
import { NotSettled } from "../errors/index.js";
import type { TaskRecord } from "./task-record.js";
import type { AttemptRecord, NoOutputs, OutputFutures, TaskState } from "./types.js";
import { isResolver, Unasked } from "./waiters.js";

/**
 * The future of a task's result. Await it, or never look at it: a failure nobody looks at is in the run's summary,
 * and no unhandled rejection.
 */
export class AppFuture<T, O = NoOutputs> implements PromiseLike<T> {
  /** @internal */
  constructor(readonly record: TaskRecord) {}

  get id(): number {
    return this.record.taskId;
  }

  get appName(): string {
    return this.record.app.name;
  }

  get state(): TaskState {
    return this.record.stateName;
  }

  /** The current attempt, from 1; 0 before the first. */
  get attempt(): number {
    return this.record.context.attempt;
  }

  /** The attempts that did not succeed, with their causes. */
  get attempts(): readonly AttemptRecord[] {
    return this.record.extra?.history ?? [];
  }

  /** The futures of the declared outputs, in the shape they were declared in. */
  get outputs(): OutputFutures<O> {
    return this.record.outputFutures() as OutputFutures<O>;
  }

  /** Path of the file that takes the task's standard output, where it has one. */
  get stdout(): string | undefined {
    return this.record.setting?.stdout?.path;
  }

  get stderr(): string | undefined {
    return this.record.setting?.stderr?.path;
  }

  /** The result of a task that has ended. Throws its error where it did not succeed, and `NotSettled` where it has not ended. */
  get value(): T {
    const { record } = this;
    if (record.succeeded) return record.value() as T;
    if (record.isFinal || record.crashed) throw record.context.error;
    throw new NotSettled("CW-TASK-007", `${record.app.name} (task ${record.taskId}) is ${record.stateName}: it has no value yet`, { where: { task: record.taskId, app: record.app.name } });
  }

  /** Resolves when the task has ended, however it ended. */
  get settled(): Promise<TaskState> {
    return this.record.whenSettled();
  }

  /** Every state the task is in, from now on; completes at the end. */
  get states$(): Observable<TaskState> {
    return this.record.states$();
  }

  /** What the task sends by `task.report`. */
  get reports$(): Observable<unknown> {
    return this.record.reports$();
  }

  then<A = T, B = never>(onValue?: ((value: T) => A | PromiseLike<A>) | null, onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    const { record } = this;
    const resolve: unknown = onValue;
    const reject: unknown = onError;
    if (!isResolver(resolve) || !isResolver(reject)) return (record.promise() as Promise<T>).then(onValue, onError);
    const waiter = new Unasked(record, resolve, reject);
    record.tell(waiter);
    return waiter as Promise<unknown> as Promise<never>;
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return (this.record.promise() as Promise<T>).catch(onError);
  }

  finally(onEnd?: (() => void) | null): Promise<T> {
    return (this.record.promise() as Promise<T>).finally(onEnd);
  }

  /**
   * Cancels the task: kills it where it runs, and resolves once none of its code can begin any more.
   * Answers with the state the task was found in. Does nothing to a task that has ended.
   */
  cancel(reason?: string): Promise<TaskState> {
    return this.record.table.cancel(this.record, reason);
  }

  /** The future of one property of the result. */
  get<K extends keyof T>(key: K): AppFuture<T[K]> {
    return this.record.table.lift(this, key) as AppFuture<T[K]>;
  }
}

/** The future of one output file: resolves to the file once its task is done. */
export class DataFuture implements PromiseLike<DataFile> {
  /** @internal */
  constructor(
    readonly parent: AppFuture<unknown, unknown>,
    readonly file: DataFile,
  ) {}

  get path(): string {
    return this.file.path;
  }

  get url(): string {
    return this.file.url;
  }

  get name(): string {
    return this.file.name;
  }

  get stem(): string {
    return this.file.stem;
  }

  get ext(): string {
    return this.file.ext;
  }

  get scheme(): string {
    return this.file.scheme;
  }

  then<A = DataFile, B = never>(onValue?: ((value: DataFile) => A | PromiseLike<A>) | null, onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.parent.record.promise().then(() => this.file).then(onValue, onError);
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<DataFile | B> {
    return this.then(undefined, onError);
  }

  toString(): string {
    return this.file.toString();
  }
}
