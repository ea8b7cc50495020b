import type { Observable } from "rxjs";
import { EndNotices } from "../actors/end-notices.js";
import { Mailbox } from "../actors/mailbox.js";
import { Announcer } from "../actors/streams.js";
import { parseDuration } from "../config/units.js";
import { AskTimeout } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import type { ActorRef, Duration, Supervisor } from "./types.js";

/** A message, or a notice, with the ways to answer it. */
export interface Envelope {
  readonly message?: unknown;
  readonly reply?: (answer: unknown) => void;
  readonly refuse?: (error: unknown) => void;
  /** Of the control lane: called instead of the handler. */
  readonly notice?: () => void;
}

/** The actor that is behind a ref for the time being. */
export interface Receiver {
  /** What it can take now: nothing while it starts or is at work, notices alone while it has no handler. */
  readonly takes: "nothing" | "control" | "all";
  handle(envelope: Envelope): void;
  /** Of a chart: where it is. */
  snapshot?(): object;
}

/** Something that happened to an actor. */
export interface StoryEntry {
  readonly at: number;
  readonly what: "launched" | "started" | "ended" | "retired";
  readonly incarnation: number;
  readonly reason?: EndReason;
}

export type RefStatus = "starting" | "running" | "restarting" | "ended";

const defaultAskTimeout = 5000;
const messagesPerTurn = 256;
const longestStory = 100;

/** The one ref of a child over all its incarnations; owner of its mailbox. */
export class LogicalRef implements ActorRef {
  incarnation = 0;
  status: RefStatus = "starting";
  readonly ended: Promise<EndReason>;
  /** The latest that happened, the oldest first. */
  readonly story: StoryEntry[] = [];
  readonly announcements = new Announcer<unknown>();
  private readonly snapshots = new Announcer<object>(() => this.snapshot());
  private readonly mailbox: Mailbox<Envelope>;
  private readonly asked = new Set<Envelope>();
  private notices: EndNotices;
  private receiver: Receiver | undefined;
  private pumping = false;
  private settle: (reason: EndReason) => void = () => undefined;

  constructor(
    private readonly services: Services,
    readonly id: string,
    readonly path: string,
    capacity: number,
    readonly supervisor?: Supervisor,
  ) {
    this.mailbox = new Mailbox(capacity);
    this.notices = new EndNotices(services.ports.scheduler);
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  get alive(): boolean {
    return this.status === "running";
  }

  get events$(): Observable<unknown> {
    return this.announcements.observable;
  }

  get snapshot$(): Observable<unknown> {
    return this.snapshots.observable;
  }

  tell(message: unknown): void {
    this.post({ message });
  }

  ask(message: unknown, { timeout = defaultAskTimeout }: { readonly timeout?: Duration } = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ms = parseDuration(timeout, "the time-out of ask");
      const envelope: Envelope = {
        message,
        reply: (answer) => over(() => resolve(answer)),
        refuse: (error) => over(() => reject(error)),
      };
      const timer = this.services.ports.clock.after(ms, () => over(() => reject(new AskTimeout("CW-SUP-002", `${this.path} did not answer within ${ms} ms`, { where: { actor: this.path }, evidence: { timeout: ms, status: this.status, waiting: this.mailbox.size } }))));
      const over = (settle: () => void): void => {
        timer.cancel();
        this.asked.delete(envelope);
        settle();
      };
      this.post(envelope);
    });
  }

  /** One notice at the end of the present incarnation, or at once where it has ended. */
  watch(onEnd: (reason: EndReason) => void): () => void {
    return this.notices.watch(onEnd);
  }

  /** A notice into the control lane: it comes before all messages, and is never refused. */
  notify(notice: () => void): void {
    if (this.status === "ended") return;
    this.mailbox.pushControl({ notice });
    this.wake();
  }

  /** The next incarnation begins; it takes nothing before `opened`. */
  attach(incarnation: number, receiver: Receiver): void {
    this.incarnation = incarnation;
    this.note("launched");
    this.receiver = receiver;
    if (this.notices.reason !== undefined) this.notices = new EndNotices(this.services.ports.scheduler);
    this.become(incarnation === 1 ? "starting" : "restarting");
  }

  /** It has started: messages that waited are handled. */
  opened(): void {
    this.note("started");
    this.become("running");
    this.wake();
  }

  /** The incarnation has ended; messages wait for the next, but nobody answers what the old one was asked. */
  detach(reason: EndReason): void {
    if (this.status === "ended" || this.receiver === undefined) return;
    this.receiver = undefined;
    this.note("ended", reason);
    for (const envelope of [...this.asked]) envelope.refuse?.(refusal("noproc", `${this.path} ended before it answered`, { actor: this.path, cause: causeOf(reason) }));
    this.notices.end(reason);
    this.become("restarting");
  }

  /** No further incarnation follows. */
  end(reason: EndReason): void {
    if (this.status === "ended") return;
    this.detach(reason);
    this.notices.end(reason);
    this.note("retired", this.notices.reason ?? reason);
    this.become("ended");
    for (const envelope of this.mailbox.drain()) if (envelope.notice === undefined) this.undeliverable(envelope, "unhandled");
    this.announcements.complete();
    this.snapshots.complete();
    this.settle(this.notices.reason ?? reason);
  }

  /** The receiver can take more than it could before. */
  wake(): void {
    if (this.pumping || this.mailbox.size === 0) return;
    this.pumping = true;
    this.services.ports.scheduler.soon(this.pump);
  }

  /** Something about the state has changed. */
  changed(): void {
    if (this.snapshots.observed) this.snapshots.next(this.snapshot());
  }

  private readonly pump = (): void => {
    this.pumping = false;
    for (let handled = 0; handled < messagesPerTurn; handled++) {
      const { receiver } = this;
      if (receiver === undefined || receiver.takes === "nothing") return;
      const envelope = this.mailbox.shift(receiver.takes === "control");
      if (envelope === undefined) return;
      if (envelope.reply !== undefined) this.asked.add(envelope);
      receiver.handle(envelope);
    }
    this.pumping = true;
    this.services.ports.scheduler.later(this.pump);
  };

  private post(envelope: Envelope): void {
    const { messages } = this.services;
    if (messages.observed) messages.next({ at: this.services.now, to: this.path, incarnation: this.incarnation, message: envelope.message, asked: envelope.reply !== undefined });
    if (this.status === "ended") this.undeliverable(envelope, "ended");
    else if (this.mailbox.push(envelope)) this.wake();
    else this.undeliverable(envelope, "mailbox_full");
  }

  private undeliverable({ message, refuse }: Envelope, reason: "ended" | "mailbox_full" | "unhandled"): void {
    this.services.deadLetter(this.path, message, reason);
    refuse?.(reason === "mailbox_full" ? refusal("mailbox_full", `the mailbox of ${this.path} is full (${this.mailbox.capacity} messages)`, { actor: this.path }) : refusal("noproc", `${this.path} has ended`, { actor: this.path, cause: causeOf(this.notices.reason) }));
  }

  private note(what: StoryEntry["what"], reason?: EndReason): void {
    if (this.story.length >= longestStory) this.story.shift();
    const { incarnation } = this;
    this.story.push({ at: this.services.now, what, incarnation, ...(reason === undefined ? {} : { reason }) });
  }

  private become(status: RefStatus): void {
    this.status = status;
    this.changed();
  }

  private snapshot(): object {
    const { status, incarnation } = this;
    return { status, incarnation, ...(status === "running" ? this.receiver?.snapshot?.() : undefined) };
  }
}

/** The error within a reason, where there is one. */
export function causeOf(reason: EndReason | undefined): unknown {
  if (typeof reason !== "object" || !("error" in reason)) return undefined;
  const { error } = reason;
  if (typeof error !== "object" || error === null || !("start_timeout" in error)) return error;
  return refusal("start_timeout", `it had not started after ${String(error.start_timeout)} ms`);
}
