import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync, closeSync, openSync, realpathSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { hostname } from "node:os";
import type { Logger } from "pino";
import { BadStdStreamFile, InvalidOption } from "../../errors/index.js";
import { decode, encode, type Encoded } from "../../serialization/index.js";
import type { StreamFile } from "../executor.js";
import { BoundedLog } from "./bounded-log.js";
import type { Claims } from "./claims.js";
import type { FramedTask, WorkerMessage } from "./frames.js";

/** Where `caraway/task` looks for the task it is called in; shared by every copy of the package in a thread. */
export const scopeKey = Symbol.for("caraway.task.scope");

const storage = new AsyncLocalStorage<TaskScope>();

/** The task whose code runs now, or started what runs now. */
export function currentScope(): TaskScope | undefined {
  return storage.getStore();
}

export function runInScope(scope: TaskScope, run: (...args: unknown[]) => unknown, args: readonly Encoded[]): unknown {
  const decoded = args.length === 0 ? [] : args.map(decode);
  return storage.run(scope, run, ...decoded);
}

class OpenStream {
  private fd: number | undefined;

  constructor(
    private readonly file: StreamFile,
    what: string,
    app: string,
  ) {
    try {
      this.fd = openSync(file.path, file.mode === "truncate" ? "w" : "a");
    } catch (cause) {
      throw new BadStdStreamFile("CW-APP-005", `the ${what} file ${file.path} of ${app} could not be opened: ${(cause as Error).message}`, { where: { app, file: file.path }, cause });
    }
  }

  /** Output that comes after the task has ended still goes to its file. */
  write(chunk: string | Uint8Array): void {
    if (this.fd === undefined) appendFileSync(this.file.path, chunk);
    else if (typeof chunk === "string") writeSync(this.fd, chunk);
    else writeSync(this.fd, chunk);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}

/** One attempt of one task as seen from inside: what `caraway/task` offers, and where its output goes. */
export class TaskScope {
  readonly id: number;
  readonly attempt: number;
  stdout: OpenStream | undefined;
  stderr: OpenStream | undefined;
  private aborter: AbortController | undefined;
  private logger: Logger | undefined;
  private savedEnv: Map<string, string | undefined> | undefined;

  constructor(
    private readonly framed: FramedTask,
    readonly app: string,
    private readonly place: { label: string; lane: number; block: string | undefined },
    private readonly tell: (message: WorkerMessage) => void,
    private readonly claims: Claims,
  ) {
    this.id = framed.task;
    this.attempt = framed.attempt;
  }

  get host(): string {
    return hostname();
  }

  get block(): string | undefined {
    return this.place.block;
  }

  /** Reading it says that the task will end by itself when asked to: it is given time. */
  get signal(): AbortSignal {
    if (this.aborter === undefined) {
      this.aborter = new AbortController();
      this.claims.cooperate();
    }
    return this.aborter.signal;
  }

  get log(): Logger {
    this.logger ??= makeLogger((line) => this.tell({ t: "log", task: this.id, attempt: this.attempt, line }), { task: this.id, attempt: this.attempt, app: this.app });
    return this.logger;
  }

  report(value: unknown): void {
    this.tell({ t: "report", task: this.id, attempt: this.attempt, value: encode(value, `a report of ${this.app}`) });
  }

  progress(fraction: number, note?: string): void {
    this.tell({ t: "progress", task: this.id, attempt: this.attempt, fraction, note });
  }

  /** Listeners run as part of the task. */
  abort(reason: string): void {
    storage.run(this, () => this.aborter?.abort(new DOMException(reason, "AbortError")));
  }

  /** Opens the task's files and sets its environment. */
  open(): void {
    const { setting } = this.framed;
    if (setting === undefined) return;
    if (setting.cwd !== undefined) this.checkDirectory(setting.cwd);
    if (setting.stdout !== undefined) this.stdout = new OpenStream(setting.stdout, "stdout", this.app);
    if (setting.stderr !== undefined) this.stderr = new OpenStream(setting.stderr, "stderr", this.app);
    if (setting.env === undefined) return;
    this.savedEnv = new Map();
    for (const [key, value] of Object.entries(setting.env)) {
      this.savedEnv.set(key, process.env[key]);
      process.env[key] = value;
    }
  }

  /** The process has been there already, where it could. */
  private checkDirectory(cwd: string): void {
    let problem: unknown;
    try {
      if (realpathSync(cwd) === process.cwd()) return;
    } catch (error) {
      problem = error;
    }
    throw new InvalidOption("CW-APP-011", `${this.app} cannot run in ${cwd}${problem === undefined ? "" : `: ${(problem as Error).message}`}`, { where: { app: this.app, task: this.id }, evidence: { cwd }, ...(problem === undefined ? {} : { cause: problem }) });
  }

  close(): void {
    this.stdout?.close();
    this.stderr?.close();
    if (this.savedEnv === undefined) return;
    for (const [key, value] of this.savedEnv) {
      if (value === undefined) Reflect.deleteProperty(process.env, key);
      else process.env[key] = value;
    }
  }
}

function makeLogger(write: (line: string) => void, bindings: Record<string, unknown>): Logger {
  const pino = createRequire(import.meta.url)("pino") as typeof import("pino").pino;
  return pino({ base: null }, { write }).child(bindings);
}

/** Sends what a task prints to its own files, where it has any, or else to the log, where there is one; and makes `caraway/task` work in this thread. */
export function installScope(path?: string): void {
  const log = path === undefined ? undefined : new BoundedLog(path);
  redirect(process.stdout, (scope) => scope?.stdout ?? log);
  redirect(process.stderr, (scope) => scope?.stderr ?? log);
  (globalThis as Record<symbol, unknown>)[scopeKey] = currentScope;
}

function redirect(stream: NodeJS.WriteStream, pick: (scope: TaskScope | undefined) => OpenStream | BoundedLog | undefined): void {
  const original = stream.write.bind(stream);
  type Done = (error?: Error | null) => void;
  stream.write = ((chunk: string | Uint8Array, encodingOrDone?: BufferEncoding | Done, last?: Done): boolean => {
    const encoding = typeof encodingOrDone === "string" ? encodingOrDone : undefined;
    const done = typeof encodingOrDone === "function" ? encodingOrDone : last;
    const file = pick(currentScope());
    if (file === undefined) return original(chunk, encoding, done);
    file.write(typeof chunk === "string" && encoding !== undefined ? Buffer.from(chunk, encoding) : chunk);
    if (done !== undefined) queueMicrotask(() => done());
    return true;
  });
}
