import { lstat, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { InvalidOption, MissingOutputs } from "../errors/index.js";

/** The longest name that common file systems take, in bytes. */
const LONGEST_NAME = 255;

/**
 * Where one attempt writes an output: a hidden name beside the final one, which ends as the final one does, so that tools which look
 * at extensions (also `.tar.gz`) do the same with it.
 */
export function privatePath(final: string, taskId: number, attempt: number, runToken: string): string {
  const prefix = `.cw-${runToken}-${taskId}-${attempt}.`;
  const name = basename(final);
  if (Buffer.byteLength(prefix + name) <= LONGEST_NAME) return join(dirname(final), prefix + name);
  const short = process.getBuiltinModule("node:crypto").createHash("sha256").update(name).digest("hex").slice(0, 32);
  return join(dirname(final), prefix + short + extname(name).slice(0, 32));
}

/** Creates the directories of outputs. */
export async function prepareDirectories(finals: readonly string[]): Promise<void> {
  for (const directory of new Set(finals.map((final) => dirname(final)))) {
    try {
      await mkdir(directory, { recursive: true });
    } catch (cause) {
      throw new InvalidOption("CW-APP-011", `The directory ${directory} of an output could not be made: ${reasonOf(cause)}.`, { hint: "Name an output in a directory that can be written to.", cause, where: { file: directory } });
    }
  }
}

/**
 * Gives an attempt's outputs their final names, replacing what was there. Rejects with {@link MissingOutputs}, naming every output
 * that is not there, before any is renamed.
 */
export async function publish(privateToFinal: readonly (readonly [string, string])[]): Promise<void> {
  const missing: string[] = [];
  const inTheWay: string[] = [];
  for (const [hidden, final] of privateToFinal) {
    if ((await lookAt(hidden)) === undefined) missing.push(final);
    else if (await lstat(final).then((there) => there.isDirectory(), () => false)) inTheWay.push(final);
  }
  if (missing.length > 0) throw new MissingOutputs("CW-APP-003", `The task ended without ${missing.length === 1 ? "its output" : `${missing.length} of its outputs`}: ${missing.join(", ")}.`, { evidence: { missing } });
  if (inTheWay.length > 0) throw new MissingOutputs("CW-APP-003", `A directory has the name of an output: ${inTheWay.join(", ")}.`, { evidence: { directories: inTheWay }, hint: "Give the output another name, or remove the directory.", retryable: false });
  for (const [hidden, final] of privateToFinal) {
    await rename(hidden, final).catch((cause: unknown) => {
      throw new MissingOutputs("CW-APP-003", `The output ${final} could not be given its name: ${reasonOf(cause)}.`, { cause, evidence: { private: hidden, final } });
    });
  }
}

/** Whether there is something, seen through symbolic links. */
async function lookAt(path: string): Promise<unknown> {
  return stat(path).catch(() => undefined);
}

/** A file that could not be removed. */
export interface Leftover {
  readonly path: string;
  readonly reason: string;
}

/** Removes an attempt's outputs, as far as they exist; never rejects, and answers what is still there. */
export async function discard(privates: readonly string[]): Promise<Leftover[]> {
  const leftovers: Leftover[] = [];
  await Promise.all(privates.map(async (path) => rm(path, { force: true, recursive: true }).catch((error: unknown) => leftovers.push({ path, reason: reasonOf(error) }))));
  return leftovers;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
