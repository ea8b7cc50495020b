import { highThroughput, local, threadPool, type ExecutorDescriptor, type ThreadPoolOptions } from "#internal/index";

/** What these tests run on: they are about behaviour that every executor has. The test command runs them on each in turn. */
export const executorUnderTest = process.env["CARAWAY_TEST_EXECUTOR"] ?? "thread";

export const onThreads = executorUnderTest === "thread";
export const onManagers = executorUnderTest === "high-throughput";

/** An executor with so many workers, of the kind that is tested, under the label that a thread pool would have. */
export function testExecutor(options: ThreadPoolOptions = {}): ExecutorDescriptor {
  if (executorUnderTest === "thread") return threadPool(options);
  if (executorUnderTest === "process") return threadPool({ ...options, isolation: "process" });
  const { label = "threads", maxThreads = 2, resourceLimits, env, killGrace } = options;
  return highThroughput({ label, maxWorkersPerNode: maxThreads, resourceLimits, env, killGrace, provider: local({ statusInterval: "100ms" }), heartbeatPeriod: "1s", heartbeatThreshold: "20s" });
}
