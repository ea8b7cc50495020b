import { AppExit, AppTimeout, ManagerLost, MemoryExceeded, WorkerLost } from "../../errors/index.js";
import type { ErrorPlace } from "../../errors/index.js";
import type { StopReason } from "../../state-machines/attempt.js";
import type { MemoryUse, Silence, ThreadEnd } from "../../state-machines/thread.js";
import type { WorkFailure } from "../executor.js";
import type { Attempt } from "./attempt.js";
import type { Fate } from "./host.js";

/** How an attempt lost its worker. */
export interface Loss {
  readonly end: ThreadEnd | undefined;
  readonly fate: Fate;
  /** The worker was stopped on account of another task. */
  readonly bystander: boolean;
}

/** So many attempts cost nothing; from then on a loss is charged, whoever caused it: nothing goes on for ever. */
const freeAttempts = 10;

/** Whose fault it is that an attempt ended without an answer, and what that costs. A worker runs one task at a time, so blame is certain. */
export function failureOf(attempt: Attempt, label: string, why: StopReason | undefined, loss: Loss | undefined, held: boolean): WorkFailure {
  const { work, number } = attempt;
  const name = work.app.name;
  const where: ErrorPlace = { task: work.taskId, attempt: number, app: name, executor: label, worker: `${label}/${attempt.lane?.index ?? "?"}` };
  if (why === "walltime") {
    const hint = held ? "Its worker is inside a native call that cannot be ended from outside; use isolation: \"process\" for such tasks." : undefined;
    const error = new AppTimeout("CW-APP-002", `${name} (task ${work.taskId}, attempt ${number}) ran longer than its walltime of ${work.walltime} ms`, { where, evidence: { walltimeMs: work.walltime, stillRunning: held }, ...(hint === undefined ? {} : { hint }) });
    return { error, charge: "app", held };
  }
  const end = loss?.end;
  const evidence = { exitCode: end?.code, signal: end?.signal, ...(end?.pid === undefined ? {} : { pid: end.pid }), fate: loss?.fate };
  const lost = (error: Error, charge: WorkFailure["charge"]): WorkFailure => ({ error, charge, held });
  const uncharged = number <= freeAttempts ? "none" : "lost";
  if (loss?.fate === "ended") return lost(new WorkerLost("CW-EXEC-001", `the answer of ${name} was lost with its worker`, { where, evidence, cause: end?.error }), uncharged);
  if (loss?.bystander === true) return lost(new WorkerLost("CW-EXEC-001", `the worker of ${name} was stopped, and not on its account`, { where, evidence }), uncharged);
  if (end?.memory !== undefined) return lost(overMemory(`${name} (task ${work.taskId}, attempt ${number})`, end.memory, where), "app");
  if (isOutOfMemory(end)) return lost(new MemoryExceeded("CW-APP-007", `${name} (task ${work.taskId}) used up the memory of its worker`, { where, evidence, cause: end?.error }), "app");
  if (end?.silence !== undefined) return lost(stoodStill(`${name} (task ${work.taskId}, attempt ${number})`, end.silence, where, evidence), "lost");
  if (end?.host === true) return lost(new ManagerLost("CW-EXEC-006", `the process that ran ${name} died (${describeEnd(end)})`, { where, evidence }), "lost");
  if (end !== undefined && end.error === undefined && end.code !== null) return lost(new AppExit("CW-APP-006", `${name} (task ${work.taskId}) ended its worker with exit code ${end.code}`, { where, evidence }), "app");
  return lost(new WorkerLost("CW-EXEC-001", `the worker of ${name} died (${describeEnd(end)})`, { where, evidence, cause: end?.error }), "lost");
}

function overMemory(what: string, { used, peak, limit, of, pid }: MemoryUse, where: ErrorPlace): MemoryExceeded {
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const evidence = { used, peak, limit, of, pid };
  if (of === "command") return new MemoryExceeded("CW-APP-007", `${what} was ended: the processes of its command used ${mib(used)} of memory, and may use ${mib(limit)}`, { where, evidence, hint: "Ask for more by `resources: { memory }`, raise memPerWorker, or let the command work on less data at once." });
  if (of === "worker") return new MemoryExceeded("CW-APP-007", `${what} was ended: its process used ${mib(used)} of memory, and may use ${mib(limit)}`, { where, evidence, hint: "Ask for more by `resources: { memory }`, raise memPerWorker, or work on less data at once." });
  return new MemoryExceeded("CW-APP-007", `${what} was ended, as the one that could best be spared: the workers of its node used ${mib(used)} of memory, nearly all there is (${mib(limit)} may be used)`, { where, evidence, hint: "Let fewer tasks run at once (maxWorkersPerNode, memPerWorker, `resources: { memory }`), or work on less data." });
}

function stoodStill(what: string, silence: Silence, where: ErrorPlace, evidence: object): ManagerLost {
  const { silentMs, since, state } = silence;
  const cause =
    state === undefined ? "See what its machine was doing: it may have been out of memory."
    : /^t/i.test(state) ? "Something has stopped it: SIGSTOP, SIGTSTP, a debugger."
    : state.startsWith("D") ? "A file system or a device does not answer: see which the task uses."
    : "Its machine had no time for it: let fewer tasks run at once, or give them less memory.";
  return new ManagerLost("CW-EXEC-006", `the process that ran ${what} stood still and was killed: it ${describeSilence(silence)}`, { where, evidence: { ...evidence, silentMs, since: timeOf(since), state }, hint: `${cause} The task is run again, up to \`lost\` times. Where such pauses are usual, raise heartbeatThreshold.` });
}

const timeOf = (wall: number): string => new Date(wall).toISOString();

/** What is known of a process that stood still, as the end of a sentence. */
export function describeSilence({ silentMs, since, state }: Silence): string {
  return `said nothing for ${(silentMs / 1000).toFixed(1)} s, since ${timeOf(since)}${state === undefined ? "" : `; its state in /proc was ${state}`}`;
}

export function describeEnd(end: ThreadEnd | undefined): string {
  if (end === undefined) return "it does not end";
  if (end.silence !== undefined) return `its process ${describeSilence(end.silence)}`;
  if (end.error instanceof Error) return end.error.message;
  if (end.signal !== undefined) return `signal ${end.signal}`;
  return `exit code ${end.code ?? "unknown"}`;
}

function isOutOfMemory(end: ThreadEnd | undefined): boolean {
  const error = end?.error;
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
