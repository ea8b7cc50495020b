import type { CellKind } from "../actors/cell.js";
import { type ChartState, compile } from "../actors/compile.js";
import { InternalConsistencyError } from "../errors/index.js";
import { taskMachine, type TaskContext, type TaskEffect, type TaskInput, type TaskMessage } from "../state-machines/task.js";
import { stopAttempt } from "./cancelling.js";
import { watchJoin } from "./join.js";
import type { TaskTable } from "./task-table.js";
import type { TaskRecord } from "./task-record.js";

export type TaskKind = CellKind<TaskContext, TaskMessage, TaskEffect, TaskInput, TaskRecord>;

const chart = compile<TaskContext, TaskMessage, TaskEffect, TaskInput>(taskMachine);

/** What every task begins in. */
export const waitingState = chart.states.get("waiting") as ChartState;

/** What the table does for its tasks. */
export function taskKind(table: TaskTable): TaskKind {
  const { dispatcher } = table;
  return {
    name: "task",
    chart,
    perform: {
      "memo.lookup": (_, record) => table.memo.lookup(record),
      "inputs.stage": (_, record) => table.files.stage(record),
      "attempt.dispatch": ({ attempt }, record) => table.dispatch(record, attempt),
      "attempt.cancel": ({ attempt }, record) => stopAttempt(record, attempt),
      "outputs.publish": ({ attempt }, record) => table.files.publish(record, attempt),
      "join.watch": (_, record) => watchJoin(record, dispatcher),
      "timer.start": ({ attempt, ms }, record) => {
        const extra = record.more();
        extra.dueAt = dispatcher.now + ms;
        extra.backoff = dispatcher.ports.clock.after(ms, () => dispatcher.tell(record, { type: "retry.due", attempt }));
      },
      "timer.cancel": (_, record) => record.extra?.backoff?.cancel(),
      "task.settle": ({ outcome }, record) => table.settle(record, outcome),
    },
    moved: (record, from) => table.moved(record, from),
    crashed: (record, error) => {
      record.context.error = new InternalConsistencyError("CW-INT-001", `${record.path} (${record.app.name}) broke in state "${record.stateName}": ${(error as Error).message}`, { cause: error, where: { task: record.taskId, app: record.app.name } });
      table.settle(record, "failed");
    },
  };
}
