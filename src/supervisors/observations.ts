import type { Subscription } from "rxjs";
import type { Addressable } from "./addressable.js";
import { kinds } from "./frames.js";
import type { Services } from "./services.js";

/** A stream of a ref. */
export type StreamName = "events" | "snapshot";

/** Who looks at a stream of an actor on the other side. */
export interface StreamObserver {
  readonly next: (value: unknown) => void;
  readonly complete: () => void;
}

/** What observations need of the link to the other side. */
export interface ObservationLink {
  /** Throws where the value cannot go. */
  send(kind: number, to: number, number: number, load: unknown): void;
  post(kind: number, to: number, number: number, load: unknown): void;
  /** More than this side may fill is on its way already. */
  readonly isFull: boolean;
}

/** So many announcements may be on their way that the other side has not looked at. */
const mostUnseen = 1000;

/** One that is looked at from the other side. */
interface Shown {
  readonly stream: StreamName;
  readonly path: string;
  subscription: Subscription | undefined;
  skipped: number;
  /** The latest state, where it could not be sent. */
  stale: { readonly value: unknown } | undefined;
}

/** Streams that are looked at over a link, by either side. Whoever looks slowly misses events, which are counted, and sees the latest state; nobody waits for him. */
export class Observations {
  private readonly observers = new Map<number, StreamObserver>();
  private readonly shown = new Map<number, Shown>();
  private unseen = 0;
  private seen = 0;

  constructor(
    private readonly services: Services,
    private readonly link: ObservationLink,
  ) {}

  observe(number: number, to: number, stream: StreamName, observer: StreamObserver): () => void {
    this.observers.set(number, observer);
    this.link.post(kinds.observe, to, number, stream);
    return () => {
      if (this.observers.delete(number)) this.link.post(kinds.unobserve, to, number, undefined);
    };
  }

  /** The other side looks at an actor of this one. */
  show(number: number, stream: StreamName, target: Addressable | undefined): void {
    if (target === undefined) {
      this.link.post(kinds.completed, 0, number, undefined);
      return;
    }
    const shown: Shown = { stream, path: target.path, subscription: undefined, skipped: 0, stale: undefined };
    this.shown.set(number, shown);
    const source = stream === "events" ? target.events$ : target.snapshot$;
    shown.subscription = source.subscribe({
      next: (value) => this.next(number, shown, value),
      complete: () => {
        this.catchUp(number, shown);
        if (this.shown.delete(number)) this.link.post(kinds.completed, 0, number, undefined);
      },
    });
    if (!this.shown.has(number)) shown.subscription.unsubscribe();
  }

  hide(number: number): void {
    this.shown.get(number)?.subscription?.unsubscribe();
    this.shown.delete(number);
  }

  /** A value has come. */
  came(number: number, value: unknown): void {
    if (this.seen++ === 0) this.services.ports.scheduler.soon(() => this.tellSeen());
    this.observers.get(number)?.next(value);
  }

  completed(number: number): void {
    const observer = this.observers.get(number);
    this.observers.delete(number);
    observer?.complete();
  }

  /** The other side has looked at so many more. */
  looked(count: number): void {
    this.unseen -= count;
    for (const [number, shown] of this.shown) this.catchUp(number, shown);
  }

  /** The other side is gone. */
  close(): void {
    for (const { subscription } of this.shown.values()) subscription?.unsubscribe();
    this.shown.clear();
    for (const observer of [...this.observers.values()]) observer.complete();
    this.observers.clear();
  }

  private next(number: number, shown: Shown, value: unknown): void {
    if (this.unseen >= mostUnseen || this.link.isFull) {
      if (shown.stream === "events") shown.skipped++;
      else shown.stale = { value };
      return;
    }
    shown.stale = undefined;
    this.tellSkipped(shown);
    try {
      this.link.send(kinds.observed, 0, number, value);
      this.unseen++;
    } catch {
      this.services.deadLetter(shown.path, String(value), "uncloneable");
    }
  }

  private catchUp(number: number, shown: Shown): void {
    const { stale } = shown;
    this.tellSkipped(shown);
    if (stale !== undefined) this.next(number, shown, stale.value);
  }

  private tellSkipped(shown: Shown): void {
    if (shown.skipped === 0) return;
    this.services.deadLetter(shown.path, `${shown.skipped} announcements of ${shown.path}`, "dropped");
    shown.skipped = 0;
  }

  private tellSeen(): void {
    this.link.post(kinds.seen, 0, this.seen, undefined);
    this.seen = 0;
  }
}
