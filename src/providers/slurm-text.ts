import type { JobEndReason, JobReport, JobState } from "./provider.js";
import { signalName } from "./signal-name.js";

/** What a command has written that cannot be read. */
export class Unreadable extends Error {
  constructor(readonly text: string) {
    super(`it cannot be read: ${JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)}`);
  }
}

/** The id in what `sbatch --parsable` has written: on a line of its own, complete, whatever a site adds around it. Undefined where there is none, or several. */
export function submittedId(stdout: string): string | undefined {
  const ids = stdout.split("\n").slice(0, -1).flatMap((line) => /^\s*(\d+)(?:;[\w.-]+)?\s*$/.exec(line)?.[1] ?? []);
  return ids.length === 1 ? ids[0] : undefined;
}

/** What keeps a controller's answer from reaching us: then a job may have been made. */
const uncertain = /contact|timed out|time-?out|connect|zero bytes|communicat|transport|send|recv|socket|unexpected|interrupted|i\/o error|broken pipe/i;

/** Why `sbatch` has refused a job; undefined where its words leave open whether there is one. */
export function refusal(stderr: string): string | undefined {
  const lines = stderr.split("\n").flatMap((line) => /^sbatch: (?:error|fatal): (.*\S)\s*$/.exec(line)?.[1] ?? []);
  return lines.length === 0 || lines.some((line) => uncertain.test(line)) ? undefined : lines.join("; ");
}

/** The fields of {@link queueFormat} of one job. */
export interface QueueLine {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  /** As `wait` gives it: the exit code times 256, or the number of the signal. */
  readonly status: number;
}

/** Each field is filled up to its width and ended by a bar; the last may have any character in it. */
export const queueFormat = "JobID:24|,State:24|,exit_code:12|,Reason:256|";

/**
 * What `squeue` has written in {@link queueFormat}. Lines that a site adds have no bar and begin with no digit.
 *
 * @throws Unreadable where a line is cut off or is something else.
 */
export function queueLines(stdout: string): QueueLine[] {
  const lines = wholeLines(stdout);
  const found = lines.flatMap((line): QueueLine[] => {
    const [, id, state, status, reason] = /^\s*(\d+)\s*\|\s*([A-Za-z_]+)\s*\|\s*(\d+)\s*\|(.*)\|$/.exec(line) ?? [];
    if (id !== undefined && state !== undefined) return [{ id, state, status: Number(status), reason: reason?.trim() ?? "" }];
    if (line.includes("|") || /^\s*\d/.test(line)) throw new Unreadable(line);
    return [];
  });
  if (found.length === 0 && lines.length > 0) throw new Unreadable(lines.join("\n"));
  return found;
}

/** What `sacct` is asked for; `--parsable2` puts bars between the fields. */
export const accountingFormat = "JobIDRaw,State,ExitCode";

/**
 * What `sacct` has written in {@link accountingFormat}.
 *
 * @throws Unreadable
 */
export function accountingLines(stdout: string): QueueLine[] {
  return wholeLines(stdout).map((line) => {
    const [, id, state, code, signal] = /^(\d+)\|([A-Za-z_]+)(?: by \d+)?\+?\|(\d+):(\d+)$/.exec(line) ?? [];
    if (id === undefined || state === undefined) throw new Unreadable(line);
    return { id, state, reason: "None", status: Number(code) * 256 + Number(signal) };
  });
}

function wholeLines(text: string): string[] {
  const lines = text.split("\n");
  const rest = lines.pop() ?? "";
  if (rest.trim() !== "") throw new Unreadable(rest);
  return lines.filter((line) => line.trim() !== "");
}

interface Meaning {
  readonly state: JobState;
  readonly reason?: JobEndReason;
}

/** Every state that Slurm has had a name for, up to 24.11. */
const meanings: Readonly<Record<string, Meaning>> = {
  PENDING: { state: "queued" }, CONFIGURING: { state: "queued" }, POWER_UP_NODE: { state: "queued" }, REQUEUED: { state: "queued" }, REQUEUE_FED: { state: "queued" }, EXPEDITING: { state: "queued" },
  REQUEUE_HOLD: { state: "held" }, RESV_DEL_HOLD: { state: "held" }, SPECIAL_EXIT: { state: "held" },
  RUNNING: { state: "active" }, COMPLETING: { state: "active" }, SUSPENDED: { state: "active" }, STOPPED: { state: "active" }, RESIZING: { state: "active" }, SIGNALING: { state: "active" }, STAGE_OUT: { state: "active" }, UPDATE_DB: { state: "active" },
  COMPLETED: { state: "completed" },
  CANCELLED: { state: "cancelled" }, REVOKED: { state: "cancelled" },
  FAILED: { state: "failed" },
  TIMEOUT: { state: "failed", reason: "timed-out" }, DEADLINE: { state: "failed", reason: "timed-out" },
  NODE_FAIL: { state: "failed", reason: "node-failed" }, BOOT_FAIL: { state: "failed", reason: "node-failed" }, LAUNCH_FAILED: { state: "failed", reason: "node-failed" }, RECONFIG_FAIL: { state: "failed", reason: "node-failed" },
  PREEMPTED: { state: "failed", reason: "preempted" },
  OUT_OF_MEMORY: { state: "failed", reason: "out-of-memory" },
};

/** Why a pending job does not start by itself. */
const holds = /^(JobHeld|Held|JobHoldMaxRequeue|BadConstraints$|DependencyNeverSatisfied|launch_failed_requeued_held|job_requeued_in_held_state)/i;

/** What a job's line says, in the words of providers. A state that nobody knows is `unknown`. */
export function reportOf({ state: word, reason: why, status }: QueueLine): JobReport {
  const { state, reason } = Object.hasOwn(meanings, word) ? (meanings[word] as Meaning) : { state: "unknown" as const };
  const message = why === "" || why === "None" ? word : `${word}: ${why}`;
  if (state === "queued") return { state: holds.test(why) ? "held" : "queued", message };
  if (state === "held" || state === "active" || state === "unknown") return { state, message };
  const ended = reason ?? (why === "OutOfMemory" ? "out-of-memory" : undefined);
  return { state, message, exitCode: status >> 8, ...(status & 127 ? { signal: signalName(status & 127) } : {}), ...(ended === undefined ? {} : { reason: ended }) };
}

export const isOver = ({ state }: JobReport): boolean => state === "completed" || state === "failed" || state === "cancelled";
