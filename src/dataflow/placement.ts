import { nearest } from "../config/suggest.js";
import { parseSize, sizeFault, type Size } from "../config/units.js";
import { type CarawayError, InvalidResourceSpecification, UnknownExecutor, UnsupportedFeature } from "../errors/index.js";
import type { Executor, Needs } from "../executors/executor.js";
import type { TaskRecord } from "./task-record.js";
import type { AppOptions, Resources } from "./types.js";

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
  return resources === undefined ? chosen : fitting(record, attempt, resources, executors, chosen);
}

/** The least loaded of those that have what it asks for. */
function fitting(record: TaskRecord, attempt: number, resources: NonNullable<AppOptions["resources"]>, executors: ReadonlyMap<string, Executor>, first: Executor): Executor | CarawayError {
  const asked = typeof resources === "function" ? resources({ attempt, lastError: record.extra?.history?.at(-1)?.error }) : resources;
  const named = Object.entries(asked).filter(([, value]) => value !== undefined);
  const refusal = (why: string): CarawayError =>
    new InvalidResourceSpecification("CW-EXEC-003", `${record.app.name} (task ${record.taskId}) asks for ${named.map(([key, value]) => `${key}: ${String(value)}`).join(", ")}; ${why}`, { where: { task: record.taskId, app: record.app.name, executor: first.label }, evidence: { resources: asked } });
  const needs = needsOf(asked);
  if (typeof needs === "string") return refusal(needs);
  delete record.more().needs;
  if (named.length === 0) return first;
  let found: Executor | undefined;
  for (const executor of executors.values()) if (record.plan.allowed(executor.label) && executor.fits?.(needs) === undefined && (found === undefined || isBetter(executor, found))) found = executor;
  if (found === undefined) return refusal(first.fits?.(needs) ?? `"${first.label}" does not give it that`);
  record.more().needs = needs;
  return found;
}

const amounts: Readonly<Record<keyof Needs, (value: unknown) => boolean>> = {
  cores: (value) => typeof value === "number" && value >= 0 && value < Infinity,
  memory: (value) => sizeFault(value) === undefined,
  disk: (value) => sizeFault(value) === undefined,
  gpus: isWhole, nodes: isWhole, ranksPerNode: isWhole, ranks: isWhole,
};

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Sizes as bytes; or what is wrong with it, in words. */
function needsOf(resources: Resources): Needs | string {
  const needs: { -readonly [K in keyof Needs]: number } = {};
  for (const [key, value] of Object.entries(resources) as [keyof Needs, unknown][]) {
    if (value === undefined) continue;
    if (!Object.hasOwn(amounts, key)) return `there is no resource "${key}"; there are ${Object.keys(amounts).join(", ")}`;
    if (!amounts[key](value)) return `its ${key} is not an amount`;
    needs[key] = key === "memory" || key === "disk" ? parseSize(value as Size, key) : (value as number);
  }
  return needs;
}

function isBetter(one: Executor, other: Executor): boolean {
  if (one.accepts !== other.accepts) return one.accepts;
  return one.load / one.capacity < other.load / other.capacity;
}
