import type { Observable } from "rxjs";
import { Dispatcher } from "../actors/dispatcher.js";
import { realPorts } from "../actors/real-ports.js";
import type { Ports } from "../actors/ports.js";
import { Announcer } from "../actors/streams.js";
import { resolveConfig } from "../config/resolve.js";
import type { Config, ResolvedConfig } from "../config/types.js";
import type { ExecutorDescriptor } from "../config/descriptors.js";
import { type CarawayError, KernelClosed, NotYetSupported } from "../errors/index.js";
import type { Block, Executor, ExecutorStatus } from "../executors/executor.js";
import { definitionOf } from "./app.js";
import type { ExecutorMaker } from "./executors.js";
import { enclosing } from "./enclosing.js";
import { AppFuture } from "./future.js";
import type { BlockOptions } from "./block-access.js";
import type { CloseOptions } from "./close-options.js";
import type { KernelLife } from "./kernel-life.js";
import { checkOptions, optionsPerCall } from "./option-check.js";
import { showToObservers } from "./observers.js";
import type { Scope, ScopeOptions } from "./scope.js";
import type { Summary } from "./summary.js";
import type { TaskTable } from "./task-table.js";
import type { App, AppOptions, Inputs, Submitter, TaskState } from "./types.js";
import type { Explanation } from "./why.js";

/** What happens in a kernel, for those who watch. */
export type KernelEvent =
  | { readonly type: "task.state"; readonly task: number; readonly app: string; readonly from: TaskState; readonly state: TaskState; readonly attempt: number }
  | { readonly type: "task.retry"; readonly task: number; readonly app: string; readonly attempt: number; readonly error: Error; readonly delay: number }
  | { readonly type: "task.report"; readonly task: number; readonly attempt: number; readonly value: unknown }
  | { readonly type: "task.progress"; readonly task: number; readonly attempt: number; readonly fraction: number; readonly note: string | undefined }
  | { readonly type: "task.log"; readonly task: number; readonly attempt: number; readonly line: string }
  | { readonly type: "task.late-error"; readonly task: number; readonly attempt: number; readonly error: unknown }
  /** Something of an executor failed, and the executor goes on: a block that died early, with its diagnosis. */
  | { readonly type: "executor.trouble"; readonly executor: string; readonly error: CarawayError }
  | { readonly type: "kernel.state"; readonly state: string };

/** Parts that tests replace: simulated ports, and executors on simulated hosts. */
export interface KernelParts {
  readonly ports?: Ports;
  readonly makeExecutor?: ExecutorMaker;
}

/** Which tasks `tasks` gives. */
export interface TaskFilter {
  readonly state?: TaskState | readonly TaskState[];
  readonly app?: string;
}

export interface Health {
  readonly state: string;
  /** It takes or finishes work, no executor is short of workers, and nothing broke. */
  readonly healthy: boolean;
  readonly open: number;
  readonly executors: readonly ExecutorStatus[];
  /** Messages to finished parts, and answers of attempts that were given up: harmless, and counted. */
  readonly late: number;
  /** Parts that broke one of their own rules: faults of caraway. */
  readonly crashed: number;
}

/** What a kernel consists of once it has started. */
interface Parts {
  readonly config: ResolvedConfig;
  readonly tasks: TaskTable;
  readonly life: KernelLife;
  readonly runtime: Pick<typeof import("./runtime.js"), "blockOf" | "blocksOf" | "checkCloseOptions" | "explain" | "Scope" | "summarize">;
}

/**
 * Runs a workflow: keeps its tasks, their dependencies and results, and gives work to executors.
 * Make it, `start` it, call apps `on` it, `close` it. Most programs use `withKernel` or `load` instead.
 */
export class DataFlowKernel implements Submitter {
  readonly ports: Ports;
  readonly dispatcher: Dispatcher;
  readonly events = new Announcer<KernelEvent>();
  private readonly makeExecutor: ExecutorMaker | undefined;
  private readonly real: boolean;
  private readonly given: Config | undefined;
  private parts: Parts | undefined;
  private starting: Promise<this> | undefined;

  constructor(config?: Config, parts: KernelParts = {}) {
    this.given = config;
    this.real = parts.ports === undefined;
    this.ports = parts.ports ?? realPorts();
    this.dispatcher = new Dispatcher(this.ports);
    this.makeExecutor = parts.makeExecutor;
  }

  /** Checks the configuration and starts every executor. Rejects with what is wrong; what had started is stopped again. */
  start(): Promise<this> {
    return (this.starting ??= this.begin());
  }

  private async begin(): Promise<this> {
    // Threads, charts, pools and their libraries load here: importing the package stays cheap.
    const config = await resolveConfig(this.given);
    const first = this.makeExecutor === undefined ? new (await import("./hosts.js")).FirstHosts(config.executors) : undefined;
    try {
      const { blockOf, blocksOf, checkCloseOptions, executorMaker, explain, KernelLife, Scope, summarize, TaskTable } = await import("./runtime.js");
      const tasks = new TaskTable(this, config);
      const life = new KernelLife(this, tasks, config, this.makeExecutor ?? executorMaker(first));
      this.parts = { config, tasks, life, runtime: { blockOf, blocksOf, checkCloseOptions, explain, Scope, summarize } };
      await life.start();
    } finally {
      await first?.close();
    }
    await showToObservers(this);
    return this;
  }

  /** @internal */
  get table(): TaskTable {
    return this.started().tasks;
  }

  /** @internal */
  get life(): KernelLife {
    return this.started().life;
  }

  get config(): ResolvedConfig {
    return this.started().config;
  }

  private started(): Parts {
    if (this.parts === undefined) throw new KernelClosed("CW-KERN-001", "the kernel was not started", { hint: "Call `await kernel.start()` first." });
    return this.parts;
  }

  /** Runs an app: what a call of it does, on this kernel. */
  submit<A extends readonly unknown[], R, O>(app: App<A, R, O>, args: Inputs<A>, options?: AppOptions<O, A>): AppFuture<R, O> {
    const definition = definitionOf(app);
    if (options !== undefined) checkOptions(definition.name, options, optionsPerCall[definition.kind]);
    return this.table.submit(definition, args, options === undefined ? app.options : { ...app.options, ...(options as AppOptions) }) as AppFuture<R, O>;
  }

  /** The future of a task, while it is open and for the last `retain` that ended. */
  task(id: number): AppFuture<unknown, unknown> | undefined {
    const record = this.table.get(id);
    return record === undefined ? undefined : new AppFuture(record);
  }

  tasks(filter: TaskFilter = {}): AppFuture<unknown, unknown>[] {
    const states = filter.state === undefined ? undefined : new Set<TaskState>(typeof filter.state === "string" ? [filter.state] : filter.state);
    const found: AppFuture<unknown, unknown>[] = [];
    for (const record of this.table.all()) {
      if (states !== undefined && !states.has(record.stateName)) continue;
      if (filter.app === undefined || filter.app === record.app.name) found.push(new AppFuture(record));
    }
    return found;
  }

  /** The executors by label. */
  get executors(): ReadonlyMap<string, ExecutorStatus> {
    return new Map([...this.table.executors].map(([label, executor]: [string, Executor]) => [label, executor.status()]));
  }

  /** Starts one more executor. */
  addExecutor(descriptor: ExecutorDescriptor): Promise<void> {
    return this.life.addExecutor(descriptor);
  }

  /** Lets the executor finish what it has, then stops it. */
  removeExecutor(label: string): Promise<void> {
    return this.life.removeExecutor(label);
  }

  /** The blocks that have a manager: nodes where actors may be started. Of one executor, or of all. */
  blocks(label?: string): Block[] {
    return this.started().runtime.blocksOf(this.table.executors, label);
  }

  /**
   * A block to start actors `on`, as soon as there is one; where there is none, one is asked for. Of the executor with that label, or else of the first that has blocks.
   *
   * @example
   * const far = await supervisor.start({ id: "far", on: await kernel.block("cluster"), module: new URL("./far.js", import.meta.url) });
   */
  async block(label?: string, options: BlockOptions = {}): Promise<Block> {
    return await this.started().runtime.blockOf(this.table.executors, label, options);
  }

  /** Resolves when all work known now has ended. Rejects with `WaitTimeout` at the time limit, saying what is open. */
  settled(options: { readonly timeout?: number | string } = {}): Promise<void> {
    return this.table.settled(options.timeout);
  }

  /** Resolves when fewer than `maxPending` tasks are open. */
  ready(): Promise<void> {
    return this.table.turnstile.enter();
  }

  /** A group of tasks with defaults of its own, to cancel, count and wait for together. Made inside a scope, it is part of that. */
  scope(name: string, options: ScopeOptions = {}): Scope {
    const around = enclosing.current;
    return new (this.started().runtime.Scope)(this, name, options, around?.kernel === this ? around.scope : undefined);
  }

  /** Ends the kernel: waits for open work or cancels it, stops the executors, leaves nothing behind. */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.starting?.catch(() => undefined);
    this.parts?.runtime.checkCloseOptions(options);
    await this.parts?.life.close(options);
  }

  /** Makes all results durable. Not built yet. */
  async flush(): Promise<never> {
    return Promise.reject(new NotYetSupported("CW-CONF-002", "flush() is not built yet: there is no journal", { hint: "Leave it out for now." }));
  }

  /** @internal */
  whenClosed(told: () => void): void {
    this.life.closed.then(told, told);
  }

  /** Whether open work keeps the program alive: not in a simulation. */
  get holdsProgram(): boolean {
    return this.real;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.parts !== undefined) await this.close({ mode: this.config.exitMode });
  }

  /** Why a task is where it is: a sentence, and its evidence. */
  why(id: number): Explanation {
    return this.started().runtime.explain(this, id);
  }

  /** Every actor with its state. */
  tree(): readonly { path: string; state: string }[] {
    const tasks = [...this.table.openTasks()].map((record) => ({ path: record.path, state: record.stateName }));
    return [...this.life.describe(), ...tasks];
  }

  /** What happens to tasks and to the kernel, as it happens. */
  get events$(): Observable<KernelEvent> {
    return this.events.observable;
  }

  /** How the kernel and its executors are. */
  health(): Health {
    const { table, dispatcher } = this;
    const executors = [...table.executors.values()].map((executor) => executor.status());
    const { state } = this.life;
    const healthy = (state === "running" || state === "draining") && dispatcher.counts.crashed === 0 && executors.every((executor) => executor.state === "running" && executor.zombies === 0);
    return { state, healthy, open: table.open, executors, late: dispatcher.counts.late, crashed: dispatcher.counts.crashed };
  }

  /** Counts, times and first failures of the run so far. */
  summary(): Summary {
    return this.started().runtime.summarize(this.table.statistics, this.life.elapsed());
  }
}
