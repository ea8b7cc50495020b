import { availableParallelism, totalmem } from "node:os";
import type { ConfigProblem } from "./check.js";
import { highThroughputChecks } from "./block-checks.js";
import { error, isDuration, isPlain, type Plain, warning } from "./problems.js";
import { pathText } from "./show.js";
import { parseDuration } from "./units.js";

/** What is wrong between options that are each right; looks only at values whose type is right. */
export function crossChecks(config: unknown): ConfigProblem[] {
  if (!isPlain(config)) return [];
  const profiles = isPlain(config["profiles"]) ? Object.entries(config["profiles"]) : [];
  return [...settingsChecks(config, ""), ...profiles.flatMap(([name, profile]) => (isPlain(profile) ? settingsChecks(profile, `${pathText(["profiles", name])}.`) : []))];
}

function settingsChecks(settings: Plain, prefix: string): ConfigProblem[] {
  const executors = Array.isArray(settings["executors"]) ? (settings["executors"] as unknown[]) : [];
  return [
    ...duplicateLabels(executors, `${prefix}executors`),
    ...executors.flatMap((executor, index) => (isPlain(executor) ? executorChecks(executor, `${prefix}executors[${index}].`) : [])),
    ...retryChecks(settings["retries"], `${prefix}retries`),
  ];
}

function duplicateLabels(executors: readonly unknown[], path: string): ConfigProblem[] {
  const first = new Map<string, number>();
  return executors.flatMap((executor, index) => {
    const label = labelOf(executor);
    if (label === undefined) return [];
    const earlier = first.get(label);
    if (earlier !== undefined) return [error(`${path}[${index}].label`, `is ${JSON.stringify(label)}, the label of ${path}[${earlier}] already; give each executor its own label`)];
    first.set(label, index);
    return [];
  });
}

function labelOf(executor: unknown): string | undefined {
  if (!isPlain(executor)) return undefined;
  if (typeof executor["label"] === "string") return executor["label"];
  return executor["kind"] === "thread-pool" ? "threads" : executor["kind"] === "high-throughput" ? "high-throughput" : undefined;
}

function executorChecks(executor: Plain, prefix: string): ConfigProblem[] {
  if (executor["kind"] === "thread-pool") return threadPoolChecks(executor, prefix);
  return executor["kind"] === "high-throughput" ? highThroughputChecks(executor, prefix) : [];
}

function threadPoolChecks(pool: Plain, prefix: string): ConfigProblem[] {
  const { maxThreads, minThreads, resourceLimits, heartbeatThreshold, isolation } = pool;
  const problems: ConfigProblem[] = [];
  if (typeof minThreads === "number" && typeof maxThreads === "number" && minThreads > maxThreads) {
    problems.push(error(`${prefix}minThreads`, `is ${minThreads}, more than maxThreads, which is ${maxThreads}`));
  }
  if (isDuration(heartbeatThreshold)) {
    if (parseDuration(heartbeatThreshold, "threshold") === 0) problems.push(error(`${prefix}heartbeatThreshold`, "is 0; a process needs some time to say that it is there"));
    else if (isolation !== "process") problems.push(warning(`${prefix}heartbeatThreshold`, 'has no effect on threads, which stand still only where this process does; set isolation: "process" beside it'));
  }
  if (typeof maxThreads !== "number") return problems;
  const cores = availableParallelism();
  if (maxThreads > Math.max(64, 16 * cores)) problems.push(warning(`${prefix}maxThreads`, `is ${maxThreads} on a machine with ${cores} cores: each worker costs some 10 MiB and gains nothing beyond the cores`));
  const heap = isPlain(resourceLimits) ? resourceLimits["maxOldGenerationSizeMb"] : undefined;
  const memory = Math.floor(totalmem() / 2 ** 20);
  if (typeof heap === "number" && heap > memory) {
    problems.push(warning(`${prefix}resourceLimits.maxOldGenerationSizeMb`, `lets one worker use ${heap} MiB on a machine with ${memory} MiB`));
  }
  return problems;
}

function retryChecks(retries: unknown, path: string): ConfigProblem[] {
  if (!isPlain(retries)) return [];
  const { app, cost, backoff } = retries;
  const problems: ConfigProblem[] = [];
  if (typeof app === "number" && !Number.isInteger(app) && cost === undefined) problems.push(error(`${path}.app`, `is ${app}; a part of a retry needs a cost function`));
  if (typeof cost === "function" && app === undefined) problems.push(warning(`${path}.cost`, "has no effect on failures while `app` is 0; set `app` to the cost that may accumulate"));
  if (!isPlain(backoff)) return problems;
  const { min, max } = backoff;
  if (isDuration(min) && isDuration(max) && parseDuration(min, "min") > parseDuration(max, "max")) problems.push(error(`${path}.backoff.min`, `is ${min}, longer than max, which is ${max}`));
  return problems;
}
