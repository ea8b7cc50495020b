import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { DataFile, file as localFile } from "../data/file.js";
import { discard, prepareDirectories, privatePath, publish } from "../data/attempt-files.js";
import { BashAppNoReturn, InvalidOption } from "../errors/index.js";
import type { StreamFile, WorkSetting } from "../executors/executor.js";
import { argumentValue } from "./arguments.js";
import { attemptFailed } from "./attempts.js";
import { type AppDefinition, type Body, isAsync } from "./app-definition.js";
import { attachPlace, ownError } from "./outcomes.js";
import type { TaskTable } from "./task-table.js";
import { Command, renderCommand } from "./sh.js";
import type { TaskExtra, TaskRecord } from "./task-record.js";
import { AUTO_LOGNAME, type AppOptions, type Outputs, type StreamOption, type TaskFiles } from "./types.js";

/** The newest files of lost attempts that are remembered. */
const mostSuspect = 10_000;

/** The kernel's files: declared outputs under attempt-private names, stdout and stderr, composed commands. */
export class TaskFilesystem {
  private logs: string | undefined;
  private readonly removals = new Set<Promise<unknown>>();
  /** What attempts may still write that were lost, and not seen to end: until everything that runs them has ended. */
  private readonly suspect = new Set<string>();

  constructor(private readonly table: TaskTable) {}

  /** What a call declares, before anything runs. Throws for what cannot be. */
  declare(app: AppDefinition, taskId: number, options: AppOptions, args: readonly unknown[]): Pick<TaskExtra, "outputs" | "setting"> {
    const declared: Pick<TaskExtra, "outputs" | "setting"> = {};
    const { outputs, stdout, stderr, env, cwd } = options;
    if (outputs !== undefined) declared.outputs = checkOutputs(app.name, typeof outputs === "function" ? (outputs as (...given: unknown[]) => unknown)(...args) : outputs);
    const setting: { -readonly [K in keyof WorkSetting]: WorkSetting[K] } = {};
    if (stdout !== undefined) setting.stdout = this.stream(app, taskId, "stdout", stdout, options.label);
    if (stderr !== undefined) setting.stderr = this.stream(app, taskId, "stderr", stderr, options.label);
    if (env !== undefined) setting.env = env;
    if (cwd !== undefined) setting.cwd = resolve(cwd);
    if (Object.keys(setting).length > 0) declared.setting = setting;
    return declared;
  }

  private stream(app: AppDefinition, taskId: number, which: "stdout" | "stderr", option: StreamOption, label: string | undefined): StreamFile {
    if (option === AUTO_LOGNAME) return { path: this.autoLog(app, taskId, which, label), mode: "append" };
    if (typeof option === "string") return { path: resolve(option), mode: "append" };
    if (option instanceof DataFile) return { path: option.path, mode: "truncate" };
    return { path: resolve(option.path), mode: option.mode };
  }

  /** `runinfo/000/task_logs/0000/task_0007_sort.stdout`, ten thousand tasks a directory. */
  private autoLog(app: AppDefinition, taskId: number, which: string, label: string | undefined): string {
    this.logs ??= join(this.table.runDirectory(), "task_logs");
    const directory = join(this.logs, String(Math.floor(taskId / 10_000)).padStart(4, "0"));
    mkdirSync(directory, { recursive: true });
    const safe = [app.name, ...(label === undefined ? [] : [label])].join("_").replace(/[^\w.-]+/g, "-");
    return join(directory, `task_${String(taskId).padStart(4, "0")}_${safe}.${which}`);
  }

  /** Evaluates the body of a bash app and makes the directories of declared outputs. */
  stage(record: TaskRecord): void {
    const { dispatcher } = this.table;
    const where = { task: record.taskId, app: record.app.name };
    const fail = (error: unknown): void => { dispatcher.tell(record, { type: "inputs.failed", error: ownError(error, `what ${record.app.name} threw`, where) }); };
    if (record.extra?.refusal !== undefined) {
      fail(record.extra.refusal);
      return;
    }
    const staged = (): void => { dispatcher.tell(record, { type: "inputs.staged" }); };
    const compose = (): void => {
      if (record.app.kind === "bash") this.compose(record, staged, fail);
      else staged();
    };
    const finals = outputList(record.extra?.outputs).map((file) => file.path);
    if (finals.length === 0) compose();
    else prepareDirectories(finals).then(compose, fail);
  }

  /** The body of a bash app gives its command. */
  private compose(record: TaskRecord, composed: () => void, fail: (error: unknown) => void): void {
    const keep = (command: unknown): void => {
      try {
        record.more().command = checkCommand(record, command);
      } catch (error) {
        fail(error);
        return;
      }
      composed();
    };
    try {
      const args = record.args.map(argumentValue);
      const { outputs, inputs } = record.extra ?? {};
      if (outputs !== undefined || inputs !== undefined) args.push({ inputs: (inputs ?? []).map(argumentValue), outputs: outputs ?? {} });
      const body = record.app.body as Body;
      const made = this.table.within(record, () => body(...args), isAsync(body));
      if (made instanceof Promise) made.then(keep, fail);
      else keep(made);
    } catch (error) {
      fail(error);
    }
  }

  /** What the body gets as its last argument: outputs under this attempt's private names. */
  forBody(record: TaskRecord, attemptNumber: number): TaskFiles<unknown> {
    const { inputs, outputs } = record.extra ?? {};
    return { inputs: (inputs ?? []).map((input) => argumentValue(input) as DataFile), outputs: mapOutputs(outputs ?? {}, (file) => localFile(this.private(record, file, attemptNumber))) };
  }

  renderCommand(record: TaskRecord, command: Command | string, attemptNumber: number): string {
    if (typeof command === "string") return command;
    const finals = new Set(outputList(record.extra?.outputs).map((file) => file.path));
    return renderCommand(command, (file) => (finals.has(file.path) ? this.private(record, file, attemptNumber) : file.path));
  }

  private private(record: TaskRecord, file: DataFile, attemptNumber: number): string {
    return privatePath(file.path, record.taskId, attemptNumber, this.table.token);
  }

  private pairs(record: TaskRecord, attemptNumber: number): [string, string][] {
    return outputList(record.extra?.outputs).map((file) => [this.private(record, file, attemptNumber), file.path]);
  }

  /** Renames the accepted attempt's outputs to their names. */
  publish(record: TaskRecord, attemptNumber: number): void {
    publish(this.pairs(record, attemptNumber)).then(
      () => this.table.dispatcher.tell(record, { type: "outputs.published", attempt: attemptNumber }),
      (error: unknown) => { attemptFailed(record, attemptNumber, "outputs.failed", { error: attachPlace(error, { task: record.taskId, attempt: attemptNumber, app: record.app.name }), charge: "app", held: false }); },
    );
  }

  /** Removes what an attempt left under private names; where it may go on writing, once more in the end. */
  discard(record: TaskRecord, attemptNumber: number, mayGoOn = false): void {
    if (record.extra?.outputs === undefined) return;
    const paths = this.pairs(record, attemptNumber).map(([path]) => path);
    if (mayGoOn) this.suspectAll(paths);
    const removing: Promise<unknown> = discard(paths).finally(() => this.removals.delete(removing));
    this.removals.add(removing);
  }

  private suspectAll(paths: readonly string[]): void {
    for (const path of paths) this.suspect.add(path);
    for (const path of this.suspect) {
      if (this.suspect.size <= mostSuspect) return;
      this.suspect.delete(path);
    }
  }

  /** Executors have ended: what lost attempts wrote since is removed. Resolves when nothing is being removed any more. */
  async tidied(): Promise<void> {
    while (this.removals.size > 0) await Promise.all(this.removals);
    await discard([...this.suspect]);
    this.suspect.clear();
  }
}

export function outputList(outputs: Outputs | undefined): readonly DataFile[] {
  return outputs === undefined ? [] : Array.isArray(outputs) ? (outputs as readonly DataFile[]) : Object.values(outputs as Record<string, DataFile>);
}

function mapOutputs(outputs: Outputs, each: (file: DataFile) => DataFile): Outputs {
  if (Array.isArray(outputs)) return (outputs as readonly DataFile[]).map(each);
  return Object.fromEntries(Object.entries(outputs as Record<string, DataFile>).map(([name, file]) => [name, each(file)]));
}

function checkOutputs(name: string, outputs: unknown): Outputs {
  const files = Array.isArray(outputs) ? (outputs as unknown[]) : outputs !== null && typeof outputs === "object" && !(outputs instanceof DataFile) ? Object.values(outputs) : undefined;
  if (files === undefined || !files.every((file) => file instanceof DataFile)) throw new InvalidOption("CW-APP-011", `outputs of ${name} must be an array or a record of files`, { where: { app: name }, hint: "Give file(\"…\") for each output." });
  const paths = (files).map((file) => file.path);
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) throw new InvalidOption("CW-APP-011", `${name} declares the output ${twice} twice`, { where: { app: name, file: twice } });
  return outputs as Outputs;
}

function checkCommand(record: TaskRecord, command: unknown): Command | string {
  if ((typeof command === "string" && command.trim() !== "") || command instanceof Command) return command;
  const what = command === undefined ? "nothing" : typeof command === "string" ? "an empty string" : `a value of type ${typeof command}`;
  throw new BashAppNoReturn("CW-APP-004", `the body of ${record.app.name} (task ${record.taskId}) returned ${what} instead of a command`, { where: { task: record.taskId, app: record.app.name } });
}
