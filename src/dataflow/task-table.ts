import type { Dispatcher } from "../actors/dispatcher.js";
import type { ChartState } from "../actors/compile.js";
import type { Timer } from "../actors/ports.js";
import { parseDuration } from "../config/units.js";
import type { ResolvedConfig } from "../config/types.js";
import { CarawayError, InternalConsistencyError, KernelClosed, TaskCancelled, WaitTimeout } from "../errors/index.js";
import type { Executor, WorkFailure, WorkListener, WorkNews } from "../executors/executor.js";
import type { TaskMessage, TaskOutcome } from "../state-machines/task.js";
import type { AppDefinition } from "./app-definition.js";
import { type Dependency, Foreign, keepArgument, type KeptArgument } from "./arguments.js";
import { Beside } from "./beside.js";
import { TaskFilesystem } from "./files.js";
import { AppFuture } from "./future.js";
import type { DataFlowKernel } from "./kernel.js";
import { liftApp } from "./lift.js";
import { listenerOf } from "./listener.js";
import { Memo } from "./memo.js";
import { costOf, delayOf, dependencyError, poisoned } from "./outcomes.js";
import { chooseExecutor } from "./placement.js";
import { Plans } from "./plans.js";
import { makeRunDirectory } from "./run-directory.js";
import { enclosing } from "./enclosing.js";
import { Statistics, shownState } from "./statistics.js";
import { TaskIndex } from "./task-index.js";
import { type TaskKind, taskKind, waitingState } from "./task-kind.js";
import { TaskRecord } from "./task-record.js";
import type { AppOptions, TaskState } from "./types.js";

/** The tasks of one kernel: made, run, retried and settled here. */
export class TaskTable {
  readonly dispatcher: Dispatcher;
  readonly executors = new Map<string, Executor>();
  readonly listener: WorkListener;
  readonly memo: Memo;
  readonly files: TaskFilesystem;
  readonly statistics = new Statistics();
  /** Names what this kernel makes on disk. */
  readonly token: string;
  open = 0;
  /** Told when the last open task has ended, and when the first begins. */
  onIdle: ((idle: boolean) => void) | undefined;
  /** Set while the kernel is running: why no task is taken. */
  refusal: (() => CarawayError | undefined) | undefined;
  private readonly plans: Plans;
  private readonly kind: TaskKind;
  private readonly beside: Beside;
  private readonly records = new TaskIndex();
  private readonly finished: number[] = [];
  private finishedHead = 0;
  private lastId = 0;
  private readyWaiters: (() => void)[] = [];
  private directory: string | undefined;

  constructor(
    readonly kernel: DataFlowKernel,
    readonly config: ResolvedConfig,
  ) {
    this.dispatcher = kernel.dispatcher;
    this.token = kernel.ports.ids.token();
    this.plans = new Plans(this);
    this.kind = taskKind(this);
    this.listener = listenerOf(this);
    this.memo = new Memo(this);
    this.files = new TaskFilesystem(this);
    this.beside = new Beside(this.dispatcher, this.listener, (record, run) => this.within(record, run));
  }

  get(id: number): TaskRecord | undefined {
    return this.records.get(id);
  }

  all(): Iterable<TaskRecord> {
    return this.records.values();
  }

  runDirectory(): string {
    return (this.directory ??= makeRunDirectory(this.config.runDir));
  }

  /** Runs something so that apps called in it belong to this kernel, and to the task's scope. */
  within<T>(record: TaskRecord, run: () => T): T {
    return enclosing.run({ kernel: this.kernel, scope: record.extra?.scope }, run);
  }

  submit(app: AppDefinition, args: readonly unknown[], options?: AppOptions): AppFuture<unknown, unknown> {
    const refusal = this.refusal?.();
    if (refusal !== undefined) throw refusal;
    const plan = this.plans.of(app, options);
    const scope = enclosing.current?.scope;
    let dependencies: Dependency[] = noDependencies;
    const kept = new Array<KeptArgument>(args.length);
    let unfit: unknown;
    const depth = this.config.dependencyResolver === "shallow" ? "shallow" : "deep";
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      if (argument === null || (typeof argument !== "object" && typeof argument !== "function" && typeof argument !== "symbol")) {
        kept[i] = argument as KeptArgument;
        continue;
      }
      try {
        if (dependencies === noDependencies) dependencies = [];
        kept[i] = keepArgument(argument, `argument ${i + 1} of ${app.name}`, dependencies, depth);
      } catch (error) {
        unfit ??= error;
      }
    }
    const id = ++this.lastId;
    const record = new TaskRecord(this.kind, id, plan, kept, Math.round(this.dispatcher.now));
    if (!plan.plain) {
      if (dependencies === noDependencies) dependencies = [];
      unfit ??= this.declare(record, args, dependencies);
    }
    if (scope !== undefined) scope.add(record);
    this.begin(record, dependencies, unfit);
    return new AppFuture(record);
  }

  /** Files, streams and signals of a call. Answers with what is wrong with them. */
  private declare(record: TaskRecord, args: readonly unknown[], dependencies: Dependency[]): unknown {
    const { app, plan } = record;
    const { inputs, signal } = plan.options;
    try {
      const extra = record.more();
      Object.assign(extra, this.files.declare(app, record.taskId, plan.options, args));
      if (inputs !== undefined) extra.inputs = inputs.map((input, i) => keepArgument(input, `inputs[${i}] of ${app.name}`, dependencies, "deep"));
      if (signal !== undefined) this.obey(record, signal);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  private obey(record: TaskRecord, signal: AbortSignal): void {
    const abort = () => void this.cancel(record, signal.reason instanceof Error ? signal.reason.message : "its signal was aborted");
    if (signal.aborted) this.dispatcher.ports.scheduler.soon(abort);
    else {
      signal.addEventListener("abort", abort, { once: true });
      record.more().unlisten = () => signal.removeEventListener("abort", abort);
    }
  }

  private begin(record: TaskRecord, dependencies: readonly Dependency[], unfit: unknown): void {
    const { dispatcher } = this;
    this.records.add(record.taskId, record);
    if (this.open++ === 0) this.onIdle?.(false);
    let waitingFor = 0;
    for (const dependency of dependencies) if (dependency instanceof Foreign || !dependency.record.succeeded) waitingFor++;
    const spec = unfit === undefined ? record.plan.spec : { ...record.plan.spec, memoized: false, stages: true };
    if (unfit !== undefined) {
      record.more().refusal = unfit;
      waitingFor = 0;
    }
    record.plan.counts.entered(waitingState);
    dispatcher.start(record, { taskId: record.taskId, spec, waitingFor });
    if (record.state !== waitingState) this.moved(record, waitingState);
    if (waitingFor === 0) return;
    for (const dependency of dependencies) this.await(record, dependency);
  }

  private await(record: TaskRecord, dependency: Dependency): void {
    const { dispatcher } = this;
    if (dependency instanceof AppFuture) {
      const upstream = dependency.record;
      if (upstream.succeeded) return;
      if (upstream.isFinal || upstream.crashed) dispatcher.tell(record, { type: "dependency.failed", error: dependencyError(record, upstream, upstream.context.error) });
      else upstream.addDependent(record);
      return;
    }
    dependency.promise.then(
      (value) => {
        dependency.value = value;
        dispatcher.tell(record, { type: "dependency.settled" });
      },
      (error: unknown) => dispatcher.tell(record, { type: "dependency.failed", error: dependencyError(record, undefined, error) }),
    );
  }

  /** A task is in another state: counted, and announced where somebody listens. */
  moved(record: TaskRecord, from: ChartState): void {
    record.plan.counts.moved(from, record.state as ChartState);
    record.extra?.states?.next(record.stateName);
    const { events } = this.kernel;
    if (events.observed) events.next({ type: "task.state", task: record.taskId, app: record.app.name, from: shownState(from), state: record.stateName, attempt: record.context.attempt });
  }

  /** The future of one property of another's result. */
  lift(future: AppFuture<unknown, unknown>, key: PropertyKey): AppFuture<unknown, unknown> {
    return this.submit(liftApp, [future, key]);
  }

  /** Gives the attempt to an executor. */
  dispatch(record: TaskRecord, attempt: number): void {
    if (attempt > 1) this.triesAgain(record, attempt);
    if (record.app.kind === "join" || record.app.kind === "lift") {
      record.executor = this.beside;
      this.beside.submit(record, attempt);
      return;
    }
    const chosen = chooseExecutor(record, attempt, this.executors);
    if (chosen instanceof CarawayError) {
      this.attemptFailed(record, attempt, "attempt.failed", { error: chosen, charge: "app", held: false });
      return;
    }
    record.executor = chosen;
    chosen.submit(record, attempt);
  }

  private triesAgain(record: TaskRecord, attempt: number): void {
    const failed = record.extra?.history?.at(-1);
    this.statistics.triesAgain(record, failed);
    if (failed !== undefined) this.kernel.events.next({ type: "task.retry", task: record.taskId, app: record.app.name, attempt, error: failed.error, delay: this.dispatcher.now - failed.endedAt });
  }

  /** An attempt did not succeed: says what it costs and how long to wait before the next. */
  attemptFailed(record: TaskRecord, attempt: number, type: "attempt.failed" | "outputs.failed", failure: WorkFailure): void {
    let { error } = failure;
    const { charge, held } = failure;
    let retryable = !(error instanceof CarawayError) || error.retryable;
    let cost = 1;
    if (charge === "app" && retryable) {
      const price = costOf(record, attempt, error);
      if ("cost" in price) cost = price.cost;
      else {
        error = price.broken;
        retryable = false;
      }
    }
    const delay = charge === "none" ? 0 : delayOf(record, attempt, error, this.dispatcher.ports.random);
    if (attempt === record.context.attempt && !record.isFinal) (record.more().history ??= []).push({ attempt, executor: record.executor?.label, error, charge, endedAt: this.dispatcher.now });
    this.files.discard(record, attempt);
    this.dispatcher.tell(record, { type, attempt, error, charge, cost, retryable, delay, held });
  }

  cancelAttempt(record: TaskRecord, attempt: number): void {
    const done = () => {
      for (const tell of record.extra?.onCancelled?.splice(0) ?? []) tell();
    };
    this.files.discard(record, attempt);
    if (record.executor === undefined) done();
    else record.executor.cancel(record, attempt, "cancelled", done);
  }

  /** Cancels a task; resolves with the state it was found in, once none of its code can begin. */
  async cancel(record: TaskRecord, reason?: string): Promise<TaskState> {
    const found = record.stateName;
    if (record.isFinal) return found;
    const out = record.is("live");
    const stopped = new Promise<void>((resolve) => {
      if (out) (record.more().onCancelled ??= []).push(resolve);
    });
    const error = new TaskCancelled("CW-TASK-003", `${record.app.name} (task ${record.taskId}) was cancelled${reason === undefined ? "" : `: ${reason}`}`, { where: { task: record.taskId, app: record.app.name }, evidence: { foundIn: found } });
    this.dispatcher.tell(record, { type: "task.cancel", error } satisfies TaskMessage);
    await record.whenSettled();
    if (out && record.state.name === "cancelled") await stopped;
    return found;
  }

  cancelAll(reason: string): void {
    for (const record of this.records.values()) if (!record.isFinal) void this.cancel(record, reason);
  }

  /** How long a function ran on its worker. */
  ran(record: TaskRecord, ms: number): void {
    const { counts } = record.plan;
    counts.ranMs += ms;
    if (ms > counts.slowestMs) counts.slowestMs = ms;
  }

  /** A task is in a final state: everyone who waits for it is told. */
  settle(record: TaskRecord, outcome: TaskOutcome): void {
    const { dispatcher, statistics } = this;
    record.endedAt = Math.round(dispatcher.now);
    const { context, extra } = record;
    if (outcome === "failed" && context.losses > context.spec.lost) context.error = poisoned(record);
    if (!record.succeeded) statistics.failed(record, outcome);
    record.wake();
    this.tellDependents(record);
    if (extra !== undefined) this.tidy(record);
    this.retain(record.taskId);
    this.open--;
    if (this.open < this.config.maxPending && this.readyWaiters.length > 0) for (const tell of this.readyWaiters.splice(0)) tell();
    if (this.open === 0) this.onIdle?.(true);
  }

  private tidy(record: TaskRecord): void {
    const extra = record.more();
    extra.unlisten?.();
    extra.states?.complete();
    extra.reports?.complete();
    extra.scope?.settled(record);
    this.memo.settled(record);
    if (!record.is("final")) return;
    for (const tell of record.state.name === "cancelled" && record.executor !== undefined ? [] : (extra.onCancelled?.splice(0) ?? [])) tell();
  }

  private tellDependents(record: TaskRecord): void {
    const { dependents } = record;
    if (dependents === undefined) return;
    record.dependents = undefined;
    for (const dependent of Array.isArray(dependents) ? dependents : [dependents]) {
      this.dispatcher.tell(dependent, record.succeeded ? settledMessage : { type: "dependency.failed", error: dependencyError(dependent, record, record.context.error) });
    }
  }

  private retain(id: number): void {
    const { finished } = this;
    finished.push(id);
    if (finished.length - this.finishedHead <= this.config.retain) return;
    this.records.delete(finished[this.finishedHead++] as number);
    if (this.finishedHead < 10_000 || this.finishedHead * 2 < finished.length) return;
    finished.splice(0, this.finishedHead);
    this.finishedHead = 0;
  }

  ready(): Promise<void> {
    return this.open < this.config.maxPending ? resolved : new Promise((resolve) => this.readyWaiters.push(resolve));
  }

  async settled(timeout?: number | string): Promise<void> {
    const open = [...this.records.values()].filter((record) => !record.isFinal);
    await this.inTime(Promise.all(open.map((record) => record.whenSettled())), timeout, open);
  }

  private async inTime(work: Promise<unknown>, timeout: number | string | undefined, records: readonly TaskRecord[]): Promise<void> {
    if (timeout === undefined) return void (await work);
    const ms = parseDuration(timeout, "timeout");
    let timer: Timer | undefined;
    const late = new Promise<true>((resolve) => {
      timer = this.dispatcher.ports.clock.after(ms, () => resolve(true));
    });
    if ((await Promise.race([work, late])) !== true) return timer?.cancel();
    const open = records.filter((record) => !record.isFinal);
    throw new WaitTimeout("CW-KERN-002", `${open.length} task(s) are open after ${ms} ms: ${open.slice(0, 5).map((r) => `${r.app.name} (task ${r.taskId}, ${r.stateName})`).join(", ")}${open.length > 5 ? ", …" : ""}`, { evidence: { open: open.length, why: open.slice(0, 5).map((r) => this.kernel.why(r.taskId).sentence) } });
  }

  /** Every open future rejects: the kernel broke. */
  rejectAll(error: unknown): void {
    const cause = error instanceof InternalConsistencyError ? error : new InternalConsistencyError("CW-INT-001", `the kernel broke: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    for (const record of this.records.values()) {
      if (record.isFinal || record.crashed) continue;
      record.crashed = true;
      record.context.error = cause;
      record.wake();
    }
    this.open = 0;
    this.onIdle?.(true);
  }

  news(taskId: number, attempt: number, news: WorkNews): void {
    const { events } = this.kernel;
    const extra = this.records.get(taskId)?.extra;
    if (news.kind === "report") {
      extra?.reports?.next(news.value);
      events.next({ type: "task.report", task: taskId, attempt, value: news.value });
    } else if (news.kind === "progress") {
      events.next({ type: "task.progress", task: taskId, attempt, fraction: news.fraction, note: news.note });
    } else if (news.kind === "log") events.next({ type: "task.log", task: taskId, attempt, line: news.line });
    else {
      this.statistics.lateErrors++;
      events.next({ type: "task.late-error", task: taskId, attempt, error: news.error });
    }
  }

  closed(): KernelClosed {
    return new KernelClosed("CW-KERN-001", "the kernel is closing and takes no more work");
  }
}

const noDependencies: Dependency[] = [];
const resolved = Promise.resolve();
const settledMessage: TaskMessage = { type: "dependency.settled" };
