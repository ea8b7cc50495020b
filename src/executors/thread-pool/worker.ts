import type { MessagePort } from "node:worker_threads";
import { threadId } from "node:worker_threads";
import { encode, encodeThrown, transferables, type Encoded } from "../../serialization/index.js";
import { reviveFunction } from "../../serialization/function-source.js";
import { DeserializationError } from "../../errors/index.js";
import type { AppCode } from "../executor.js";
import { Claims } from "./claims.js";
import { NotedClaims } from "./start-notes.js";
import { answerStride, taskStride, verdict, type AnswerFrame, type FramedTask, type HeadMessage, type SessionSetup, type TaskFrame, type WorkerMessage } from "./frames.js";
import { TaskScope, currentScope, installScope, runInScope } from "./task-scope.js";
import { refuseLateExits } from "./late-exit.js";
import { moduleApp, reachOf } from "./module-app.js";
import { taskToken } from "./offspring.js";
import { watchSpawns } from "./spawn-watch.js";
import { registerTypeScript } from "../../actors/typescript.js";

type Runnable = (...args: unknown[]) => unknown;
type Loaded = Runnable | Promise<Runnable> | Error;

/** Answers wait for company at most this long, in milliseconds. */
const flushAfter = 0.25;

/** A process of a task waits at most this long for its guard, in milliseconds: the program may be busy. */
const guardPatience = 1000;

// Where a thread is one of hundreds its code stays cold, and asking for the origin costs more than all else here.
const origin = performance.timeOrigin;
const clock = () => origin + performance.now();

/** The long-lived worker actor of one thread: takes frames of tasks, runs them one at a time, answers in frames. */
class Session {
  private readonly apps = new Map<number, { name: string; run: Loaded }>();
  private queue: FramedTask[] = [];
  private next = 0;
  private running = false;
  private out: AnswerFrame = [];
  private transfer: ArrayBuffer[] = [];
  /** When the last task began or ended. */
  private now = 0;
  private flushed = 0;
  private flushPlanned = false;
  private scope: TaskScope | undefined;
  private failCurrent: ((error: unknown) => void) | undefined;
  private watching = false;
  /** Resolves when TypeScript is understood. */
  private loader: Promise<void> | undefined;

  constructor(
    private readonly port: MessagePort,
    private readonly claims: Claims,
    private readonly place: { label: string; lane: number; block: string | undefined },
    private readonly typescript: string | undefined,
    log: string | undefined,
  ) {
    port.on("message", (message: TaskFrame | HeadMessage) => (Array.isArray(message) ? this.accept(message) : this.obey(message)));
    process.on("uncaughtException", (error) => this.late(error));
    process.on("unhandledRejection", (reason) => this.late(reason));
    installScope(log);
    refuseLateExits(() => this.scope);
    this.tell({ t: "ready", thread: threadId });
  }

  private readonly tell = (message: WorkerMessage): void => this.port.postMessage(message);

  private define({ app, name, code }: Extract<HeadMessage, { t: "define" }>): void {
    const run = load(code, (reach) => this.prepare(reach));
    const entry: { name: string; run: Loaded } = { name, run };
    this.apps.set(app, entry);
    if (run instanceof Promise) run.then((ready) => (entry.run = ready), () => undefined);
  }

  /** Makes the thread fit for code that loads modules: processes are accounted for, and TypeScript is understood where the program runs it. */
  private prepare(reach: "node" | "files"): Promise<void> | undefined {
    if (!this.watching) {
      this.watching = true;
      const token = () => taskToken(this.place.label, currentScope()?.id ?? 0, currentScope()?.attempt ?? 0);
      watchSpawns(token, (task) => {
        this.tell({ t: "spawned", task });
        this.claims.awaitGuard(guardPatience);
      });
    }
    if (reach === "node" || this.typescript === undefined) return undefined;
    this.loader ??= registerTypeScript(this.typescript);
    return this.loader;
  }

  private obey(message: HeadMessage): void {
    if (message.t === "define") this.define(message);
    else if (this.scope?.id === message.task && this.scope.attempt === message.attempt) this.scope.abort(message.reason);
  }

  private accept(frame: TaskFrame): void {
    for (let i = 0; i < frame.length; i += taskStride) {
      this.queue.push({ slot: frame[i] as number, task: frame[i + 1] as number, attempt: frame[i + 2] as number, app: frame[i + 3] as number, args: frame[i + 4] as readonly Encoded[], setting: frame[i + 5] as FramedTask["setting"] });
    }
    if (!this.running) this.drain(clock());
  }

  /** Runs what is queued until something must be waited for. */
  private drain(now: number): void {
    this.running = true;
    this.now = now;
    while (this.next < this.queue.length) {
      const task = this.queue[this.next++] as FramedTask;
      // Before it, as it may take long.
      if (this.now - this.flushed > flushAfter) this.flush();
      if (this.run(task, this.now)) continue;
      this.planFlush();
      return;
    }
    this.queue = [];
    this.next = 0;
    this.running = false;
    this.claims.rest();
    this.flush();
  }

  /** False where the task is not over yet: once it is, the rest is run. */
  private run(task: FramedTask, start: number): boolean {
    if (!this.claims.start(task.slot, start)) {
      this.push(task, verdict.skipped, undefined, 0);
      return true;
    }
    const app = this.apps.get(task.app);
    const scope = new TaskScope(task, app?.name ?? "?", this.place, this.tell, this.claims);
    this.scope = scope;
    try {
      scope.open();
      const runnable = app?.run ?? new DeserializationError("CW-DATA-002", `worker ${this.place.lane} was never told of app ${task.app}`);
      if (runnable instanceof Error) throw runnable;
      const result = typeof runnable === "function" ? runInScope(scope, runnable, task.args) : runnable.then((run) => runInScope(scope, run, task.args));
      if (isThenable(result)) {
        this.await(task, scope, result, start);
        return false;
      }
      this.succeed(task, scope, result, start);
    } catch (thrown) {
      this.fail(task, scope, thrown, start);
    }
    return true;
  }

  /** Ends the task when its promise settles, or by an error of it that nobody caught, whichever is first. */
  private await(task: FramedTask, scope: TaskScope, result: PromiseLike<unknown>, start: number): void {
    const settle = (finish: () => void): void => {
      if (this.scope !== scope) return;
      this.failCurrent = undefined;
      finish();
      this.drain(this.now);
    };
    const fail = (thrown: unknown): void => settle(() => this.fail(task, scope, thrown, start));
    // Not inside the handler of that error: what runs next has errors of its own.
    this.failCurrent = (error) => queueMicrotask(() => fail(error));
    Promise.resolve(result).then((value) => settle(() => this.succeed(task, scope, value, start)), fail);
  }

  private succeed(task: FramedTask, scope: TaskScope, value: unknown, start: number): void {
    let encoded: Encoded;
    try {
      encoded = encode(value, `the result of ${scope.app}`);
    } catch (unfit) {
      this.fail(task, scope, unfit, start);
      return;
    }
    this.end(task, scope, verdict.value, encoded, start);
  }

  private fail(task: FramedTask, scope: TaskScope, thrown: unknown, start: number): void {
    this.end(task, scope, verdict.thrown, encodeThrown(thrown, `the error of ${scope.app}`), start);
  }

  private end(task: FramedTask, scope: TaskScope, how: number, payload: Encoded, start: number): void {
    this.scope = undefined;
    scope.close();
    this.claims.end(task.slot);
    this.now = clock();
    this.push(task, how, payload, this.now - start);
  }

  private push(task: FramedTask, how: number, payload: Encoded, ms: number): void {
    if (typeof payload === "object" && payload !== null) this.transfer.push(...transferables(payload));
    this.out.push(task.slot, task.task, task.attempt, how, payload, ms);
    if (this.out.length >= 128 * answerStride) this.flush();
  }

  private planFlush(): void {
    if (this.flushPlanned || this.out.length === 0) return;
    this.flushPlanned = true;
    setImmediate(() => {
      this.flushPlanned = false;
      this.flush();
    });
  }

  private flush(): void {
    this.flushed = this.now;
    if (this.out.length === 0) return;
    const { out, transfer } = this;
    this.out = [];
    this.transfer = [];
    if (transfer.length === 0) this.port.postMessage(out);
    else this.port.postMessage(out, transfer);
  }

  /** An error nobody caught: of the running task, which it fails; or of one that has ended, to which it is attributed. */
  private late(error: unknown): void {
    const scope = currentScope();
    if (scope !== undefined && scope === this.scope && this.failCurrent !== undefined) this.failCurrent(error);
    else this.tell({ t: "late", task: scope?.id ?? 0, attempt: scope?.attempt ?? 0, error: encodeThrown(error, "a late error") });
  }
}

function load(code: AppCode, prepare: (reach: "node" | "files") => Promise<void> | undefined): Loaded {
  try {
    const reach = code.kind === "module" ? "files" : reachOf(code.shipped);
    const preparing = reach === "nowhere" ? undefined : prepare(reach);
    if (preparing === undefined && code.kind === "function") return reviveFunction(code.shipped);
    const loading = (preparing ?? Promise.resolve()).then(() => (code.kind === "function" ? reviveFunction(code.shipped) : moduleApp(code.url, code.name)));
    loading.catch(() => undefined);
    return loading;
  } catch (error) {
    return error instanceof Error ? error : new DeserializationError("CW-DATA-002", String(error));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && (typeof value === "object" || typeof value === "function") && typeof (value as { then?: unknown }).then === "function";
}

/** What piscina runs in a fresh thread. Returns at once; the session lives as long as the thread. */
export default function session({ port, claims, label, lane, block, typescript, notes, log }: SessionSetup): void {
  new Session(port, notes === undefined ? new Claims(claims) : new NotedClaims(claims, notes, lane), { label, lane, block }, typescript, log);
}
