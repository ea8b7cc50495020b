import type { ResourceLimits } from "node:worker_threads";
import type { Encoded } from "../../serialization/index.js";
import type { AnswerFrame, HeadMessage, TaskFrame, WorkerMessage } from "./frames.js";
import type { Fate } from "./host.js";

/** What a pool's process is given first. */
export interface ProcessSetup {
  readonly t: "setup";
  readonly label: string;
  readonly block: string | undefined;
  readonly resourceLimits: ResourceLimits | undefined;
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly typescript: string | undefined;
  readonly logs: string | undefined;
  /** By it the processes that tasks start are found. */
  readonly token: string;
  /** How often it says that it is there, in milliseconds. */
  readonly beatMs: number;
}

/** Head to the process of a pool. `link` names one incarnation of one lane's worker. */
export type ToProcess =
  | ProcessSetup
  | { readonly t: "open"; readonly link: number; readonly lane: number }
  | { readonly t: "post"; readonly link: number; readonly frame: TaskFrame }
  | { readonly t: "tell"; readonly link: number; readonly message: HeadMessage }
  | { readonly t: "revoke"; readonly link: number; readonly slot: number; readonly ticket: number }
  /** What runs is told of, where that has changed; then this is answered. */
  | { readonly t: "look"; readonly link: number; readonly ticket: number }
  | { readonly t: "kill"; readonly link: number }
  /** It has not been heard for a while. Answered by `alive`. */
  | { readonly t: "ask" };

/** The process of a pool to the head. */
export type FromProcess =
  | { readonly t: "hello" }
  /** Nothing else: it is there. */
  | { readonly t: "alive" }
  | { readonly t: "broken"; readonly error: Encoded }
  | { readonly t: "answers"; readonly link: number; readonly frame: AnswerFrame }
  | { readonly t: "message"; readonly link: number; readonly message: WorkerMessage }
  /** Which slot's task runs since when (milliseconds since 1970), told when it changes; `slot` is negative where none does. */
  | { readonly t: "running"; readonly link: number; readonly slot: number; readonly since: number; readonly cooperates: boolean }
  | { readonly t: "revoked"; readonly link: number; readonly ticket: number; readonly revoked: boolean }
  | { readonly t: "looked"; readonly link: number; readonly ticket: number }
  | { readonly t: "exited"; readonly link: number; readonly code: number | null; readonly error: Encoded; readonly failed: boolean; readonly fates: readonly (readonly [slot: number, fate: Fate])[] }
  /** A task has begun a process of its own. */
  | { readonly t: "spawned"; readonly task: string };

/** The pipe to the head, and the file of notes, in the process of a pool. */
export const pipeFd = 3;
export const notesFd = 4;

/** Milliseconds since 1970, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now();
