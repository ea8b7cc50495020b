import type { Logger } from "pino";
import { NoDataFlowKernelError, NotYetSupported } from "./errors/index.js";

/** The task that runs, from inside. */
export interface Task {
  /** The task's number in its kernel. */
  readonly id: number;
  /** 1 for the first. */
  readonly attempt: number;
  readonly host: string;
  /** The block it runs on, where its executor has blocks. */
  readonly block: string | undefined;
  /** Aborted when the task is cancelled or its time is up. A task that reads it is given time to end by itself. */
  readonly signal: AbortSignal;
  /** A pino logger; what it logs is collected with the task. */
  readonly log: Logger;
  /** Sends a value to the future's `reports$`. */
  report(value: unknown): void;
  /** Says how much is done, from 0 to 1. */
  progress(fraction: number, note?: string): void;
  /** Keeps a state to go on from. Not built yet. */
  checkpoint(state: unknown): never;
  /** The state that an earlier attempt kept. Not built yet. */
  readonly restored: never;
}

function scope(): Task {
  const current = (globalThis as Record<symbol, (() => Task | undefined) | undefined>)[Symbol.for("caraway.task.scope")]?.();
  if (current === undefined) throw new NoDataFlowKernelError("CW-CONF-003", "`task` of caraway/task was used outside of a task", { hint: "Use it inside a function that runs as a task on a worker." });
  return current;
}

function notYet(what: string): never {
  throw new NotYetSupported("CW-CONF-002", `${what} is not built yet`, { hint: "Leave it out for now." });
}

/** The task that the calling code belongs to. */
export const task: Task = {
  get id() {
    return scope().id;
  },
  get attempt() {
    return scope().attempt;
  },
  get host() {
    return scope().host;
  },
  get block() {
    return scope().block;
  },
  get signal() {
    return scope().signal;
  },
  get log() {
    return scope().log;
  },
  report: (value) => scope().report(value),
  progress: (fraction, note) => scope().progress(fraction, note),
  checkpoint: () => notYet("task.checkpoint"),
  get restored() {
    return notYet("task.restored");
  },
};
