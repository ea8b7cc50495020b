import { MessageChannel, receiveMessageOnPort, type MessagePort, type ResourceLimits, type Worker } from "node:worker_threads";
import type { Piscina } from "piscina";
import type { ShellHost } from "../shell/index.js";
import type { ShellAnswer } from "../executor.js";
import { Claims, claim } from "./claims.js";
import type { AnswerFrame, HeadMessage, SessionSetup, TaskFrame, WorkerMessage } from "./frames.js";
import type { Fate, LaneEvents, LaneHost, LaneLink, ShellLink, ShellRequest } from "./host.js";
import { typescriptProject } from "./typescript.js";

export interface PiscinaHostOptions {
  readonly label: string;
  readonly block?: string;
  readonly resourceLimits?: ResourceLimits;
  readonly env?: Readonly<Record<string, string>>;
  /** Where TypeScript's loader is looked for; by default found from the main program. */
  readonly typescript?: string | undefined;
}

/** Workers as threads of this process, owned by piscina: one piscina of one thread for each worker, so that an exit has one address. */
export class PiscinaHost implements LaneHost {
  private make: typeof Piscina | undefined;
  private shells: Promise<ShellHost> | undefined;
  private shellHost: ShellHost | undefined;

  constructor(private readonly options: PiscinaHostOptions) {}

  async start(): Promise<void> {
    this.make = (await import("piscina")).Piscina;
  }

  open(lane: number, events: LaneEvents): LaneLink {
    if (this.make === undefined) throw new Error("the host was not started");
    return new PiscinaLane(this.make, this.options, lane, events);
  }

  shell(request: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink {
    let kill: (() => void) | undefined;
    let killed = false;
    const run = (host: ShellHost) => {
      const { work, setting, token } = request;
      const running = host.run({ command: work.command, strict: work.strict, capture: work.capture, token, ...(setting ?? {}) }, ended);
      kill = () => running.kill();
      if (killed) kill();
    };
    if (this.shellHost !== undefined) run(this.shellHost);
    else void this.loadShells().then(run);
    return {
      kill: () => {
        killed = true;
        kill?.();
      },
    };
  }

  private loadShells(): Promise<ShellHost> {
    this.shells ??= import("../shell/index.js").then(({ ShellHost }) => (this.shellHost = new ShellHost()));
    return this.shells;
  }

  async close(): Promise<void> {
    if (this.shells !== undefined) await (await this.shells).close();
  }
}

class PiscinaLane implements LaneLink {
  private readonly claims = new Claims();
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private error: unknown;

  constructor(make: typeof Piscina, options: PiscinaHostOptions, lane: number, events: LaneEvents) {
    const pool = new make({
      filename: new URL("./worker.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Infinity,
      atomics: "disabled",
      env: { ...process.env, ...options.env },
      ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
    });
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const setup: SessionSetup = { port: port2, claims: this.claims.buffer, lane, label: options.label, block: options.block, typescript: options.typescript ?? typescriptProject() };
    pool.on("error", (error) => (this.error ??= error));
    pool.run(setup, { transferList: [port2] }).catch((error: unknown) => {
      this.error ??= error;
      this.kill();
    });
    this.worker = pool.threads[0] as Worker;
    this.worker.once("error", (error) => (this.error = error));
    port1.on("message", (message: AnswerFrame | WorkerMessage) => deliver(message, events));
    port1.unref();
    this.worker.once("exit", (code) => {
      for (let rest = receiveMessageOnPort(port1); rest !== undefined; rest = receiveMessageOnPort(port1)) deliver(rest.message as AnswerFrame | WorkerMessage, events);
      port1.close();
      void pool.destroy();
      events.exited(this.error === undefined ? { code } : { code, error: this.error });
    });
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

  fate(slot: number): Fate {
    const word = this.claims.word(slot);
    return word === claim.started ? "started" : word === claim.ended ? "ended" : "unclaimed";
  }

  kill(): void {
    void this.worker.terminate();
  }
}

function deliver(message: AnswerFrame | WorkerMessage, events: LaneEvents): void {
  if (Array.isArray(message)) events.answers(message);
  else events.message(message);
}
