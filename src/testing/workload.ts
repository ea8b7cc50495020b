import type { HostConduct, Span } from "./faults.js";
import type { Act } from "./script.js";

/** One task of a workload, as data. */
export interface PlannedTask {
  readonly name: string;
  /** `get` takes the property `v` (or one that is not there) of the result of what it needs. */
  readonly kind: "function" | "command" | "join" | "get";
  /** What its result is made from. Tasks with the same key do the same. */
  readonly key: string;
  readonly acts: readonly Act[];
  /** Names of tasks that are planned before it. */
  readonly needs: readonly string[];
  readonly retries: number;
  readonly lost: number;
  /** Milliseconds; 0: no limit. */
  readonly walltime: number;
  readonly backoff: number;
  readonly priority?: number | undefined;
  readonly cache: boolean;
  /** Labels of executors. */
  readonly executors?: readonly string[] | undefined;
  /** What the body of a join calls; needs are names among these. */
  readonly inner: readonly PlannedTask[];
  /** The body of a join awaits before it calls. */
  readonly late: boolean;
  /** `get` of a property that is not there. */
  readonly missing: boolean;
  /** When it is called, in milliseconds. */
  readonly at: number;
}

export interface PlannedExecutor {
  readonly label: string;
  readonly maxThreads: number;
  readonly minThreads: number;
  readonly conduct: Partial<HostConduct>;
}

/** What is done to a run from outside. */
export type Disturbance =
  | { readonly at: number; readonly do: "cancel"; readonly task: string; readonly twice: boolean }
  /** A worker dies. */
  | { readonly at: number; readonly do: "kill"; readonly executor: string; readonly lane: number }
  /** All workers of an executor die with their process. */
  | { readonly at: number; readonly do: "kill-process"; readonly executor: string }
  /** An executor breaks one of its own rules, and is replaced by its supervisor. */
  | { readonly at: number; readonly do: "break"; readonly executor: string }
  /** An executor is removed: it finishes what it has, and gets no more. */
  | { readonly at: number; readonly do: "remove"; readonly executor: string }
  | { readonly at: number; readonly do: "close"; readonly mode: "wait" | "cancel"; readonly timeout?: number | undefined };

/** A whole run as data: what is called, where it runs, and what goes wrong. */
export interface Workload {
  readonly tasks: readonly PlannedTask[];
  readonly executors: readonly PlannedExecutor[];
  readonly disturbances: readonly Disturbance[];
  readonly maxPending?: number | undefined;
  /** How likely the head is busy with something else, and for how long. */
  readonly busy?: { readonly likely: number; readonly pause: Span } | undefined;
}

/** How a task ended: for a failure, its root cause as `name:key`, or `name:message` for what an app threw. */
export interface Outcome {
  readonly state: string;
  readonly value?: unknown;
  readonly root?: string;
}

/** A planned task with nothing special. */
export const plain: PlannedTask = { name: "a", kind: "function", key: "a", acts: [{ do: "return", ms: 1 }], needs: [], retries: 0, lost: 3, walltime: 0, backoff: 0, cache: false, inner: [], late: false, missing: false, at: 0 };
