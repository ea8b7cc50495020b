import { open, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SubmitException } from "../errors/index.js";
import { isJobName, isVariableName } from "./job-script.js";
import type { JobOutput, JobSpec } from "./provider.js";

/** How much of each stream is shown. */
const tailBytes = 16_384;

/** What the paths of a job's files begin with. */
export function stemOf({ directory, name }: JobSpec): string {
  return join(resolve(directory), name);
}

/** Refuses what cannot be a job before there is a trace of it. */
export function checkJob(job: JobSpec): void {
  const bad = !isJobName(job.name)
    ? `its name ${JSON.stringify(job.name)} has other characters than letters, digits, ".", "-" and "_"`
    : Object.entries(job.environment).find(([key, value]) => !isVariableName(key) || value.includes("\0"))?.[0];
  if (bad === undefined) return;
  const why = isJobName(job.name) ? `its environment variable ${JSON.stringify(bad)} cannot be exported` : bad;
  throw new SubmitException("CW-BLOCK-001", `the job ${job.name} was not submitted: ${why}`, { where: { job: job.name }, evidence: { outcome: "refused" } });
}

/** Writes the script of a job, which only its owner can read, and empty files for what it writes. */
export async function writeJob(stem: string, script: string): Promise<string> {
  const path = `${stem}.sh`;
  await writeFile(path, script, { mode: 0o700, flag: "wx" });
  for (const end of [".out", ".err"]) await writeFile(stem + end, "", { mode: 0o600 });
  return path;
}

/** The last of what a job wrote; empty where it has written nothing. */
export async function outputOf(stem: string): Promise<JobOutput> {
  const [stdout, stderr] = await Promise.all([tail(`${stem}.out`), tail(`${stem}.err`)]);
  return { stdout, stderr };
}

async function tail(path: string): Promise<string> {
  const file = await open(path, "r").catch(ifThere);
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const length = Math.min(size, tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString("utf8", 0, bytesRead);
    // A line, or a character, that is cut at its beginning is left out.
    return size > tailBytes ? text.slice(text.indexOf("\n") + 1) : text;
  } finally {
    await file.close();
  }
}

/** How a job ended, as its watcher wrote it down. */
export interface JobExit {
  readonly code: number;
  readonly ending: "cancelled" | "timed-out" | undefined;
}

/** Undefined while there is none. */
export async function exitOf(stem: string): Promise<JobExit | undefined> {
  const text = await readFile(`${stem}.exit`, "utf8").catch(ifThere);
  const [, code, ending] = /^(\d{1,3}) (cancelled|timed-out|-)\n$/.exec(text ?? "") ?? [];
  return code === undefined ? undefined : { code: Number(code), ending: ending === "-" ? undefined : (ending as JobExit["ending"]) };
}

/** Writes down how a job ended where nobody else can any more. */
export async function writeExit(stem: string, { code, ending }: JobExit): Promise<void> {
  await writeFile(`${stem}.exit.late`, `${code} ${ending ?? "-"}\n`, { mode: 0o600 });
  await rename(`${stem}.exit.late`, `${stem}.exit`);
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
  return undefined;
}
