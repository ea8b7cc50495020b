import { seededRandom } from "../actors/seeded-random.js";
import type { Ports, Random } from "../actors/ports.js";
import type { ShellAnswer } from "../executors/executor.js";
import { Claims, claim } from "../executors/thread-pool/claims.js";
import type { AnswerFrame, HeadMessage, TaskFrame, WorkerMessage } from "../executors/thread-pool/frames.js";
import type { Fate, LaneEvents, LaneHost, LaneLink, ShellLink, ShellRequest } from "../executors/thread-pool/host.js";
import type { ThreadEnd } from "../state-machines/thread.js";
import { calm, within, type HostConduct } from "./faults.js";
import { Pipe } from "./pipe.js";
import type { ProbeSink } from "./probes.js";
import { SimulatedShell } from "./simulated-shell.js";
import { SimulatedWorker } from "./simulated-worker.js";

export interface SimulatedHostOptions {
  readonly ports: Ports;
  readonly seed: number;
  readonly label: string;
  readonly conduct?: Partial<HostConduct>;
  /** Told when user code begins and ends. */
  readonly probe?: ProbeSink;
}

/**
 * Where simulated workers live. As faithful as the real host: claim words in shared memory, one task at a time for each worker,
 * answers in frames, messages in order; after a kill nothing comes but what was on its way, and the exit comes last.
 */
export class SimulatedHost implements LaneHost {
  readonly random: Random;
  readonly conduct: HostConduct;
  readonly probe: ProbeSink;
  /** Workers that have not ended. */
  readonly workers = new Map<number, Set<SimulatedWorker>>();
  closed = false;
  private opened = 0;

  constructor(readonly options: SimulatedHostOptions) {
    this.random = seededRandom(options.seed);
    this.conduct = { ...calm, ...options.conduct };
    this.probe = options.probe ?? (() => undefined);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  open(lane: number, events: LaneEvents): LaneLink {
    return new SimulatedLane(this, lane, ++this.opened, events);
  }

  shell(request: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink {
    return new SimulatedShell(this.options.ports, this.random, this.conduct, this.probe, request, ended);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** How many workers have not ended. */
  get alive(): number {
    let count = 0;
    for (const workers of this.workers.values()) count += workers.size;
    return count;
  }

  /** The lane's worker dies, as soon as no native call holds it. */
  killWorker(lane: number): void {
    for (const worker of [...(this.workers.get(lane) ?? [])]) worker.terminate({ code: 1, error: new Error("it was made to die") });
  }

  /** All workers die at once: the process around them has ended. */
  killProcess(): void {
    for (const workers of [...this.workers.values()]) for (const worker of [...workers]) worker.perish({ code: null, signal: "SIGKILL", host: true });
  }
}

class SimulatedLane implements LaneLink {
  private readonly claims = new Claims();
  private readonly worker: SimulatedWorker;
  private readonly down: Pipe<TaskFrame | HeadMessage>;
  private readonly up: Pipe<AnswerFrame | WorkerMessage | { readonly exit: ThreadEnd }>;

  constructor(
    private readonly host: SimulatedHost,
    lane: number,
    incarnation: number,
    events: LaneEvents,
  ) {
    const { options, conduct, random, probe } = host;
    const { ports } = options;
    const delay = () => within(conduct.way, random);
    this.up = new Pipe(ports, delay, (message) => {
      if (Array.isArray(message)) events.answers(message);
      else if ("exit" in message) events.exited(message.exit);
      else events.message(message);
    });
    const alive = host.workers.get(lane) ?? new Set();
    host.workers.set(lane, alive);
    this.worker = new SimulatedWorker({
      ports, random, conduct, probe, claims: this.claims, name: `${options.label}/${lane}#${incarnation}`,
      post: (message) => {
        this.up.send(message);
        if (Array.isArray(message) && random.next() < conduct.duplicate) this.up.send([...message]);
      },
      exited: (end) => {
        alive.delete(this.worker);
        this.up.send({ exit: end });
      },
    });
    alive.add(this.worker);
    this.down = new Pipe(ports, delay, (message) => this.worker.receive(message));
  }

  post(frame: TaskFrame): void {
    this.down.send(frame);
  }

  tell(message: HeadMessage): void {
    this.down.send(message);
  }

  claim(slot: number): void {
    this.claims.send(slot);
  }

  get takesBackAtOnce(): boolean {
    return this.host.conduct.revoke[1] === 0;
  }

  revoke(slot: number, answer: (revoked: boolean) => void): void {
    const { conduct, random, options } = this.host;
    const revoked = this.claims.revoke(slot);
    if (conduct.revoke[1] === 0) answer(revoked);
    else options.ports.clock.after(within(conduct.revoke, random), () => answer(revoked));
  }

  running(): { slot: number; elapsed: number } | undefined {
    const running = this.claims.running();
    const elapsed = this.host.options.ports.clock.now() - (running?.startedAt ?? 0);
    return running === undefined || elapsed < this.host.conduct.blind ? undefined : { slot: running.slot, elapsed };
  }

  get cooperates(): boolean {
    return this.claims.cooperates;
  }

  refresh(then: () => void): void {
    const { conduct, random, options } = this.host;
    if (conduct.revoke[1] === 0) then();
    else options.ports.clock.after(within(conduct.revoke, random), then);
  }

  fate(slot: number): Fate {
    const word = this.claims.word(slot);
    return word === claim.started ? "started" : word === claim.ended ? "ended" : "unclaimed";
  }

  kill(): void {
    this.worker.kill();
  }
}
