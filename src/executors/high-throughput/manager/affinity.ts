import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { CpuAffinity } from "../../../config/high-throughput.js";
import { ConfigurationError } from "../../../errors/index.js";

/** `0-3,8` as numbers. */
export function parseCores(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The cores that this process may use. */
export function allowedCores(status = readFileSync("/proc/self/status", "utf8")): number[] {
  return parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "0");
}

/** Which of the cores each worker is bound to, as Parsl distributes them; where there are more workers than cores, several share one. Undefined: any. */
export function coresOf(affinity: CpuAffinity, worker: number, workers: number, cores: readonly number[]): readonly number[] | undefined {
  if (affinity === "none") return undefined;
  if (affinity.startsWith("list:")) return parseCores(affinity.split(":")[worker + 1] ?? "");
  const share = Math.floor(cores.length / workers);
  if (share === 0) return [cores[worker % cores.length] as number];
  if (affinity === "block") return cores.slice(share * worker, share * (worker + 1));
  if (affinity === "block-reverse") return cores.slice(cores.length - share * (worker + 1), cores.length - share * worker);
  return cores.filter((_, i) => i % workers === worker).slice(0, share);
}

/** Refuses by name what this node cannot do. */
export function checkAffinity(affinity: CpuAffinity, workers: number, cores: readonly number[]): void {
  if (affinity === "none") return;
  const refuse = (what: string, hint: string): never => {
    throw new ConfigurationError("CW-CONF-001", `cpuAffinity "${affinity}" cannot be followed here: ${what}`, { evidence: { cpuAffinity: affinity, workers, cores }, hint });
  };
  if (spawnSync("taskset", ["--version"], { stdio: "ignore" }).error !== undefined) refuse("there is no taskset on this node", "Install util-linux, or leave cpuAffinity out.");
  if (!affinity.startsWith("list:")) return;
  const lists = affinity.split(":").slice(1);
  if (lists.length < workers) refuse(`it names the cores of ${lists.length} workers, and there are ${workers}`, "Name the cores of each worker, or set maxWorkersPerNode.");
  const foreign = lists.slice(0, workers).flatMap(parseCores).filter((core) => !cores.includes(core));
  if (foreign.length > 0) refuse(`the cores ${foreign.join(", ")} are not among those that it may use`, `It may use ${cores.join(", ")}.`);
}
