import { availableParallelism } from "node:os";
import type { Dispatcher } from "../actors/dispatcher.js";
import type { HighThroughputDescriptor, RunnableDescriptor } from "../config/descriptors.js";
import { parseDuration } from "../config/units.js";
import type { Executor, WorkListener } from "../executors/executor.js";
import type { RunSetting } from "../executors/high-throughput/high-throughput.js";
import { ThreadPool } from "../executors/thread-pool/pool.js";
import { hostFor, type FirstHosts } from "./hosts.js";

/** Makes an executor of its description. A port: tests give one that makes pools on simulated hosts. */
export type ExecutorMaker = (descriptor: RunnableDescriptor, dispatcher: Dispatcher, listener: WorkListener, broken: (error: unknown) => void, incarnation: number, run: RunSetting) => Promise<Executor>;

/** How long a thread may take to end before it counts as a zombie, in milliseconds. In a process of its own it is killed for real before that. */
const patience = { thread: 500, process: 10_000 };

/** Executors with threads or processes of this machine; the first of each label on its host among `first`, where it has one there. */
export const executorMaker = (first?: FirstHosts): ExecutorMaker => async (descriptor, dispatcher, listener, broken, incarnation, run) => {
  if (descriptor.kind === "high-throughput") return await highThroughputOf(descriptor, dispatcher, listener, broken, incarnation, run);
  const { label, isolation } = descriptor;
  const maxThreads = descriptor.maxThreads ?? availableParallelism();
  const host = first?.take(label) ?? (await hostFor(descriptor, dispatcher));
  const options = { label, incarnation, maxThreads, minThreads: Math.min(maxThreads, descriptor.minThreads ?? 1), killGrace: parseDuration(descriptor.killGrace ?? 2000, "killGrace"), patience: patience[isolation ?? "thread"], ownsProcesses: isolation === "process" && maxThreads === 1 };
  return new ThreadPool(options, host, dispatcher, listener, broken);
};

/** Loaded where one is asked for: links, providers and blocks come with it. */
async function highThroughputOf(descriptor: HighThroughputDescriptor, ...[dispatcher, listener, broken, incarnation, run]: Parameters<ExecutorMaker> extends [unknown, ...infer Rest] ? Rest : never): Promise<Executor> {
  const { makeHighThroughput } = await import("../executors/high-throughput/make.js");
  return await makeHighThroughput(descriptor, { dispatcher, listener, broken }, incarnation, run);
}
