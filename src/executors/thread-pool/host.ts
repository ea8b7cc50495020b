import type { MemoryUse, ThreadEnd } from "../../state-machines/thread.js";
import type { ShellAnswer, ShellWork, WorkSetting } from "../executor.js";
import type { AnswerFrame, HeadMessage, TaskFrame, WorkerMessage } from "./frames.js";

/** What became of a slot's task when its worker ended. */
export type Fate = "unclaimed" | "started" | "ended";

export interface LaneEvents {
  answers(frame: AnswerFrame): void;
  message(message: WorkerMessage): void;
  exited(end: ThreadEnd): void;
}

/** One worker, from the head's side. */
export interface LaneLink {
  /** Arguments are copied: another attempt may need them. */
  post(frame: TaskFrame): void;
  tell(message: HeadMessage): void;
  /** Marks the slot's task as sent; before the frame is posted. */
  claim(slot: number): void;
  /** Takes the slot's task back, unless the worker was quicker. The answer may come at once. */
  revoke(slot: number, answer: (revoked: boolean) => void): void;
  /** It always does. */
  readonly takesBackAtOnce: boolean;
  /** The task that runs now, and for how many milliseconds. */
  running(): { slot: number; elapsed: number } | undefined;
  /** Whether the running task watches its abort signal. */
  readonly cooperates: boolean;
  /** Calls back when `running` and `cooperates` are as of this call: at once, where they always are. Never, where its process does not answer. */
  refresh(then: () => void): void;
  /** Asked once the worker has ended. */
  fate(slot: number): Fate;
  kill(): void;
  /** The process that it has to itself, where it has one. */
  readonly pid?: number | undefined;
  /** Ends it, and its process where it has one to itself, for the memory that it uses. */
  expel?(use: MemoryUse): void;
}

export interface ShellLink {
  /** The process group of the command, once it has one. */
  readonly pid?: number | undefined;
  /** SIGTERM, then SIGKILL, to the whole tree. */
  kill(): void;
}

export interface ShellRequest {
  readonly work: ShellWork;
  readonly setting: WorkSetting | undefined;
  readonly token: string;
}

/** Where workers live: this process, a child process, or a simulation. A port of the pool. */
export interface LaneHost {
  start(): Promise<void>;
  open(lane: number, events: LaneEvents): LaneLink;
  shell(request: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink;
  /** Ends what is left and releases everything. */
  close(): Promise<void>;
}
