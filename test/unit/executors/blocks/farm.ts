import { Dispatcher, type TransitionRecord } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import type { CarawayError } from "#internal/errors/index";
import { Blocks } from "#internal/executors/blocks/blocks";
import type { BlockSettings, BlocksPorts } from "#internal/executors/blocks/options";
import type { BlockEnd } from "#internal/state-machines/block";
import { SimulatedProvider, type SchedulerConduct, type SimulatedJob, type SimulatedProviderOptions } from "#internal/testing/simulated-provider";

export interface FarmOptions {
  readonly seed?: number;
  readonly options?: Partial<BlockSettings>;
  readonly conduct?: Partial<SchedulerConduct>;
  readonly provider?: Partial<SimulatedProviderOptions>;
  readonly ports?: Partial<BlocksPorts>;
  /** Workers of each manager. Default 1. */
  readonly workers?: number;
  /** Milliseconds from a job's start to its manager's registration; none registers where it is undefined. Default 5. */
  readonly boot?: number | undefined;
}

export const settings: BlockSettings = { initBlocks: 1, minBlocks: 1, maxBlocks: 1, nodesPerBlock: 1, parallelism: 1, walltime: 0, registrationTimeout: 5000, maxIdleTime: 10_000, strategy: "simple", strategyPeriod: 1000, directory: "jobs", answerTimeout: 20_000 };

/** The blocks of an executor without an executor: simulated jobs whose managers register by themselves, and a load that is said. */
export class Farm {
  readonly sim;
  readonly dispatcher: Dispatcher;
  readonly provider: SimulatedProvider;
  readonly blocks: Blocks;
  readonly records: TransitionRecord[] = [];
  outstanding = 0;
  readonly failures: CarawayError[] = [];
  readonly troubles: CarawayError[] = [];
  readonly ended: [block: string, reason: BlockEnd][] = [];
  readonly broken: unknown[] = [];
  /** What the ledger was told. */
  readonly ledger: string[] = [];
  /** Blocks on hold, and who waits for their being empty. */
  readonly holds = new Map<string, () => void>();
  /** Tasks of each block, and what was released under them. */
  readonly tasks = new Map<string, number>();
  readonly answers: string[] = [];

  constructor(readonly given: FarmOptions = {}) {
    const { seed = 1, options = {}, conduct = {}, provider = {}, ports = {} } = given;
    this.sim = simulatedPorts(seed);
    this.dispatcher = new Dispatcher(this.sim);
    this.dispatcher.transitions$.subscribe((record) => void this.records.push(record));
    this.provider = new SimulatedProvider({ ports: this.sim, seed, conduct, started: (job) => this.boot(job), stopped: (job) => this.blocks.managerGone(blockOf(job)), ...provider });
    this.blocks = new Blocks({
      label: "farm",
      runId: "run",
      provider: this.provider,
      options: { ...settings, ...options },
      command: (block) => ({ command: ["node", "manager.js", block], environment: {}, addresses: ["10.0.0.1:5000"] }),
      ledger: { intend: ({ name }) => void this.ledger.push(`intend ${name}`), submitted: (name, id) => void this.ledger.push(`submitted ${name} ${id}`), ended: (name) => void this.ledger.push(`ended ${name}`) },
      dispatcher: this.dispatcher,
      load: () => ({ outstanding: this.outstanding }),
      drain: (block) => this.drain(block),
      onEnded: (block, reason) => void this.ended.push([block, reason]),
      onTrouble: (error) => void this.troubles.push(error),
      onFailed: (error) => void this.failures.push(error),
      broken: (error) => void this.broken.push(error),
      ...ports,
    });
  }

  private boot(job: SimulatedJob): void {
    const { boot = 5, workers = 1 } = this.given;
    if ("boot" in this.given && this.given.boot === undefined) return;
    this.sim.clock.after(boot, () => {
      if (job.endedAt === undefined && job.report.state === "active") this.answers.push(this.blocks.registered(blockOf(job), { node: `node-${job.id}`, workers }));
    });
  }

  private drain(block: string): Promise<void> {
    return new Promise((resolve) => {
      this.holds.set(block, resolve);
      this.checkHold(block);
    });
  }

  private checkHold(block: string): void {
    if ((this.tasks.get(block) ?? 0) === 0) this.holds.get(block)?.();
  }

  /** The block runs so many tasks. */
  run(block: string, tasks: number): void {
    this.tasks.set(block, tasks);
    this.blocks.busy(block, tasks);
    this.checkHold(block);
  }

  /** So much load from now on. */
  load(outstanding: number): void {
    const more = outstanding > this.outstanding;
    this.outstanding = outstanding;
    if (more) this.blocks.workOffered();
  }

  pass(ms: number): Promise<void> {
    return this.sim.settleFor(ms);
  }

  /** States of the blocks that have not ended, in the order of their names. */
  get states(): string[] {
    return this.blocks.status().blocks.map(({ state }) => state);
  }

  job(block: string): SimulatedJob {
    const job = [...this.provider.jobs.values()].find((one) => blockOf(one) === block);
    if (job === undefined) throw new Error(`no job of ${block} was ever made`);
    return job;
  }
}

export const blockOf = ({ spec }: SimulatedJob): string => spec.name.slice(spec.name.lastIndexOf(".") + 1);
