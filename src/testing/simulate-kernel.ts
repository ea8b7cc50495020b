import type { Ports } from "../actors/ports.js";
import { seededRandom } from "../actors/seeded-random.js";
import { simulatedPorts, type SimulatedPorts } from "../actors/simulated-ports.js";
import { threadPool } from "../config/descriptors.js";
import type { Config } from "../config/types.js";
import type { ExecutorMaker } from "../dataflow/executors.js";
import { DataFlowKernel } from "../dataflow/kernel.js";
import { ThreadPool } from "../executors/thread-pool/pool.js";
import { attachChecker, type AttachedChecker } from "./attach-checker.js";
import { NoCrash } from "./invariants/endings.js";
import { allInvariants, type Entry } from "./invariants/index.js";
import { within, type HostConduct, type Span } from "./faults.js";
import { SimulatedHost } from "./simulated-host.js";

export interface SimulatedExecutor {
  readonly label?: string;
  readonly maxThreads?: number;
  readonly minThreads?: number;
  readonly conduct?: Partial<HostConduct>;
}

export interface SimulationOptions {
  /** What the run is a function of. */
  readonly seed: number;
  readonly executors?: readonly SimulatedExecutor[];
  /** The kernel's other settings. */
  readonly config?: Omit<Config, "executors">;
  /** How long the kernel may be kept from its messages, and how likely, each time. */
  readonly busy?: { readonly likely: number; readonly pause: Span };
  /** How long a worker that was told to end may take before it counts as a zombie. Default 50 ms. */
  readonly patience?: number;
  readonly killGrace?: number;
  /** Told every step of every cell, and what probes tell. */
  readonly record?: (entry: Entry) => void;
  /** Parts of caraway are made to break: that is no violation then. */
  readonly crashes?: boolean;
  /** Default true. */
  readonly checked?: boolean;
  /** What anything that is owed by some time may be late by, in milliseconds, as for the checker. */
  readonly slack?: number;
}

/** A kernel in a world without time and threads. Nothing moves but by `until` and `settle`. */
export interface SimulatedKernel {
  readonly kernel: DataFlowKernel;
  readonly ports: SimulatedPorts;
  /** By label; of a replaced executor the latest. */
  readonly hosts: ReadonlyMap<string, SimulatedHost>;
  /** How many workers have not ended, those of replaced executors included. */
  alive(): number;
  readonly checker: AttachedChecker | undefined;
  /** Does something at a time, in milliseconds from now. */
  at(ms: number, act: () => void): void;
  /** Runs until the promise settles, and answers with its value. Rejects where nothing is left to happen before it does. */
  until<T>(promise: PromiseLike<T>, limitMs?: number): Promise<T>;
  /** Runs until nothing is left to happen. */
  settle(limitMs?: number): Promise<void>;
}

/** A started kernel on simulated ports, with simulated hosts in the place of threads, and the checker attached. The same seed gives the same run. */
export async function simulateKernel(options: SimulationOptions): Promise<SimulatedKernel> {
  const ports = simulatedPorts(options.seed);
  const hosts = new Map<string, SimulatedHost>();
  const everyHost: SimulatedHost[] = [];
  const given = new Map((options.executors ?? [{}]).map((executor) => [executor.label ?? "threads", executor]));
  let attached: AttachedChecker | undefined;
  const makeExecutor: ExecutorMaker = (descriptor, dispatcher, listener, broken, incarnation) => {
    const { label } = descriptor;
    const { maxThreads = 2, minThreads = 1, conduct } = given.get(label) ?? {};
    const host = new SimulatedHost({ ports, seed: options.seed + everyHost.length + 1, label: incarnation === 1 ? label : `${label}#${incarnation}`, ...(conduct === undefined ? {} : { conduct }), probe: (probe) => attached?.feed(probe) });
    hosts.set(label, host);
    everyHost.push(host);
    return Promise.resolve(new ThreadPool({ label, incarnation, maxThreads, minThreads: Math.min(minThreads, maxThreads), killGrace: options.killGrace ?? 20, patience: options.patience ?? 50, ownsProcesses: false }, host, dispatcher, listener, broken));
  };
  const executors = [...given.values()].map(({ label, maxThreads, minThreads }) => threadPool({ label, maxThreads, minThreads }));
  const kernel = new DataFlowKernel({ ...options.config, executors }, { ports: options.busy === undefined ? ports : hindered(ports, options.seed, options.busy), makeExecutor });
  if (options.checked !== false) {
    const { crashes, slack, record } = options;
    attached = attachChecker(kernel, { ...(crashes === true ? { invariants: allInvariants.filter((Rule) => Rule !== NoCrash) } : {}), ...(slack === undefined ? {} : { slack }) }, record);
  }
  const driver = new Driver(ports);
  await driver.until(kernel.start(), 60_000, true);
  return { kernel, ports, hosts, alive: () => everyHost.reduce((sum, host) => sum + host.alive, 0), checker: attached, at: (ms, act) => void ports.clock.after(ms, act), until: (promise, limit) => driver.until(promise, limit), settle: (limit) => driver.settle(limit) };
}

/** Ports whose owner is busy with something else now and then, so that what should happen soon happens after other things, in order still. */
function hindered(ports: Ports, seed: number, { likely, pause }: { readonly likely: number; readonly pause: Span }): Ports {
  const random = seededRandom(seed ^ 0xb05e);
  const behind: (() => void)[] = [];
  const catchUp = () => {
    for (const run of behind.splice(0)) ports.scheduler.soon(run);
  };
  const soon = (run: () => void) => {
    if (behind.length > 0) behind.push(run);
    else if (random.next() >= likely) ports.scheduler.soon(run);
    else {
      behind.push(run);
      ports.clock.after(within(pause, random), catchUp);
    }
  };
  return { ...ports, scheduler: { soon, later: (run) => ports.scheduler.later(run) } };
}

/** All promise reactions that are ready, and those they lead to, run before this settles. */
const promisesTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** What is loaded from disk takes so many turns at most. */
const loadingTurns = 1_000_000;

/** Takes turns: what promises have to do, then one event of the simulation. */
class Driver {
  constructor(private readonly ports: SimulatedPorts) {}

  async until<T>(promise: PromiseLike<T>, limitMs = 1_000_000, loading = false): Promise<T> {
    const { ports } = this;
    let settled = false;
    const note = () => void (settled = true);
    promise.then(note, note);
    const limit = ports.clock.now() + limitMs;
    await promisesTurn();
    for (let idle = 0; !settled; ) {
      if (ports.step()) idle = 0;
      else if (++idle > (loading ? loadingTurns : 3)) throw new Error(`nothing is left to happen at ${ports.clock.now()} ms of the simulation with seed ${ports.seed}, and what was waited for has not settled`);
      if (ports.clock.now() > limit) throw new Error(`${limitMs} ms have passed in the simulation with seed ${ports.seed}, and what was waited for has not settled`);
      await promisesTurn();
    }
    return promise;
  }

  async settle(limitMs = 1_000_000): Promise<void> {
    const limit = this.ports.clock.now() + limitMs;
    await promisesTurn();
    while (this.ports.step()) {
      if (this.ports.clock.now() > limit) throw new Error(`the simulation with seed ${this.ports.seed} has not come to rest within ${limitMs} ms`);
      await promisesTurn();
    }
  }
}
