import { Dispatcher } from "#internal/actors/dispatcher";
import { seededRandom } from "#internal/actors/seeded-random";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import type { CarawayError } from "#internal/errors/index";
import { Blocks } from "#internal/executors/blocks/blocks";
import type { BlockSettings } from "#internal/executors/blocks/options";
import { describeViolation, InvariantChecker } from "#internal/testing/index";
import { calmScheduler, SimulatedProvider, type SchedulerConduct, type SimulatedJob } from "#internal/testing/simulated-provider";

export interface BlockWeather {
  readonly seed: number;
  readonly options: Partial<BlockSettings>;
  readonly conduct: Partial<SchedulerConduct>;
  /** Workers of each manager, by turns. */
  readonly workers: readonly number[];
  /** How likely a manager never registers, and how likely a manager that is there is cut off. */
  readonly mute: number;
  readonly cutOff: number;
}

interface Manager {
  readonly job: SimulatedJob;
  readonly workers: number;
  tasks: number;
  gone: boolean;
}

const blockOf = ({ spec }: SimulatedJob): string => spec.name.slice(spec.name.lastIndexOf(".") + 1);

/** Tasks that are run by the managers of simulated blocks, while all goes wrong that can: what must never happen is looked for at every step. */
export class BlockWorld {
  readonly sim;
  readonly provider: SimulatedProvider;
  readonly blocks: Blocks;
  readonly checker = new InvariantChecker({ slack: 100, executor: () => "world" });
  readonly failures: CarawayError[] = [];
  /** What was seen that must not be. */
  readonly wrongs: string[] = [];
  readonly options: BlockSettings;
  done = 0;
  /** How often the scaler acted. */
  actions = 0;
  private waiting = 0;
  private running = 0;
  /** How often tasks began to wait, and whether some do. */
  private readonly waits = { count: 0, now: false };
  private readonly managers = new Map<string, Manager>();
  private readonly holds = new Map<string, (() => void)[]>();
  private readonly random;
  private duration = 0;
  private longest = 0;

  constructor(readonly weather: BlockWeather) {
    const { seed, conduct } = weather;
    this.options = { initBlocks: 1, minBlocks: 0, maxBlocks: 4, nodesPerBlock: 1, parallelism: 1, walltime: 0, registrationTimeout: 8000, maxIdleTime: 10_000, strategy: "simple", strategyPeriod: 1000, directory: "jobs", errorBudget: 0, answerTimeout: 15_000, ...weather.options };
    this.random = seededRandom(seed ^ 0x600d);
    this.sim = simulatedPorts(seed);
    const dispatcher = new Dispatcher(this.sim);
    dispatcher.transitions$.subscribe((record) => {
      this.checker.feed(record);
      const alive = this.provider.alive.length;
      if (alive > this.options.maxBlocks) this.wrongs.push(`${alive} jobs are there`);
      if (record.kind === "scaler" && record.to === "acting") this.actions++;
    });
    this.provider = new SimulatedProvider({ ports: this.sim, seed, conduct, started: (job) => this.boot(job), stopped: (job) => this.stopped(job) });
    this.blocks = new Blocks({
      label: "world",
      runId: "run",
      provider: this.provider,
      options: this.options,
      command: () => Promise.resolve({ command: ["manager"], environment: {}, addresses: ["head:1"] }),
      ledger: { intend: () => Promise.resolve(), submitted: () => undefined, ended: () => undefined },
      dispatcher,
      load: () => ({ outstanding: this.outstanding }),
      drain: (block) => new Promise((resolve) => {
        this.holds.set(block, [...(this.holds.get(block) ?? []), resolve]);
        this.checkHold(block);
      }),
      onEnded: (block) => this.cut(this.managers.get(block)),
      onFailed: (error) => void this.failures.push(error),
      broken: (error) => void this.wrongs.push(`broken: ${String(error)}`),
    });
  }

  get outstanding(): number {
    return this.waiting + this.running;
  }

  /** Milliseconds that one worker alone would take for what is left. */
  get workLeft(): number {
    return this.outstanding * this.longest * 1.5;
  }

  /** So many tasks, of that many milliseconds each. */
  submit(tasks: number, duration: number): void {
    this.duration = duration;
    this.longest = Math.max(this.longest, duration);
    this.waiting += tasks;
    this.tellWaiting();
    this.blocks.workOffered();
    this.pump();
  }

  /** Takes back what waits. */
  withdraw(): void {
    this.waiting = 0;
    this.tellWaiting();
  }

  pass(ms: number): Promise<void> {
    return this.sim.settleFor(ms);
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.provider.conduct = { ...calmScheduler, life: undefined };
    this.quiet = true;
  }
  private quiet = false;

  /** What must not be, was. */
  check(): void {
    const { violation } = this.checker;
    if (violation !== undefined) throw new Error(`seed ${this.weather.seed}: ${describeViolation(violation)}`);
    if (this.wrongs.length > 0) throw new Error(`seed ${this.weather.seed}: ${this.wrongs.join("; ")}`);
  }

  private boot(job: SimulatedJob): void {
    if (!this.quiet && this.random.next() < this.weather.mute) return;
    this.sim.clock.after(this.random.below(500), () => {
      if (job.endedAt !== undefined || job.report.state !== "active") return;
      const { workers: list } = this.weather;
      const workers = list[(Number(job.id) - 1) % list.length] as number;
      const manager: Manager = { job, workers, tasks: 0, gone: false };
      if (this.blocks.registered(blockOf(job), { node: `node-${job.id}`, workers }) !== "serving") return;
      this.managers.set(blockOf(job), manager);
      this.pump();
      if (!this.quiet && this.random.next() < this.weather.cutOff) this.sim.clock.after(this.random.below(5000), () => this.cut(manager));
    });
  }

  private stopped(job: SimulatedJob): void {
    const manager = this.managers.get(blockOf(job));
    const reason = this.blocks.status().blocks.find(({ id }) => id === blockOf(job))?.reason;
    if (manager !== undefined && !manager.gone && manager.tasks > 0 && reason === "scaled-in") this.wrongs.push(`${blockOf(job)} was released with ${manager.tasks} tasks on it`);
    this.cut(manager);
  }

  /** Its tasks wait again. */
  private cut(manager: Manager | undefined): void {
    if (manager === undefined || manager.gone) return;
    manager.gone = true;
    this.running -= manager.tasks;
    this.waiting += manager.tasks;
    manager.tasks = 0;
    const block = blockOf(manager.job);
    this.managers.delete(block);
    this.blocks.managerGone(block, `node-${manager.job.id}`);
    this.checkHold(block);
    this.pump();
  }

  private pump(): void {
    for (const [block, manager] of this.managers) {
      while (this.waiting > 0 && !this.holds.has(block) && manager.tasks < manager.workers) this.begin(block, manager);
    }
    this.tellWaiting();
  }

  /** The checker hears of it as an executor would tell it: an attempt is queued for as long as something waits. */
  private tellWaiting(): void {
    const { waits, waiting, sim } = this;
    if (waits.now === waiting > 0) return;
    waits.now = waiting > 0;
    const step = { seq: 0, cause: 0, at: sim.clock.now(), kind: "attempt", incarnation: 1 };
    if (waits.now) this.checker.feed({ ...step, id: ++waits.count, to: "queued", final: false, message: { type: "xstate.init" }, effects: [], outcome: "started" });
    else this.checker.feed({ ...step, id: waits.count, from: "queued", to: "lost", final: true, message: { type: "attempt.lost" }, effects: [], outcome: "moved" });
  }

  private begin(block: string, manager: Manager): void {
    this.waiting--;
    this.running++;
    this.blocks.busy(block, ++manager.tasks);
    this.sim.clock.after(this.duration * (0.5 + this.random.next()), () => {
      if (manager.gone) return;
      this.running--;
      this.done++;
      this.blocks.busy(block, --manager.tasks);
      this.checkHold(block);
      this.pump();
    });
  }

  private checkHold(block: string): void {
    if ((this.managers.get(block)?.tasks ?? 0) > 0) return;
    for (const resolve of this.holds.get(block) ?? []) resolve();
  }
}
