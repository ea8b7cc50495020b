import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Dispatcher } from "../../actors/dispatcher.js";
import { KeyStore } from "../../actors/links/keys.js";
import { typescriptProject } from "../../actors/typescript.js";
import type { HighThroughputSettings } from "../../config/high-throughput.js";
import { parseDuration } from "../../config/units.js";
import { BadStateException, type CarawayError, ScaleOutFailed } from "../../errors/index.js";
import type { Provider } from "../../providers/provider.js";
import { Blocks } from "../blocks/blocks.js";
import type { BlockCommand, BlockLedger, BlockSettings } from "../blocks/options.js";
import { decodeThrown, type Encoded } from "../../serialization/index.js";
import type { WorkListener } from "../executor.js";
import { RemoteActors } from "./actors/remote-actors.js";
import { limitsOf } from "./fit.js";
import { FrontEnd } from "./front-end.js";
import { InterchangeHandle } from "./interchange-handle.js";
import type { KnownManager } from "./interchange/types.js";
import type { FromInterchange } from "./interchange-protocol.js";
import { linkPlan, type LinkPlan } from "./link-plan.js";
import { RelayedSteps } from "./relayed-steps.js";
import type { ManagerSetup } from "./manager/setup.js";

/** What a run gives each of its executors. */
export interface RunSetting {
  /** Its directory; made when it is first asked for. */
  directory(): string;
  /** No other run has it. */
  readonly id: string;
  readonly strategy: BlockSettings["strategy"];
  readonly strategyPeriod: number;
  readonly maxIdleTime: number;
  /** Something went wrong that does not end the executor: a block that died early, with its diagnosis. */
  trouble(executor: string, error: CarawayError): void;
}

export interface HighThroughputPorts {
  readonly dispatcher: Dispatcher;
  readonly listener: WorkListener;
  readonly provider: Provider;
  readonly ledger: BlockLedger;
  readonly broken: (error: unknown) => void;
  /** Where it keeps its files. */
  readonly directory: string;
  /** Its blocks have ended: provider and ledger are not needed any more. */
  readonly release: () => Promise<void>;
}

const managerStopMs = 2000;
const blockStopMs = 6000;
const actorStopMs = 5000;

/** The high-throughput executor: blocks from a provider, managers on their nodes, an interchange that gives them the tasks of the front end. */
export class HighThroughput {
  readonly frontEnd: FrontEnd;
  private readonly actors: RemoteActors;
  private readonly directory: string;
  private blocks: Blocks | undefined;
  private interchange: InterchangeHandle | undefined;
  private keys: KeyStore | undefined;
  private readonly link: LinkPlan;
  private epoch = 0;
  private port: number | undefined;
  private listening!: (port: number) => void;
  private readonly whenListening = new Promise<number>((resolve) => (this.listening = resolve));
  private readonly drains = new Map<string, () => void>();
  private readonly trusts = new Map<string, (error?: Encoded) => void>();
  /** Managers that are registered. */
  private readonly managers = new Map<string, KnownManager>();
  private ended: ((error: unknown) => void) | undefined;
  private endSteps: (() => void) | undefined;
  /** Its keys are removed: one that is being made is not kept. */
  private isOver = false;
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly settings: HighThroughputSettings,
    private readonly run: RunSetting,
    private readonly ports: HighThroughputPorts,
    private readonly incarnation: number,
  ) {
    const { label, isolation, provider, maxWorkersPerNode, heartbeatThreshold } = settings;
    this.directory = ports.directory;
    this.link = linkPlan(settings, { runId: run.id, incarnation, keys: join(this.directory, "keys") });
    this.actors = new RemoteActors({
      dispatcher: ports.dispatcher, label, leaseMs: heartbeatThreshold,
      send: (manager, heading, payload) => this.interchange?.tell({ t: "to-actor", manager, heading, payload }),
      wanted: () => this.blocks?.workOffered(),
      describe: () => this.describe(),
      broken: ports.broken,
    });
    this.frontEnd = new FrontEnd(
      { label, incarnation, expectedWorkers: (maxWorkersPerNode ?? 1) * (provider.nodesPerBlock ?? 1), ownsProcesses: isolation === "process", limits: limitsOf(settings) },
      ports.dispatcher,
      ports.listener,
      { offered: () => this.blocks?.workOffered(), describe: () => this.describe(), tree: () => [...(this.blocks?.tree() ?? []), ...this.actors.tree()], actors: this.actors, stop: () => this.stop() },
      ports.broken,
    );
    // Its thread boots while the rest of the executor is loaded and started.
    this.interchange = this.boot();
    // Each is started again by itself; blocks outlive their interchange.
    this.frontEnd.parts = [
      { id: "blocks", start: () => this.startBlocks(), stop: () => Promise.resolve() },
      { id: "interchange", start: (ended) => this.startInterchange(ended), stop: () => this.stopInterchange() },
    ];
  }

  private async startBlocks(): Promise<void> {
    const { provider, dispatcher, ledger } = this.ports;
    const { label } = this.settings;
    await mkdir(join(this.directory, "blocks"), { recursive: true });
    this.keys = await KeyStore.open(join(this.directory, "keys"));
    await this.link.prepare();
    this.blocks = new Blocks({
      label,
      runId: this.run.id,
      incarnation: this.incarnation,
      provider,
      options: this.blockSettings(),
      command: (block) => this.commandFor(block),
      ledger,
      dispatcher,
      load: () => ({ outstanding: this.frontEnd.load + this.actors.load }),
      workersPerNode: this.settings.maxWorkersPerNode ?? 1,
      drain: (block) => this.drain(block),
      onEnded: (block) => {
        this.actors.blockOver(block);
        void this.forget(block);
      },
      onTrouble: (error) => this.run.trouble(label, error),
      onFailed: (error) => this.frontEnd.fail(error),
      broken: (error) => this.ports.broken(error),
    });
    this.blocks.start();
  }

  private blockSettings(): BlockSettings {
    const { provider, registrationTimeout, blockErrorHandler } = this.settings;
    const { strategy, strategyPeriod, maxIdleTime } = this.run;
    const { initBlocks = 1, minBlocks = 0, maxBlocks = 1, nodesPerBlock = 1, parallelism = 1, walltime } = provider;
    return { initBlocks, minBlocks, maxBlocks, nodesPerBlock, parallelism, walltime: walltime === undefined ? 0 : parseDuration(walltime, "walltime"), registrationTimeout, maxIdleTime, strategy, strategyPeriod, directory: join(this.directory, "blocks"), ...(blockErrorHandler ? {} : { errorBudget: 0 }) };
  }

  /** How a block's managers are started. On this machine their processes boot while the interchange does: they wait for their setup. */
  private async commandFor(block: string): Promise<BlockCommand> {
    const file = join(this.directory, "blocks", `${block}.json`);
    const addresses: string[] = [];
    const prepared = this.prepare(block, file, addresses);
    if (this.isLocal()) prepared.catch((error: unknown) => this.unprepared(block, error));
    else await prepared;
    const entry = fileURLToPath(new URL("./manager-main.js", import.meta.url));
    return { command: [process.execPath, entry, file], environment: { CARAWAY_BLOCK: block }, addresses };
  }

  /** A key for the block, which the interchange knows, and the file that its managers are started with. */
  private async prepare(block: string, file: string, addresses: string[]): Promise<void> {
    const port = await this.whenListening;
    const { path: keyFile } = await (this.keys as KeyStore).create(block);
    if (this.isOver) await this.keys?.revoke(block);
    await new Promise<void>((resolve, reject) => {
      this.trusts.set(block, (error) => (error === undefined ? resolve() : reject(decodeThrown(error))));
      this.interchange?.tell({ t: "trust", identity: block });
    });
    addresses.push(...this.link.tried(port));
    await writeFile(`${file}.part`, JSON.stringify(this.setupFor(block, port, keyFile)), { mode: 0o600 });
    await rename(`${file}.part`, file);
  }

  /** Its managers wait for what does not come: it is ended, and another asked for where there is work. */
  private unprepared(block: string, cause: unknown): void {
    const { label } = this.settings;
    // One that was ended meanwhile has no key any more, and needs none.
    if (this.stopping !== undefined || this.blocks?.status().blocks.every(({ id }) => id !== block) === true) return;
    this.run.trouble(label, new ScaleOutFailed("CW-BLOCK-002", `${block} of "${label}" could not be prepared: ${(cause as Error).message}`, { where: { executor: label, block, file: this.directory }, cause, hint: "Its key and the setup of its managers are written to the run directory: check that it can be written to." }));
    this.blocks?.cancel(block);
  }

  private setupFor(block: string, port: number, keyFile: string): ManagerSetup {
    const { label, heartbeatThreshold, lostGrace, drainPeriod, maxWorkersPerNode, coresPerWorker, memPerWorker, availableAccelerators, cpuAffinity, prefetchCapacity, isolation, resourceLimits, env, killGrace } = this.settings;
    const { walltime } = this.blockSettings();
    return {
      label, block, head: this.link.connect(port), keyFile, leaseMs: heartbeatThreshold, graceMs: lostGrace, walltimeMs: walltime, drainMs: drainAfter(walltime, drainPeriod),
      maxWorkers: maxWorkersPerNode ?? null, coresPerWorker, memPerWorker: memPerWorker ?? null, accelerators: availableAccelerators, cpuAffinity,
      prefetch: prefetchCapacity, isolation, resourceLimits, env, killGrace, typescript: typescriptProject() ?? null,
    };
  }

  private isLocal(): boolean {
    return this.settings.provider.kind === "local";
  }

  private boot(): InterchangeHandle {
    const { label, managerSelector, heartbeatPeriod, heartbeatThreshold } = this.settings;
    const steps = new RelayedSteps(this.ports.dispatcher);
    const origin = performance.timeOrigin;
    let isObserved = false;
    let observe = (on: boolean): void => void (isObserved = on);
    const ignore = this.ports.dispatcher.whenObserved((on) => observe(on));
    const interchange = new InterchangeHandle(
      {
        options: { label, epoch: ++this.epoch, selector: managerSelector, heartbeatMs: heartbeatPeriod, leaseMs: heartbeatThreshold, reconnectMs: this.link.reconnectMs, awaited: [...this.managers.values()] },
        place: this.link.listen(this.port),
        keys: join(this.directory, "keys"),
        observedFrom: isObserved ? origin : undefined,
      },
      {
        outcomes: (records) => this.frontEnd.outcomes(records),
        message: (message) => (message.t === "steps" ? steps.take(message) : this.heard(message)),
        died: (error) => this.died(interchange, error),
      },
    );
    observe = (on) => interchange.tell({ t: "observe", on, origin });
    this.endSteps = () => {
      ignore();
      steps.ended();
    };
    return interchange;
  }

  private async startInterchange(ended: (error: unknown) => void): Promise<void> {
    this.ended = ended;
    const interchange = (this.interchange ??= this.boot());
    this.port = await interchange.listening.catch((error: unknown) => {
      // It was stopped because the executor failed meanwhile: that is what there is to tell.
      throw this.frontEnd.failure ?? error;
    });
    this.frontEnd.connect({
      submit: (records) => interchange.submit(records),
      define: (app, bytes) => interchange.tell({ t: "define", app, bytes }),
      cancel: (task, attempt) => interchange.tell({ t: "cancel", task, attempt }),
      expect: (tokens, needs) => interchange.tell({ t: "expect", tokens, needs }),
    });
    for (const block of this.drains.keys()) interchange.tell({ t: "drain", block });
    this.listening(this.port);
  }

  private died(interchange: InterchangeHandle, error: CarawayError): void {
    if (this.interchange !== interchange) return;
    this.interchange = undefined;
    this.endSteps?.();
    this.frontEnd.disconnect();
    this.run.trouble(this.settings.label, error);
    this.ended?.(error);
  }

  private heard(message: FromInterchange): void {
    switch (message.t) {
      case "news": this.frontEnd.news(message.bytes); return;
      case "trusted": settle(this.trusts, message.identity, message.error); return;
      case "registered": {
        const { uid, facts } = message;
        this.managers.set(uid, { uid, block: facts.block, host: facts.host, ...(facts.place === undefined ? {} : { place: facts.place }) });
        const standing = this.blocks?.registered(facts.block, { manager: uid, node: facts.host, workers: facts.workers });
        this.frontEnd.workers = this.blocks?.status().workers ?? 0;
        this.actors.registered(facts, standing !== "serving");
        if (standing === "draining" || standing === "refused") this.interchange?.tell({ t: "drain", block: facts.block });
        return;
      }
      case "manager.retired":
        this.actors.drain(message.block, message.uid);
        this.blocks?.managerRests(message.block, message.uid);
        this.frontEnd.workers = this.blocks?.status().workers ?? 0;
        return;
      case "of-actor": this.actors.heard(message.manager, message.heading, message.payload); return;
      case "manager.lost":
      case "manager.gone":
        this.actors.left(message);
        this.managers.delete(message.uid);
        this.blocks?.managerGone(message.block, message.uid);
        this.frontEnd.workers = this.blocks?.status().workers ?? 0;
        return;
      case "unreachable": this.unreachable(decodeThrown(message.error as Encoded), message.over); return;
      case "block.load": this.blocks?.busy(message.block, message.busy ? 1 : 0); return;
      case "block.drained": settle(this.drains, message.block); return;
      // These are its handle's, or are known already.
      case "listening":
      case "steps":
      case "failed":
      case "refused":
      case "stopped":
    }
  }

  /** Its managers cannot reach it, nor it them. */
  private unreachable(error: unknown, over: boolean): void {
    if (over) this.frontEnd.fail(error);
    else this.run.trouble(this.settings.label, error as CarawayError);
  }

  private drain(block: string): Promise<void> {
    this.actors.drain(block);
    return new Promise((resolve) => {
      this.drains.set(block, resolve);
      this.interchange?.tell({ t: "drain", block });
    });
  }

  /** The block is over: its key opens nothing any more. */
  private async forget(block: string): Promise<void> {
    this.interchange?.tell({ t: "revoke", identity: block });
    await this.keys?.revoke(block);
  }

  private describe(): string {
    const status = this.blocks?.status();
    if (status === undefined) return "its blocks have not been asked for yet";
    if (status.present === 0) return "it has no block";
    return status.blocks.map(({ id, state, managers, job }) => `${id} is ${state} (${managers} managers${job === undefined ? "" : `, job ${job.state}`})`).join(", ");
  }

  private over(): BadStateException {
    const { label } = this.settings;
    return new BadStateException("CW-EXEC-002", `the executor "${label}" is being stopped, and takes no more actors`, { where: { executor: label } });
  }

  private async stopInterchange(): Promise<void> {
    const { interchange } = this;
    this.interchange = undefined;
    this.frontEnd.disconnect();
    await interchange?.stop(managerStopMs);
    this.endSteps?.();
  }

  /** Once, however often and from wherever it is asked for. */
  private stop(): Promise<void> {
    return (this.stopping ??= this.shutDown());
  }

  /** Managers are told to end while there is someone to tell them; then their jobs are cancelled. */
  private async shutDown(): Promise<void> {
    // An executor that ends is waited for.
    const alive = setInterval(() => undefined, 2 ** 30);
    try {
      this.blocks?.hold();
      await this.actors.stop(this.frontEnd.failure ?? this.over(), actorStopMs);
      await this.stopInterchange();
      await this.blocks?.close(blockStopMs);
      await this.ports.release();
      this.isOver = true;
      for (const identity of this.keys?.identities ?? []) await this.keys?.revoke(identity);
      await this.link.release();
    } finally {
      clearInterval(alive);
    }
  }
}

/** Somebody waits for that. */
function settle<T>(waiting: Map<string, (value?: T) => void>, key: string, value?: T): void {
  waiting.get(key)?.(value);
  waiting.delete(key);
}

/** What a manager has at the end of its block's walltime to finish what it has: this part of it, at most so many milliseconds. */
const drainMargin = { part: 0.1, most: 30_000 };

/** How long after its start a manager takes no more work: after its `drainPeriod`, and before the walltime of its block is over. */
function drainAfter(walltime: number, drainPeriod: number | undefined): number | null {
  const byWalltime = walltime === 0 ? Infinity : walltime - Math.min(walltime * drainMargin.part, drainMargin.most);
  const first = Math.min(drainPeriod ?? Infinity, byWalltime);
  return first === Infinity ? null : first;
}
