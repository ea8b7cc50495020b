import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { JobReport, JobSpec, JobState, Provider } from "#internal/providers/provider";

let count = 0;

/** A directory for jobs, gone with the test. */
export function jobDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "caraway-jobs-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A job that runs some bash, with a name that nothing else has. */
export function bashJob(code: string, more: Partial<JobSpec> = {}): JobSpec {
  return { name: `test.${process.pid}-${++count}_x`, command: ["bash", "-c", code], nodes: 1, walltime: 0, directory: more.directory ?? jobDirectory(), environment: {}, ...more };
}

/** Looks until it sees something; whoever waits says for what. */
export async function seen<T>(what: string, look: () => Promise<T | undefined> | T | undefined, limitMs = 20_000): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`after ${limitMs} ms there still is no sign of ${what}`);
    await delay(20);
  }
}

/** The report of a job once it is in one of these states. */
export function reported(provider: Provider, id: string, ...states: readonly JobState[]): Promise<JobReport> {
  return seen(`the job ${id} as ${states.join(" or ")}`, async () => {
    const report = (await provider.status([id])).get(id);
    return report !== undefined && states.includes(report.state) ? report : undefined;
  });
}

export const over: readonly JobState[] = ["completed", "failed", "cancelled"];

/** The living processes that carry the name of a job, or of one that fits. */
export function processesOf(name: string | ((job: string) => boolean)): number[] {
  const fits = typeof name === "string" ? (job: string) => job === name : name;
  const carries = (pid: number): boolean => tryRead(`/proc/${pid}/environ`)?.split("\0").some((entry) => entry.startsWith("CARAWAY_JOB=") && entry.slice(12).split(":").some(fits)) ?? false;
  return readdirSync("/proc").map(Number).filter((pid) => Number.isInteger(pid) && carries(pid));
}

export function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** What a job has written to a file, once it has. */
export const written = (path: string): Promise<string> => seen(path, () => tryRead(path) || undefined);
