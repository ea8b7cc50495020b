import { isDeepStrictEqual } from "node:util";
import { joinApp } from "../dataflow/app.js";
import type { AppFuture } from "../dataflow/future.js";
import type { App, AppOptions } from "../dataflow/types.js";
import type { ThreadPool } from "../executors/thread-pool/pool.js";
import { CarawayError, KernelClosed } from "../errors/index.js";
import { rootCause } from "../dataflow/outcomes.js";
import type { Entry } from "./invariants/index.js";
import { allowedOutcomes } from "./reference.js";
import type { Script } from "./script.js";
import { scriptedApp, scriptedCommand } from "./scripted-apps.js";
import { simulateKernel, type SimulatedKernel } from "./simulate-kernel.js";
import type { Disturbance, Outcome, PlannedTask, Workload } from "./workload.js";

type AnyFuture = AppFuture<unknown, unknown>;
type Scripted = App<readonly [Script, ...unknown[]], unknown, unknown>;

/** No wait in a workload takes longer, in simulated milliseconds. */
const longest = 30_000;
/** Simulated time is exact, but for what a busy head does later. */
const slack = 500;

/** What became of a workload. */
export interface WorkloadRun {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Every step of every cell, and every probe. */
  readonly trace: readonly Entry[];
  /** Simulated milliseconds. */
  readonly duration: number;
}

export interface RunOptions {
  /** Told each step as it happens. */
  readonly watch?: (entry: Entry) => void;
  /** Called once the kernel has started, before the first task. */
  readonly prepare?: (sim: SimulatedKernel) => void;
}

/** Runs a workload on a simulated kernel, under the checker, to the end of everything. Rejects with the story of what went wrong. */
export async function runWorkload(workload: Workload, seed: number, { watch, prepare }: RunOptions = {}): Promise<WorkloadRun> {
  const { executors, maxPending, busy } = workload;
  const trace: Entry[] = [];
  const record = (entry: Entry) => {
    trace.push(entry);
    watch?.(entry);
  };
  const sim = await simulateKernel({ seed, executors, ...(busy === undefined ? {} : { busy }), config: { ...(maxPending === undefined ? {} : { maxPending }) }, record, slack, crashes: workload.disturbances.some((one) => one.do === "break") });
  prepare?.(sim);
  const run = new Run(workload, sim);
  await run.play();
  return { outcomes: run.outcomes, trace, duration: sim.ports.clock.now() };
}

/** What differs from the reference, in words; nothing where all is as it may be. */
export function compareWithReference(workload: Workload, outcomes: ReadonlyMap<string, Outcome>): string | undefined {
  const all = (tasks: readonly PlannedTask[]): PlannedTask[] => tasks.flatMap((task) => [task, ...all(task.inner)]);
  for (const task of all(workload.tasks)) {
    const seen = outcomes.get(task.name);
    if (seen === undefined) continue;
    const allowed = allowedOutcomes(task, workload, (name) => [outcomes.get(name) ?? []].flat());
    if (!allowed.some((one) => isDeepStrictEqual({ root: undefined, value: undefined, ...one }, { root: undefined, value: undefined, ...seen }))) return `task ${task.name} ended as ${JSON.stringify(seen)}; allowed: ${JSON.stringify(allowed)}`;
  }
  return undefined;
}

class Run {
  readonly outcomes = new Map<string, Outcome>();
  private readonly futures = new Map<string, AnyFuture>();
  private readonly keys = new Map<number, string>();
  private readonly functions = scriptedApp() as Scripted;
  private readonly commands = scriptedCommand() as Scripted;
  private readonly settled: Promise<unknown>[] = [];
  private closing: Promise<unknown> | undefined;

  constructor(
    private readonly workload: Workload,
    private readonly sim: SimulatedKernel,
  ) {}

  async play(): Promise<void> {
    const { sim } = this;
    try {
      for (const disturbance of this.workload.disturbances) sim.at(disturbance.at, () => this.disturb(disturbance));
      await sim.until(this.submitAll(), longest);
      for (let i = 0; i < this.settled.length; i++) await sim.until(this.settled[i] as Promise<unknown>, longest);
      this.closing ??= this.close("wait");
      await sim.until(this.closing, longest);
      await sim.settle(longest);
      this.inspect();
    } catch (error) {
      sim.checker?.assert();
      throw error;
    }
  }

  private async submitAll(): Promise<void> {
    const { sim, workload } = this;
    for (const task of workload.tasks) {
      const wait = task.at - sim.ports.clock.now();
      if (wait > 0) await new Promise<void>((resolve) => sim.at(wait, resolve));
      if (workload.maxPending !== undefined) await sim.kernel.ready();
      if (this.closing !== undefined) return;
      if (task.needs.every((name) => this.futures.has(name))) this.submit(task);
    }
  }

  private submit(task: PlannedTask): AnyFuture {
    const future = this.call(task);
    const { sim } = this;
    const feed = (succeeded: boolean, value: unknown) => sim.checker?.feed({ probe: "future.settled", task: future.id, succeeded, value, at: sim.ports.clock.now() });
    this.futures.set(task.name, future);
    this.keys.set(future.id, task.key);
    this.wait(
      future.then(
        (value) => {
          feed(true, value);
          this.outcomes.set(task.name, { state: future.state, value });
        },
        (error: unknown) => {
          feed(false, error);
          this.outcomes.set(task.name, { state: future.state, root: this.rootOf(error) });
        },
      ),
    );
    return future;
  }

  private call(task: PlannedTask): AnyFuture {
    const { kind, key, acts, needs } = task;
    const inputs = needs.map((name) => this.futures.get(name) as AnyFuture);
    if (kind === "get") return (inputs[0] as AppFuture<Record<string, unknown>, unknown>).get(task.missing ? "missing" : "v");
    if (kind === "join") return this.join(task).on(this.sim.kernel)(...inputs);
    const options: AppOptions = { retries: { app: task.retries, lost: task.lost, backoff: task.backoff }, cache: task.cache, ...(task.walltime > 0 ? { walltime: task.walltime } : {}), ...(task.priority === undefined ? {} : { priority: task.priority }), ...(task.executors === undefined ? {} : { executors: task.executors }) };
    const app = kind === "command" ? this.commands : this.functions;
    return app.with(options).on(this.sim.kernel)({ key, acts }, ...inputs);
  }

  private join(task: PlannedTask): App<readonly unknown[], unknown> {
    const calls = () => task.inner.map((inner) => this.submit(inner));
    const body = task.late ? () => Promise.resolve().then(calls) : calls;
    return joinApp(body as (...values: unknown[]) => unknown, { label: task.name });
  }

  private disturb(disturbance: Disturbance): void {
    const { sim } = this;
    if (disturbance.do === "close") this.closing ??= this.close(disturbance.mode, disturbance.timeout);
    else if (disturbance.do === "kill") sim.hosts.get(disturbance.executor)?.killWorker(disturbance.lane);
    else if (disturbance.do === "kill-process") sim.hosts.get(disturbance.executor)?.killProcess();
    else if (disturbance.do === "remove") this.remove(disturbance.executor);
    else if (disturbance.do === "break") this.break(disturbance.executor);
    else {
      this.cancel(disturbance.task);
      if (disturbance.twice) this.cancel(disturbance.task);
    }
  }

  private remove(label: string): void {
    if (this.sim.kernel.table.executors.has(label)) this.wait(this.sim.kernel.removeExecutor(label));
  }

  /** Waited for in its turn; what it rejects with is told then. */
  private wait(work: Promise<unknown>): void {
    work.catch(() => undefined);
    this.settled.push(work);
  }

  /** A message that no chart speaks of: the executor's cell crashes. */
  private break(label: string): void {
    const pool = this.sim.kernel.table.executors.get(label) as ThreadPool | undefined;
    if (pool !== undefined) this.sim.kernel.dispatcher.tell(pool.cell, { type: "planted.nonsense" } as never);
  }

  private cancel(name: string): void {
    const future = this.futures.get(name);
    if (future === undefined) return;
    const { checker, ports } = this.sim;
    this.wait(future.cancel().then(() => checker?.feed({ probe: "cancel.resolved", task: future.id, at: ports.clock.now() })));
  }

  /** A close that names workers inside native calls has closed all the same. */
  private close(mode: "wait" | "cancel", timeout?: number): Promise<unknown> {
    return this.sim.kernel.close({ mode, ...(timeout === undefined ? {} : { timeout }) }).catch((error: unknown) => {
      if ((error as { evidence?: { zombies?: unknown } }).evidence?.zombies === undefined) throw error;
    });
  }

  private rootOf(error: unknown): string {
    const { root } = rootCause(error);
    if (root instanceof KernelClosed) return root.name;
    if (!(root instanceof CarawayError)) return root instanceof Error ? `${root.name}:${root.message}` : String(root);
    const key = root.where.task === undefined ? undefined : this.keys.get(root.where.task);
    return key === undefined ? root.name : `${root.name}:${key}`;
  }

  /** Nothing is left: no work, no worker, no timer, no message. */
  private inspect(): void {
    const { sim } = this;
    sim.checker?.assert("end");
    const { kernel, ports } = sim;
    const left = {
      open: kernel.table.open, events: ports.pending, messages: kernel.dispatcher.waiting, faults: kernel.dispatcher.counts.faults,
      workers: sim.alive(),
      out: [...kernel.executors.values()].reduce((sum, status) => sum + Math.abs(status.out) + status.queued + status.zombies, 0),
    };
    if (Object.values(left).some((count) => count !== 0)) throw new Error(`the run is over, and something is left: ${JSON.stringify(left)}`);
  }
}
