import type { ConfigProblem } from "./check.js";
import { isCpuAffinity } from "./high-throughput.js";
import { linkChecks } from "./link-checks.js";
import { error, isDuration, isPlain, type Plain, warning } from "./problems.js";
import { parseDuration } from "./units.js";

/** What is wrong between the options of an executor whose work is done in blocks; looks only at values whose type is right. */
export function highThroughputChecks(executor: Plain, prefix: string): ConfigProblem[] {
  const { provider } = executor;
  return [
    ...heartbeatChecks(executor, prefix),
    ...workerChecks(executor, prefix),
    ...portChecks(executor, prefix),
    ...linkChecks(executor, prefix),
    ...(isPlain(provider) ? [...blockChecks(provider, `${prefix}provider.`), ...launcherChecks(provider, `${prefix}provider.`), ...walltimeChecks(executor, provider, prefix)] : []),
  ];
}

function heartbeatChecks({ heartbeatPeriod = "5s", heartbeatThreshold = "30s" }: Plain, prefix: string): ConfigProblem[] {
  if (!isDuration(heartbeatPeriod) || !isDuration(heartbeatThreshold)) return [];
  const [period, threshold] = [parseDuration(heartbeatPeriod, "period"), parseDuration(heartbeatThreshold, "threshold")];
  if (period === 0) return [error(`${prefix}heartbeatPeriod`, "is 0; a heartbeat needs some time between two beats")];
  if (period >= threshold) return [error(`${prefix}heartbeatPeriod`, `is ${heartbeatPeriod}, not shorter than heartbeatThreshold, which is ${heartbeatThreshold}: every manager would count as lost`)];
  return period * 2 > threshold ? [warning(`${prefix}heartbeatPeriod`, `is ${heartbeatPeriod}, more than half of heartbeatThreshold, which is ${heartbeatThreshold}: one late heartbeat loses a manager`)] : [];
}

function workerChecks({ isolation = "thread", cpuAffinity = "none", availableAccelerators }: Plain, prefix: string): ConfigProblem[] {
  if (isolation !== "thread") return [];
  const problems: ConfigProblem[] = [];
  if (isCpuAffinity(cpuAffinity) && cpuAffinity !== "none") problems.push(error(`${prefix}cpuAffinity`, `is "${cpuAffinity}", which binds processes; set isolation: "process" beside it`));
  const there = Array.isArray(availableAccelerators) ? availableAccelerators.length > 0 : typeof availableAccelerators === "number" && availableAccelerators > 0;
  if (there) problems.push(warning(`${prefix}availableAccelerators`, 'is told to workers by environment variables, which native libraries do not see in a thread; set isolation: "process" beside it'));
  return problems;
}

function portChecks({ workerPort, portRange }: Plain, prefix: string): ConfigProblem[] {
  if (portRange === undefined) return [];
  if (workerPort !== undefined) return [error(`${prefix}portRange`, "and workerPort are both given; give one of them")];
  const [first, last] = Array.isArray(portRange) ? (portRange as unknown[]) : [];
  return typeof first === "number" && typeof last === "number" && first > last ? [error(`${prefix}portRange`, `begins with ${first}, which is more than its end, ${last}`)] : [];
}

function blockChecks({ initBlocks = 1, minBlocks = 0, maxBlocks = 1 }: Plain, prefix: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (typeof minBlocks === "number" && typeof initBlocks === "number" && minBlocks > initBlocks) problems.push(error(`${prefix}minBlocks`, `is ${minBlocks}, more than initBlocks, which is ${initBlocks}`));
  if (typeof initBlocks === "number" && typeof maxBlocks === "number" && initBlocks > maxBlocks) problems.push(error(`${prefix}initBlocks`, `is ${initBlocks}, more than maxBlocks, which is ${maxBlocks}`));
  return problems;
}

function launcherChecks({ kind, launcher, nodesPerBlock = 1 }: Plain, prefix: string): ConfigProblem[] {
  if (!isPlain(launcher)) return [];
  if (launcher["kind"] === "single" && typeof nodesPerBlock === "number" && nodesPerBlock > 1) return [error(`${prefix}launcher`, `is single(), which starts one manager, but a block has ${nodesPerBlock} nodes; use ${kind === "slurm" ? "srun()" : "simple()"}`)];
  if (launcher["kind"] === "srun" && kind === "local") return [error(`${prefix}launcher`, "is srun(), which needs a Slurm job; use simple() with local()")];
  if (launcher["kind"] === "simple" && kind === "slurm" && typeof nodesPerBlock === "number" && nodesPerBlock > 1) return [warning(`${prefix}launcher`, `is simple(), which starts the managers of all ${nodesPerBlock} nodes on the first; srun() starts one on each`)];
  return [];
}

function walltimeChecks({ drainPeriod }: Plain, { walltime }: Plain, prefix: string): ConfigProblem[] {
  if (!isDuration(walltime)) return [];
  if (parseDuration(walltime, "walltime") === 0) return [error(`${prefix}provider.walltime`, "is 0; leave it out for no limit")];
  if (!isDuration(drainPeriod) || parseDuration(drainPeriod, "drain") < parseDuration(walltime, "walltime")) return [];
  return [warning(`${prefix}drainPeriod`, `is ${drainPeriod}, not shorter than the walltime of a block, which is ${walltime}`)];
}
