import { readdirSync, readFileSync } from "node:fs";

/** Which processes belong to a command: its group, and what carries its token in the environment, wherever it has gone. */
export interface Belonging {
  readonly group: number | undefined;
  readonly host: string;
  readonly task: string;
}

/** The living processes of a command, by looking through `/proc`; empty where there is none. Zombies are not living. */
export function processesOf(belonging: Belonging): number[] {
  const found: number[] = [];
  for (const name of namesIn("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const group = livingGroup(pid);
    if (group === undefined) continue;
    if (group === belonging.group || carries(pid, belonging)) found.push(pid);
  }
  return found;
}

/** The process group of a living process. */
function livingGroup(pid: number): number | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 3);
  return state === "Z" || state === "X" ? undefined : Number(group);
}

/** Tokens are nested with `:` where a command runs a program that has commands of its own. */
function carries(pid: number, { host, task }: Belonging): boolean {
  const environment = textOf(`/proc/${pid}/environ`);
  if (environment === undefined || !environment.includes(host)) return false;
  const own = environment.split("\0").find((entry) => entry.startsWith("CARAWAY_TASK="));
  return own !== undefined && own.slice("CARAWAY_TASK=".length).split(":").includes(task);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // it has ended, or is another user's
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // a system without /proc
  }
}

/** Sends a signal; answers whether there was anyone to receive it. A negative pid is a group. */
export function signalled(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
