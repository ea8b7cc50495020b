import { stat, truncate, writeFile } from "node:fs/promises";
import type { DataFile } from "../data/file.js";

/** What one replayed task saw. Times are of the machine's monotonic clock, in milliseconds: the same for all its threads. */
export interface TaskReport {
  readonly id: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Input files that were not there, or not of the size they should have. */
  readonly missing: readonly string[];
}

export interface ReplayedTask {
  readonly id: string;
  readonly ms: number;
  readonly inputBytes: readonly number[];
  readonly outputBytes: readonly number[];
}

interface Files {
  readonly inputs: readonly DataFile[];
  readonly outputs: readonly DataFile[];
}

/** The clock of {@link TaskReport}. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Runs on a worker in place of the recorded program: looks for its inputs, takes its time, writes its outputs. */
export async function replayTask({ id, ms, inputBytes, outputBytes }: ReplayedTask, { inputs, outputs }: Files): Promise<TaskReport> {
  const startedAt = monotonic();
  const missing: string[] = [];
  for (const [i, input] of inputs.entries()) if ((await sizeOf(input.path)) !== inputBytes[i]) missing.push(input.name);
  for (const [i, output] of outputs.entries()) await writeBytes(output.path, outputBytes[i] ?? 0);
  await until(startedAt + ms);
  return { id, startedAt, endedAt: monotonic(), missing };
}

/** The size of a file; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes real bytes up to 64 KiB; what is beyond that is a hole, which takes no room on the disk. */
export async function writeBytes(path: string, bytes: number): Promise<void> {
  await writeFile(path, Buffer.alloc(Math.min(bytes, 65_536), "caraway\n"));
  if (bytes > 65_536) await truncate(path, bytes);
}

/** Timers fire up to a millisecond early or late: waits the rest with another. */
async function until(time: number): Promise<void> {
  for (let left = time - monotonic(); left > 0; left = time - monotonic()) await new Promise((resolve) => setTimeout(resolve, left));
}
