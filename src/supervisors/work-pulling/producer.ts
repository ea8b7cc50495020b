import { Cell, type CellKind } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { realPorts } from "../../actors/real-ports.js";
import { InternalConsistencyError } from "../../errors/index.js";
import type { ProducerContext, ProducerEffect, WhyRefused } from "../../state-machines/work-distribution.js";
import { workProducerMachine, type ProducerInput, type ProducerMessage } from "../../state-machines/work-producer.js";
import type { JobOutcome, ToConsumer } from "../../state-machines/work-pulling.js";
import { refusal } from "../refusal.js";
import type { ActorSystem } from "../system.js";
import type { ActorRef } from "../types.js";
import { isRef, portOfActor, type WorkPort } from "./ports.js";
import { checkNames, resendPauses, wholeNumber, type ResendOptions } from "./options.js";
import { postToConsumer } from "./unsendable.js";

export interface WorkProducerOptions extends ResendOptions {
  /** Shown in errors and in `transitions$`: `producer`. */
  readonly name?: string;
  /** Whose time and order it lives in; its own where there is none. */
  readonly system?: ActorSystem;
  /** Jobs that may wait for a consumer with credit: 1,000. */
  readonly capacity?: number;
  /** What happens to a job more: it is refused with `queue_full`, or the oldest that waits is, with `dropped`. */
  readonly whenFull?: "refuse" | "drop_oldest";
  /** How often a job may be lost with its consumer before it is refused as `poisoned`: `"infinity"`. */
  readonly lost?: number | "infinity";
  /**
   * After so many tries that were not answered a consumer is given up, and its work goes to others; it is welcome when it answers again.
   * `"infinity"` where nothing is said: ends are known from `attach`. Set it where a link can be cut without being closed.
   */
  readonly patience?: number | "infinity";
  /** A producer that takes the place of an earlier one for the same consumers gives a greater number, such as its incarnation: 1. */
  readonly epoch?: number;
}

const chart = compile<ProducerContext, ProducerMessage, ProducerEffect, ProducerInput>(workProducerMachine);
const names = ["name", "system", "capacity", "whenFull", "lost", "patience", "epoch", "resend", "longestResend"];
const sessionsPerEpoch = 2 ** 32;

interface Offered {
  readonly answer: Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Attachment {
  readonly port: WorkPort;
  timer: Timer | undefined;
}

/**
 * Gives jobs to consumers that ask for them. Each job is confirmed once, when a consumer has processed it; one whose consumer ends goes to
 * the others, the oldest first. A job may so be processed more than once, though never twice by the same living consumer.
 */
export class WorkProducer<Job = unknown, Answer = unknown> {
  readonly name: string;
  private readonly dispatcher: Dispatcher;
  private readonly cell: Cell<ProducerContext, ProducerMessage, ProducerEffect>;
  private readonly offered = new Map<string, Offered>();
  private readonly attachments = new Map<number, Attachment>();
  private readonly detachers = new Map<WorkPort | ActorRef, () => void>();
  private waiters: (() => void)[] = [];
  /** Places that were promised to those who waited, and have not been taken yet. */
  private kept = 0;
  private keys = 0;
  private settle: () => void = () => undefined;
  /** When all is confirmed or refused after `close`. */
  readonly closed: Promise<void> = new Promise((resolve) => (this.settle = resolve));

  constructor(options: WorkProducerOptions = {}) {
    checkNames(options, names);
    const { name = "producer", system, capacity = 1000, whenFull = "refuse", lost = "infinity", patience = "infinity", epoch = 1 } = options;
    if (typeof name !== "string" || name === "") throw refusal("invalid_name", "a work producer's name is a text that is not empty");
    if (!["refuse", "drop_oldest"].includes(whenFull)) throw refusal("invalid_whenFull", `whenFull ${JSON.stringify(whenFull)} is none of refuse, drop_oldest`);
    this.name = name;
    const input: ProducerInput = { capacity: wholeNumber("capacity", capacity, 1), whenFull, lost: wholeNumber("lost", lost, 0, true), patience: wholeNumber("patience", patience, 1, true), sessionsFrom: (wholeNumber("epoch", epoch, 1) - 1) * sessionsPerEpoch, ...resendPauses(options) };
    this.dispatcher = system?.dispatcher ?? new Dispatcher(realPorts());
    this.cell = new Cell(this.kind(), name);
    this.dispatcher.start(this.cell, input);
  }

  /** Where it stands: jobs that wait, jobs that are out, and the consumers it has. */
  get counts(): { readonly waiting: number; readonly unconfirmed: number; readonly consumers: number } {
    const { queue, consumers } = this.cell.context;
    return { waiting: queue.length, unconfirmed: consumers.reduce((sum, { unconfirmed }) => sum + unconfirmed.length, 0), consumers: consumers.length };
  }

  /**
   * Resolves with the consumer's answer once the job was processed and confirmed, rejects with what its processing threw, or with a
   * `SupervisionError`: `queue_full`, `dropped`, `poisoned`, `closed`. A token that is under way already is the same job.
   */
  offer(job: Job, { token = this.dispatcher.ports.ids.next("job") }: { readonly token?: string } = {}): Promise<Answer> {
    const known = this.offered.get(token);
    if (known !== undefined) return known.answer as Promise<Answer>;
    if (this.isOver()) return Promise.reject(this.refused(token, "closed", 0));
    let resolve: (answer: unknown) => void = () => undefined;
    let reject: (error: unknown) => void = () => undefined;
    const answer = new Promise<unknown>((yes, no) => [resolve, reject] = [yes, no]);
    this.offered.set(token, { answer, resolve, reject });
    this.dispatcher.tell(this.cell, { type: "job.offer", token, job });
    return answer as Promise<Answer>;
  }

  /** Resolves when there is room for a job more, which is kept for whoever offers it at once. Those who wait come in their order. */
  ready(): Promise<void> {
    if (this.isOver()) return Promise.resolve();
    const promise = new Promise<void>((resolve) => void this.waiters.push(resolve));
    this.wake();
    return promise;
  }

  /**
   * Begins to work with a consumer: at the other end of a link, or an actor that calls `consumeWork(self, …)`, over all its incarnations.
   * The end of either is noticed. Gives what detaches it again.
   */
  attach(consumer: WorkPort | ActorRef): () => void {
    this.detachers.get(consumer)?.();
    const detach = isRef(consumer) ? portOfActor(consumer, (port) => this.connect(port)) : this.connect(consumer);
    this.detachers.set(consumer, detach);
    return () => {
      if (this.detachers.get(consumer) === detach) this.detachers.delete(consumer);
      detach();
    };
  }

  /** Takes no more jobs, and resolves when all it has are confirmed; `"cancel"` refuses these with `closed`. */
  close({ mode = "wait" }: { readonly mode?: "wait" | "cancel" } = {}): Promise<void> {
    if (mode !== "wait" && mode !== "cancel") throw refusal("invalid_mode", `mode ${JSON.stringify(mode)} is none of wait, cancel`);
    if (!this.isOver()) this.dispatcher.tell(this.cell, { type: "producer.close", wait: mode === "wait" });
    return this.closed;
  }

  private connect(port: WorkPort): () => void {
    const key = ++this.keys;
    const attachment: Attachment = { port, timer: undefined };
    const gone = (): void => {
      if (!this.attachments.delete(key)) return;
      attachment.timer?.cancel();
      if (!this.isOver()) this.dispatcher.tell(this.cell, { type: "consumer.ended", key });
    };
    this.attachments.set(key, attachment);
    this.dispatcher.tell(this.cell, { type: "consumer.attached", key });
    port.onMessage((message) => {
      if (message.type !== "credit.granted" || !this.attachments.has(key)) return;
      if (this.isOver()) this.post(key, { type: "session.close", session: message.session });
      else this.dispatcher.tell(this.cell, { ...message, key });
    });
    port.onClose(gone);
    return gone;
  }

  private post(key: number, message: ToConsumer): void {
    const port = this.attachments.get(key)?.port;
    if (port !== undefined) postToConsumer((one) => port.post(one), message);
  }

  private kind(): CellKind<ProducerContext, ProducerMessage, ProducerEffect, ProducerInput, Cell<ProducerContext, ProducerMessage, ProducerEffect>> {
    return {
      name: "work-producer",
      chart,
      perform: {
        "consumer.send": ({ key, message }) => this.post(key, message),
        "job.settle": ({ token, outcome }) => this.settled(token, outcome),
        "job.refuse": ({ token, why, losses }) => this.settled(token, { error: this.refused(token, why, losses) }),
        "timer.start": ({ key, timer, ms }) => this.startTimer(key, timer, ms),
        "timer.cancel": ({ key }) => this.attachments.get(key)?.timer?.cancel(),
      },
      moved: () => this.moved(),
      crashed: (_cell, error) => this.crashed(error),
    };
  }

  private startTimer(key: number, timer: number, ms: number): void {
    const attachment = this.attachments.get(key);
    if (attachment === undefined) return;
    attachment.timer?.cancel();
    attachment.timer = this.dispatcher.ports.clock.after(ms, () => this.dispatcher.tell(this.cell, { type: "resend.due", key, timer }));
  }

  private settled(token: string, outcome: JobOutcome): void {
    const offered = this.offered.get(token);
    this.offered.delete(token);
    if ("error" in outcome) offered?.reject(outcome.error);
    else offered?.resolve(outcome.answer);
    this.wake();
  }

  private moved(): void {
    if (this.cell.state.final) this.finish();
    else this.wake();
  }

  /** Whoever waits for room, in their order: one for each place there is, which is kept for a turn. */
  private wake(): void {
    while (this.waiters.length > 0 && this.offered.size + this.kept < this.roomFor()) {
      this.kept++;
      this.waiters.shift()?.();
      this.dispatcher.ports.scheduler.later(() => {
        this.kept--;
        this.wake();
      });
    }
  }

  /** Jobs that may be under way at once: those that wait, and those that are out. */
  private roomFor(): number {
    const { capacity, consumers } = this.cell.context;
    return capacity + consumers.reduce((sum, { unconfirmed }) => sum + unconfirmed.length, 0);
  }

  private finish(): void {
    for (const { timer } of this.attachments.values()) timer?.cancel();
    for (const resolve of this.waiters.splice(0)) resolve();
    this.settle();
  }

  private crashed(cause: unknown): void {
    const error = new InternalConsistencyError("CW-INT-001", `the work producer ${this.name} broke one of its own rules: ${cause instanceof Error ? cause.message : String(cause)}`, { where: { actor: this.name }, cause });
    for (const { reject } of this.offered.values()) reject(error);
    this.offered.clear();
    this.finish();
  }

  private isOver(): boolean {
    return this.cell.crashed || this.cell.state.final;
  }

  private refused(token: string, why: WhyRefused, losses: number): Error {
    const { capacity } = this.cell.context;
    const words = { queue_full: `has ${capacity} jobs that wait, and takes no more`, dropped: `has ${capacity} jobs that wait, and dropped the oldest`, duplicate: "has that job already", closed: "has been closed", poisoned: `has lost ${losses} consumers with this job` }[why];
    return refusal(why, `the work producer ${this.name} ${words}`, { actor: this.name, evidence: { token, losses } });
  }
}

/** Makes a producer of work. It holds nothing open, and works until it is closed. */
export function createWorkProducer<Job = unknown, Answer = unknown>(options: WorkProducerOptions = {}): WorkProducer<Job, Answer> {
  return new WorkProducer<Job, Answer>(options);
}
