import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { InvalidWorkflowDocument } from "../errors/index.js";
import { countText, plural, spanText } from "../monitoring/progress-style.js";
import { boundsOf } from "./wfformat-bounds.js";
import { exitCodes, table } from "./command.js";
import { readWorkflow, type RecordedWorkflow } from "./wfformat-document.js";
import { runWorkflow } from "./wfformat-run.js";
import { violations } from "./wfformat-verify.js";

export interface ReplayOptions {
  readonly file: string;
  /** What the recorded times and sizes are multiplied by. */
  readonly scale: number;
  /** Undefined: as many as the machine has cores. */
  readonly threads: number | undefined;
  readonly progress?: boolean;
  readonly json: boolean;
  /** Takes what is printed. */
  readonly out: (text: string) => void;
}

/** What came of a replay. Times are milliseconds, at the scale of the replay. */
export interface ReplayResult {
  readonly file: string;
  readonly name: string;
  readonly tasks: number;
  readonly constraints: number;
  readonly files: number;
  readonly scale: number;
  readonly threads: number;
  readonly makespanMs: number;
  /** No schedule is shorter: the larger of the two below. */
  readonly lowerBoundMs: number;
  readonly criticalPathMs: number;
  readonly workPerThreadMs: number;
  /** What list scheduling takes when starting tasks costs nothing. */
  readonly listScheduleMs: number;
  readonly ratio: number;
  readonly recordedSeconds: number | undefined;
  readonly violations: readonly string[];
}

/**
 * Replays a recorded execution (WfFormat 1.5) as tasks, checks that every order constraint held, and prints how long it took
 * beside what no schedule can beat. Answers the exit code: 0 where all held, else 1.
 *
 * @throws InvalidWorkflowDocument for a file that cannot be read or is no such document
 */
export async function replay({ file, scale, threads = availableParallelism(), progress = false, json, out }: ReplayOptions): Promise<number> {
  const workflow = readWorkflow(await contents(file), file);
  const record = await runWorkflow(workflow, { scale, threads, progress: progress && !json });
  const result = resultOf(workflow, file, scale, threads, record.makespanMs, violations(workflow, record));
  out(json ? `${JSON.stringify(result, undefined, 2)}\n` : resultText(result));
  return result.violations.length === 0 ? exitCodes.ok : exitCodes.failed;
}

async function contents(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new InvalidWorkflowDocument("CW-DATA-003", `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { where: { file }, hint: "Check the path.", cause });
  }
}

function resultOf(workflow: RecordedWorkflow, file: string, scale: number, threads: number, makespanMs: number, found: readonly string[]): ReplayResult {
  const { tasks, files, name, recordedSeconds } = workflow;
  const { lower, criticalPath, work, listSchedule } = boundsOf(tasks, ({ seconds }) => seconds * 1000 * scale, threads);
  const constraints = tasks.reduce((sum, { parents }) => sum + parents.length, 0);
  return { file, name, tasks: tasks.length, constraints, files: files.size, scale, threads, makespanMs, lowerBoundMs: lower, criticalPathMs: criticalPath, workPerThreadMs: work / threads, listScheduleMs: listSchedule, ratio: lower === 0 ? 1 : makespanMs / lower, recordedSeconds, violations: found };
}

const mostTold = 10;

/** The result as a table for people. */
export function resultText(result: ReplayResult): string {
  const { name, tasks, constraints, files, threads, scale, makespanMs, lowerBoundMs, criticalPathMs, workPerThreadMs, listScheduleMs, ratio, violations: found } = result;
  const over = (ms: number) => (lowerBoundMs === 0 ? "" : `  ${(ms / lowerBoundMs).toFixed(3)} × the lower bound`);
  const rows: [string, string][] = [
    ["makespan", `${spanText(makespanMs)}${lowerBoundMs === 0 ? "" : `  ${ratio.toFixed(3)} × the lower bound`}`],
    ["list schedule", `${spanText(listScheduleMs)}${over(listScheduleMs)} (simulated: starting tasks costs nothing)`],
    ["lower bound", `${spanText(lowerBoundMs)}  the larger of critical path ${spanText(criticalPathMs)} and work per thread ${spanText(workPerThreadMs)}`],
  ];
  const head = `${name}: ${plural(tasks, "task")}, ${plural(files, "file")}, ${plural(threads, "thread")}, times × ${scale}\n`;
  if (found.length === 0) return `${head}${table(rows)}  all ${plural(constraints, "order constraint")} held, all files were there\n`;
  const more = found.length - mostTold;
  return `${head}${table(rows)}${countText(found.length)} of what must hold did not:\n${found.slice(0, mostTold).map((line) => `  ✗ ${line}\n`).join("")}${more > 0 ? `  and ${more} more\n` : ""}`;
}
