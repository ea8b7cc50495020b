import type { Observable } from "rxjs";
import { EndNotices } from "../actors/end-notices.js";
import { FlightRecorder, type StoryEntry } from "../actors/flight-recorder.js";
import { Mailbox } from "../actors/mailbox.js";
import { Announcer } from "../actors/streams.js";
import { parseDuration } from "../config/units.js";
import { AskTimeout, placeError } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { RefBehind } from "./addressable.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import type { ActorRef, Duration, Supervisor } from "./types.js";

/** A message, or a notice, with the ways to answer it. */
export interface Envelope {
  readonly message?: unknown;
  readonly reply?: ((answer: unknown) => void) | undefined;
  readonly refuse?: ((error: unknown) => void) | undefined;
  /** Of the control lane: called instead of the handler. */
  readonly notice?: () => void;
  /** Of a message that has come over a link: the number of the question there, 0 of what was told. */
  readonly linked?: number;
  /** It was handled, at least in part. */
  begun?: boolean;
}

/** The actor that is behind a ref for the time being. */
export interface Receiver {
  /** What it can take now: nothing while it starts or is at work, notices alone while it has no handler. */
  readonly takes: "nothing" | "control" | "all";
  handle(envelope: Envelope): void;
  /** Of a chart: where it is. */
  snapshot?(): object;
  kill?(reason: EndReason): void;
  /** Nobody waits any more for the answer to what it was asked. */
  askOver?(envelope: Envelope): void;
}

export type RefStatus = "starting" | "running" | "restarting" | "ended";

const defaultAskTimeout = 5000;
const messagesPerTurn = 256;

/** The one ref of a child over all its incarnations; owner of its mailbox. */
export class LogicalRef extends RefBehind implements ActorRef {
  incarnation = 0;
  status: RefStatus = "starting";
  private announcer: Announcer<unknown> | undefined;
  private snapshotter: Announcer<object> | undefined;
  private whenEnded: Promise<EndReason> | undefined;
  /** Made for the first message. */
  private mailbox: Mailbox<Envelope> | undefined;
  private asked: Set<Envelope> | undefined;
  /** Made for the first watch, or the first end. */
  private notices: EndNotices | undefined;
  private receiver: Receiver | undefined;
  private pumping = false;
  private aside: Envelope[] | undefined;
  private recorder: FlightRecorder | undefined;
  /** When the first incarnation was launched and started: all there is to tell of an actor that was told nothing yet. Fractions from the first: V8 lays out anew, one by one, all objects that had a whole number here. */
  private launchedAt = Number.NaN;
  private startedAt = Number.NaN;
  private settle: ((reason: EndReason) => void) | undefined;

  constructor(
    protected readonly services: Services,
    readonly id: string,
    readonly path: string,
    private readonly capacity: number,
    readonly supervisor?: Supervisor,
    private readonly dropsOldest = false,
  ) {
    super();
  }

  get ended(): Promise<EndReason> {
    return (this.whenEnded ??= this.status === "ended" ? Promise.resolve(this.notices?.reason ?? "normal") : new Promise((resolve) => (this.settle = resolve)));
  }

  get announcements(): Announcer<unknown> {
    return (this.announcer ??= this.streaming(new Announcer<unknown>(undefined, this.services.observers)));
  }

  get snapshots(): Announcer<object> {
    return (this.snapshotter ??= this.streaming(new Announcer<object>(() => this.snapshot(), this.services.observers)));
  }

  /** One that nobody asked for before the end has nothing more to announce. */
  private streaming<T>(announcer: Announcer<T>): Announcer<T> {
    if (this.status === "ended") announcer.complete();
    return announcer;
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

  /** The latest that happened, the oldest first. */
  get story(): readonly StoryEntry[] {
    return this.recording().entries();
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
      const timer = this.services.ports.clock.after(ms, () => over(() => reject(this.unanswered(ms))));
      const over = (settle: () => void): void => {
        timer.cancel();
        if (this.asked?.delete(envelope) === true) this.receiver?.askOver?.(envelope);
        settle();
      };
      this.post(envelope);
    });
  }

  /** One notice at the end of the present incarnation, or at once where it has ended. */
  watch(onEnd: (reason: EndReason) => void): () => void {
    return this.ending().watch(onEnd);
  }

  /** A notice into the control lane: it comes before all messages, and is never refused. */
  notify(notice: () => void): void {
    if (this.status === "ended") return;
    this.box().pushControl({ notice });
    this.wake();
  }

  /** The next incarnation begins; it takes nothing before `opened`. */
  attach(incarnation: number, receiver: Receiver): void {
    this.incarnation = incarnation;
    if (incarnation === 1) this.launchedAt = this.services.now;
    else this.recording().lifecycle(this.services.now, "launched", incarnation);
    this.receiver = receiver;
    if (this.notices?.reason !== undefined) this.notices = undefined;
    this.become(incarnation === 1 ? "starting" : "restarting");
  }

  /** It has started: messages that waited are handled. */
  opened(): void {
    if (this.incarnation === 1 && this.recorder === undefined) this.startedAt = this.services.now;
    else this.recording().lifecycle(this.services.now, "started", this.incarnation);
    this.become("running");
    this.wake();
  }

  /** The incarnation has ended; messages wait for the next, but nobody answers what the old one was asked. */
  detach(reason: EndReason): void {
    if (this.status === "ended" || this.receiver === undefined) return;
    this.receiver = undefined;
    this.recording().lifecycle(this.services.now, "ended", this.incarnation, reason);
    if (typeof reason === "object" && "error" in reason && reason.error instanceof Error) placeError(reason.error, { actor: this.path, story: this.story });
    for (const envelope of [...(this.asked ?? [])]) envelope.refuse?.(refusal("noproc", `${this.path} ended before it answered`, { actor: this.path, cause: causeOf(reason) }));
    this.unstash();
    this.ending().end(reason);
    this.become("restarting");
  }

  /** No further incarnation follows. */
  end(reason: EndReason): void {
    if (this.status === "ended") return;
    this.detach(reason);
    const notices = this.ending();
    notices.end(reason);
    this.recording().lifecycle(this.services.now, "retired", this.incarnation, notices.reason ?? reason);
    this.become("ended");
    for (const envelope of this.leftOver()) if (envelope.notice === undefined) this.undeliverable(envelope, "unhandled");
    this.announcer?.complete();
    this.snapshotter?.complete();
    this.settle?.(notices.reason ?? reason);
  }

  /** The receiver can take more than it could before. */
  wake(): void {
    if (this.pumping || this.mailbox === undefined || this.mailbox.size === 0) return;
    this.pumping = true;
    this.services.ports.scheduler.soon(() => this.pump());
  }

  /** The receiver is done with a message, in a turn of the dispatcher: it is given the next one in the same turn. */
  proceed(): void {
    if (!this.pumping && this.mailbox !== undefined) this.pump();
  }

  /** Puts the message at work aside. */
  stash(envelope: Envelope | undefined): void {
    if (envelope === undefined) throw refusal("nothing_to_stash", `${this.path} handles no message that it could put aside, or has put it aside already`, { actor: this.path });
    if (this.aside?.includes(envelope) === true) return;
    if ((this.aside?.length ?? 0) >= this.capacity) throw refusal("stash_full", `${this.path} has put ${this.capacity} messages aside, and may put no more`, { actor: this.path });
    this.asked?.delete(envelope);
    (this.aside ??= []).push(envelope);
  }

  /** What was put aside comes before all that waits. */
  unstash(): void {
    if (this.aside === undefined) return;
    this.box().putBack(this.aside);
    this.aside = undefined;
    this.wake();
  }

  /** Ends the present incarnation as a fault would: no clean-up runs. */
  crash(reason: EndReason): void {
    this.receiver?.kill?.(reason);
  }

  /** What a chart did with the message it was given. */
  stepped(from: { readonly name: string }, to: { readonly name: string } | undefined, effects: readonly { readonly type: string }[]): void {
    this.recording().step(this.services.dispatcher.now, this.incarnation, from, to, effects);
  }

  /** Something about the state has changed. */
  changed(): void {
    if (this.snapshotter?.observed === true) this.snapshotter.next(this.snapshot());
  }

  private pump(): void {
    this.pumping = false;
    for (let handled = 0; handled < messagesPerTurn; handled++) {
      const { receiver } = this;
      if (receiver === undefined || receiver.takes === "nothing") return;
      const envelope = this.mailbox?.shift(receiver.takes === "control");
      if (envelope === undefined) return;
      if (envelope.reply !== undefined) (this.asked ??= new Set()).add(envelope);
      if (envelope.notice === undefined) this.recording().message(this.services.dispatcher.now, this.incarnation, envelope.message);
      else this.recording().notice(this.services.dispatcher.now, this.incarnation);
      receiver.handle(envelope);
    }
    this.pumping = true;
    this.services.ports.scheduler.later(() => this.pump());
  }

  /** What the incarnation was given and did not come to: for the next one, before all else. */
  takeBack(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.asked?.delete(envelope);
    if (this.status !== "ended") this.box().putBack(envelopes);
    else for (const envelope of envelopes) this.undeliverable(envelope, "unhandled");
  }

  /** Takes out all that wait. */
  leftOver(): Envelope[] {
    return this.mailbox?.drain() ?? [];
  }

  deliver(envelope: Envelope): void {
    const { reply, refuse } = envelope;
    if (reply === undefined) {
      this.post(envelope);
      return;
    }
    const over = (): void => {
      if (this.asked?.delete(asked) === true) this.receiver?.askOver?.(asked);
    };
    const answering = <T>(answer: ((value: T) => void) | undefined) => (value: T): void => {
      over();
      answer?.(value);
    };
    const asked: Envelope = { ...envelope, reply: answering(reply), refuse: answering(refuse) };
    this.post(asked);
  }

  protected post(envelope: Envelope): void {
    const { messages } = this.services;
    if (messages.observed) messages.next({ at: this.services.now, to: this.path, incarnation: this.incarnation, message: envelope.message, asked: envelope.reply !== undefined });
    if (this.status === "ended") this.undeliverable(envelope, "ended");
    else if (this.box().push(envelope)) this.wake();
    else if (this.dropsOldest) this.pushOut(envelope);
    else this.undeliverable(envelope, "mailbox_full");
  }

  private pushOut(envelope: Envelope): void {
    const mailbox = this.box();
    while (!mailbox.push(envelope)) {
      const oldest = mailbox.shiftWork();
      if (oldest !== undefined) this.undeliverable(oldest, "dropped");
    }
  }

  private unanswered(ms: number): AskTimeout {
    const { path, status, mailbox, recorder } = this;
    const busy = this.receiver?.takes === "nothing" ? recorder?.latestMessage : undefined;
    const handling = busy === undefined ? {} : { handling: busy.message, since: busy.at };
    return new AskTimeout("CW-SUP-002", `${path} did not answer within ${ms} ms${busy === undefined ? "" : `; it is handling "${busy.message}"`}`, { where: { actor: path, story: this.story }, evidence: { timeout: ms, status, waiting: mailbox?.size ?? 0, ...handling } });
  }

  private undeliverable({ message, refuse }: Envelope, reason: "ended" | "mailbox_full" | "dropped" | "unhandled"): void {
    this.services.deadLetter(this.path, message, reason);
    if (reason === "dropped") refuse?.(refusal("dropped", `the mailbox of ${this.path} is full (${this.capacity} messages), and a newer message has taken the place of this one`, { actor: this.path }));
    else refuse?.(reason === "mailbox_full" ? refusal("mailbox_full", `the mailbox of ${this.path} is full (${this.capacity} messages)`, { actor: this.path }) : refusal("noproc", `${this.path} has ended`, { actor: this.path, cause: causeOf(this.notices?.reason) }));
  }

  private box(): Mailbox<Envelope> {
    return (this.mailbox ??= new Mailbox(this.capacity));
  }

  private ending(): EndNotices {
    return (this.notices ??= new EndNotices(this.services.ports.scheduler));
  }

  /** The recorder, which an actor that was told nothing yet does not have. */
  private recording(): FlightRecorder {
    if (this.recorder !== undefined) return this.recorder;
    const recorder = new FlightRecorder();
    if (this.incarnation > 0) recorder.lifecycle(this.launchedAt, "launched", 1);
    if (!Number.isNaN(this.startedAt)) recorder.lifecycle(this.startedAt, "started", 1);
    return (this.recorder = recorder);
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
