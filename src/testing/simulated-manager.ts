import { Dispatcher } from "../actors/dispatcher.js";
import { CarawayError } from "../errors/index.js";
import { Manager, type HeadLink } from "../executors/high-throughput/manager/manager.js";
import { ThreadPool } from "../executors/thread-pool/pool.js";
import type { HostConduct } from "./faults.js";
import { PausablePorts } from "./pausable-ports.js";
import { simulatedActors } from "./simulated-actors.js";
import type { SimulatedCluster } from "./simulated-cluster.js";
import { SimulatedHost } from "./simulated-host.js";
import type { SimulatedLink } from "./simulated-link.js";

export interface ManagerPlace {
  readonly block: string;
  readonly rank: number;
  readonly conduct: HostConduct;
  readonly index: number;
}

const connectMs = 5;
const connectTimeoutMs = 400;

/** The process of a manager: it can be cut off, stand still, be killed, and come to its own end. */
export class SimulatedManager {
  readonly ports: PausablePorts;
  readonly manager: Manager;
  readonly host: SimulatedHost;
  readonly block: string;
  readonly rank: number;
  readonly uid: string;
  /** Which way nothing gets through. */
  blocked: "none" | "head" | "manager" | "both" = "none";
  /** When the job it runs in ends. */
  readonly endsAt: number | undefined;
  private link: SimulatedLink | undefined;

  constructor(
    private readonly cluster: SimulatedCluster,
    { block, rank, conduct, index }: ManagerPlace,
  ) {
    const { around, options } = cluster;
    this.block = block;
    this.rank = rank;
    this.uid = `${block}.${rank}.${index}`;
    this.ports = new PausablePorts(around.ports);
    const dispatcher = new Dispatcher(this.ports);
    around.made?.(dispatcher);
    this.host = new SimulatedHost({ ports: this.ports, seed: around.seed + index * 7919, label: this.uid, conduct, ...(around.probe === undefined ? {} : { probe: around.probe }) });
    const { workers, prefetch, leaseMs, graceMs, life } = options;
    this.endsAt = life === undefined ? undefined : around.ports.clock.now() + life * (0.5 + cluster.random.next());
    const facts = { uid: this.uid, block, rank, host: `node-${index}`, pid: index, cores: workers, memoryMb: 1024, accelerators: [], versions: {}, workers, prefetch };
    this.manager = new Manager({ facts, endsAt: this.endsAt, leaseMs, graceMs }, {
      dispatcher,
      codec: around.codec,
      connect: () => this.connect(),
      makePool: (listener) => new ThreadPool({ label: this.uid, maxThreads: workers, minThreads: 1, killGrace: 20, patience: 50, ownsProcesses: false }, this.host, dispatcher, listener, (error) => this.manager.broke(error)),
      startThread: simulatedActors(this.ports, around.modules ?? new Map()),
      ended: (error) => this.end(error),
    });
    if (this.endsAt !== undefined) around.ports.clock.after(this.endsAt - around.ports.clock.now(), () => this.crash());
  }

  start(): void {
    this.manager.start();
  }

  private connect(): Promise<HeadLink> {
    return new Promise((resolve, reject) => {
      this.ports.clock.after(connectMs, () => {
        const link = this.cluster.connect(this);
        if (link === undefined) this.ports.clock.after(this.blocked === "none" ? 0 : connectTimeoutMs, () => reject(new Error("the head was not reached")));
        else {
          this.link = link;
          resolve(link.manager);
        }
      });
    });
  }

  cutLink(): void {
    this.link?.cut();
  }

  partition(towards: "head" | "manager" | "both"): void {
    this.blocked = towards;
    this.link?.block(towards);
  }

  heal(): void {
    this.blocked = "none";
    this.ports.resume();
    this.link?.heal();
  }

  freeze(): void {
    this.ports.pause();
  }

  thaw(): void {
    this.ports.resume();
  }

  /** SIGKILL. */
  crash(): void {
    if (!this.ports.isAlive) return;
    this.ports.resume();
    this.host.killProcess();
    this.ports.kill();
    this.link?.abandon("manager");
    this.cluster.replace(this);
  }

  /** It ends by itself: because it was told to, or because its lease is over. */
  private end(error: unknown): void {
    if (error !== undefined) this.cluster.wrongs.push(`manager ${this.uid} ended: ${error instanceof CarawayError ? error.code : (error as Error).message}`);
    this.crash();
  }
}
