import type { ResourceLimits } from "./descriptors.js";
import { deepFrozen } from "./frozen.js";
import { natsSettings, type LinkDescriptor, type NatsSettings } from "./links.js";
import { local, type ProviderDescriptor } from "./providers.js";
import { parseDuration, parseSize, type Duration, type Size } from "./units.js";

/** Which manager gets a task that several could run. */
export type ManagerSelector = "random" | "least-loaded" | "pack-by-block";

/** Which cores each worker is bound to: `"list:0,1:2,3"` names the cores of the first worker, of the second, and so on. */
export type CpuAffinity = "none" | "block" | "block-reverse" | "alternating" | `list:${string}`;

/** The ways to bind workers that have a name. */
export const affinities = ["none", "block", "block-reverse", "alternating"];

export function isCpuAffinity(value: unknown): value is CpuAffinity {
  return typeof value === "string" && (affinities.includes(value) || /^list(:\d+(-\d+)?(,\d+(-\d+)?)*)+$/.test(value));
}

/** Options of `highThroughput`. */
export interface HighThroughputOptions {
  /** The name that apps use in their `executors` option. Default `"high-throughput"`. */
  readonly label?: string | undefined;
  /** What blocks are obtained from. Default `local()`. */
  readonly provider?: ProviderDescriptor | undefined;
  /** The most workers of each manager. Default: as many as cores and memory allow. */
  readonly maxWorkersPerNode?: number | undefined;
  /** The cores that each worker takes; a part of one lets several share it. Default 1. */
  readonly coresPerWorker?: number | undefined;
  /** The memory that each worker takes. Default: no limit by memory. */
  readonly memPerWorker?: Size | undefined;
  /** Which cores each worker is bound to. Default `"none"`. */
  readonly cpuAffinity?: CpuAffinity | undefined;
  /** The accelerators of each node, one for each worker: their number or their names. Default none. */
  readonly availableAccelerators?: number | readonly string[] | undefined;
  /** The tasks that a manager holds beyond those its workers run. Default 0. */
  readonly prefetchCapacity?: number | undefined;
  /** How often managers and interchange say that they are there. Default 5 s. */
  readonly heartbeatPeriod?: Duration | undefined;
  /** How long a silent manager counts as there, and a silent process of a worker. Default 30 s. */
  readonly heartbeatThreshold?: Duration | undefined;
  /** How long after its start a manager takes no more work, finishes what it has and ends. Default: never, but before the block's walltime. */
  readonly drainPeriod?: Duration | undefined;
  /** Which manager gets a task that several could run. Default `"random"`. */
  readonly managerSelector?: ManagerSelector | undefined;
  /** `"thread"`: workers are threads of their manager. `"process"`: each is a process. Default `"thread"`. */
  readonly isolation?: "thread" | "process" | undefined;
  /** Memory limits of each worker's JavaScript engine. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** Environment variables of the workers, added to those of their managers. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** How long a shell command that was told to end has before it is killed. Default 2 s. */
  readonly killGrace?: Duration | undefined;
  /** How long a manager that has lost its interchange keeps finished results for it. Default 2 min. */
  readonly lostGrace?: Duration | undefined;
  /** What managers are connected by. Default: TCP, with the addresses and ports given here. */
  readonly link?: LinkDescriptor | undefined;
  /** The addresses of this machine that managers try, in order. Default: all it has. */
  readonly address?: string | readonly string[] | undefined;
  /** The port that managers connect to. Default: a free one. */
  readonly workerPort?: number | undefined;
  /** The first and the last of the ports from which a free one is taken. */
  readonly portRange?: readonly [first: number, last: number] | undefined;
  /** Whether blocks that end early, one after the other, make the executor fail. Default true. */
  readonly blockErrorHandler?: boolean | undefined;
  /** How long the managers of a running block may take to register. Default 2 min. */
  readonly registrationTimeout?: Duration | undefined;
}

/** What `highThroughput` returns: plain frozen data that says what to start. */
export interface HighThroughputDescriptor extends HighThroughputOptions {
  readonly kind: "high-throughput";
  readonly label: string;
  readonly provider: ProviderDescriptor;
}

/**
 * Describes an executor whose work is done by managers on the nodes of blocks. Starts nothing; options are checked when a kernel loads it.
 *
 * @example
 * await withKernel({ executors: [highThroughput({ maxWorkersPerNode: 4, provider: local() })] }, async () => { … });
 */
export function highThroughput(options: HighThroughputOptions = {}): HighThroughputDescriptor {
  return deepFrozen({ ...options, kind: "high-throughput", label: options.label ?? "high-throughput", provider: options.provider ?? local() });
}

/** The options of an executor with every default filled in; durations are milliseconds, sizes bytes. */
export interface HighThroughputSettings {
  readonly label: string;
  readonly provider: ProviderDescriptor;
  readonly maxWorkersPerNode: number | undefined;
  readonly coresPerWorker: number;
  readonly memPerWorker: number | undefined;
  readonly cpuAffinity: CpuAffinity;
  /** The names of the accelerators; those of a number are `"0"`, `"1"`, … */
  readonly availableAccelerators: readonly string[];
  readonly prefetchCapacity: number;
  readonly heartbeatPeriod: number;
  readonly heartbeatThreshold: number;
  readonly drainPeriod: number | undefined;
  readonly managerSelector: ManagerSelector;
  readonly isolation: "thread" | "process";
  readonly resourceLimits: ResourceLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly killGrace: number;
  readonly lostGrace: number;
  /** Unset: TCP. */
  readonly link: NatsSettings | undefined;
  /** Empty: all addresses of this machine. */
  readonly addresses: readonly string[];
  /** Ports to try, from first to last; 0 to 0: a free one. */
  readonly ports: readonly [first: number, last: number];
  readonly blockErrorHandler: boolean;
  readonly registrationTimeout: number;
}

/** What a checked descriptor asks for, with every default filled in. */
export function highThroughputSettings(descriptor: HighThroughputDescriptor): HighThroughputSettings {
  const { label, provider, maxWorkersPerNode, memPerWorker, availableAccelerators = [], drainPeriod, address = [], workerPort = 0 } = descriptor;
  const ms = (name: "heartbeatPeriod" | "heartbeatThreshold" | "killGrace" | "lostGrace" | "registrationTimeout", otherwise: Duration): number => parseDuration(descriptor[name] ?? otherwise, name);
  return {
    label,
    provider,
    maxWorkersPerNode,
    coresPerWorker: descriptor.coresPerWorker ?? 1,
    memPerWorker: memPerWorker === undefined ? undefined : parseSize(memPerWorker, "memPerWorker"),
    cpuAffinity: descriptor.cpuAffinity ?? "none",
    availableAccelerators: typeof availableAccelerators === "number" ? Array.from({ length: availableAccelerators }, (_, index) => String(index)) : availableAccelerators,
    prefetchCapacity: descriptor.prefetchCapacity ?? 0,
    heartbeatPeriod: ms("heartbeatPeriod", "5s"),
    heartbeatThreshold: ms("heartbeatThreshold", "30s"),
    drainPeriod: drainPeriod === undefined ? undefined : parseDuration(drainPeriod, "drainPeriod"),
    managerSelector: descriptor.managerSelector ?? "random",
    isolation: descriptor.isolation ?? "thread",
    resourceLimits: descriptor.resourceLimits ?? {},
    env: descriptor.env ?? {},
    killGrace: ms("killGrace", "2s"),
    lostGrace: ms("lostGrace", "2m"),
    link: descriptor.link === undefined ? undefined : natsSettings(descriptor.link),
    addresses: typeof address === "string" ? [address] : address,
    ports: descriptor.portRange ?? [workerPort, workerPort],
    blockErrorHandler: descriptor.blockErrorHandler ?? true,
    registrationTimeout: ms("registrationTimeout", "2m"),
  };
}
