import { deepFrozen } from "./frozen.js";
import type { LauncherDescriptor } from "./launchers.js";
import type { Duration, Size } from "./units.js";

/** What every provider of blocks takes. */
export interface BlockOptions {
  /** The nodes of each block. Default 1. */
  readonly nodesPerBlock?: number | undefined;
  /** The blocks that are asked for when the executor starts. Default 1. */
  readonly initBlocks?: number | undefined;
  /** The blocks that are kept, however little there is to do. Default 0. */
  readonly minBlocks?: number | undefined;
  /** The most blocks at a time, those in the queue included. Default 1. */
  readonly maxBlocks?: number | undefined;
  /** The workers that are asked for, for each unfinished task: 1 is as many as could be used, 0 as few as possible. Default 1. */
  readonly parallelism?: number | undefined;
  /** How long a block may run. Default: as long as the provider lets it. */
  readonly walltime?: Duration | undefined;
  /** Lines of bash that are run on the first node before the managers are started. */
  readonly workerInit?: string | undefined;
  /** How the managers are started. Default: the provider's own way for that many nodes. */
  readonly launcher?: LauncherDescriptor | undefined;
  /** Environment variables of the blocks, added to those they have by themselves. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** How often the provider is asked for the states of its jobs. */
  readonly statusInterval?: Duration | undefined;
}

/** Options of `local`. */
export interface LocalOptions extends BlockOptions {
  /** How long a block that was told to end has before it is killed. Default 2 s. */
  readonly killGrace?: Duration | undefined;
}

/** Options of `slurm`. */
export interface SlurmOptions extends BlockOptions {
  readonly partition?: string | undefined;
  readonly account?: string | undefined;
  readonly qos?: string | undefined;
  /** The features that nodes must have, as `sbatch --constraint` takes them. */
  readonly constraint?: string | undefined;
  /** More options of `sbatch`, one a text or line: `"--mail-type=END"`; `#SBATCH` may stand before each. */
  readonly schedulerOptions?: string | readonly string[] | undefined;
  /** The cores to ask for on each node. Default: what the cluster gives. */
  readonly coresPerNode?: number | undefined;
  /** The memory to ask for on each node. Default: what the cluster gives. */
  readonly memPerNode?: Size | undefined;
  /** Whether blocks have their nodes for themselves. Default true. */
  readonly exclusive?: boolean | undefined;
  /** How long one command of Slurm may take. Default 30 s. */
  readonly commandTimeout?: Duration | undefined;
}

/** What `local` returns. */
export interface LocalDescriptor extends LocalOptions {
  readonly role: "provider";
  readonly kind: "local";
}

/** What `slurm` returns. */
export interface SlurmDescriptor extends SlurmOptions {
  readonly role: "provider";
  readonly kind: "slurm";
}

/** What blocks are obtained from. */
export type ProviderDescriptor = LocalDescriptor | SlurmDescriptor;

/** Describes a provider whose blocks are processes of this machine. */
export function local(options: LocalOptions = {}): LocalDescriptor {
  return deepFrozen({ ...options, role: "provider", kind: "local" });
}

/**
 * Describes a provider whose blocks are Slurm jobs.
 *
 * @example
 * slurm({ partition: "debug", nodesPerBlock: 2, maxBlocks: 10, walltime: "30m", launcher: srun(), workerInit: "module load node" })
 */
export function slurm(options: SlurmOptions = {}): SlurmDescriptor {
  return deepFrozen({ ...options, role: "provider", kind: "slurm" });
}

/** The launcher of a provider: its own, else one manager where there is one node, and on each node where there are several. */
export function launcherOf({ kind, launcher, nodesPerBlock = 1 }: ProviderDescriptor): LauncherDescriptor {
  if (launcher !== undefined) return launcher;
  if (nodesPerBlock === 1) return { role: "launcher", kind: "single" };
  return { role: "launcher", kind: kind === "slurm" ? "srun" : "simple" };
}
