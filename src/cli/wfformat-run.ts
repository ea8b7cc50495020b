import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { threadPool } from "../config/descriptors.js";
import { type DataFile, file } from "../data/file.js";
import { app } from "../dataflow/app.js";
import type { AppFuture, DataFuture } from "../dataflow/future.js";
import { DataFlowKernel } from "../dataflow/kernel.js";
import type { App, TaskFiles } from "../dataflow/types.js";
import "../monitoring/progress-attach.js";
import { remainingPaths } from "./wfformat-bounds.js";
import type { RecordedTask, RecordedWorkflow } from "./wfformat-document.js";
import { monotonic, type ReplayedTask, sizeOf, type TaskReport, writeBytes } from "./wfformat-task.js";

export interface RunOptions {
  /** What recorded times and sizes are multiplied by. */
  readonly scale: number;
  readonly threads: number;
  readonly progress: boolean;
}

/** What a replay saw. */
export interface ReplayRecord {
  /** From the first call to the last task's end, in milliseconds. */
  readonly makespanMs: number;
  readonly reports: readonly TaskReport[];
  readonly failures: readonly { readonly id: string; readonly error: string }[];
  /** Output files that were not there afterwards, or not of the size they should have. */
  readonly missingOutputs: readonly string[];
}

/** The module of the tasks' work: apps that are defined inside the package have no place of their own to import from. */
const taskModule = new URL("./wfformat-task.js", import.meta.url).href;
type TaskModule = typeof import("./wfformat-task.js");

type Outputs = readonly DataFile[];
type TaskFuture = AppFuture<TaskReport, Outputs>;

/** Runs every task of a recorded workflow as a task of a kernel of its own, with real files in a directory that is gone afterwards. */
export async function runWorkflow(workflow: RecordedWorkflow, { scale, threads, progress }: RunOptions): Promise<ReplayRecord> {
  const directory = await mkdtemp(join(tmpdir(), "caraway-replay-"));
  const kernel = new DataFlowKernel({ executors: [threadPool({ minThreads: threads, maxThreads: threads })], progress, retries: 0, runDir: join(directory, "runinfo"), projectName: workflow.name });
  try {
    const files = new ReplayFiles(workflow, directory, scale);
    await files.writeInitial();
    await kernel.start();
    await warmUp(kernel, threads);
    const begin = monotonic();
    const futures = submit(workflow, kernel, files, scale);
    const { reports, failures } = await collect(futures);
    const lastEnd = reports.reduce((last, { endedAt }) => Math.max(last, endedAt), begin);
    return { makespanMs: lastEnd - begin, reports, failures, missingOutputs: await files.missing(workflow.tasks.filter(({ id }) => reports.some((report) => report.id === id))) };
  } finally {
    await kernel.close({ mode: "cancel" });
    await rm(directory, { recursive: true, force: true });
  }
}

/** Where the files of a workflow are, and how large they are at this scale. */
class ReplayFiles {
  private readonly places: ReadonlyMap<string, DataFile>;

  constructor(
    private readonly workflow: RecordedWorkflow,
    directory: string,
    private readonly scale: number,
  ) {
    this.places = new Map([...workflow.files.keys()].map((id, i) => [id, file(join(directory, `${String(i).padStart(5, "0")}-${id.replace(/[^\w.-]+/g, "_").slice(-80)}`))]));
  }

  at(id: string): DataFile {
    const place = this.places.get(id);
    if (place === undefined) throw new Error(`the workflow has no file ${id}`);
    return place;
  }

  bytes(id: string): number {
    const { bytes = 0 } = this.workflow.files.get(id) ?? {};
    return bytes === 0 ? 0 : Math.max(1, Math.round(bytes * this.scale));
  }

  /** Writes what no task writes. */
  async writeInitial(): Promise<void> {
    for (const { id, producer } of this.workflow.files.values()) if (producer === undefined) await writeBytes(this.at(id).path, this.bytes(id));
  }

  async missing(tasks: readonly RecordedTask[]): Promise<string[]> {
    const missing: string[] = [];
    for (const output of tasks.flatMap(({ outputs }) => outputs)) if ((await sizeOf(this.at(output).path)) !== this.bytes(output)) missing.push(output);
    return missing;
  }
}

/** Threads start while they are waited for, once: how long that takes is no part of the schedule. */
async function warmUp(kernel: DataFlowKernel, threads: number): Promise<void> {
  const work = async function warmUp(): Promise<number> {
    await import(taskModule);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return (await import("node:worker_threads")).threadId;
  };
  const ready = app(work, { using: { taskModule } }).on(kernel);
  const deadline = monotonic() + 10_000;
  for (let met = 0; met < threads && monotonic() < deadline; ) met = new Set(await Promise.all(Array.from({ length: threads }, () => ready()))).size;
}

type Replay = App<readonly [ReplayedTask, readonly unknown[]], TaskReport, Outputs>;

/** An app for each kind of task, so that progress tells them apart. */
function appsOf(tasks: readonly RecordedTask[]): ReadonlyMap<string, Replay> {
  const make = (label: string) =>
    app(async (task: ReplayedTask, _parents: readonly unknown[], files: TaskFiles<Outputs>): Promise<TaskReport> => ((await import(taskModule)) as TaskModule).replayTask(task, files), { label, outputs: [], using: { taskModule } });
  return new Map([...new Set(tasks.map(({ kind }) => kind))].map((kind) => [kind, make(kind) as unknown as Replay]));
}

/** Calls an app for each task; those with the longest way ahead go first. */
function submit({ tasks, files: recorded }: RecordedWorkflow, kernel: DataFlowKernel, files: ReplayFiles, scale: number): ReadonlyMap<string, TaskFuture> {
  const apps = appsOf(tasks);
  const remaining = remainingPaths(tasks, ({ seconds }) => seconds);
  const futures = new Map<string, TaskFuture>();
  const written = new Map<string, DataFuture>();
  for (const { id, kind, seconds, parents, inputs, outputs } of tasks) {
    const own = new Set(outputs);
    const read = inputs.filter((input) => !own.has(input));
    const replay = apps.get(kind);
    if (replay === undefined) continue;
    const future = replay
      .with({ priority: -(remaining.get(id) ?? 0), inputs: read.map((input) => written.get(input) ?? files.at(input)), outputs: outputs.map((output) => files.at(output)) })
      .on(kernel)({ id, ms: seconds * 1000 * scale, inputBytes: read.map((input) => files.bytes(input)), outputBytes: outputs.map((output) => files.bytes(output)) }, parents.map((parent) => futures.get(parent)));
    futures.set(id, future);
    for (const [i, output] of outputs.entries()) if (recorded.get(output)?.producer === id && future.outputs[i] !== undefined) written.set(output, future.outputs[i]);
  }
  return futures;
}

async function collect(futures: ReadonlyMap<string, TaskFuture>): Promise<Pick<ReplayRecord, "reports" | "failures">> {
  const reports: TaskReport[] = [];
  const failures: { id: string; error: string }[] = [];
  for (const [id, future] of futures) {
    try {
      reports.push(await future);
    } catch (error) {
      failures.push({ id, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  }
  return { reports, failures };
}
