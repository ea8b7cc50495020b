import type { AppCode, RunnableApp } from "../executors/executor.js";
import type { ResolvedRetries } from "../config/types.js";
import type { CallSite } from "../serialization/function-source.js";
import type { TaskSpec } from "../state-machines/task.js";
import type { AppCounts } from "./statistics.js";
import type { TaskTable } from "./task-table.js";
import type { AppOptions, Returns } from "./types.js";

/** A body that runs beside the kernel: of a bash app or a join app. */
export type Body = (...args: unknown[]) => unknown;

/** Whether what a body does after an await is still the body's. */
export const isAsync = (body: Body): boolean => Object.prototype.toString.call(body) === "[object AsyncFunction]";

/** What an app is. Made where it is defined, the same for every kernel it is called on. */
export interface AppDefinition extends RunnableApp {
  readonly kind: "function" | "module" | "bash" | "join" | "lift";
  readonly code: AppCode | undefined;
  readonly body: Body | undefined;
  /** The function as the user gave it, for the names of its parameters. */
  readonly source: Body | undefined;
  /** Where it was defined. */
  readonly site: CallSite | undefined;
  /** Which of the closures defined at its place it is, from 1; 0 for what is no closure. */
  readonly turn: number;
}

/** An app's options as one kernel understands them; shared by all calls with the same options. */
export interface CallPlan {
  readonly app: AppDefinition;
  readonly table: TaskTable;
  readonly counts: AppCounts;
  readonly options: AppOptions;
  readonly spec: TaskSpec;
  readonly retries: ResolvedRetries;
  readonly walltime: number;
  readonly priority: number | undefined;
  readonly returns: Returns;
  readonly strict: boolean;
  /** Labels it may run on; undefined: all. */
  readonly allowed: (label: string) => boolean;
  /** Neither files, streams, environment, signal nor resources: the quick way. */
  readonly plain: boolean;
}
