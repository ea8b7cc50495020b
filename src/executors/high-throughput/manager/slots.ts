import type { ManagerSetup } from "./setup.js";
import { coresOf } from "./affinity.js";

type Variables = Readonly<Record<string, string>>;

/** What each worker of a manager has to itself: cores, an accelerator, and how its tasks are told. */
export class Slots {
  constructor(
    private readonly setup: Pick<ManagerSetup, "cpuAffinity" | "accelerators">,
    private readonly workers: number,
    private readonly cores: readonly number[],
  ) {}

  coresOf(worker: number): readonly number[] | undefined {
    return coresOf(this.setup.cpuAffinity, worker, this.workers, this.cores);
  }

  /** Its number, and, for the libraries that look at such variables, its cores and its accelerator. */
  environmentOf(worker: number): Variables {
    const cores = this.coresOf(worker);
    const own = this.setup.accelerators[worker];
    const bound = cores === undefined ? {} : { OMP_NUM_THREADS: String(cores.length), GOMP_CPU_AFFINITY: cores.join(" "), KMP_AFFINITY: `granularity=fine,proclist=[${cores.join(",")}],explicit` };
    return { CARAWAY_WORKER_RANK: String(worker), ...bound, ...(own === undefined ? {} : pinnedTo([own])) };
  }

  /** What starts a program on the cores of a worker. */
  prefixOf(worker: number): readonly string[] {
    const cores = this.coresOf(worker);
    return cores === undefined ? [] : ["taskset", "-c", cores.join(",")];
  }
}

/** The variables by which the libraries of their makers are told which accelerators they may use. */
export const pinnedTo = (accelerators: readonly string[]): Variables => {
  const names = accelerators.join(",");
  return { CUDA_VISIBLE_DEVICES: names, ROCR_VISIBLE_DEVICES: names, ZE_AFFINITY_MASK: names };
};

/** Which accelerators tasks have: that of their worker, or as many as they asked for. Never one that another task has. */
export class AcceleratorLeases {
  private readonly byTask = new Map<number, { readonly worker: number; readonly names: readonly string[] }>();

  constructor(private readonly all: readonly string[]) {}

  /** `count` is undefined where a task asks for none in particular. */
  take(task: number, worker: number, count: number | undefined): readonly string[] {
    const own = this.all[worker];
    const known = this.byTask.get(task);
    if (known?.worker === worker) return known.names;
    const taken = new Set<string>();
    // Short tasks wait in their worker for the one before them: these share what it has.
    for (const [other, lease] of this.byTask) if (other !== task && lease.worker !== worker) for (const name of lease.names) taken.add(name);
    const free = this.all.filter((name) => !taken.has(name));
    const order = own !== undefined && free.includes(own) ? [own, ...free.filter((name) => name !== own)] : free;
    const names = order.slice(0, count ?? 1);
    this.byTask.set(task, { worker, names });
    return names;
  }

  free(task: number): void {
    this.byTask.delete(task);
  }
}
