import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { type AppFuture, type DataFlowKernel, DataFlowKernel as Kernel, threadPool } from "caraway";
import { processesWith, until } from "../unit/executors/shell/observe.js";
import type { Victim } from "./victims.mjs";

export type Isolation = "thread" | "process";
export type Action = "cancel" | "walltime" | "close" | "SIGKILL";

/** What was seen in one cell of the matrix. */
export interface Observation {
  readonly victim: string;
  readonly action: Action;
  readonly isolation: Isolation;
  readonly outcome: string;
  readonly ms: number;
}

let marks = 0;
export const freshMark = (): string => `mark-${process.pid}-${(marks += 1)}-${Math.trunc(performance.now())}`;

/** Keeps it for the page, where it is asked for. */
export function record(observation: Observation): void {
  const file = process.env["CARAWAY_MATRIX"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(observation)}\n`);
}

export async function startKernel(isolation: Isolation): Promise<DataFlowKernel> {
  return new Kernel({ executors: [threadPool({ maxThreads: 1, isolation, killGrace: 200, resourceLimits: { maxOldGenerationSizeMb: 48 } })] }).start();
}

/** Resolves when the victim is where it is to be ended. */
export async function begun(future: AppFuture<unknown>, victim: Victim, mark: string): Promise<void> {
  if (victim.bash !== true) {
    await new Promise<void>((resolve) => {
      future.reports$.subscribe({ next: () => resolve(), complete: () => resolve() });
    });
  }
  if (victim.native === true) await atWork();
  if (victim.processes === true) await until("its processes run", () => processesWith(mark).some(({ command }) => command.startsWith("sleep")), 15_000);
}

const cpuTicks = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return Number(user) + Number(system);
};

/** Resolves when this program or one of its pools has been computing for a while: what was about to begin has begun. */
export async function atWork(): Promise<void> {
  const total = () => [process.pid, ...poolProcesses()].reduce((sum, pid) => sum + cpuTicks(pid), 0);
  const before = total();
  await until("it is at work", () => total() - before > 30, 15_000);
}

/** The state that a future came to, or the class of its error. */
export async function outcomeOf(future: AppFuture<unknown>): Promise<string> {
  try {
    await future;
    return future.state;
  } catch (error) {
    return future.state === "cancelled" ? "cancelled" : (error as Error).name;
  }
}

export async function nothingLeftOf(mark: string): Promise<void> {
  try {
    await until(`no process with ${mark} is left`, () => processesWith(mark).length === 0, 10_000);
  } catch (cause) {
    const left = processesWith(mark).map(({ pid, command }) => `${pid} of ${parentOf(String(pid))}: ${command}`);
    if (left.length > 0) throw new Error(`left are ${left.join("; ")}`, { cause });
  }
}

/** The processes of a program's pools. */
export function poolProcesses(parent = process.pid): number[] {
  return children(parent).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("process-main"));
}

function children(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`))
    .filter((name) => parentOf(name) === parent)
    .map(Number);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** Gives a process so much memory beyond what it has. Answers whether that is possible here. */
export function limitMemory(pid: number, moreMb: number): boolean {
  const kb = Number(/VmSize:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return spawnSync("prlimit", ["--pid", String(pid), `--as=${(kb + moreMb * 1024) * 1024}`]).status === 0;
}
