import { shellQuote } from "../../data/shell-quoting.js";
import type { Launch } from "./launch.js";

/** What each node runs: `srun` says in `SLURM_PROCID` which of them it is. */
const indexed = `bash -c 'CARAWAY_NODE_INDEX=$SLURM_PROCID exec "$@"' caraway-node`;

/**
 * A manager on each node of a Slurm job. One that ends early leaves the others alone; none is bound to a core, since managers see to that
 * themselves.
 */
export function srunLines(line: string, { nodes, tasksPerNode, coresPerNode }: Launch, options: readonly string[]): string {
  const cores = coresPerNode === undefined ? [] : [`--cpus-per-task=${Math.max(1, Math.floor(coresPerNode / tasksPerNode))}`];
  const own = [`--nodes=${nodes}`, `--ntasks=${nodes * tasksPerNode}`, `--ntasks-per-node=${tasksPerNode}`, ...cores, "--kill-on-bad-exit=0", "--wait=0", "--input=none", "--cpu-bind=none"];
  return `srun ${[...own, ...options].map(shellQuote).join(" ")} ${indexed} ${line}\n`;
}
