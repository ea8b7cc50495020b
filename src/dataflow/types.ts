import type { DataFile } from "../data/file.js";
import type { StreamFile } from "../executors/executor.js";
import type { Duration } from "../config/units.js";
import type { RetryOptions } from "../config/types.js";
import type { AppFuture, DataFuture } from "./future.js";

type Whole = string | number | boolean | bigint | symbol | null | undefined | Date | RegExp | Error | ArrayBuffer | ArrayBufferView | DataFile | ((...args: never[]) => unknown);

/** What may be given where an app takes a `T`: the value, a future or promise of it, or a container with such in it, to any depth. */
export type Input<T> =
  | T
  | PromiseLike<T>
  | (T extends Whole ? never
    : T extends ReadonlyMap<infer K, infer V> ? ReadonlyMap<K, Input<V>>
    : T extends ReadonlySet<infer V> ? ReadonlySet<Input<V>>
    : T extends readonly unknown[] ? { [K in keyof T]: Input<T[K]> }
    : T extends object ? { [K in keyof T]: Input<T[K]> }
    : never);

export type Inputs<A extends readonly unknown[]> = { [K in keyof A]: Input<A[K]> };

/** Declared outputs: an array or a record of files. */
export type Outputs = readonly DataFile[] | Readonly<Record<string, DataFile>>;

/** No outputs were declared. */
export type NoOutputs = Readonly<Record<never, never>>;

/** The futures of declared outputs, in the shape they were declared in. */
export type OutputFutures<O> = O extends readonly DataFile[] ? { readonly [K in keyof O]: DataFuture } : { readonly [K in keyof O]: DataFuture };

/** What the body of an app that declares files gets as its last argument. Outputs have attempt-private paths there. */
export interface TaskFiles<O> {
  readonly inputs: readonly DataFile[];
  readonly outputs: O;
}

/** `AUTO_LOGNAME`: a file of its own for each task, below the run directory. */
export const AUTO_LOGNAME: unique symbol = Symbol("caraway.AUTO_LOGNAME");

export type StreamOption = string | DataFile | StreamFile | typeof AUTO_LOGNAME;

/** What a call needs of its worker. */
export interface Resources {
  readonly cores?: number;
  readonly memory?: number | string;
  readonly gpus?: number;
  readonly disk?: number | string;
  readonly nodes?: number;
  readonly ranksPerNode?: number;
  readonly ranks?: number;
}

/** Options of an app, or of one call by `with`; what is given per call wins. */
export interface AppOptions<O = unknown, A extends readonly unknown[] = never[]> {
  /** Labels of the executors that may run it, or a predicate on labels. */
  readonly executors?: string | readonly string[] | ((label: string) => boolean);
  /** Files (or futures of files) that must be there first. */
  readonly inputs?: readonly Input<DataFile>[];
  readonly outputs?: O | ((...args: A) => O);
  readonly stdout?: StreamOption;
  readonly stderr?: StreamOption;
  /** Per attempt, from its start on the worker. */
  readonly walltime?: Duration;
  readonly retries?: number | RetryOptions;
  readonly cache?: boolean;
  /** Arguments (by parameter name or position) and options that do not count for the cache. */
  readonly cacheIgnore?: readonly (string | number)[];
  /** Smaller is sooner; unset is last. */
  readonly priority?: number;
  readonly resources?: Resources | ((given: { attempt: number; lastError: unknown }) => Resources);
  readonly label?: string;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The options that matter for a body that runs beside the kernel, once. */
export type JoinAppOptions = Pick<AppOptions, "cache" | "cacheIgnore" | "label" | "signal">;

export interface FunctionAppOptions<O = unknown, A extends readonly unknown[] = never[]> extends AppOptions<O, A> {
  /** Values and functions shipped along, under the names they have in the function. */
  readonly using?: Readonly<Record<string, unknown>>;
}

export type Returns = "exit" | "stdout" | "lines" | "json";

export interface BashAppOptions<O = unknown, A extends readonly unknown[] = never[], V extends Returns = Returns> extends AppOptions<O, A> {
  /** What the result is. Default `"exit"`: 0. */
  readonly returns?: V;
  /** `set -euo pipefail`. Default true. */
  readonly strict?: boolean;
}

export type BashResult<V extends Returns> = V extends "stdout" ? string : V extends "lines" ? string[] : V extends "json" ? unknown : 0;

/** A value with every future in it replaced by what that future gives. */
export type Resolved<T> = T extends PromiseLike<infer V> ? V : T extends Whole ? T : T extends readonly unknown[] ? { -readonly [K in keyof T]: Resolved<T[K]> } : T extends object ? { -readonly [K in keyof T]: Resolved<T[K]> } : T;

/** The calls of one `map`: await all their values, iterate the values in order as they come, or spread the futures (where there is no window). */
export interface Mapped<F, V> extends AsyncIterable<V>, Iterable<F>, PromiseLike<V[]> {}

/**
 * A future whose task has ended. It is the future itself; it is shown without `then`, since TypeScript would take what `for await`
 * gives for its value.
 */
export type Ended<F> = Omit<F, "then">;

/** Futures in the order they end. */
export interface Completions<F> extends AsyncIterable<Ended<F>> {
  /** Adds one more to wait for. */
  add(future: F): void;
}

/** An app: call it and get a future at once. */
export interface App<A extends readonly unknown[], R, O = NoOutputs> {
  (...args: Inputs<A>): AppFuture<R, O>;
  readonly name: string;
  readonly options: AppOptions;
  /** The same app with other options. */
  with(options: AppOptions<O, A>): App<A, R, O>;
  /** The same app on a kernel or scope of your choice. */
  on(kernel: Submitter): App<A, R, O>;
  /** One call for each element; at most `window` of them open at a time. */
  map(items: Iterable<Input<A[0]>> | AsyncIterable<Input<A[0]>>, options?: { readonly window?: number }): Mapped<AppFuture<R, O>, R>;
}

/** What apps can be called on: a kernel, or a scope of one. */
export interface Submitter {
  submit<A extends readonly unknown[], R, O>(app: App<A, R, O>, args: Inputs<A>, options?: AppOptions<O, A>): AppFuture<R, O>;
}

/** The states a task can be in. */
export type TaskState =
  | "waiting" | "memo" | "staging-in" | "ready" | "dispatched" | "running" | "staging-out" | "joining" | "backing-off"
  | "done" | "memoized" | "failed" | "dependency-failed" | "cancelled";

/** One attempt that did not succeed. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly executor: string | undefined;
  readonly error: Error;
  /** What it was charged to. */
  readonly charge: "app" | "lost" | "none";
  /** Monotonic milliseconds. */
  readonly endedAt: number;
}
