import type { Observable } from "rxjs";
import { EndNotices } from "../actors/end-notices.js";
import { FlightRecorder, type StoryEntry } from "../actors/flight-recorder.js";
import { Mailbox } from "../actors/mailbox.js";
import { Announcer } from "../actors/streams.js";
import { placeError } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { AskingRef } from "./asking-ref.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { Home } from "./home.js";
import type { IncarnationHost } from "./incarnation.js";
import { causeOf, unanswered, undelivered } from "./ref-errors.js";
import { RefExtras } from "./ref-extras.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import type { ActorRef, DeadLetter, Supervisor } from "./types.js";

export type RefStatus = "starting" | "running" | "restarting" | "ended";

const messagesPerTurn = 256;

/** The one ref of a child over all its incarnations; owner of its mailbox. */
export class LogicalRef extends AskingRef implements ActorRef, IncarnationHost {
  incarnation = 0;
  status: RefStatus = "starting";
  private extras: RefExtras | undefined;
  /** Made for the first message. */
  private mailbox: Mailbox<Envelope> | undefined;
  private receiver: Receiver | undefined;
  private pumping = false;
  /** Made for the first that is told of more than a launch and a start. */
  private recorder: FlightRecorder | undefined;
  /** When the first incarnation was launched. A fraction from the first: V8 lays out anew, one by one, all objects that had a whole number here. */
  private launchedAt = Number.NaN;

  constructor(
    readonly home: Home,
    before = 0,
  ) {
    super();
    if (before > 0) this.more().before = before;
  }

  /** Incarnations that earlier refs of the same child have had. */
  get before(): number {
    return this.extras?.before ?? 0;
  }

  get id(): string {
    return this.home.name;
  }

  get path(): string {
    return this.home.path;
  }

  /** Where the child is a supervisor. */
  get supervisor(): Supervisor | undefined {
    return undefined;
  }

  protected get services(): Services {
    return this.home.services;
  }

  get ended(): Promise<EndReason> {
    const more = this.more();
    return (more.whenEnded ??= this.status === "ended" ? Promise.resolve(more.notices?.reason ?? "normal") : new Promise((resolve) => (more.settle = resolve)));
  }

  get announcements(): Announcer<unknown> {
    return (this.more().announcer ??= this.streaming(new Announcer<unknown>(undefined, this.services.observers)));
  }

  get snapshots(): Announcer<object> {
    return (this.more().snapshotter ??= this.streaming(new Announcer<object>(() => this.snapshot(), this.services.observers)));
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
    if (incarnation === 1) this.launchedAt = this.services.dispatcher.now;
    else this.recording().lifecycle(this.services.now, "launched", incarnation);
    this.receiver = receiver;
    if (this.extras?.notices?.reason !== undefined) this.extras.notices = undefined;
    this.become(incarnation === 1 ? "starting" : "restarting");
  }

  /** It has started: messages that waited are handled. */
  opened(): void {
    const { now } = this.services.dispatcher;
    if (this.recorder !== undefined || this.incarnation > 1) this.recording().lifecycle(now, "started", this.incarnation);
    else if (now !== this.launchedAt) this.more().startedAt = now;
    this.become("running");
    this.wake();
  }

  /** The incarnation has ended; messages wait for the next, but nobody answers what the old one was asked. */
  detach(reason: EndReason): void {
    if (this.status === "ended" || this.receiver === undefined) return;
    this.receiver = undefined;
    this.recording().lifecycle(this.services.now, "ended", this.incarnation, reason);
    if (typeof reason === "object" && "error" in reason && reason.error instanceof Error) placeError(reason.error, { actor: this.path, story: this.story });
    for (const envelope of [...(this.extras?.asked ?? [])]) envelope.refuse?.(refusal("noproc", `${this.path} ended before it answered`, { actor: this.path, cause: causeOf(reason) }));
    this.unstash();
    this.ending().end(reason);
    this.become("restarting");
  }

  reportStarted(incarnation: number): void {
    this.home.reportStarted(this.before + incarnation);
  }

  reportIgnored(incarnation: number): void {
    this.home.reportIgnored(this.before + incarnation);
  }

  reportEnded(incarnation: number, reason: EndReason): void {
    this.home.reportEnded(this.before + incarnation, reason);
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
    const more = this.more();
    more.announcer?.complete();
    more.snapshotter?.complete();
    more.settle?.(notices.reason ?? reason);
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
    const more = this.more();
    const aside = (more.aside ??= []);
    if (aside.includes(envelope)) return;
    const { capacity } = this.home;
    if (aside.length >= capacity) throw refusal("stash_full", `${this.path} has put ${capacity} messages aside, and may put no more`, { actor: this.path });
    more.asked?.delete(envelope);
    aside.push(envelope);
  }

  /** What was put aside comes before all that waits. */
  unstash(): void {
    const { extras } = this;
    if (extras?.aside === undefined) return;
    this.box().putBack(extras.aside);
    extras.aside = undefined;
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
    const snapshotter = this.extras?.snapshotter;
    if (snapshotter?.observed === true) snapshotter.next(this.snapshot());
  }

  private pump(): void {
    this.pumping = false;
    for (let handled = 0; handled < messagesPerTurn; handled++) {
      const { receiver } = this;
      if (receiver === undefined || receiver.takes === "nothing") return;
      const envelope = this.mailbox?.shift(receiver.takes === "control");
      if (envelope === undefined) return;
      if (envelope.reply !== undefined) (this.more().asked ??= new Set()).add(envelope);
      if (envelope.notice === undefined) this.recording().message(this.services.dispatcher.now, this.incarnation, envelope.message);
      else this.recording().notice(this.services.dispatcher.now, this.incarnation);
      receiver.handle(envelope);
    }
    this.pumping = true;
    this.services.ports.scheduler.later(() => this.pump());
  }

  /** What the incarnation was given and did not come to: for the next one, before all else. */
  takeBack(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.extras?.asked?.delete(envelope);
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
    const answering = <T>(answer: ((value: T) => void) | undefined) => (value: T): void => {
      this.settled(asked);
      answer?.(value);
    };
    const asked: Envelope = { ...envelope, reply: answering(reply), refuse: answering(refuse) };
    this.post(asked);
  }

  protected settled(envelope: Envelope): void {
    if (this.extras?.asked?.delete(envelope) === true) this.receiver?.askOver?.(envelope);
  }

  protected post(envelope: Envelope): void {
    const { messages } = this.services;
    if (messages.observed) messages.next({ at: this.services.now, to: this.path, incarnation: this.incarnation, message: envelope.message, asked: envelope.reply !== undefined });
    if (this.status === "ended") this.undeliverable(envelope, "ended");
    else if (this.box().push(envelope)) this.wake();
    else if (this.home.dropsOldest) this.pushOut(envelope);
    else this.undeliverable(envelope, "mailbox_full");
  }

  private pushOut(envelope: Envelope): void {
    const mailbox = this.box();
    while (!mailbox.push(envelope)) {
      const oldest = mailbox.shiftWork();
      if (oldest !== undefined) this.undeliverable(oldest, "dropped");
    }
  }

  protected silent(ms: number): Error {
    const { path, status, mailbox, recorder, story } = this;
    const busy = this.receiver?.takes === "nothing" ? recorder?.latestMessage : undefined;
    return unanswered(ms, { path, status, waiting: mailbox?.size ?? 0, busy, story });
  }

  private undeliverable({ message, refuse }: Envelope, reason: DeadLetter["reason"]): void {
    this.services.deadLetter(this.path, message, reason);
    refuse?.(undelivered(this.path, reason, this.home.capacity, this.extras?.notices?.reason));
  }

  private more(): RefExtras {
    return (this.extras ??= new RefExtras());
  }

  private box(): Mailbox<Envelope> {
    return (this.mailbox ??= new Mailbox(this.home.capacity));
  }

  private ending(): EndNotices {
    return (this.more().notices ??= new EndNotices(this.services.ports.scheduler));
  }

  /** The recorder, which an actor that was told nothing yet does not have. */
  private recording(): FlightRecorder {
    if (this.recorder !== undefined) return this.recorder;
    const recorder = new FlightRecorder();
    if (this.incarnation > 0) recorder.lifecycle(this.launchedAt, "launched", 1);
    if (this.status === "running") recorder.lifecycle(this.extras?.startedAt ?? this.launchedAt, "started", 1);
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
