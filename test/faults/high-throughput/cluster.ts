import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { DataFlowKernel, highThroughput, local, wrapped, type Config, type HighThroughputOptions, type LocalOptions } from "#internal/index";
import { InterchangeHandle } from "#internal/executors/high-throughput/interchange-handle";
import type { FromInterchange } from "#internal/executors/high-throughput/interchange-protocol";
import { attachChecker, type AttachedChecker } from "#internal/testing/attach-checker";
import { startFaultProxy, type FaultProxy } from "#internal/testing/fault-proxy";
import { alive, until } from "../../unit/executors/shell/observe.js";

/** The soak uses this file without it. */
const vitest = process.env["VITEST"] === undefined ? undefined : await import("vitest");

/** What a handle keeps to itself. */
interface Inside {
  readonly setup: { readonly options: { readonly epoch: number } };
  readonly worker: Worker;
  take(message: Uint8Array | FromInterchange): void;
}

/** Interchanges that this process has started, the newest last, and the managers of the newest. Nobody but a test wants to see them: nothing in the product shows them. */
const handles: { readonly inside: Inside; readonly epoch: number; port: number }[] = [];
const registered = new Set<string>();
/** Told of all that interchanges say of themselves and of their managers. */
export const interchangeNews = new Set<(message: FromInterchange) => void>();
const inside = InterchangeHandle.prototype as unknown as Inside;
const { take } = inside;
inside.take = function (this: Inside, message) {
  if (!(message instanceof Uint8Array)) {
    for (const heard of interchangeNews) heard(message);
    if (message.t === "listening") handles.push({ inside: this, epoch: this.setup.options.epoch, port: message.port });
    if (message.t === "listening" && this.setup.options.epoch === 1) registered.clear();
    if (message.t === "registered") registered.add(message.uid);
    if (message.t === "manager.lost" || message.t === "manager.gone") registered.delete(message.uid);
  }
  take.call(this, message);
};

export const interchanges = (): readonly { readonly epoch: number; readonly port: number }[] => handles.map(({ epoch, port }) => ({ epoch, port }));

/** Ends the newest interchange's thread, as an error in it would. */
export async function killInterchange(): Promise<void> {
  await handles.at(-1)?.inside.worker.terminate();
}

export const label = "cluster";

export interface ClusterOptions extends Omit<HighThroughputOptions, "provider" | "label"> {
  readonly provider?: LocalOptions;
  readonly config?: Partial<Config>;
  /** Lines of bash that are run in place of the manager's command, which is `"$@"`: its last word is the setup file. */
  readonly launcher?: string;
}

export interface Cluster {
  readonly kernel: DataFlowKernel;
  readonly checker: AttachedChecker;
  /** Where the run's files are; every process of the run has it in its environment. */
  readonly directory: string;
  readonly run: string;
  /** The managers that live now. */
  readonly managers: () => number[];
  /** Resolves with their pids once there are so many. */
  readonly manned: (count?: number) => Promise<number[]>;
  /** Processes with a worker each, where workers have processes. */
  readonly workers: () => number[];
  /** The names of the managers that live now. */
  readonly workingAt: () => string[];
  /** Ends the interchange's thread, as an error in it would. */
  readonly killInterchange: () => Promise<void>;
}

/** The lease of all clusters here, in milliseconds, and what is kept after it. */
export const leaseMs = 1500;
export const graceMs = 1500;

/** Pauses between what a fault needs and what must happen is done, with the time it took. */
export async function timed<T>(what: string, limitMs: number, happens: () => Promise<T>): Promise<T> {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} has taken longer than ${limitMs} ms`)), limitMs);
  });
  try {
    const value = await Promise.race([happens(), late]);
    tellTime(what, performance.now() - began, limitMs);
    return value;
  } finally {
    clearTimeout(timer);
  }
}

export function tellTime(what: string, ms: number, limitMs: number): void {
  process.stdout.write(`      ${what}: ${Math.round(ms)} ms (limit ${limitMs})\n`);
  const file = process.env["CARAWAY_FAULT_FIGURES"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ test: vitest?.expect.getState().currentTestName, what, ms: Math.round(ms) })}\n`);
}

/** Runs the body on one executor with managers, and checks afterwards that the rules were kept and nothing is left. */
export async function withCluster(options: ClusterOptions, body: (cluster: Cluster) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "caraway-faults-"));
  mkdirSync(join(directory, "tmp"));
  const before = handlesOpen();
  const kernel = new DataFlowKernel({ runDir: join(directory, "runs"), strategyPeriod: 500, ...options.config, executors: [executorOf(options, directory)] });
  const cluster = new RunningCluster(kernel, directory);
  try {
    await kernel.start();
    await body(cluster);
    cluster.checker.assert();
  } finally {
    await kernel.close({ mode: "cancel", timeout: 20_000 });
    cluster.checker.detach();
    await nothingLeft(directory, before);
  }
  cluster.checker.assert("end");
  rmSync(directory, { recursive: true });
}

export function executorOf({ provider = {}, launcher, config: _, ...options }: ClusterOptions, directory: string) {
  const script = join(directory, "launcher.sh");
  if (launcher !== undefined) {
    writeFileSync(script, `setup="\${@: -1}"\n${launcher}\n`);
    chmodSync(script, 0o700);
  }
  return highThroughput({
    label,
    maxWorkersPerNode: 2,
    heartbeatPeriod: 250,
    heartbeatThreshold: leaseMs,
    lostGrace: graceMs,
    registrationTimeout: "20s",
    ...options,
    provider: local({ statusInterval: 200, killGrace: 500, ...provider, env: { TMPDIR: join(directory, "tmp"), ...provider.env }, ...(launcher === undefined ? {} : { launcher: wrapped({ prefix: ["bash", script] }) }) }),
  });
}

class RunningCluster implements Cluster {
  readonly checker: AttachedChecker;

  constructor(
    readonly kernel: DataFlowKernel,
    readonly directory: string,
  ) {
    this.checker = attachChecker(kernel);
  }

  get run(): string {
    return this.kernel.table.runDirectory();
  }

  readonly managers = (): number[] => this.running("manager-main.js");

  readonly manned = async (count = 1): Promise<number[]> => {
    const enough = (): boolean => (this.kernel.executors.get(label)?.workers ?? 0) >= count && this.managers().length >= count;
    await until(`${count} managers are there`, enough, 15_000);
    return this.managers();
  };

  readonly workers = (): number[] => this.running("process-main.js");

  readonly killInterchange = killInterchange;

  readonly workingAt = (): string[] => [...registered];

  private running(program: string): number[] {
    return processesOf(this.directory).filter(({ argv }) => argv.some((word) => word.endsWith(program)) && argv[0] === process.execPath).map(({ pid }) => pid);
  }
}

/** Living processes that have the directory in their environment or among their words. */
export function processesOf(directory: string): { readonly pid: number; readonly argv: readonly string[]; readonly environment: readonly string[] }[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !alive(pid)) return [];
    const [environment, argv] = ["environ", "cmdline"].map((file) => textOf(`/proc/${name}/${file}`)) as [string, string];
    return environment.includes(directory) || argv.includes(directory) ? [{ pid, argv: argv.split("\0"), environment: environment.split("\0") }] : [];
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

const watched = ["TCPSocketWrap", "TCPServerWrap", "TLSWRAP", "PipeWrap", "ProcessWrap", "MessagePort", "Worker"];

/** How many handles of each kind this process has open. */
export function handlesOpen(): Readonly<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) if (watched.includes(kind)) count[kind] = (count[kind] ?? 0) + 1;
  return count;
}

/** No process, no key, no temporary file, no socket and no thread of a run that is over. */
export async function nothingLeft(directory: string, before: Readonly<Record<string, number>>): Promise<void> {
  const described = (): string => processesOf(directory).map(({ pid, argv }) => `${pid} ${argv.join(" ").slice(0, 200)}`).join("; ");
  await until("its processes have ended", () => processesOf(directory).length === 0, 5000).catch((cause: unknown) => {
    throw new Error(`processes of a run are left: ${described()}`, { cause });
  });
  const left: string[] = [];
  for (const run of list(join(directory, "runs"))) {
    for (const part of list(join(directory, "runs", run))) left.push(...list(join(directory, "runs", run, part, "keys")).map((key) => `key ${part}/${key}`));
  }
  left.push(...list(join(directory, "tmp")).map((name) => `temporary file ${name}`));
  if (left.length > 0) throw new Error(`something of a run is left: ${left.join(", ")}`);
  const more = (): string[] => Object.entries(handlesOpen()).filter(([kind, count]) => count > (before[kind] ?? 0)).map(([kind, count]) => `${count - (before[kind] ?? 0)} ${kind}`);
  await until("its sockets and threads are closed", () => more().length === 0, 3000).catch((cause: unknown) => {
    throw new Error(`handles of a run are left: ${more().join(", ")}`, { cause });
  });
}

const list = (directory: string): readonly string[] => (existsSync(directory) ? readdirSync(directory) : []);

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** For launchers: managers are started while their setup file is written. */
export const whenSet = 'until [[ -e $setup ]]; do sleep 0.01; done\n';

/** The same, with a proxy between managers and interchange: the setup file of each block is given the proxy's address before its manager reads it. */
export async function withProxy(options: ClusterOptions, body: (cluster: Cluster, proxy: FaultProxy) => Promise<void>, seed = Math.floor(Math.random() * 2 ** 31)): Promise<void> {
  const port = await freePort();
  const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port }, seed });
  try {
    await withCluster({ ...options, workerPort: port, launcher: `${whenSet}sed -i 's/127\\.0\\.0\\.1:${port}/${proxy.address}/' "$setup"\nexec "$@"` }, (cluster) => body(cluster, proxy));
  } catch (error) {
    process.stdout.write(`      ${proxy.describe()}\n`);
    throw error;
  } finally {
    await proxy.close();
  }
}

/** What a message must say, with those of its causes: what happened, where, since when or how long, and what to do. */
export function tells(error: unknown, ...words: readonly (string | RegExp)[]): void {
  const all = told(error);
  for (const word of words) {
    if (typeof word === "string" ? !all.includes(word) : !word.test(all)) throw new Error(`an error does not say ${String(word)}: ${all}`, { cause: error });
  }
  if (((error as { hint?: string }).hint ?? "") === "") throw new Error(`an error does not say what to do: ${all}`, { cause: error });
}

function told(error: unknown): string {
  if (error === undefined) return "";
  const { message, hint, where, evidence, code, cause } = error as { message: string; hint?: string; where?: object; evidence?: object; code?: string; cause?: unknown };
  return `${code ?? ""} ${message} | ${JSON.stringify(where ?? {})} | ${JSON.stringify(evidence ?? {})} | ${hint ?? ""}\n${told(cause)}`;
}
