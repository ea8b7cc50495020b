import { ConfigurationError, NotYetSupported } from "../errors/index.js";
import { checkConfig, describeProblem, type ConfigProblem } from "./check.js";
import { highThroughput, threadPool, type ExecutorDescriptor, type RunnableDescriptor } from "./descriptors.js";
import type { Config, ResolvedBackoff, ResolvedConfig, ResolvedRetries, RetryOptions, Settings } from "./types.js";
import { plainlyValid } from "./plainly-valid.js";
import { parseDuration } from "./units.js";

/** The configuration as it is, typed: what a `caraway.config.ts` exports. */
export function defineConfig<const C extends Config>(config: C): C {
  return config;
}

/**
 * A checked configuration with every default filled in; the object given stays as it is.
 *
 * @throws ConfigurationError that lists every problem, or NotYetSupported where all of them are parts that are not built yet.
 */
export async function resolveConfig(input?: unknown): Promise<ResolvedConfig> {
  if (input === undefined) return withDefaults({});
  if (!plainlyValid(input)) refuseProblems(await checkConfig(input));
  return withDefaults(input as Settings);
}

/** Throws one error for all problems that are errors; returns where there is none. */
export function refuseProblems(problems: readonly ConfigProblem[]): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  if (errors.length === 0) return;
  const details = { evidence: { problems: errors } };
  const lines = errors.map(describeProblem);
  const list = lines.length === 1 ? (lines[0] ?? "") : `${lines.length} problems:\n${lines.map((line) => `  - ${line}`).join("\n")}`;
  if (errors.every((problem) => problem.code === "CW-CONF-002")) throw new NotYetSupported("CW-CONF-002", `the configuration asks for what is not built yet: ${list}`, details);
  throw new ConfigurationError("CW-CONF-001", `the configuration is not valid: ${list}`, details);
}

function withDefaults(input: Settings): ResolvedConfig {
  const { logger, projectName } = input;
  return {
    executors: (input.executors ?? [threadPool()]).map(runnable),
    retries: resolveRetries(input.retries),
    cache: input.cache ?? true,
    runDir: input.runDir ?? "runinfo",
    strategy: input.strategy ?? "simple",
    strategyPeriod: parseDuration(input.strategyPeriod ?? "5s", "strategyPeriod"),
    maxIdleTime: parseDuration(input.maxIdleTime ?? "2m", "maxIdleTime"),
    exitMode: input.exitMode ?? "wait",
    dependencyResolver: input.dependencyResolver ?? "deep",
    maxPending: input.maxPending ?? Infinity,
    retain: input.retain ?? 10_000,
    progress: progressAsked(input.progress),
    ...(logger && { logger }),
    ...(projectName !== undefined && { projectName }),
  };
}

/** A checked descriptor as its maker makes it. */
function runnable(descriptor: ExecutorDescriptor): RunnableDescriptor {
  return descriptor.kind === "high-throughput" ? highThroughput(descriptor) : threadPool(descriptor);
}

/** The retry budgets of a kernel or an app: a number stands for `{ app }`. Expects a checked value. */
export function resolveRetries(retries: number | RetryOptions = 0): ResolvedRetries {
  const { app = 0, lost = 3, backoff, cost } = typeof retries === "number" ? { app: retries } : retries;
  return {
    app,
    lost,
    ...(backoff !== undefined && { backoff: typeof backoff === "function" ? backoff : resolveBackoff(backoff) }),
    ...(cost && { cost }),
  };
}

function resolveBackoff(backoff: Exclude<RetryOptions["backoff"], undefined | ((...args: never[]) => unknown)>): ResolvedBackoff {
  if (typeof backoff !== "object") {
    const pause = parseDuration(backoff, "backoff");
    return { min: pause, max: pause, factor: 1, jitter: 0 };
  }
  return { min: parseDuration(backoff.min, "backoff.min"), max: parseDuration(backoff.max, "backoff.max"), factor: backoff.factor ?? 2, jitter: backoff.jitter ?? 0 };
}

/** The command's word (`CARAWAY_PROGRESS`, set by `caraway run`) goes before the configuration's when it says no. */
function progressAsked(configured: boolean | undefined): boolean {
  const asked = process.env["CARAWAY_PROGRESS"];
  return asked === "0" ? false : (configured ?? asked === "1");
}
