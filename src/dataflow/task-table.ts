import type { ChartState } from "../actors/compile.js";
import type { Dispatcher } from "../actors/dispatcher.js";
import type { ResolvedConfig } from "../config/types.js";
import { type CarawayError, InternalConsistencyError, KernelClosed } from "../errors/index.js";
import type { Executor, WorkListener } from "../executors/executor.js";
import type { TaskOutcome } from "../state-machines/task.js";
import { announce, statisticsOf } from "./accounts.js";
import type { AppDefinition } from "./app-definition.js";
import { type Dependency, Foreign, type Gathering, keepArgument, type KeptArgument } from "./arguments.js";
import { announceRetry, attemptFailed } from "./attempts.js";
import { Beside } from "./beside.js";
import { cancelChildren, cancelTask, obey, tellStopped } from "./cancelling.js";
import { type Enclosing, enclosing } from "./enclosing.js";
import { tellDependents, waitFor } from "./dependencies.js";
import { ExecutorRegistry } from "./executor-registry.js";
import { TaskFilesystem } from "./files.js";
import { AppFuture } from "./future.js";
import type { DataFlowKernel } from "./kernel.js";
import { liftApp } from "./lift.js";
import { listenerOf } from "./listener.js";
import { Memo } from "./memo.js";
import { ownError, poisoned } from "./outcomes.js";
import { chooseExecutor } from "./placement.js";
import { Plans } from "./plans.js";
import { makeRunDirectory } from "./run-directory.js";
import { Statistics, shownState } from "./statistics.js";
import { Retained, TaskIndex } from "./task-index.js";
import { type TaskKind, taskKind, waitingState } from "./task-kind.js";
import { TaskRecord } from "./task-record.js";
import type { AppOptions, TaskState } from "./types.js";
import { Barriers, settled, Turnstile } from "./waits.js";

/** The tasks of one kernel: made, run, retried and settled here. */
export class TaskTable {
  readonly dispatcher: Dispatcher;
  readonly registry = new ExecutorRegistry(this);
  readonly listener: WorkListener;
  readonly memo: Memo;
  readonly files: TaskFilesystem;
  readonly statistics = new Statistics();
  readonly barriers = new Barriers();
  readonly turnstile: Turnstile;
  /** Names what this kernel makes on disk. */
  readonly token: string;
  open = 0;
  /** The number of the task that was submitted last. */
  lastId = 0;
  /** Told when the last open task has ended, and when the first begins. */
  onIdle: ((idle: boolean) => void) | undefined;
  /** Set while the kernel is running: why no task is taken. */
  refusal: ((inBody: boolean) => CarawayError | undefined) | undefined;
  private readonly plans: Plans;
  private readonly kind: TaskKind;
  private readonly beside: Beside;
  private readonly gathering: Gathering;
  private readonly records = new TaskIndex();
  private readonly retained: Retained;
  private directory: string | undefined;

  constructor(
    readonly kernel: DataFlowKernel,
    readonly config: ResolvedConfig,
  ) {
    this.dispatcher = kernel.dispatcher;
    this.token = kernel.ports.ids.token();
    this.gathering = config.dependencyResolver;
    this.retained = new Retained(this.records, config.retain);
    this.turnstile = new Turnstile(this.dispatcher, () => this.open < config.maxPending);
    this.plans = new Plans(this);
    this.kind = taskKind(this);
    this.listener = listenerOf(this);
    this.memo = new Memo(this);
    this.files = new TaskFilesystem(this);
    this.beside = new Beside(this.dispatcher, this.listener, (record, run, lasting) => this.within(record, run, lasting));
  }

  /** The executors that take work, by label. */
  get executors(): ReadonlyMap<string, Executor> {
    return this.registry.running;
  }

  get(id: number): TaskRecord | undefined {
    return this.records.get(id);
  }

  all(): Iterable<TaskRecord> {
    return this.records.values();
  }

  *openTasks(): Generator<TaskRecord> {
    for (const record of this.records.values()) if (!record.isFinal && !record.crashed) yield record;
  }

  runDirectory(): string {
    return (this.directory ??= makeRunDirectory(this.config.runDir));
  }

  /** Runs something so that apps called in it belong to this kernel, to the task and to its scope. */
  within<T>(record: TaskRecord, run: () => T, lasting = false): T {
    return enclosing.run({ kernel: this.kernel, scope: record.extra?.scope, task: record, lasting }, run);
  }

  submit(app: AppDefinition, args: readonly unknown[], given?: AppOptions): AppFuture<unknown, unknown> {
    const around = enclosing.current;
    const refusal = this.refusal?.(around?.task !== undefined && around.kernel === this.kernel && !around.task.isFinal);
    if (refusal !== undefined) throw refusal;
    const inside = around !== undefined && around.kernel === this.kernel && (around.scope !== undefined || around.task !== undefined);
    const plan = this.plans.of(app, inside && around.scope !== undefined ? around.scope.defaultsFor(given ?? noOptions) : given);
    let dependencies: Dependency[] = noDependencies;
    const kept = new Array<KeptArgument>(args.length);
    let unfit: unknown;
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      if (argument === null || (typeof argument !== "object" && typeof argument !== "function" && typeof argument !== "symbol")) {
        kept[i] = argument as KeptArgument;
        continue;
      }
      try {
        if (dependencies === noDependencies) dependencies = [];
        kept[i] = keepArgument(argument, `argument ${i + 1} of ${app.name}`, dependencies, this.gathering);
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
    if (inside) this.place(record, around);
    this.begin(record, dependencies, unfit);
    return new AppFuture(record);
  }

  /** The task belongs to a scope, or to the body of a task that ends with it. */
  private place(record: TaskRecord, { scope, task }: Enclosing): void {
    if (scope !== undefined) {
      record.more().scope = scope;
      scope.add(record, waitingState);
    }
    if (task === undefined) return;
    (task.more().children ??= []).push(record);
    if (task.extra?.doomed !== true && task.state.name !== "cancelled") return;
    record.more().doomed = true;
    this.dispatcher.ports.scheduler.soon(() => cancelChildren(task));
  }

  /** Files, streams and signals of a call. Answers with what is wrong with them. */
  private declare(record: TaskRecord, args: readonly unknown[], dependencies: Dependency[]): unknown {
    const { app, plan } = record;
    const { inputs, signal } = plan.options;
    try {
      const extra = record.more();
      Object.assign(extra, this.files.declare(app, record.taskId, plan.options, args));
      if (inputs !== undefined) extra.inputs = inputs.map((input, i) => keepArgument(input, `inputs[${i}] of ${app.name}`, dependencies, "deep"));
      if (signal !== undefined) obey(record, signal);
      return undefined;
    } catch (error) {
      return error;
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
    dispatcher.start(record, { spec, waitingFor });
    if (record.state !== waitingState) this.moved(record, waitingState);
    if (waitingFor === 0) return;
    for (const dependency of dependencies) waitFor(record, dependency);
  }

  /** A task is in another state: counted, and announced where somebody listens. */
  moved(record: TaskRecord, from: ChartState): void {
    const state = record.state as ChartState;
    const now = Math.round(this.dispatcher.now);
    const ms = now - record.since;
    record.since = now;
    record.plan.counts.moved(from, state, ms);
    const { extra } = record;
    if (extra !== undefined) {
      extra.scope?.moved(record, from, state, ms);
      extra.states?.next(record.stateName);
    }
    if (this.kernel.events.observed || extra?.scope !== undefined) announce(record, { type: "task.state", task: record.taskId, app: record.app.name, from: shownState(from), state: record.stateName, attempt: record.context.attempt });
  }

  /** The future of one property of another's result. */
  lift(future: AppFuture<unknown, unknown>, key: PropertyKey): AppFuture<unknown, unknown> {
    return this.submit(liftApp, [future, key]);
  }

  /** Gives the attempt to an executor. */
  dispatch(record: TaskRecord, attempt: number): void {
    if (attempt > 1) announceRetry(record, attempt);
    if (record.app.kind === "join" || record.app.kind === "lift") {
      record.executor = this.beside;
      this.beside.submit(record, attempt);
      return;
    }
    try {
      const chosen = chooseExecutor(record, attempt, this.executors);
      if (!(chosen instanceof Error)) {
        record.executor = chosen;
        chosen.submit(record, attempt);
      } else if (!this.registry.park(record, attempt)) this.refuse(record, attempt, chosen);
    } catch (thrown) {
      this.refuse(record, attempt, thrown);
    }
  }

  /** The attempt cannot be made: a function of the user's threw, or nobody can take it. */
  private refuse(record: TaskRecord, attempt: number, thrown: unknown): void {
    const { app, taskId } = record;
    attemptFailed(record, attempt, "attempt.failed", { error: ownError(thrown, `an option of ${app.name}`, { task: taskId, attempt, app: app.name }), charge: "app", held: false });
  }

  /** A task is in a final state: everyone who waits for it is told. */
  settle(record: TaskRecord, outcome: TaskOutcome): void {
    const { context, extra } = record;
    if (outcome === "failed" && context.losses > context.spec.lost) context.error = poisoned(record);
    if (!record.succeeded) for (const statistics of statisticsOf(record)) statistics.failed(record, outcome);
    record.wake();
    tellDependents(record);
    if (extra !== undefined) this.tidy(record);
    this.retained.add(record.taskId);
    this.open--;
    if (!this.barriers.none) this.barriers.ended(record.taskId);
    if (!this.turnstile.none) this.turnstile.offer();
    if (this.open === 0) this.onIdle?.(true);
  }

  private tidy(record: TaskRecord): void {
    const extra = record.more();
    extra.unlisten?.();
    extra.states?.complete();
    extra.reports?.complete();
    extra.scope?.settle(record);
    this.memo.settled(record);
    if (record.state.name === "cancelled") cancelChildren(record);
    else delete extra.children;
    if (extra.stopping !== true) tellStopped(record);
  }

  /** Cancels a task; resolves with the state it was found in, once none of its code can begin. */
  cancel(record: TaskRecord, reason?: string): Promise<TaskState> {
    return cancelTask(record, reason);
  }

  cancelAll(reason: string): void {
    for (const record of this.openTasks()) void cancelTask(record, reason);
  }

  /** Resolves when all tasks known now have ended. */
  settled(timeout?: number | string): Promise<void> {
    const { dispatcher, barriers, open, lastId } = this;
    return settled({ dispatcher, barriers, open, lastId, openTasks: () => this.openTasks(), why: (record) => this.kernel.why(record.taskId).sentence }, timeout);
  }

  /** Every open future rejects: the kernel broke. */
  rejectAll(error: unknown): void {
    const cause = error instanceof InternalConsistencyError ? error : new InternalConsistencyError("CW-INT-001", `the kernel broke: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    for (const record of this.openTasks()) {
      record.crashed = true;
      record.context.error = cause;
      record.wake();
      tellStopped(record);
    }
    this.open = 0;
    this.barriers.clear();
    this.turnstile.clear();
    this.onIdle?.(true);
  }

  closed(): KernelClosed {
    return new KernelClosed("CW-KERN-001", "the kernel is closing and takes no more work");
  }
}

const noOptions: AppOptions = Object.freeze({});
const noDependencies: Dependency[] = [];
