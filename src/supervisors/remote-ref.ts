import { Announcer } from "../actors/streams.js";
import { EndNotices } from "../actors/end-notices.js";
import { AskTimeout } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { AskingRef } from "./asking-ref.js";
import type { Envelope } from "./envelope.js";
import { refusal } from "./refusal.js";
import type { StreamName, StreamObserver } from "./observations.js";
import type { Services } from "./services.js";
import type { ActorRef } from "./types.js";
import type { Observable } from "rxjs";

/** The way to the thread where an actor lives. */
export interface Passage {
  /** False where too much is on its way already. */
  pass(number: number, envelope: Envelope): boolean;
  /** The envelope's asker waits no more. */
  forget(envelope: Envelope): void;
  watch(number: number, onEnd: (reason: EndReason) => void): () => void;
  /** Shows a stream of it, as long as somebody looks. */
  observe(number: number, stream: StreamName, observer: StreamObserver): () => void;
}

/** A ref that has come from another thread: it tells, asks and watches over there, and its streams are seen from here while somebody looks. It does not see restarts. */
export class RemoteRef extends AskingRef implements ActorRef {
  readonly ended: Promise<EndReason>;
  private readonly notices: EndNotices;
  private events: Announcer<unknown> | undefined;
  private snapshots: Announcer<unknown> | undefined;
  private settle: (reason: EndReason) => void = () => undefined;

  constructor(
    protected readonly services: Services,
    readonly passage: Passage,
    readonly number: number,
    readonly id: string,
    readonly path: string,
    /** As it was when the ref was sent. */
    readonly incarnation: number,
  ) {
    super();
    this.notices = new EndNotices(services.ports.scheduler);
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  get alive(): boolean {
    return this.notices.reason === undefined;
  }

  get events$(): Observable<unknown> {
    return (this.events ??= this.stream("events")).observable;
  }

  get snapshot$(): Observable<unknown> {
    return (this.snapshots ??= this.stream("snapshot")).observable;
  }

  private stream(name: StreamName): Announcer<unknown> {
    let latest: unknown;
    let stop: (() => void) | undefined;
    const announcer = new Announcer<unknown>(() => (name === "snapshot" ? latest : undefined), this.services.observers);
    const next = (value: unknown): void => announcer.next((latest = value));
    announcer.watched = (observed) => {
      if (observed && this.alive) stop = this.passage.observe(this.number, name, { next, complete: () => announcer.complete() });
      else stop?.();
      if (!observed) stop = latest = undefined;
    };
    if (!this.alive) announcer.complete();
    return announcer;
  }

  protected post(envelope: Envelope): void {
    this.deliver(envelope);
  }

  protected settled(envelope: Envelope): void {
    this.passage.forget(envelope);
  }

  protected silent(ms: number): Error {
    return new AskTimeout("CW-SUP-002", `${this.path} did not answer within ${ms} ms`, { where: { actor: this.path }, evidence: { timeout: ms } });
  }

  deliver(envelope: Envelope): void {
    const { message, refuse } = envelope;
    if (!this.alive) {
      this.services.deadLetter(this.path, message, "ended");
      refuse?.(refusal("noproc", `${this.path} has ended`, { actor: this.path }));
    } else if (!this.passage.pass(this.number, envelope)) {
      this.services.deadLetter(this.path, message, "mailbox_full");
      refuse?.(refusal("mailbox_full", `too many messages are on their way to the thread of ${this.path}`, { actor: this.path }));
    }
  }

  watch(onEnd: (reason: EndReason) => void): () => void {
    if (!this.alive) return this.notices.watch(onEnd);
    return this.passage.watch(this.number, onEnd);
  }

  /** It has ended for good, or the way to it has. */
  end(reason: EndReason): void {
    if (!this.alive) return;
    this.notices.end(reason);
    this.settle(reason);
    this.events?.complete();
    this.snapshots?.complete();
  }
}
