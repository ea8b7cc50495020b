import { Cell } from "../actors/cell.js";
import { compile } from "../actors/compile.js";
import type { Timer } from "../actors/ports.js";
import type { ExecutorDescriptor } from "../config/descriptors.js";
import { resolveConfig } from "../config/resolve.js";
import type { ResolvedConfig } from "../config/types.js";
import { parseDuration } from "../config/units.js";
import { ConfigurationError, UnknownExecutor } from "../errors/index.js";
import type { Executor } from "../executors/executor.js";
import { kernelMachine, type KernelContext, type KernelEffect, type KernelMessage } from "../state-machines/kernel.js";
import type { CloseOptions } from "./close-options.js";
import type { ExecutorMaker } from "./executors.js";
import type { DataFlowKernel } from "./kernel.js";
import { logEvents } from "./log.js";
import { RuntimeTree } from "./runtime-tree.js";
import type { TaskTable } from "./task-table.js";

const chart = compile<KernelContext, KernelMessage, KernelEffect, undefined>(kernelMachine);

/** The life of a kernel: starts and stops its executors, and closes in one direction. */
export class KernelLife {
  readonly cell: Cell<KernelContext, KernelMessage, KernelEffect>;
  private readonly tree: RuntimeTree;
  private readonly startedAt: number;
  private endedAt: number | undefined;
  private readonly timers: Timer[] = [];
  private keepAlive: NodeJS.Timeout | undefined;
  private readonly unclean: unknown[] = [];
  readonly closed: Promise<void>;
  private finish!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(
    private readonly kernel: DataFlowKernel,
    private readonly table: TaskTable,
    private readonly config: ResolvedConfig,
    make: ExecutorMaker,
  ) {
    this.startedAt = kernel.ports.clock.now();
    const { strategy, strategyPeriod, maxIdleTime } = config;
    this.tree = new RuntimeTree(table, make, { directory: () => table.runDirectory(), id: table.token, strategy, strategyPeriod, maxIdleTime, trouble: (executor, error) => kernel.events.next({ type: "executor.trouble", executor, error }) }, kernel.dispatcher);
    this.closed = new Promise((resolve, reject) => (this.finish = { resolve, reject }));
    this.closed.catch(() => undefined);
    this.cell = new Cell(
      {
        name: "kernel",
        chart,
        perform: {
          "tasks.watch": () => this.watch(),
          "tasks.cancel": () => table.cancelAll("the kernel was closed"),
          // More than one may run: the soonest is heard, and the others come late.
          "timer.start": ({ ms }) => void this.timers.push(kernel.ports.clock.after(ms, () => kernel.dispatcher.tell(this.cell, { type: "close.expired" }))),
          "timer.cancel": () => this.stopTimers(),
          "executors.stop": () => void this.stopExecutors(),
          "futures.reject": ({ error }) => table.rejectAll(error),
          "kernel.announce": ({ outcome }) => this.announce(outcome),
        },
        moved: () => kernel.events.next({ type: "kernel.state", state: this.state }),
        crashed: (_: unknown, error: unknown) => this.broke(error),
      },
      "kernel",
    );
    kernel.dispatcher.start(this.cell, undefined);
    // What is waited for may still call what it needs: the bodies of join apps.
    table.refusal = (inBody) => (this.cell.is("accepting") || (inBody && this.state === "draining") ? undefined : table.closed());
    table.onIdle = (idle) => this.idle(idle);
  }

  get state(): string {
    return this.cell.state.name;
  }

  elapsed(): number {
    return (this.endedAt ?? this.kernel.ports.clock.now()) - this.startedAt;
  }

  async start(): Promise<void> {
    if (this.config.logger !== undefined) logEvents(this.kernel, this.config.logger);
    try {
      await this.tree.start();
      for (const descriptor of this.config.executors) await this.tree.addExecutor(descriptor);
    } catch (error) {
      this.kernel.dispatcher.tell(this.cell, { type: "kernel.failed", error });
      await this.stopExecutors();
      throw error;
    }
    this.kernel.dispatcher.tell(this.cell, { type: "kernel.started" });
    await new Promise<void>((resolve) => this.kernel.ports.scheduler.soon(resolve));
  }

  async addExecutor(descriptor: ExecutorDescriptor): Promise<void> {
    const { executors } = await resolveConfig({ executors: [descriptor] });
    for (const one of executors) {
      if (this.table.executors.has(one.label)) throw new ConfigurationError("CW-CONF-001", `there is an executor "${one.label}" already`, { where: { executor: one.label } });
      await this.tree.addExecutor(one);
    }
  }

  async removeExecutor(label: string): Promise<void> {
    const executor = this.table.executors.get(label);
    if (executor === undefined) throw new UnknownExecutor("CW-EXEC-004", `there is no executor "${label}"; there are ${[...this.table.executors.keys()].join(", ") || "none"}`, { where: { executor: label } });
    this.table.registry.retire(label);
    await executor.drain();
    try {
      await this.tree.removeExecutor(label);
    } catch (error) {
      // A kernel that closes meanwhile ends it with all others.
      if (this.cell.is("accepting")) throw error;
      await this.closed.catch(() => undefined);
    }
  }

  close({ mode = "wait", timeout }: CloseOptions): Promise<void> {
    const ms = timeout === undefined ? undefined : parseDuration(timeout, "timeout of close");
    this.kernel.dispatcher.tell(this.cell, { type: "kernel.close", mode, timeout: ms });
    return this.closed;
  }

  /** Every actor: supervisors and their children, the kernel, executors, threads and attempts. */
  describe(): readonly { path: string; state: string }[] {
    return [...this.tree.describe(), { path: this.cell.path, state: this.state }, ...[...this.table.executors.values()].flatMap((executor: Executor) => executor.tree())];
  }

  /** Open work keeps the program alive; an idle kernel does not. */
  private idle(idle: boolean): void {
    if (this.keepAlive === undefined && this.kernel.holdsProgram) this.keepAlive = setInterval(() => undefined, 2 ** 30);
    if (idle) this.keepAlive?.unref();
    else this.keepAlive?.ref();
    if (idle) this.watch();
  }

  private watch(): void {
    if (this.table.open === 0 && this.state === "draining") this.kernel.dispatcher.tell(this.cell, { type: "tasks.settled" });
  }

  private async stopExecutors(): Promise<void> {
    this.unclean.push(...(await this.tree.stopExecutors()));
    await this.table.files.tidied();
    this.kernel.dispatcher.tell(this.cell, { type: "executors.stopped" });
  }

  private stopTimers(): void {
    for (const timer of this.timers.splice(0)) timer.cancel();
  }

  private announce(outcome: "started" | "closed" | "failed"): void {
    if (outcome === "started") return;
    this.stopTimers();
    if (outcome === "failed") this.tree.crash(this.cell.context.reason);
    this.endedAt = this.kernel.ports.clock.now();
    clearInterval(this.keepAlive);
    void this.tree.stop().then(() => this.ended());
  }

  /** The kernel broke one of its own rules: every open future rejects, and the root ends with it. */
  private broke(error: unknown): void {
    this.table.rejectAll(error);
    this.unclean.push(error);
    this.announce("failed");
  }

  private ended(): void {
    const [problem] = this.unclean;
    if (problem === undefined) this.finish.resolve();
    else this.finish.reject(problem);
    this.kernel.events.complete();
  }
}
