import type { Duration } from "./units.js";
import type { HighThroughputDescriptor } from "./high-throughput.js";
import type { LaterDescriptor } from "./later.js";

export { highThroughput, type CpuAffinity, type HighThroughputDescriptor, type HighThroughputOptions, type ManagerSelector } from "./high-throughput.js";
export * from "./later.js";
export { nats, type JetStreamOptions, type LinkDescriptor, type NatsCredentials, type NatsDescriptor, type NatsOptions, type NatsTlsOptions } from "./links.js";
export { simple, single, srun, wrapped, type LauncherDescriptor, type SimpleLauncher, type SingleLauncher, type SrunLauncher, type WrappedLauncher } from "./launchers.js";
export { local, slurm, type BlockOptions, type LocalDescriptor, type LocalOptions, type ProviderDescriptor, type SlurmDescriptor, type SlurmOptions } from "./providers.js";

/** Limits of the JavaScript engine of each worker; a task that goes past them ends with `MemoryExceeded`. */
export interface ResourceLimits {
  /** The largest heap for long-lived objects, in MiB. */
  readonly maxOldGenerationSizeMb?: number | undefined;
  /** The largest heap for new objects, in MiB. */
  readonly maxYoungGenerationSizeMb?: number | undefined;
  /** Memory for generated code, in MiB. */
  readonly codeRangeSizeMb?: number | undefined;
  /** The stack of the thread, in MiB. */
  readonly stackSizeMb?: number | undefined;
}

/** Options of `threadPool`. */
export interface ThreadPoolOptions {
  /** The name that apps use in their `executors` option. Default `"threads"`. */
  readonly label?: string | undefined;
  /** The most workers at a time. Default: the cores this process may use. */
  readonly maxThreads?: number | undefined;
  /** The workers that are started at once; the others start when there is work for them. Default 1. */
  readonly minThreads?: number | undefined;
  /** `"thread"`: worker threads of this process. `"process"`: the same pool in a process of its own, which can be killed for real. Default `"thread"`. */
  readonly isolation?: "thread" | "process" | undefined;
  /** Memory limits of each worker. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** Environment variables of the workers, added to those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** How long a shell command that was told to end has before it is killed. Default 2 s. */
  readonly killGrace?: Duration | undefined;
  /** How long a process with workers counts as there that says nothing: one that stands still is killed then. For `isolation: "process"`. Default 30 s. */
  readonly heartbeatThreshold?: Duration | undefined;
}

/** What `threadPool` returns: plain frozen data that says what to start. */
export interface ThreadPoolDescriptor extends ThreadPoolOptions {
  readonly kind: "thread-pool";
  readonly label: string;
}

/** The descriptor of an executor that a kernel can start. */
export type RunnableDescriptor = ThreadPoolDescriptor | HighThroughputDescriptor;

/** The descriptor of any executor. */
export type ExecutorDescriptor = RunnableDescriptor | LaterDescriptor<"executor">;

/**
 * Describes an executor that runs tasks on threads of this machine. Starts nothing; options are checked when a kernel loads it.
 *
 * @example
 * await withKernel({ executors: [threadPool({ maxThreads: 4 })] }, async () => { … });
 */
export function threadPool(options: ThreadPoolOptions = {}): ThreadPoolDescriptor {
  return frozen({ ...options, kind: "thread-pool", label: options.label ?? "threads" });
}

function frozen(descriptor: ThreadPoolDescriptor): ThreadPoolDescriptor {
  const { resourceLimits, env } = descriptor;
  return Object.freeze({
    ...descriptor,
    ...(resourceLimits && { resourceLimits: Object.freeze({ ...resourceLimits }) }),
    ...(env && { env: Object.freeze({ ...env }) }),
  });
}
