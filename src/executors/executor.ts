import type { Place } from "../actors/place.js";
import type { Encoded } from "../serialization/index.js";
import type { ShippedFunction } from "../serialization/function-source.js";
import type { Charge } from "../state-machines/task.js";

/** What a worker needs once, to run any number of calls of an app. */
export type AppCode = { readonly kind: "function"; readonly shipped: ShippedFunction } | { readonly kind: "module"; readonly url: string; readonly name: string };

/** An app as executors know it. */
export interface RunnableApp {
  /** Unique in the kernel. */
  readonly key: number;
  readonly name: string;
  readonly code: AppCode | undefined;
  /** Milliseconds that a call is expected to take on a worker; negative while unknown. Kept by the executor. */
  expected: number;
}

export interface StreamFile {
  readonly path: string;
  readonly mode: "append" | "truncate";
}

/** What a call asks of its worker beyond the arguments. */
export interface WorkSetting {
  readonly stdout?: StreamFile;
  readonly stderr?: StreamFile;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A shell command, ready to run. */
export interface ShellWork {
  readonly command: string;
  readonly strict: boolean;
  /** stdout is the result. */
  readonly capture: boolean;
}

/** What an attempt needs of its node; of what it does not name it gets what a worker has. */
export interface Needs {
  readonly cores?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly gpus?: number;
  readonly disk?: number;
  readonly nodes?: number;
  readonly ranksPerNode?: number;
  readonly ranks?: number;
}

/** One task as its executor sees it. The kernel's own record of the task is one of these. */
export interface Work {
  readonly taskId: number;
  readonly app: RunnableApp;
  /** For its executor to keep what it knows of it. */
  place: unknown;
  /** Smaller is sooner; unset is last. */
  readonly priority: number | undefined;
  /** Milliseconds; 0: no limit. */
  readonly walltime: number;
  /** Arguments as they travel, composed for this attempt. */
  argumentsFor(attempt: number): readonly Encoded[];
  shellFor(attempt: number): ShellWork | undefined;
  settingFor(attempt: number): WorkSetting | undefined;
  /** Undefined: a worker, and nothing beyond that. */
  needsFor?(attempt: number): Needs | undefined;
}

export interface ShellAnswer {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout?: string;
  readonly stderrTail: string;
  readonly error?: Error;
}

/** How an attempt ended by itself. */
export type Answer =
  /** `ms`: how long it ran on the worker. */
  | { readonly ok: true; readonly value: Encoded; readonly ms: number }
  | { readonly ok: false; readonly thrown: Encoded; readonly ms: number }
  | { readonly shell: ShellAnswer };

export interface WorkFailure {
  readonly error: Error;
  readonly charge: Charge;
  /** Its worker is still inside a native call: `released` follows. */
  readonly held: boolean;
}

/** What comes from a worker besides answers. */
export type WorkNews =
  | { readonly kind: "report"; readonly value: unknown }
  | { readonly kind: "progress"; readonly fraction: number; readonly note: string | undefined }
  | { readonly kind: "log"; readonly line: string }
  /** Thrown or rejected after the task had ended, or outside of any task (`taskId` 0). */
  | { readonly kind: "late-error"; readonly error: unknown };

/** Who is told what becomes of work: the kernel. Called while messages are handled; must only tell others. */
export interface WorkListener {
  sent(work: Work, attempt: number): void;
  started(work: Work, attempt: number): void;
  requeued(work: Work, attempt: number): void;
  answered(work: Work, attempt: number, answer: Answer): void;
  failed(work: Work, attempt: number, failure: WorkFailure): void;
  /** It will not run, and user code of it never began. */
  revoked(work: Work, attempt: number): void;
  released(work: Work, attempt: number): void;
  news(taskId: number, attempt: number, news: WorkNews): void;
}

export interface ExecutorStatus {
  readonly label: string;
  readonly state: string;
  readonly workers: number;
  readonly busy: number;
  readonly queued: number;
  readonly out: number;
  readonly zombies: number;
  readonly lost: number;
}

/** A part of an executor that its supervisor starts, watches and starts again by itself. */
export interface ExecutorPart {
  readonly id: string;
  /** `ended` is called once where it ends by itself. */
  start(ended: (error: unknown) => void): Promise<void>;
  stop(): Promise<void>;
}

/** A node of a block with a manager on it: actors may be started `on` it. */
export interface BlockNode extends Place {
  /** The name of its manager: no other ever has it. */
  readonly id: string;
  readonly block: string;
  readonly executor: string;
  readonly host: string;
  /** Which of the nodes of its block, from 0. */
  readonly rank: number;
  /** Tasks that it runs at once. */
  readonly workers: number;
  /** It takes actors. */
  readonly running: boolean;
}

/** A block whose managers have registered: actors may be started `on` it, each on the node of it that has the fewest. */
export interface Block extends Place {
  readonly id: string;
  /** The label of its executor. */
  readonly executor: string;
  readonly state: "running" | "draining" | "ended";
  /** Nodes with a manager, by rank. */
  readonly nodes: readonly BlockNode[];
  /** Resolves when it has ended. Never rejects. */
  readonly ended: Promise<void>;
}

/** Where an executor can have actors. */
export interface ActorPlaces {
  /** Blocks with a manager, the oldest first. */
  readonly blocks: readonly Block[];
  /** A block that takes actors, as soon as there is one; one is asked for where there is none. Rejects after so many milliseconds. */
  block(timeoutMs: number): Promise<Block>;
}

/** The one interface between the kernel and whatever has its work done. */
export interface Executor {
  readonly label: string;
  /** How much of what is here runs at once. */
  readonly capacity: number;
  /** Its workers have processes of their own: directory, affinity and accelerators can be set for each. */
  readonly ownsProcesses: boolean;
  /** Work not answered yet. */
  readonly load: number;
  /** It takes work: it neither failed nor is it being stopped. */
  readonly accepts: boolean;
  /** What else is started with it, in this order. */
  readonly parts?: readonly ExecutorPart[];
  /** Where it has blocks. */
  readonly places?: ActorPlaces | undefined;
  /** Why it can never give a task that, in words; undefined where it can. */
  fits?(needs: Needs): string | undefined;
  start(): Promise<void>;
  submit(work: Work, attempt: number): void;
  /** Resolves when what it has is finished; takes no more meanwhile. */
  drain(): Promise<void>;
  /** Idempotent; does nothing where the attempt has ended. `done` is called once no user code of it can begin or go on unfenced. */
  cancel(work: Work, attempt: number, why: "cancelled" | "closing", done: () => void): void;
  /** Resolves when nothing of it is left, or rejects at the time limit naming what is. */
  stop(timeoutMs: number | undefined): Promise<void>;
  status(): ExecutorStatus;
  tree(): readonly { path: string; state: string }[];
  /** Where an attempt is, in words. */
  explain(work: Work, attempt: number): string | undefined;
}
