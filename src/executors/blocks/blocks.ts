import { Cell } from "../../actors/cell.js";
import type { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { BadStateException, type CarawayError, ScaleOutFailed, WaitTimeout } from "../../errors/index.js";
import type { BlockEnd } from "../../state-machines/block.js";
import { BlockCell, blockChart, scalerChart, type BlockKind, type ScalerCell } from "./block-cells.js";
import { attempt, within } from "./deadline.js";
import { Deaths } from "./deaths.js";
import { jobName } from "./job-name.js";
import { Jobs } from "./jobs.js";
import type { BlocksPorts, BlocksStatus, RegisteredManager } from "./options.js";
import { checkedDecision, nextLook, viewOf } from "./reconcile.js";
import { strategies, type ScalingStrategy } from "./strategies.js";

const defaultBudget = 3;
/** How soon, in milliseconds, an act without effect is tried again at the soonest. */
const leastRetry = 1000;

/** The blocks of one executor: asked for and given back by its scaler, submitted to its provider, present until they have certainly ended. */
export class Blocks {
  readonly jobs: Jobs;
  readonly scaler: ScalerCell;
  readonly strategy: ScalingStrategy;
  readonly deaths: Deaths;
  /** Those that have not ended, by name. */
  readonly present = new Map<string, BlockCell>();
  private readonly kind: BlockKind;
  private readonly dispatcher: Dispatcher;
  private readonly ended: Partial<Record<BlockEnd, number>> = {};
  private readonly address: string;
  private readonly budget: number;
  private requested = 0;
  private scalerTimer: Timer | undefined;
  /** When there was no task any more; undefined while there are some. */
  private emptySince: number | undefined;
  /** Workers of each node, by the managers that have registered. */
  private workersSeen: number | undefined;
  private begun = false;
  /** The scaler has been told of work, and has not looked yet. */
  private offered = false;
  private failed = false;
  private closing: Promise<void> | undefined;
  private whenGone: (() => void) | undefined;

  constructor(readonly ports: BlocksPorts) {
    const { label, incarnation = 1, options, dispatcher } = ports;
    this.dispatcher = dispatcher;
    this.address = incarnation === 1 ? label : `${label}#${incarnation}`;
    this.strategy = typeof options.strategy === "string" ? strategies[options.strategy] : options.strategy;
    const budget = options.errorBudget ?? defaultBudget;
    // Where no block will take the place of the first ones, their end is the end.
    this.budget = this.strategy.name === "none" && budget > 0 ? Math.min(budget, Math.max(1, options.initBlocks)) : budget;
    this.jobs = new Jobs(ports, (error) => this.broke(error));
    this.deaths = new Deaths(ports, this.jobs);
    this.kind = this.makeKind();
    this.scaler = this.makeScaler();
  }

  /** Asks for the first blocks; the strategy decides from here on. */
  start(): void {
    if (this.begun) return;
    this.begun = true;
    this.dispatcher.tell(this.scaler, { type: "scaler.begin" });
  }

  /** No block is asked for and none released until `resume`. What is there goes on. */
  hold(): void {
    this.dispatcher.tell(this.scaler, { type: "scaler.hold" });
  }

  resume(): void {
    this.dispatcher.tell(this.scaler, { type: "scaler.resume" });
  }

  /**
   * A manager is there. `"serving"`: it gets work. `"draining"`: its block is on its way out, and it gets none.
   * `"refused"`: its block is over, or there never was one of that name.
   */
  registered(block: string, manager: RegisteredManager): "serving" | "draining" | "refused" {
    const cell = this.present.get(block);
    if (cell === undefined || cell.is("final")) return "refused";
    if (cell.managers.size === 0) cell.idleSince = this.dispatcher.now;
    cell.managers.set(manager.manager ?? manager.node, manager);
    this.dispatcher.tell(cell, { type: "manager.registered" });
    // Its job runs, whatever its scheduler has said so far.
    if (cell.job?.jobId !== undefined) this.dispatcher.tell(cell.job, { type: "job.reported", report: { state: "active" } });
    if (!cell.is("serving")) return "draining";
    this.countWorkers();
    return "serving";
  }

  /** One of its managers, by the name it registered with, or all of them. */
  managerGone(block: string, manager?: string): void {
    const cell = this.present.get(block);
    if (cell === undefined || cell.managers.size === 0) return;
    if (manager === undefined) cell.managers.clear();
    else cell.managers.delete(manager);
    if (cell.managers.size === 0) {
      cell.tasks = 0;
      this.dispatcher.tell(cell, { type: "managers.gone" });
    }
  }

  /** One of its managers takes no more work, and ends when it has none: what waits may need another block. */
  managerRests(block: string, manager: string): void {
    const cell = this.present.get(block);
    const known = cell?.managers.get(manager);
    if (cell === undefined || known === undefined) return;
    cell.managers.set(manager, { ...known, workers: 0 });
    this.dispatcher.tell(this.scaler, { type: "blocks.changed" });
  }

  /** There is work, perhaps where there was none. Cheap. */
  workOffered(): void {
    this.emptySince = undefined;
    if (!this.begun || this.offered || this.scalerTimer !== undefined || !this.scaler.is("restful")) return;
    this.offered = true;
    this.dispatcher.tell(this.scaler, { type: "work.offered" });
  }

  /** How many tasks the managers of a block have now. */
  busy(block: string, tasks: number): void {
    const cell = this.present.get(block);
    if (cell === undefined) return;
    if (tasks === 0 && cell.tasks > 0) cell.idleSince = this.dispatcher.now;
    cell.tasks = tasks;
  }

  /** Ends a block, whatever runs on it. */
  cancel(block: string): void {
    const cell = this.present.get(block);
    if (cell !== undefined) this.dispatcher.tell(cell, { type: "block.cancel" });
  }

  status(): BlocksStatus {
    const cells = [...this.present.values()];
    const { now } = this.dispatcher;
    return {
      scaler: this.scaler.state.name,
      present: cells.length,
      ready: cells.filter((cell) => cell.is("manned")).length,
      workers: cells.reduce((sum, { workers }) => sum + workers, 0),
      blocks: cells.map((cell) => cell.status(now)),
      requested: this.requested,
      ended: { ...this.ended },
      deaths: this.deaths.count,
      queryError: this.jobs.queryError,
      mishap: this.jobs.mishap,
    };
  }

  tree(): { path: string; state: string }[] {
    return [this.scaler, ...[...this.present.values()].flatMap((cell) => (cell.job === undefined ? [cell] : [cell, cell.job]))].map(({ path, state }) => ({ path, state: state.name }));
  }

  /**
   * Cancels every job and resolves once all have ended. Rejects at the time limit, naming what is left: the ledger still has it.
   *
   * @throws WaitTimeout
   */
  close(timeoutMs?: number): Promise<void> {
    return (this.closing ??= this.end(timeoutMs));
  }

  private async end(timeoutMs: number | undefined): Promise<void> {
    const { clock } = this.dispatcher.ports;
    let limit: Timer | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      if (timeoutMs !== undefined) limit = clock.after(timeoutMs, () => reject(this.unfinished(timeoutMs)));
    });
    const gone = new Promise<void>((resolve) => (this.whenGone = resolve));
    this.dispatcher.tellControl(this.scaler, { type: "scaler.stop" });
    for (const cell of this.present.values()) this.dispatcher.tell(cell, { type: "block.cancel" });
    this.checkGone();
    try {
      await Promise.race([gone.then(() => this.jobs.sweep()), late]);
    } finally {
      limit?.cancel();
      this.jobs.stop();
      for (const cell of this.present.values()) cell.timer?.cancel();
    }
  }

  private unfinished(timeoutMs: number): WaitTimeout {
    const left = [...this.present.values()].map((cell) => cell.status(this.dispatcher.now));
    const names = left.map(({ id, state, job }) => `${id} (${state}${job?.id === undefined ? "" : `, job ${job.id}`})`);
    return new WaitTimeout("CW-KERN-002", `${left.length === 0 ? "the search for jobs whose submission was not answered" : `the end of ${names.join(", ")}`} of "${this.ports.label}" took longer than ${timeoutMs} ms`, { where: { executor: this.ports.label }, evidence: { blocks: left, queryError: this.jobs.queryError, mishap: this.jobs.mishap }, hint: "The jobs are in the job ledger: the next start cancels them." });
  }

  private makeKind(): BlockKind {
    const { dispatcher } = this;
    return {
      name: "block",
      chart: blockChart,
      perform: {
        "block.prepare": (_, cell) => void this.prepare(cell),
        "job.submit": (_, cell) => this.submit(cell),
        "job.cancel": (_, cell) => this.jobs.cancel(cell),
        "managers.drain": (_, cell) => this.drain(cell),
        "timer.start": ({ message, ms }, cell) => {
          cell.timer?.cancel();
          cell.timer = dispatcher.ports.clock.after(ms, () => dispatcher.tell(cell, { type: message }));
        },
        "timer.cancel": (_, cell) => cell.timer?.cancel(),
        "block.mourn": ({ reason }, cell) => this.mourn(cell, reason),
        "block.close": ({ reason }, cell) => this.gone(cell, reason),
      },
      moved: (cell) => {
        cell.since = dispatcher.now;
        if (cell.is("serving") && cell.is("manned")) this.deaths.forget();
        this.jobs.watch();
      },
      crashed: (_cell, error) => this.broke(error),
    };
  }

  private async prepare(cell: BlockCell): Promise<void> {
    const { ports } = this;
    const { options, label } = ports;
    const ready = async (): Promise<void> => {
      await ports.ledger.intend({ name: cell.jobName, block: cell.name, executor: label });
      const { command, environment, addresses = [] } = await ports.command(cell.name);
      cell.addresses = addresses;
      cell.spec = { name: cell.jobName, command, environment, nodes: options.nodesPerBlock, walltime: options.walltime, directory: options.directory };
    };
    try {
      await within(this.dispatcher.ports.clock, options.answerTimeout ?? 120_000, ready(), "the preparation of a block");
      if (cell.is("final")) this.jobs.ended(cell);
      this.dispatcher.tell(cell, { type: "block.prepared" });
    } catch (error) {
      cell.fault = error;
      this.dispatcher.tell(cell, { type: "block.unprepared" });
    }
  }

  private submit(cell: BlockCell): void {
    if (cell.spec !== undefined) this.jobs.submit(cell, cell.spec);
  }

  private drain(cell: BlockCell): void {
    const managers = cell.managers.size;
    if (cell.draining?.managers === managers) return;
    const asked = { managers };
    cell.draining = asked;
    attempt(() => this.ports.drain(cell.name)).then(
      () => {
        if (cell.draining === asked) this.dispatcher.tell(cell, { type: "block.drained" });
      },
      (error: unknown) => {
        this.jobs.mishap = error;
        if (cell.draining === asked) cell.draining = undefined;
      },
    );
  }

  private mourn(cell: BlockCell, reason: BlockEnd): void {
    if (this.closing !== undefined) return;
    this.deaths.mourn(cell, reason);
    this.checkBudget();
  }

  private gone(cell: BlockCell, reason: BlockEnd): void {
    this.present.delete(cell.name);
    this.ended[reason] = (this.ended[reason] ?? 0) + 1;
    cell.timer?.cancel();
    this.jobs.ended(cell);
    this.ports.onEnded?.(cell.name, reason);
    if (cell.context.by !== "us") this.dispatcher.tell(this.scaler, { type: "blocks.changed" });
    this.checkBudget();
    this.checkGone();
  }

  /** Too many early deaths in a row fail the executor; not while other blocks work. Where none will come any more, the end of the last one does. */
  private checkBudget(): void {
    if (this.failed || this.closing !== undefined || this.budget === 0) return;
    if ([...this.present.values()].some((cell) => cell.context.registered)) return;
    if (this.deaths.count >= this.budget) this.fail(this.deaths.failure());
    else if (this.strategy.name === "none" && this.present.size === 0 && this.requested > 0) {
      this.fail(Promise.resolve(new ScaleOutFailed("CW-BLOCK-002", `the last block of "${this.ports.label}" has ended, and its strategy "none" asks for no others`, { where: { executor: this.ports.label }, evidence: { ended: { ...this.ended } }, hint: "Use the strategy \"simple\", or a longer walltime." })));
    }
  }

  private fail(error: Promise<CarawayError>): void {
    this.failed = true;
    this.dispatcher.tellControl(this.scaler, { type: "scaler.stop" });
    error.then((failure) => this.ports.onFailed(failure)).catch((fault: unknown) => this.broke(fault));
  }

  private broke(error: unknown): void {
    this.ports.broken?.(error);
  }

  private checkGone(): void {
    if (this.present.size === 0) this.whenGone?.();
  }

  /** What managers have turned out to have: the guess for those that have not registered. */
  private countWorkers(): void {
    const managers = [...this.present.values()].flatMap((cell) => [...cell.managers.values()]).filter(({ workers }) => workers > 0);
    this.workersSeen = managers.reduce((sum, { workers }) => sum + workers, 0) / managers.length;
  }

  private makeScaler(): ScalerCell {
    const { dispatcher, ports, budget } = this;
    const { initBlocks: init, minBlocks: min, maxBlocks: max, strategyPeriod: period, maxIdleTime } = ports.options;
    const scales = this.strategy === strategies.simple || this.strategy === strategies["auto-scale"];
    const scaler: ScalerCell = new Cell(
      {
        name: "scaler",
        chart: scalerChart,
        perform: {
          "blocks.consider": () => this.consider(),
          "blocks.request": ({ count }) => this.request(count),
          "blocks.release": ({ ids }) => {
            for (const id of ids) this.release(id);
          },
          "actions.confirm": () => dispatcher.tell(scaler, { type: "actions.taken" }),
          "timer.start": ({ ms }) => this.tickIn(ms),
          "timer.cancel": () => this.tickIn(undefined),
        },
        crashed: (_cell: unknown, error: unknown) => this.broke(error),
      },
      this.address,
    );
    dispatcher.start(scaler, { limits: { init, min, max, budget }, period, times: scales ? { period, maxIdleTime } : undefined });
    return scaler;
  }

  private tickIn(ms: number | undefined): void {
    this.scalerTimer?.cancel();
    this.scalerTimer = undefined;
    if (ms === undefined) return;
    this.scalerTimer = this.dispatcher.ports.clock.after(ms, () => {
      this.scalerTimer = undefined;
      this.dispatcher.tell(this.scaler, { type: "scaler.tick" });
    });
  }

  private consider(): void {
    const { now } = this.dispatcher;
    const { outstanding } = this.ports.load();
    this.offered = false;
    this.emptySince = outstanding > 0 ? undefined : (this.emptySince ?? now);
    const view = viewOf({ cells: [...this.present.values()], now, outstanding, emptySince: this.emptySince, workersPerNode: this.workersSeen ?? this.ports.workersPerNode ?? 1, options: this.ports.options });
    try {
      const { request, release } = checkedDecision(this.strategy, view);
      const allowed = now < this.deaths.notBefore ? 0 : request;
      this.dispatcher.tell(this.scaler, { type: "decision.made", request: allowed, release, outstanding, emptyFor: view.emptyFor, next: nextLook(this.strategy, view, this.ports.options.strategyPeriod) });
    } catch (cause) {
      const error = new BadStateException("CW-EXEC-002", `the strategy "${this.strategy.name}" of "${this.ports.label}" failed: ${cause instanceof Error ? cause.message : String(cause)}`, { where: { executor: this.ports.label }, evidence: { view }, cause, hint: "Mend the strategy; it returns how many blocks to request and which to release." });
      this.fail(Promise.resolve(error));
    }
  }

  private request(count: number): void {
    const { label, runId, incarnation = 1, options } = this.ports;
    const room = options.maxBlocks - this.present.size;
    for (let i = 0; i < Math.min(count, room) && !this.failed && this.closing === undefined; i++) {
      const name = `block-${++this.requested}`;
      const cell = new BlockCell(this.kind, this.address, name, jobName(label, runId, incarnation, name));
      cell.since = this.dispatcher.now;
      this.present.set(name, cell);
      this.dispatcher.start(cell, { registrationTimeout: options.registrationTimeout, retryAfter: Math.max(2 * this.ports.provider.statusInterval, leastRetry) });
    }
  }

  private release(id: string): void {
    const cell = this.present.get(id);
    if (cell !== undefined) this.dispatcher.tell(cell, { type: "block.drain" });
  }
}
