import { spawn, type ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { PoolStartFailed } from "../../errors/index.js";
import { decodeThrown } from "../../serialization/index.js";
import type { MemoryUse, Silence, ThreadEnd } from "../../state-machines/thread.js";
import type { LaneEvents } from "./host.js";
import { describeSilence } from "./failures.js";
import { nested } from "./offspring.js";
import { Packets } from "./packets.js";
import { pipeFd, type FromProcess, type ProcessSetup, type ToProcess } from "./process-protocol.js";
import { stateOf } from "./process-state.js";
import { beatOf, ProcessWatch, type WatchTerms } from "./process-watch.js";
import { RemoteLane, type LaneProcess } from "./remote-lane.js";
import { clearNote, makeNotes, readFates } from "./start-notes.js";

export interface PoolProcessOptions {
  readonly setup: Omit<ProcessSetup, "t" | "beatMs">;
  readonly watch: WatchTerms;
  /** What it is started by: a program and its arguments. */
  readonly prefix?: readonly string[] | undefined;
  /** Milliseconds that a worker which was told to end may take before the whole process is killed. */
  readonly patience: number;
  readonly spawned: (task: string) => void;
  /** It is gone, by whatever means. */
  readonly gone: () => void;
}

/** Options of this program's Node that its workers' process is not to have. */
const ownOptions = /^(?:-[cepi]|-pe|--(?:eval|print|check|interactive|inspect|watch|test|input-type|prof|cpu-prof|heap-prof|build-sea|run)\b.*)$/;
const withValue = /^(?:-r|--require|--import|--loader|--experimental-loader)$/;
const closePatience = 2000;

/** One process that runs a pool's workers. It dies with this program, however that ends. */
export class PoolProcess implements LaneProcess {
  /** None where it could not be started. */
  private readonly child: ChildProcess | undefined;
  private readonly pipe: Socket;
  private readonly packets: Packets<ToProcess, FromProcess>;
  private notes: number | undefined;
  /** Why it was ended, or could not be started, where that is known. */
  private failure: unknown;
  private readonly lanes = new Map<number, RemoteLane>();
  private readonly endings = new Map<RemoteLane, NodeJS.Timeout>();
  /** It is killed on account of the lane that did not end. */
  private culprit: RemoteLane | undefined;
  private links = 0;
  private settleReady!: { resolve: () => void; reject: (error: unknown) => void };
  readonly ready: Promise<void>;
  gone = false;
  private use: MemoryUse | undefined;
  private silence: Silence | undefined;
  private readonly watch: ProcessWatch;
  private readonly over: Promise<void>;
  private settleOver!: () => void;

  constructor(private readonly options: PoolProcessOptions) {
    const { setup, watch } = options;
    this.ready = new Promise((resolve, reject) => (this.settleReady = { resolve, reject }));
    this.ready.catch(() => undefined);
    this.over = new Promise((resolve) => (this.settleOver = resolve));
    this.child = this.start();
    // Without descriptors there are no pipes, against what its type says.
    this.pipe = ((this.child?.stdio)?.[pipeFd] as Socket | undefined) ?? new Socket().destroy();
    this.pipe.on("error", () => this.pipe.destroy());
    this.watch = this.watched(watch);
    // Part of a large packet is a sign as well.
    this.pipe.on("data", () => this.watch.heard());
    this.packets = new Packets(this.pipe, (message) => this.take(message), (error) => this.fail(error));
    this.packets.send({ t: "setup", ...setup, beatMs: beatOf(watch.leaseMs) });
    const drained = this.pipe.closed ? Promise.resolve() : new Promise<void>((resolve) => this.pipe.once("close", () => resolve()));
    this.child?.once("exit", (code, signal) => void drained.then(() => this.ended(code, signal)));
    if (this.pid === undefined) setImmediate(() => this.ended(null, null));
  }

  private watched(terms: WatchTerms): ProcessWatch {
    return new ProcessWatch(this.options.setup.label, terms, {
      ask: () => this.send({ t: "ask" }),
      kill: (silence) => {
        const { pid } = this;
        this.silence = { ...silence, pid, state: pid === undefined ? undefined : stateOf(pid) };
        this.child?.kill("SIGKILL");
      },
      forsake: () => {
        this.pipe.destroy();
        this.child?.unref();
        queueMicrotask(() => this.ended(null, null)); // a step of its chart is under way
      },
      crashed: (error) => this.fail(error),
    });
  }

  private start(): ChildProcess | undefined {
    const { setup, prefix = [] } = this.options;
    const main = fileURLToPath(new URL("./process-main.js", import.meta.url));
    const env = { ...process.env, ...setup.env, CARAWAY_HOST: nested(process.env["CARAWAY_HOST"], setup.token) };
    const [program = process.execPath, ...before] = prefix;
    const own = [...nodeOptions(process.execArgv), main, setup.label];
    try {
      this.notes = makeNotes();
      const child = spawn(program, program === process.execPath ? own : [...before, process.execPath, ...own], { env, stdio: ["ignore", "inherit", "inherit", "pipe", this.notes] });
      return child.once("error", (error) => {
        this.failure ??= error;
        this.settleReady.reject(error);
      });
    } catch (error) {
      this.failure = error;
      this.settleReady.reject(error);
      return undefined;
    }
  }

  /** It says what cannot be: a task has written to its pipe. Whose that was is known by what has begun there. */
  private fail(error: unknown): void {
    this.failure ??= error;
    this.child?.kill("SIGKILL");
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  send(message: ToProcess): void {
    this.packets.send(message);
  }

  open(lane: number, events: LaneEvents): RemoteLane {
    if (this.notes !== undefined) clearNote(this.notes, lane);
    const remote = new RemoteLane(this, ++this.links, lane, events);
    this.lanes.set(remote.link, remote);
    this.send({ t: "open", link: remote.link, lane });
    return remote;
  }

  /** Whether it keeps the program alive. */
  hold(held: boolean): void {
    for (const handle of [this.child, this.pipe]) if (held) handle?.ref();
    else handle?.unref();
  }

  expectEnd(lane: RemoteLane): void {
    if (this.endings.has(lane)) return;
    this.hold(true);
    // After a stall of this thread, what has arrived meanwhile is heard first.
    this.endings.set(lane, setTimeout(() => setImmediate(() => this.killFor(lane)), this.options.patience));
  }

  /** Ends it for the memory that it uses. */
  expel(use: MemoryUse): void {
    this.use ??= use;
    this.child?.kill("SIGKILL");
  }

  private killFor(lane: RemoteLane): void {
    if (lane.ended) return;
    this.culprit ??= lane;
    this.child?.kill("SIGKILL");
  }

  /** Ends it: it has nothing to do any more. */
  async close(): Promise<void> {
    if (this.gone || this.child === undefined) return;
    this.hold(true);
    const timer = setTimeout(() => this.child?.kill("SIGKILL"), closePatience);
    this.pipe.end();
    await this.over;
    clearTimeout(timer);
  }

  private take(message: FromProcess): void {
    if (message.t === "hello") {
      this.hold(false);
      this.settleReady.resolve();
    } else if (message.t === "broken") this.settleReady.reject(decodeThrown(message.error));
    else if (message.t === "spawned") this.options.spawned(message.task);
    else if (message.t !== "alive") this.forLane(message);
  }

  private forLane(message: Extract<FromProcess, { link: number }>): void {
    const lane = this.lanes.get(message.link);
    if (lane === undefined) return;
    if (message.t === "answers") lane.answers(message);
    else if (message.t === "message") lane.message(message);
    else if (message.t === "running") lane.runs(message);
    else if (message.t === "revoked") lane.revoked(message);
    else if (message.t === "looked") lane.looked(message);
    else {
      lane.exited(message);
      this.forget(lane);
    }
  }

  private forget(lane: RemoteLane): void {
    this.lanes.delete(lane.link);
    clearTimeout(this.endings.get(lane));
    this.endings.delete(lane);
    if (this.endings.size === 0 && !this.gone) this.hold(false);
  }

  private ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.gone) return;
    this.gone = true;
    this.watch.ended();
    const { silence } = this;
    const how = silence === undefined ? (signal ?? `exit code ${code}`) : describeSilence(silence);
    this.settleReady.reject(new PoolStartFailed("CW-EXEC-007", `the process of the pool "${this.options.setup.label}" ended before it was ready (${how})`, { where: { executor: this.options.setup.label }, evidence: { exitCode: code, signal, ...silence }, hint: "See what it printed." }));
    this.options.gone();
    for (const lane of [...this.lanes.values()]) {
      const end: ThreadEnd = { code, host: true, ...(this.failure === undefined ? {} : { error: this.failure }), ...(this.pid === undefined ? {} : { pid: this.pid }), ...(signal === null ? {} : { signal }), ...(this.culprit === undefined || this.culprit === lane ? {} : { onAccountOfAnother: true }), ...(this.use === undefined ? {} : { memory: this.use }), ...(silence === undefined ? {} : { silence }) };
      lane.died(end, this.notes === undefined ? () => "unclaimed" : readFates(this.notes, lane.lane));
      this.forget(lane);
    }
    if (this.notes !== undefined) closeSync(this.notes);
    this.settleOver();
  }
}

/** What of this program's own Node options its workers' process should have too. TypeScript loaders are registered in the workers. */
export function nodeOptions(own: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < own.length; i++) {
    const option = own[i] as string;
    const value = own[i + 1];
    if (withValue.test(option) && value !== undefined) {
      i++;
      if (!/\btsx\b/.test(value)) kept.push(option, value);
    } else if (/^-(?:e|p|pe)$|^--(?:eval|print|input-type)$/.test(option)) i++;
    else if (!ownOptions.test(option) && !(/^--(?:require|import|loader|experimental-loader)=/.test(option) && /\btsx\b/.test(option))) kept.push(option);
  }
  return kept;
}

