import { deepFrozen } from "./frozen.js";

/** Starts one manager, on the first node of the block. */
export interface SingleLauncher {
  readonly role: "launcher";
  readonly kind: "single";
}

/** Starts one manager for each node as processes of the first node. */
export interface SimpleLauncher {
  readonly role: "launcher";
  readonly kind: "simple";
}

/** Starts what `prefix` makes of the command of a manager: a container, a profiler, a launcher of yours. */
export interface WrappedLauncher {
  readonly role: "launcher";
  readonly kind: "wrapped";
  /** What goes before the command: text that is read by the shell, or words that are not. */
  readonly prefix: string | readonly string[];
}

/** Starts one manager on each node of a Slurm job. */
export interface SrunLauncher {
  readonly role: "launcher";
  readonly kind: "srun";
  /** More options of `srun`, one a text: `["--cpu-bind=none"]`. */
  readonly options?: readonly string[] | undefined;
}

/** How the managers of a block are started within its job. */
export type LauncherDescriptor = SingleLauncher | SimpleLauncher | WrappedLauncher | SrunLauncher;

/** Describes a launcher that starts one manager by itself. */
export function single(): SingleLauncher {
  return Object.freeze({ role: "launcher", kind: "single" });
}

/** Describes a launcher that starts the managers of all nodes as background processes of the first. */
export function simple(): SimpleLauncher {
  return Object.freeze({ role: "launcher", kind: "simple" });
}

/**
 * Describes a launcher that puts a command of yours before that of the manager.
 *
 * @example
 * wrapped({ prefix: "apptainer exec image.sif" })
 */
export function wrapped(options: Pick<WrappedLauncher, "prefix">): WrappedLauncher {
  return deepFrozen({ ...options, role: "launcher", kind: "wrapped" });
}

/** Describes a launcher that starts a manager on each node with Slurm's `srun`. */
export function srun(options: Pick<SrunLauncher, "options"> = {}): SrunLauncher {
  return deepFrozen({ ...options, role: "launcher", kind: "srun" });
}
