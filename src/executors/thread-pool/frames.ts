import type { Encoded } from "../../serialization/index.js";
import type { AppCode, WorkSetting } from "../executor.js";

/** Head to worker: what to run. Flat, six entries a task: slot, task, attempt, app, arguments, setting. */
export type TaskFrame = unknown[];
export const taskStride = 6;

/** A frame in the making: its memory is used again for the next. */
export class FrameDraft {
  private readonly entries: unknown[] = [];
  private used = 0;

  get isEmpty(): boolean {
    return this.used === 0;
  }

  add(slot: number, task: number, attempt: number, app: number, args: readonly Encoded[], setting: WorkSetting | undefined): void {
    const { entries, used } = this;
    entries[used] = slot;
    entries[used + 1] = task;
    entries[used + 2] = attempt;
    entries[used + 3] = app;
    entries[used + 4] = args;
    entries[used + 5] = setting;
    this.used = used + taskStride;
  }

  /** The frame; the draft is empty then. */
  take(): TaskFrame {
    const { entries, used } = this;
    const frame = entries.slice(0, used);
    for (let at = 4; at < used; at += taskStride) entries[at] = entries[at + 1] = undefined;
    this.used = 0;
    return frame;
  }
}

/** Worker to head: answers. Flat, six entries a task: slot, task, attempt, verdict, payload, milliseconds. */
export type AnswerFrame = unknown[];
export const answerStride = 6;

export const verdict = { value: 0, thrown: 1, skipped: 2 } as const;

/** Head to worker, besides task frames. */
export type HeadMessage =
  | { readonly t: "define"; readonly app: number; readonly name: string; readonly code: AppCode }
  | { readonly t: "abort"; readonly task: number; readonly attempt: number; readonly reason: string };

/** Worker to head, besides answer frames. */
export type WorkerMessage =
  | { readonly t: "ready"; readonly thread: number }
  | { readonly t: "report"; readonly task: number; readonly attempt: number; readonly value: Encoded }
  | { readonly t: "progress"; readonly task: number; readonly attempt: number; readonly fraction: number; readonly note: string | undefined }
  | { readonly t: "log"; readonly task: number; readonly attempt: number; readonly line: string }
  | { readonly t: "late"; readonly task: number; readonly attempt: number; readonly error: Encoded }
  /** A task is about to start a process of its own. */
  | { readonly t: "spawned"; readonly task: string };

/** One task of a frame, unpacked. */
export interface FramedTask {
  readonly slot: number;
  readonly task: number;
  readonly attempt: number;
  readonly app: number;
  readonly args: readonly Encoded[];
  readonly setting: WorkSetting | undefined;
}

/** What a worker is given when it starts. */
export interface SessionSetup {
  readonly port: import("node:worker_threads").MessagePort;
  readonly claims: SharedArrayBuffer;
  readonly lane: number;
  readonly label: string;
  readonly block: string | undefined;
  /** The program runs TypeScript: the file to look for its loader from. */
  readonly typescript: string | undefined;
  /** The open file in which starts are noted, where that is to survive the process. */
  readonly notes: number | undefined;
  /** The file for what tasks print that have no file of their own for it. */
  readonly log: string | undefined;
}
