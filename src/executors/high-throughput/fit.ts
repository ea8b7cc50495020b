import { availableParallelism, totalmem } from "node:os";
import type { HighThroughputSettings } from "../../config/high-throughput.js";
import type { Needs } from "../executor.js";
import { nodeFacts } from "./manager/workers.js";

/** What no manager of an executor can have more of; `Infinity` where that is not known before one has registered. */
export interface NodeLimits {
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly gpus: number;
}

/** By its configuration; nodes of this machine are known. */
export function limitsOf({ provider, availableAccelerators }: HighThroughputSettings): NodeLimits {
  const gpus = availableAccelerators.length;
  const { kind, workerInit = "" } = provider;
  // What its lines say of its node is known there alone.
  if (kind !== "local" || workerInit.includes("CARAWAY_")) return { cores: Infinity, memory: Infinity, gpus };
  return { ...nodeFacts({ ...process.env, ...provider.env }, { cores: availableParallelism(), memory: totalmem() }), gpus };
}

/** Why no manager can ever give a task that, in words; undefined where one may. */
export function misfit(label: string, needs: Needs, limits: NodeLimits): string | undefined {
  const unbuilt = (["disk", "nodes", "ranksPerNode", "ranks"] as const).filter((name) => needs[name] !== undefined);
  if (unbuilt.length > 0) return `"${label}" does not give tasks ${unbuilt.join(", ")} yet`;
  const { cores = 0, memory = 0, gpus = 0 } = needs;
  if (gpus > limits.gpus) return `the managers of "${label}" have ${limits.gpus === 0 ? "no accelerators" : `${limits.gpus} accelerator(s) each`}, by its availableAccelerators`;
  if (cores > limits.cores) return `the managers of "${label}" have ${limits.cores} core(s) each`;
  if (memory > limits.memory) return `the managers of "${label}" have ${limits.memory} bytes of memory each`;
  return undefined;
}

/** What a task needs, in words. */
export const needsInWords = (needs: Needs): string => Object.entries(needs).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`).join(", ");
