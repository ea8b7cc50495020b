import { nearest } from "../config/suggest.js";
import { type CarawayError, InvalidResourceSpecification, UnknownExecutor, UnsupportedFeature } from "../errors/index.js";
import type { Executor } from "../executors/executor.js";
import type { TaskRecord } from "./task-record.js";
import type { Resources } from "./types.js";

/** The least loaded executor that may run the task (one that takes no work only where no other may), or the error that says why there is none. */
export function chooseExecutor(record: TaskRecord, attempt: number, executors: ReadonlyMap<string, Executor>): Executor | CarawayError {
  const { plan, app } = record;
  let chosen: Executor | undefined;
  for (const executor of executors.values()) {
    if (!plan.allowed(executor.label)) continue;
    if (chosen === undefined || isBetter(executor, chosen)) chosen = executor;
  }
  const where = { task: record.taskId, app: app.name };
  if (chosen === undefined) {
    const asked = plan.options.executors;
    const labels = [...executors.keys()];
    const meant = typeof asked === "function" ? undefined : (typeof asked === "string" ? [asked] : (asked ?? [])).map((label) => nearest(label, labels)).find((label) => label !== undefined);
    const named = typeof asked === "function" ? "its predicate accepts none of them" : `it asks for ${JSON.stringify(asked)}`;
    return new UnknownExecutor("CW-EXEC-004", `no executor can run ${app.name} (task ${record.taskId}): ${named}; there are ${labels.map((label) => `"${label}"`).join(", ") || "none"}`, { where, evidence: { asked: String(asked), labels }, ...(meant === undefined ? {} : { hint: `Did you mean "${meant}"?` }) });
  }
  if (plan.plain) return chosen;
  const { cwd, resources } = plan.options;
  if (cwd !== undefined && app.kind !== "bash" && !chosen.ownsProcesses) return new UnsupportedFeature("CW-EXEC-005", `${app.name} (task ${record.taskId}) asks for \`cwd\`, which a worker thread cannot have of its own`, { where: { ...where, executor: chosen.label }, hint: "Use threadPool({ isolation: \"process\", maxThreads: 1 }), pass paths as arguments, or make it a bash app." });
  if (resources === undefined) return chosen;
  return unfit(chosen, typeof resources === "function" ? resources({ attempt, lastError: record.extra?.history?.at(-1)?.error }) : resources, record) ?? chosen;
}

function isBetter(one: Executor, other: Executor): boolean {
  if (one.accepts !== other.accepts) return one.accepts;
  return one.load / one.capacity < other.load / other.capacity;
}

/** A pool of threads has cores to give, one to each task, and nothing else. */
function unfit(executor: Executor, resources: Resources, record: TaskRecord): CarawayError | undefined {
  const asked = Object.entries(resources).filter(([key, value]) => value !== undefined && !(key === "cores" && (value as number) <= 1));
  if (asked.length === 0) return undefined;
  return new InvalidResourceSpecification("CW-EXEC-003", `${record.app.name} (task ${record.taskId}) asks for ${asked.map(([key, value]) => `${key}: ${String(value)}`).join(", ")}; the thread pool "${executor.label}" gives each task one core`, { where: { task: record.taskId, app: record.app.name, executor: executor.label }, evidence: { resources } });
}
