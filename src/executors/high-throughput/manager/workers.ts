import type { ManagerSetup } from "./setup.js";

/** What a node has. */
export interface NodeFacts {
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
}

/** What a node has, unless `CARAWAY_CORES` and `CARAWAY_MEMORY_GB` in its environment say that managers should count with something else. */
export function nodeFacts(env: Readonly<Record<string, string | undefined>>, { cores, memory }: NodeFacts): NodeFacts {
  const said = (name: string): number => (Number(env[name]) > 0 ? Number(env[name]) : NaN);
  return { cores: said("CARAWAY_CORES") || cores, memory: said("CARAWAY_MEMORY_GB") * 1e9 || memory };
}

/** How many workers a manager has: as many as cores, memory and accelerators allow, at most its cap, at least one. */
export function workerCount({ maxWorkers, coresPerWorker, memPerWorker, accelerators }: Pick<ManagerSetup, "maxWorkers" | "coresPerWorker" | "memPerWorker" | "accelerators">, { cores, memory }: NodeFacts): number {
  const limits = [
    maxWorkers ?? Infinity,
    Math.floor(cores / coresPerWorker + 1e-9),
    memPerWorker === null ? Infinity : Math.floor(memory / memPerWorker),
    accelerators.length === 0 ? Infinity : accelerators.length,
  ];
  return Math.max(1, Math.min(...limits));
}
