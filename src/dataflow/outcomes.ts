import { types } from "node:util";
import { BadCommandOutput, BashExitFailure, placeError, RetryHandlerFailed, TaskPoisoned, type ErrorPlace } from "../errors/index.js";
import type { ShellAnswer } from "../executors/executor.js";
import type { ResolvedBackoff } from "../config/types.js";
import { decodeThrown, encode, encodeThrown, type Encoded } from "../serialization/index.js";
import { parseDuration } from "../config/units.js";
import type { Random } from "../actors/ports.js";
import type { TaskRecord } from "./task-record.js";

export { rootCause } from "./failure-path.js";

/** The error of an app arrives as itself; where it happened is attached. */
export function attachPlace(error: unknown, where: ErrorPlace): Error {
  return placeError(error instanceof Error ? error : new Error(String(error)), where);
}

/** What code of the user's that ran in this thread threw: itself, with its place; where it is no error, a `ForeignThrow` around it. */
export function ownError(thrown: unknown, what: string, where: ErrorPlace): Error {
  return attachPlace(thrown instanceof Error || types.isNativeError(thrown) ? thrown : decodeThrown(encodeThrown(thrown, what)), where);
}

/** What a shell command's end means for its task: its result, or the error. */
export function shellOutcome(record: TaskRecord, attempt: number, answer: ShellAnswer): { value: Encoded } | { error: Error } {
  const where: ErrorPlace = { task: record.taskId, attempt, app: record.app.name };
  const { code, signal, stderrTail } = answer;
  if (answer.error !== undefined) return { error: attachPlace(answer.error, where) };
  if (code !== 0) {
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const tail = stderrTail.trim();
    return { error: new BashExitFailure("CW-APP-001", `${record.app.name} (task ${record.taskId}) ended with ${how}${tail === "" ? "" : `: ${tail.split("\n").at(-1) ?? ""}`}`, { where, evidence: { exitCode: code, signal, stderr: stderrTail } }) };
  }
  const { returns } = record.plan;
  const stdout = answer.stdout ?? "";
  if (returns === "exit") return { value: 0 };
  if (returns === "stdout") return { value: stdout };
  if (returns === "lines") return { value: encode(stdout === "" ? [] : stdout.replace(/\n$/, "").split("\n"), `the output of ${record.app.name}`) };
  try {
    return { value: encode(JSON.parse(stdout), `the output of ${record.app.name}`) };
  } catch (cause) {
    return { error: new BadCommandOutput("CW-APP-012", `${record.app.name} (task ${record.taskId}) printed what is no JSON: ${(cause as Error).message}`, { where, evidence: { stdout: stdout.slice(0, 2000) }, cause }) };
  }
}

/** What this failure costs, by the cost function where there is one. A function that throws ends the task with what it threw. */
export function costOf(record: TaskRecord, attempt: number, error: Error): { cost: number } | Broken {
  const { cost } = record.plan.retries;
  if (cost === undefined) return { cost: 1 };
  try {
    const price = cost(error, { id: record.taskId, appName: record.app.name, attempt, executor: record.executor?.label });
    if (typeof price === "number" && price >= 0) return { cost: price };
    return broken(record, "cost", `returned ${String(price)}, which is no cost`, error);
  } catch (thrown) {
    return thrown instanceof Error ? { broken: thrown } : broken(record, "cost", `threw ${String(thrown)}`, thrown);
  }
}

interface Broken {
  readonly broken: Error;
}

function broken(record: TaskRecord, which: string, what: string, cause: unknown): Broken {
  return { broken: new RetryHandlerFailed("CW-TASK-006", `retries.${which} of ${record.app.name} (task ${record.taskId}) ${what}`, { where: { task: record.taskId, app: record.app.name }, cause }) };
}

/** Milliseconds before the next attempt. A function that throws ends the task with what it threw. */
export function delayOf(record: TaskRecord, attempt: number, error: Error, random: Random): { ms: number } | Broken {
  const { backoff } = record.plan.retries;
  if (backoff === undefined) return { ms: 0 };
  if (typeof backoff !== "function") return { ms: growingPause(backoff, attempt, random) };
  let answer: unknown;
  try {
    answer = backoff(attempt, error);
  } catch (thrown) {
    return thrown instanceof Error ? { broken: thrown } : broken(record, "backoff", `threw ${String(thrown)}`, thrown);
  }
  try {
    return { ms: parseDuration(answer as number, "the back-off") };
  } catch {
    return broken(record, "backoff", `returned ${String(answer)}, which is no duration`, error);
  }
}

function growingPause({ min, max, factor, jitter }: ResolvedBackoff, n: number, random: Random): number {
  const pause = Math.min(max, min * factor ** (n - 1));
  return jitter === 0 ? pause : pause * (1 - jitter * random.next());
}

/** Names every loss of a task that was lost too often. */
export function poisoned(record: TaskRecord): TaskPoisoned {
  const losses = (record.extra?.history ?? []).filter((one) => one.charge === "lost");
  return new TaskPoisoned("CW-TASK-004", `${record.app.name} (task ${record.taskId}) was lost ${losses.length} times with its worker: ${losses.map((one) => `attempt ${one.attempt}: ${one.error.message}`).join("; ")}`, {
    where: { task: record.taskId, app: record.app.name },
    evidence: { losses: losses.map((one) => ({ attempt: one.attempt, executor: one.executor, error: one.error.message, where: (one.error as { where?: unknown }).where })) },
    cause: losses.at(-1)?.error,
  });
}
