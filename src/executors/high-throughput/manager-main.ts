#!/usr/bin/env node
import { availableParallelism, hostname, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { Dispatcher } from "../../actors/dispatcher.js";
import { controlCodec } from "../../actors/links/control.js";
import { packageVersion } from "../../actors/links/hello.js";
import { KeyStore } from "../../actors/links/keys.js";
import { connectTo } from "../../actors/links/places.js";
import { realPorts } from "../../actors/real-ports.js";
import { CarawayError } from "../../errors/index.js";
import type { WorkListener } from "../executor.js";
import type { LaneHost } from "../thread-pool/host.js";
import { PiscinaHost, type PiscinaHostOptions } from "../thread-pool/piscina-host.js";
import { ThreadPool } from "../thread-pool/pool.js";
import { Manager, type HeadLink } from "./manager/manager.js";
import { placeOfThisProcess } from "./presence.js";
import { readSetup, type ManagerSetup } from "./manager/setup.js";
import { allowedCores, checkAffinity } from "./manager/affinity.js";
import { hostedThreads } from "./actors/hosted-thread.js";
import { MemoryWatch } from "./manager/memory-watch.js";
import { AcceleratorLeases, Slots } from "./manager/slots.js";
import { SlotProcesses } from "./manager/slot-processes.js";
import { nodeFacts, workerCount } from "./manager/workers.js";
import { frame, headFrames } from "./protocol.js";

/** What a thread that was told to end may take, in milliseconds, before it counts as a zombie; a process is killed for real. */
const patience = { thread: 500, process: 10_000 };
/** No longer than a lease, so that a network that is there again is soon found; within these limits. */
const connectTimeout = { least: 1000, most: 10_000 };

const nodeIndex = (): number => Number(process.env["CARAWAY_NODE_INDEX"] ?? process.env["SLURM_PROCID"] ?? 0) || 0;

function hostOf({ label, block, isolation, resourceLimits, env, typescript, leaseMs }: ManagerSetup, uid: string, workers: number, slots: Slots, logs: string, dispatcher: Dispatcher): LaneHost {
  const ofNode = { ...env, CARAWAY_BLOCK: block, CARAWAY_MANAGER: uid, CARAWAY_WORKER_COUNT: String(workers) };
  const options: PiscinaHostOptions = { label, block, resourceLimits, env: ofNode, typescript: typescript ?? undefined, logs };
  if (isolation === "thread") return new PiscinaHost({ ...options, environmentOf: (worker) => slots.environmentOf(worker) });
  return new SlotProcesses({ ...options, watch: { dispatcher, leaseMs } }, slots);
}

/** Says on stderr, which the block's output shows, why a manager did not do its work. */
function report(error: unknown): void {
  const words = error instanceof CarawayError ? `${error.code} ${error.message}\n  ${error.hint}` : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`caraway-manager: ${words}\n`);
}

/** The first failure of each series is told: what keeps a block from registering is then in its output. */
function telling(reach: () => Promise<HeadLink>): () => Promise<HeadLink> {
  let isTold = false;
  return async () => {
    try {
      const link = await reach();
      isTold = false;
      return link;
    } catch (error) {
      if (!isTold) report(error);
      isTold = true;
      throw error;
    }
  };
}

/** This process is a manager and nothing else: it ends with it. */
function leave(code: number): never {
  process.exit(code);
}

async function main(path: string | undefined): Promise<void> {
  const setup = await readSetup(path);
  const key = await KeyStore.load(setup.keyFile);
  const codec = await controlCodec();
  const ports = realPorts();
  const dispatcher = new Dispatcher(ports);
  const rank = nodeIndex();
  const constrained = process.constrainedMemory();
  const { cores, memory } = nodeFacts(process.env, { cores: availableParallelism(), memory: Math.min(totalmem(), constrained > 0 ? constrained : Infinity) });
  const workers = workerCount(setup, { cores, memory });
  const available = setup.cpuAffinity === "none" ? [] : allowedCores();
  checkAffinity(setup.cpuAffinity, workers, available);
  const slots = new Slots(setup, workers, available);
  const place = placeOfThisProcess();
  const uid = `${setup.block}.${rank}.${ports.ids.token()}`;
  const facts = { uid, block: setup.block, rank, host: hostname(), pid: process.pid, ...(place === undefined ? {} : { place }), cores, memoryMb: Math.round(memory / 2 ** 20), coresPerWorker: setup.coresPerWorker, ...(setup.memPerWorker === null ? {} : { memoryPerWorkerMb: setup.memPerWorker / 2 ** 20 }), accelerators: setup.accelerators, versions: { node: process.version, caraway: packageVersion() }, workers, prefetch: setup.prefetch };
  const { label, isolation, killGrace, leaseMs, graceMs, walltimeMs } = setup;
  const makePool = (listener: WorkListener): ThreadPool =>
    new ThreadPool({ label, maxThreads: workers, minThreads: 1, killGrace, patience: patience[isolation], ownsProcesses: isolation === "process" }, hostOf(setup, uid, workers, slots, join(dirname(path as string), setup.block, uid), dispatcher), dispatcher, listener, (error) => manager.broke(error));
  const connect = telling((): Promise<HeadLink> => connectTo(setup.head, { key, hello: { kind: "manager", facts: { uid } }, timeout: Math.max(connectTimeout.least, Math.min(leaseMs, connectTimeout.most)), types: headFrames, urgent: [frame.alive] }));
  // The link and the workers keep the process alive, and where both are gone, this does until the lease is over.
  const alive = setInterval(() => undefined, 2 ** 30);
  const ended = (error: unknown): void => {
    clearInterval(alive);
    if (error !== undefined) report(error);
    leave(error === undefined ? 0 : 1);
  };
  const endsAt = walltimeMs > 0 ? ports.clock.now() + walltimeMs : undefined;
  const drainsAt = setup.drainMs === null ? undefined : ports.clock.now() + setup.drainMs;
  const manager = new Manager({ facts, endsAt, drainsAt, leaseMs, graceMs }, { dispatcher, codec, connect, makePool, slots: { slots, accelerators: setup.accelerators, leases: new AcceleratorLeases(setup.accelerators) }, startThread: hostedThreads({ ...process.env, ...setup.env, CARAWAY_BLOCK: setup.block, CARAWAY_MANAGER: uid }), ended });
  new MemoryWatch(manager.pool, { worker: isolation === "process" ? (setup.memPerWorker ?? undefined) : undefined, command: setup.memPerWorker ?? undefined, node: memory }).start();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => manager.stop());
  manager.start();
}

main(process.argv[2]).catch((error: unknown) => {
  report(error);
  leave(1);
});
