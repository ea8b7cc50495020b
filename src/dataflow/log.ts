import type { Logger } from "pino";
import type { DataFlowKernel, KernelEvent } from "./kernel.js";

/** Writes what happens in a kernel to the user's logger: retries and late errors as warnings, what tasks log as they said it. */
export function logEvents(kernel: DataFlowKernel, logger: Logger): void {
  const log = logger.child({ component: "caraway" });
  kernel.events$.subscribe((event) => write(log, event, kernel));
}

function write(log: Logger, event: KernelEvent, kernel: DataFlowKernel): void {
  switch (event.type) {
    case "task.retry":
      log.warn({ task: event.task, app: event.app, attempt: event.attempt, err: event.error, delay: event.delay }, "a task is tried again");
      break;
    case "task.late-error":
      log.warn({ task: event.task, attempt: event.attempt, err: event.error }, "an error came after its task had ended");
      break;
    case "task.log":
      writeLine(log, event.line, event.task, event.attempt);
      break;
    case "task.state":
      if (event.state === "failed" || event.state === "dependency-failed") log.error({ task: event.task, app: event.app, attempt: event.attempt, state: event.state, err: kernel.table.get(event.task)?.context.error }, "a task failed");
      else log.trace({ task: event.task, app: event.app, from: event.from, state: event.state }, "a task moved");
      break;
    case "task.report":
    case "task.progress":
      log.trace(event, "a task reported");
      break;
    case "executor.trouble":
      log.warn({ executor: event.executor, err: event.error }, "something of an executor failed, and the executor goes on");
      break;
    case "kernel.state":
      log.debug({ state: event.state }, "the kernel moved");
      break;
  }
}

const levels = new Map([[10, "trace"], [20, "debug"], [30, "info"], [40, "warn"], [50, "error"], [60, "fatal"]] as const);

/** A line that a task's own logger made, at its own level. */
function writeLine(log: Logger, line: string, task: number, attempt: number): void {
  const { level, time: _, msg, ...fields } = JSON.parse(line) as { level: 10 | 20 | 30 | 40 | 50 | 60; time: number; msg?: string };
  log[levels.get(level) ?? "info"]({ ...fields, task, attempt }, msg);
}
