import type { Logger } from "pino";
import type { ExecutorDescriptor, RunnableDescriptor } from "./descriptors.js";
import type { Duration } from "./units.js";

/** The task that a retry is considered for. */
export interface RetryTask {
  readonly id: number;
  readonly appName: string;
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number;
  /** The executor the attempt ran on, where it reached one. */
  readonly executor?: string | undefined;
}

/** A pause that grows: `min · factor^(n−1)` before the n-th retry, at most `max`; `jitter` (0 to 1) is the part of it that is random. */
export interface BackoffOptions {
  readonly min: Duration;
  readonly max: Duration;
  /** Default 2. */
  readonly factor?: number | undefined;
  /** Default 0. */
  readonly jitter?: number | undefined;
}

/** The pause before the next attempt, asked with the number of the attempt that failed (from 1) and its error. */
export type BackoffFunction = (attempt: number, error: unknown) => Duration;

/** What a failure costs; a task is tried again while the sum is within `app`. */
export type RetryCost = (error: unknown, task: RetryTask) => number;

export interface RetryOptions {
  /** How many application failures are tried again. Default 0. */
  readonly app?: number | undefined;
  /** How many losses of workers are tried again. Default 3. */
  readonly lost?: number | undefined;
  readonly backoff?: Duration | BackoffOptions | BackoffFunction | undefined;
  readonly cost?: RetryCost | undefined;
}

/** How futures are found in arguments: at any depth, among the arguments themselves only, or by functions of yours. */
export type DependencyResolution = "deep" | "shallow" | DependencyResolver;

export interface DependencyResolver {
  /** The promises inside one argument that must settle first. Not asked about primitives. */
  gather(argument: unknown): Iterable<PromiseLike<unknown>>;
  /** The argument with each of those promises replaced by its value. */
  unwrap(argument: unknown, valueOf: (promise: PromiseLike<unknown>) => unknown): unknown;
}

/** What happens to work that is left when a kernel is disposed of. */
export type ExitMode = "wait" | "cancel";

/** When blocks are added and ended. */
export type StrategyName = "none" | "simple" | "auto-scale";

/** The settings of a kernel. Every key is optional; an unknown one is an error. */
export interface Settings {
  readonly executors?: readonly ExecutorDescriptor[] | undefined;
  readonly retries?: number | RetryOptions | undefined;
  readonly cache?: boolean | undefined;
  readonly runDir?: string | undefined;
  readonly strategy?: StrategyName | undefined;
  readonly strategyPeriod?: Duration | undefined;
  readonly maxIdleTime?: Duration | undefined;
  readonly exitMode?: ExitMode | undefined;
  readonly dependencyResolver?: DependencyResolution | undefined;
  readonly maxPending?: number | undefined;
  readonly retain?: number | undefined;
  readonly progress?: boolean | undefined;
  readonly logger?: Logger | undefined;
  readonly projectName?: string | undefined;
}

/** What `load`, `withKernel` and `defineConfig` take: settings, and named profiles of settings that are laid over them. */
export interface Config extends Settings {
  readonly profiles?: Readonly<Record<string, Settings>> | undefined;
}

/** A growing pause in milliseconds; a plain duration has `min` = `max`. */
export interface ResolvedBackoff {
  readonly min: number;
  readonly max: number;
  readonly factor: number;
  readonly jitter: number;
}

export interface ResolvedRetries {
  readonly app: number;
  readonly lost: number;
  readonly backoff?: ResolvedBackoff | BackoffFunction;
  readonly cost?: RetryCost;
}

/** A checked configuration with every default filled in; durations are milliseconds. */
export interface ResolvedConfig {
  readonly executors: readonly RunnableDescriptor[];
  readonly retries: ResolvedRetries;
  readonly cache: boolean;
  readonly runDir: string;
  readonly strategy: StrategyName;
  readonly strategyPeriod: number;
  readonly maxIdleTime: number;
  readonly exitMode: ExitMode;
  readonly dependencyResolver: DependencyResolution;
  /** `Infinity` where it is not set. */
  readonly maxPending: number;
  readonly retain: number;
  readonly progress: boolean;
  readonly logger?: Logger;
  readonly projectName?: string;
}
