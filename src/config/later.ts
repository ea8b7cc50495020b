/** What a descriptor describes. */
export type DescriptorRole = "executor" | "provider" | "launcher";

/** A descriptor whose maker has its place already, and that no kernel can load yet: loading it is a `NotYetSupported` error that names it. */
export interface LaterDescriptor<Role extends DescriptorRole = DescriptorRole> {
  readonly role: Role;
  /** The name of the function that made it. */
  readonly kind: string;
  readonly label: string;
  readonly notYet: true;
  readonly options: Readonly<Record<string, unknown>>;
}

type Options = Readonly<Record<string, unknown>>;
type Maker<Role extends DescriptorRole> = (options?: Options) => LaterDescriptor<Role>;

function later<Role extends DescriptorRole>(role: Role, kind: string): Maker<Role> {
  return (options = {}) => {
    const label = typeof options["label"] === "string" ? options["label"] : kind;
    return Object.freeze({ role, kind, label, notYet: true, options: Object.freeze({ ...options }) });
  };
}

/** MPI applications over the nodes of blocks. Not built yet. */
export const mpi = later("executor", "mpi");

/** Blocks as processes of another machine. Not built yet. */
export const ssh = later("provider", "ssh");
/** Blocks as PBS jobs. Not built yet. */
export const pbs = later("provider", "pbs");
/** Blocks as LSF jobs. Not built yet. */
export const lsf = later("provider", "lsf");
/** Blocks as Grid Engine jobs. Not built yet. */
export const gridEngine = later("provider", "gridEngine");
/** Blocks as HTCondor jobs. Not built yet. */
export const htcondor = later("provider", "htcondor");
/** Blocks as Kubernetes pods. Not built yet. */
export const kubernetes = later("provider", "kubernetes");

/** Starts managers with `mpiexec`. Not built yet. */
export const mpiExec = later("launcher", "mpiExec");
