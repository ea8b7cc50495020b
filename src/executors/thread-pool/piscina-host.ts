import { createRequire } from "node:module";
import { join } from "node:path";
import { MessageChannel, receiveMessageOnPort, type MessagePort, type ResourceLimits, type Worker } from "node:worker_threads";
import type { Piscina } from "piscina";
import type { MemoryUse, ThreadEnd } from "../../state-machines/thread.js";
import type { ShellAnswer } from "../executor.js";
import { Claims, claim } from "./claims.js";
import { answerStride, type AnswerFrame, type HeadMessage, type SessionSetup, type TaskFrame, type WorkerMessage } from "./frames.js";
import type { Fate, LaneEvents, LaneHost, LaneLink, ShellLink, ShellRequest } from "./host.js";
import { nested, taskToken, type Offspring } from "./offspring.js";
import { Shells } from "./shells.js";
import { typescriptProject } from "../../actors/typescript.js";

export interface PiscinaHostOptions {
  readonly label: string;
  readonly block?: string;
  readonly resourceLimits?: ResourceLimits;
  readonly env?: Readonly<Record<string, string>>;
  /** Where TypeScript's loader is looked for; by default found from the main program. */
  readonly typescript?: string | undefined;
  /** Who sees to the processes of tasks, where that is not this host; they carry its token by the environment then. */
  readonly offspring?: Offspring;
  /** The open file in which workers note what they begin. */
  readonly notes?: number;
  /** The directory for what tasks print that have no file for it; by default it is printed by this process. */
  readonly logs?: string | undefined;
  /** More of the environment of one worker. */
  readonly environmentOf?: (lane: number) => Readonly<Record<string, string>>;
}

/** With a larger space for new objects, Node 24 cannot end a worker in time when its memory runs out, and ends the whole program. */
const maxYoungGenerationSizeMb = 48;

/** Workers as threads of this process, owned by piscina: one piscina of one thread for each worker, so that an exit has one address. */
export class PiscinaHost implements LaneHost {
  private make: typeof Piscina | undefined;
  private readonly shells: Shells;
  /** The worker of the first lane, where it boots before the pool opens the lane. */
  private first: PiscinaLane | undefined;

  constructor(private readonly options: PiscinaHostOptions) {
    this.shells = new Shells(options.env);
  }

  async start(): Promise<void> {
    this.load();
    return Promise.resolve();
  }

  /** Boots the worker of the first lane ahead of `open`. What is wrong with it is told by `start` and `open`. */
  bootFirst(): void {
    try {
      this.first = this.boot(0);
    } catch {
      // The same happens again where it can be told.
    }
  }

  open(lane: number, events: LaneEvents): LaneLink {
    const booted = lane === 0 ? this.first : undefined;
    if (booted !== undefined) this.first = undefined;
    const link = booted ?? this.boot(lane);
    link.listen(events);
    return link;
  }

  private load(): typeof Piscina {
    return (this.make ??= (createRequire(import.meta.url)("piscina") as typeof import("piscina")).Piscina);
  }

  private boot(lane: number): PiscinaLane {
    const { env, offspring, environmentOf } = this.options;
    const environment = { ...process.env, ...env, ...environmentOf?.(lane), ...(offspring === undefined ? { CARAWAY_HOST: nested(process.env["CARAWAY_HOST"], this.shells.token) } : {}) };
    return new PiscinaLane(this.load(), { ...this.options, env: environment, offspring: offspring ?? this.shells }, lane);
  }

  shell(request: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink {
    return this.shells.run(request, ended);
  }

  async close(): Promise<void> {
    await this.first?.abandon();
    this.first = undefined;
    await this.shells.close();
  }
}

type LaneOptions = PiscinaHostOptions & Required<Pick<PiscinaHostOptions, "env" | "offspring">>;

class PiscinaLane implements LaneLink {
  private readonly claims = new Claims();
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private readonly pool: Piscina;
  private events: LaneEvents | undefined;
  private error: unknown;
  private end: ThreadEnd | undefined;
  private use: MemoryUse | undefined;
  /** Attempts that have started processes, by task and attempt. */
  private readonly parents = new Set<string>();

  constructor(
    make: typeof Piscina,
    private readonly options: LaneOptions,
    lane: number,
  ) {
    this.pool = new make({
      filename: new URL("./worker.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Infinity,
      atomics: "disabled",
      recordTiming: false,
      env: options.env,
      resourceLimits: { maxYoungGenerationSizeMb, ...options.resourceLimits },
    });
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const setup: SessionSetup = { port: port2, claims: this.claims.buffer, lane, label: options.label, block: options.block, typescript: options.typescript ?? typescriptProject(), notes: options.notes, log: options.logs === undefined ? undefined : join(options.logs, `worker-${lane}.log`) };
    this.pool.on("error", (error: unknown) => (this.error ??= error));
    this.pool.run(setup, { transferList: [port2] }).catch((error: unknown) => {
      this.error ??= error;
      this.kill();
    });
    this.worker = this.pool.threads[0] as Worker;
    this.worker.once("error", (error) => (this.error = error));
    this.worker.once("exit", (code) => {
      void this.pool.destroy();
      this.endOffspring();
      this.end = { code, ...(this.error === undefined ? {} : { error: this.error }), ...(this.use === undefined ? {} : { memory: this.use }) };
      this.leave();
    });
  }

  /** From here on the worker is heard; what it said before is told now. */
  listen(events: LaneEvents): void {
    this.events = events;
    this.port.on("message", (message: AnswerFrame | WorkerMessage) => this.deliver(message));
    this.port.unref();
    if (this.end !== undefined) setImmediate(() => this.leave());
  }

  /** Ends a worker that nobody has listened to. */
  async abandon(): Promise<void> {
    await this.worker.terminate();
    this.port.close();
  }

  /** Tells the end, once somebody listens, after all that came before it. */
  private leave(): void {
    if (this.events === undefined || this.end === undefined) return;
    for (let rest = receiveMessageOnPort(this.port); rest !== undefined; rest = receiveMessageOnPort(this.port)) this.deliver(rest.message as AnswerFrame | WorkerMessage);
    this.port.close();
    this.events.exited(this.end);
  }

  post(frame: TaskFrame): void {
    this.port.postMessage(frame);
  }

  tell(message: HeadMessage): void {
    this.port.postMessage(message);
  }

  claim(slot: number): void {
    this.claims.send(slot);
  }

  readonly takesBackAtOnce = true;

  revoke(slot: number, answer: (revoked: boolean) => void): void {
    answer(this.claims.revoke(slot));
  }

  running(): { slot: number; elapsed: number } | undefined {
    const running = this.claims.running();
    return running === undefined ? undefined : { slot: running.slot, elapsed: performance.timeOrigin + performance.now() - running.startedAt };
  }

  get cooperates(): boolean {
    return this.claims.cooperates;
  }

  refresh(then: () => void): void {
    then();
  }

  fate(slot: number): Fate {
    const word = this.claims.word(slot);
    return word === claim.started ? "started" : word === claim.ended ? "ended" : "unclaimed";
  }

  /** Ends the processes of the task as well: it may be waiting for one of them, in a call that cannot be ended otherwise. */
  kill(): void {
    void this.worker.terminate();
    this.endOffspring();
  }

  expel(use: MemoryUse): void {
    this.use ??= use;
    this.kill();
  }

  private endOffspring(): void {
    for (const task of this.parents) this.options.offspring.end(task);
  }

  private deliver(message: AnswerFrame | WorkerMessage): void {
    if (Array.isArray(message)) {
      if (this.parents.size > 0) for (let i = 0; i < message.length; i += answerStride) this.parents.delete(taskToken(this.options.label, message[i + 1] as number, message[i + 2] as number));
      this.events?.answers(message);
    } else if (message.t === "spawned") {
      this.parents.add(message.task);
      const goOn = () => this.claims.guard();
      void this.options.offspring.began(message.task).then(goOn, goOn);
    } else this.events?.message(message);
  }
}
