import type { DataFlowKernel } from "./kernel.js";

/** Why a task is where it is. */
export interface Explanation {
  readonly sentence: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

export function explain(kernel: DataFlowKernel, id: number): Explanation {
  const record = kernel.table.get(id);
  if (record === undefined) return { sentence: `there is no task ${id}, or it ended long ago`, evidence: {} };
  return { sentence: `task ${id} (${record.app.name}) is ${record.stateName}`, evidence: { state: record.stateName, executor: record.executor?.explain(record, record.context.attempt) } };
}
