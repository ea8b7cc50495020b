import { readdirSync, readFileSync } from "node:fs";

/** A process as `/proc` shows it; pids are used again, a pid and its start time are not. */
export interface ProcessFacts {
  readonly pid: number;
  /** Clock ticks since the machine started. */
  readonly start: number;
}

/** Undefined where there is no such process, or only a dead one that nobody has reaped. */
export function factsOf(pid: number): ProcessFacts | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // Fields are counted from the state, the third: the second is a name in brackets, which may have any character.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const start = Number(fields[19]);
  return fields[0] === "Z" || fields[0] === "X" || !Number.isSafeInteger(start) ? undefined : { pid, start };
}

/** Whether it is that process that is alive, and not a later one of its pid. */
export function isAlive({ pid, start }: ProcessFacts): boolean {
  return factsOf(pid)?.start === start;
}

/** A living process of a job. */
export interface JobProcess extends ProcessFacts {
  /** The jobs it belongs to, the innermost last. */
  readonly jobs: readonly string[];
  /** What the paths of the files of the innermost job begin with. */
  readonly stem: string;
  /** Whether it is the watcher of that job. */
  readonly watches: boolean;
}

/** Every living process but this one that carries the name of a job. Throws on a system without `/proc`. */
export function jobProcesses(): JobProcess[] {
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const environment = textOf(`/proc/${pid}/environ`);
    if (environment?.includes("CARAWAY_JOB=") !== true) return [];
    const variables = environment.split("\0");
    const jobs = valueOf(variables, "CARAWAY_JOB")?.split(":");
    const facts = factsOf(pid);
    if (jobs === undefined || facts === undefined) return [];
    return [{ ...facts, jobs, stem: valueOf(variables, "CARAWAY_JOB_FILES") ?? "", watches: watches(pid) }];
  });
}

function watches(pid: number): boolean {
  return textOf(`/proc/${pid}/cmdline`)?.split("\0")[4] === "caraway-job";
}

function valueOf(variables: readonly string[], name: string): string | undefined {
  return variables.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // it has ended, or is another user's
  }
}

/** Sends a signal to a process, unless it is not there any more. */
export function signal(one: ProcessFacts, ...signals: readonly NodeJS.Signals[]): void {
  for (const name of signals) {
    if (!isAlive(one)) return;
    try {
      process.kill(one.pid, name);
    } catch {
      return; // it has just ended, or is another user's
    }
  }
}
