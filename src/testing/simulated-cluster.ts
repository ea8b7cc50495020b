import { Dispatcher } from "../actors/dispatcher.js";
import type { ControlCodec } from "../actors/links/control.js";
import type { SimulatedPorts } from "../actors/simulated-ports.js";
import { seededRandom } from "../actors/seeded-random.js";
import type { ExecutorPart, WorkListener } from "../executors/executor.js";
import { RemoteActors } from "../executors/high-throughput/actors/remote-actors.js";
import { FrontEnd } from "../executors/high-throughput/front-end.js";
import type { InterchangeWay } from "../executors/high-throughput/outbound.js";
import { Interchange } from "../executors/high-throughput/interchange/interchange.js";
import type { InterchangeEvent, InterchangeOptions, KnownManager } from "../executors/high-throughput/interchange/types.js";
import type { ManagerSelector } from "../executors/high-throughput/interchange/selectors.js";
import { serveManager } from "../executors/high-throughput/interchange/serve-manager.js";
import { StepReporter } from "../executors/high-throughput/interchange/step-reporter.js";
import { RelayedSteps } from "../executors/high-throughput/relayed-steps.js";
import { calm, within, type HostConduct, type Span } from "./faults.js";
import { PausablePorts } from "./pausable-ports.js";
import { Pipe } from "./pipe.js";
import type { ProbeSink } from "./probes.js";
import type { SimulatedModules } from "./simulated-actors.js";
import { SimulatedLink } from "./simulated-link.js";
import { SimulatedManager } from "./simulated-manager.js";

export interface ClusterOptions {
  readonly managers: number;
  readonly workers: number;
  readonly prefetch: number;
  readonly selector: ManagerSelector;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly reconnectMs: number;
  /** How long a manager lives before its job's walltime ends it, in milliseconds; undefined: for ever. */
  readonly life?: number | undefined;
  /** Of a frame, either way. */
  readonly way: Span;
  /** Between the interchange's thread and the head. */
  readonly threadWay: Span;
  /** How long it takes until there is another manager in the place of one that ended. */
  readonly respawn: Span;
  /** How long it takes until there is another interchange. */
  readonly restart: Span;
  readonly conduct: Partial<HostConduct>;
}

export const calmCluster: ClusterOptions = { managers: 2, workers: 2, prefetch: 0, selector: "random", heartbeatMs: 500, leaseMs: 3000, graceMs: 3000, reconnectMs: 150, way: [0.05, 0.3], threadWay: [0.01, 0.05], respawn: [200, 800], restart: [20, 200], conduct: {} };

/** So long managers have to end with their executor. */
const stopMs = 500;

export interface ClusterPorts {
  readonly ports: SimulatedPorts;
  readonly codec: ControlCodec;
  readonly dispatcher: Dispatcher;
  readonly listener: WorkListener;
  readonly label: string;
  readonly incarnation?: number;
  readonly seed: number;
  readonly probe?: ProbeSink;
  /** What actors at its managers may be. */
  readonly modules?: SimulatedModules;
  readonly broken?: (error: unknown) => void;
  /** Each dispatcher of an interchange or a manager, before it has run anything. */
  readonly made?: (dispatcher: Dispatcher) => void;
}

type Up = { readonly records: Uint8Array } | { readonly news: Uint8Array } | { readonly event: InterchangeEvent } | { readonly act: () => void } | { readonly died: Error };

/** The high-throughput executor with everything real but sockets, threads and time: its front end, its interchange and managers with thread pools. */
export class SimulatedCluster {
  readonly frontEnd: FrontEnd;
  readonly actors: RemoteActors;
  readonly options: ClusterOptions;
  readonly random;
  /** The head's own thread, as far as messages of the interchange reach it. */
  readonly headPorts: PausablePorts;
  interchangePorts: PausablePorts;
  interchange: Interchange | undefined;
  readonly managers: SimulatedManager[] = [];
  readonly links = new Set<SimulatedLink>();
  /** Blocks that are being drained, or are drained. */
  readonly draining = new Set<string>();
  /** Managers whose block was drained before they ended. */
  readonly drained = new Set<string>();
  /** What was seen that must not be. */
  readonly wrongs: string[] = [];
  /** Managers that were held for lost. */
  readonly lost = new Set<string>();
  stopped = false;
  /** Outcomes that came too late, of all interchanges so far. */
  late = 0;
  private epoch = 0;
  private ended: ((error: unknown) => void) | undefined;
  private readonly up: Pipe<Up>;
  private relayed: RelayedSteps | undefined;
  private downPipe: Pipe<(interchange: Interchange) => void> | undefined;
  private readonly registered = new Map<string, KnownManager>();

  constructor(
    given: Partial<ClusterOptions>,
    readonly around: ClusterPorts,
  ) {
    this.options = { ...calmCluster, ...given };
    const { ports, label, incarnation = 1, dispatcher, listener, broken } = around;
    this.random = seededRandom(around.seed ^ 0xc1);
    this.headPorts = new PausablePorts(ports);
    this.interchangePorts = new PausablePorts(ports);
    this.up = new Pipe(ports, () => within(this.options.threadWay, this.random), this.headPorts.gate((message: Up) => this.heard(message)));
    this.actors = new RemoteActors({
      dispatcher, label, leaseMs: this.options.leaseMs,
      send: (manager, heading, payload) => this.downPipe?.send((it) => it.actors.down(it.nodes.get(manager), heading, payload)),
      wanted: () => undefined,
      describe: () => "simulated managers",
      broken: (error) => void this.wrongs.push(`an actor broke: ${String(error)}`),
    });
    this.frontEnd = new FrontEnd(
      { label, incarnation, expectedWorkers: this.options.managers * this.options.workers, ownsProcesses: false },
      dispatcher,
      listener,
      { offered: () => undefined, describe: () => "simulated managers", tree: () => this.interchange?.tree() ?? [], actors: this.actors, stop: () => this.stop() },
      broken ?? ((error) => void this.wrongs.push(`broken: ${String(error)}`)),
    );
    this.frontEnd.parts = [{ id: "interchange", start: (ended) => this.startPart(ended), stop: () => Promise.resolve() } satisfies ExecutorPart];
  }

  /** With nobody to supervise it, a new interchange comes after each that ended. */
  async start(): Promise<void> {
    await this.frontEnd.start();
    this.startInterchange();
    this.populate();
  }

  /** Its managers come up one after another. */
  populate(): void {
    for (let place = 0; place < this.options.managers; place++) this.spawn(`block-${place}`, 0);
  }

  private startPart(ended: (error: unknown) => void): Promise<void> {
    this.ended = ended;
    this.startInterchange();
    if (this.managers.length === 0) this.populate();
    return Promise.resolve();
  }

  // Interchange

  /** Whether the interchange can see the processes of its managers. */
  private get sees(): boolean {
    return this.around.seed % 2 === 0;
  }

  startInterchange(): void {
    if (this.stopped) return;
    const { ports, label, codec } = this.around;
    const { selector, heartbeatMs, leaseMs, reconnectMs, threadWay } = this.options;
    const own = new PausablePorts(ports);
    this.interchangePorts = own;
    const dispatcher = new Dispatcher(own);
    this.around.made?.(dispatcher);
    const relayed = new RelayedSteps(this.around.dispatcher);
    this.relayed = relayed;
    new StepReporter(dispatcher, (steps) => this.up.send({ act: () => relayed.take(steps) })).observe(true, 0);
    const options: InterchangeOptions = { label, epoch: ++this.epoch, selector, heartbeatMs, leaseMs, reconnectMs, awaited: [...this.registered.values()] };
    const interchange = new Interchange(options, {
      dispatcher, codec,
      toHead: (records) => this.up.send({ records }),
      news: (bytes) => this.up.send({ news: bytes.slice() }),
      event: (event) => {
        if (event.t === "manager.lost" || event.t === "manager.gone") this.around.probe?.({ probe: "manager.lost", manager: event.uid, at: ports.clock.now() });
        else if (event.t === "registered") this.lost.delete(event.uid);
        this.up.send({ event });
      },
      ...(this.sees ? { presence: ({ uid }: KnownManager) => (this.alive.some((manager) => manager.uid === uid) ? "here" as const : "gone" as const) } : {}),
      broken: (error) => void this.wrongs.push(`the interchange broke: ${String(error)}`),
      ofActor: (manager, heading, payload) => this.up.send({ act: () => this.actors.heard(manager, heading, payload) }),
    });
    this.interchange = interchange;
    const down = new Pipe(ports, () => within(threadWay, this.random), own.gate((act: (interchange: Interchange) => void) => act(interchange)));
    this.downPipe = down;
    const way: InterchangeWay = {
      submit: (records) => down.send((it) => it.submit(records)),
      define: (app, bytes) => down.send((it) => it.define(app, bytes)),
      cancel: (task, attempt) => down.send((it) => it.cancel(task, attempt)),
      expect: (tokens, needs) => down.send((it) => it.expect(tokens, needs)),
    };
    this.frontEnd.connect(way);
    for (const block of this.draining) down.send((it) => it.drain(block));
  }

  /** It dies; what it had told the head arrives, and the head hears of it after that. */
  crashInterchange(): void {
    if (this.interchange === undefined) return;
    this.late += this.interchange.lateOutcomes;
    this.interchange = undefined;
    this.interchangePorts.kill();
    for (const link of this.links) link.abandon("head");
    this.links.clear();
    this.up.send({ died: new Error("the interchange was killed") });
  }

  /** Makes the link of a manager; fails where nobody listens. */
  connect(manager: SimulatedManager): SimulatedLink | undefined {
    const { interchange } = this;
    if (interchange === undefined || manager.blocked !== "none" || this.stopped) return undefined;
    const { ports, codec } = this.around;
    const link = new SimulatedLink({ ports, random: this.random, way: this.options.way, identity: manager.block, head: this.interchangePorts, manager: manager.ports });
    this.links.add(link);
    this.interchangePorts.gate(() => serveManager(interchange, codec, link.head))();
    return link;
  }

  drain(block: string): void {
    this.draining.add(block);
    this.actors.drain(block);
    this.downPipe?.send((it) => it.drain(block));
  }

  // Managers

  get alive(): readonly SimulatedManager[] {
    return this.managers.filter(({ ports }) => ports.isAlive);
  }

  private spawn(block: string, rank: number): void {
    const manager = new SimulatedManager(this, { block, rank, conduct: { ...calm, ...this.options.conduct }, index: this.managers.length });
    this.managers.push(manager);
    manager.start();
  }

  /** A manager's process has ended: another follows, at the same place or with a block of its own. */
  replace(manager: SimulatedManager): void {
    if (this.stopped) return;
    this.around.ports.clock.after(within(this.options.respawn, this.random), () => {
      if (this.stopped) return;
      const same = !this.draining.has(manager.block) && this.random.next() < 0.5;
      if (same) this.spawn(manager.block, manager.rank);
      else this.spawn(`block-${this.managers.length}`, 0);
    });
  }

  private heard(message: Up): void {
    const { frontEnd } = this;
    if ("records" in message) frontEnd.outcomes(message.records);
    else if ("act" in message) message.act();
    else if ("news" in message) frontEnd.news(message.news);
    else if ("event" in message) this.event(message.event);
    else {
      frontEnd.disconnect();
      this.relayed?.ended();
      this.downPipe = undefined;
      if (this.ended !== undefined) this.ended(message.died);
      else this.around.ports.clock.after(within(this.options.restart, this.random), () => this.startInterchange());
    }
  }

  private event(event: InterchangeEvent): void {
    if (event.t === "registered") {
      this.registered.set(event.uid, { uid: event.uid, block: event.facts.block, host: event.facts.host });
      this.actors.registered(event.facts, this.draining.has(event.facts.block));
    } else if (event.t === "manager.lost" || event.t === "manager.gone") {
      this.registered.delete(event.uid);
      this.actors.left(event);
    }
    if (event.t === "block.drained") this.release(event.block);
  }

  /** Nothing of the block has work: its job is cancelled. */
  private release(block: string): void {
    for (const manager of this.alive) {
      if (manager.block !== block) continue;
      if (!this.lost.has(manager.uid)) this.drained.add(manager.uid);
      manager.crash();
    }
  }

  private stop(): Promise<void> {
    this.stopped = true;
    void this.interchange?.stop(stopMs);
    return new Promise((resolve) => {
      this.around.ports.clock.after(stopMs, () => {
        this.frontEnd.disconnect();
        this.relayed?.ended();
        for (const manager of this.alive) manager.crash();
        this.late += this.interchange?.lateOutcomes ?? 0;
        this.interchange = undefined;
        this.interchangePorts.kill();
        for (const link of this.links) link.cut();
        resolve();
      });
    });
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.headPorts.resume();
    this.interchangePorts.resume();
    for (const manager of this.alive) manager.heal();
  }
}
