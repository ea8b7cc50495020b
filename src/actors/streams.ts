import { createRequire } from "node:module";
import type { Observable, Observer, Subscriber, Subscription, TeardownLogic } from "rxjs";

/** What became of the errors that subscribers threw. */
export interface SubscriberFailures {
  count: number;
  /** The latest one, to look at. */
  last: unknown;
}

/**
 * A source of announcements that its subscribers cannot harm. A subscriber that throws (or whose promise rejects) is counted in `failures`
 * and keeps its subscription, as in RxJS; the others, the announcer and the process never notice. That holds through operators too
 * (`announcer.observable.pipe(map(…)).subscribe(…)`), not beyond streams that user code makes itself (`merge(a, b)`).
 */
export class Announcer<T> {
  private subscribers: readonly Pick<Subscriber<T>, "next" | "complete">[] = [];
  private completed = false;
  private stream: Observable<T> | undefined;
  /** Told when the first one listens, and when the last one has gone. */
  watched: ((observed: boolean) => void) | undefined;

  /** `latest`: what a new subscriber is told at once, for streams that carry a state. `failures` may be shared by several. */
  constructor(
    private readonly latest?: () => T | undefined,
    readonly failures: SubscriberFailures = { count: 0, last: undefined },
  ) {}

  get observable(): Observable<T> {
    return (this.stream ??= new (containedObservable())<T>(this.failures, (subscriber) => {
      const value = this.latest?.();
      if (value !== undefined) subscriber.next(value);
      if (this.completed) {
        subscriber.complete();
        return;
      }
      this.subscribers = [...this.subscribers, subscriber];
      if (this.subscribers.length === 1) this.watched?.(true);
      return () => {
        this.subscribers = this.subscribers.filter((other) => other !== subscriber);
        if (this.subscribers.length === 0) this.watched?.(false);
      };
    }));
  }

  /** The same for the library itself, without RxJS: from now on, and for good. */
  listen(next: (value: T) => void): void {
    this.subscribers = [...this.subscribers, { next, complete: () => undefined }];
  }

  /** Whether anybody listens: ask before making something only to announce it. */
  get observed(): boolean {
    return this.subscribers.length > 0;
  }

  next(value: T): void {
    for (const subscriber of this.subscribers) {
      try {
        subscriber.next(value);
      } catch (cause) {
        failed(this.failures, cause);
      }
    }
  }

  /** Ends the stream; later announcements go nowhere. */
  complete(): void {
    this.completed = true;
    const { subscribers } = this;
    this.subscribers = [];
    for (const subscriber of subscribers) fenced(this.failures, () => subscriber.complete());
  }
}

interface Lifted<R> {
  call(subscriber: Subscriber<R>, source: unknown): TeardownLogic;
}
type Next<T> = (value: T) => void;

type Subscribe<T> = (this: Observable<T>, subscriber: Subscriber<T>) => TeardownLogic;
type ContainedClass = new <T>(failures: SubscriberFailures, subscribe?: Subscribe<T>) => Observable<T>;

let made: ContainedClass | undefined;

/** Observables whose subscribers, also behind operators, are called inside a fence. RxJS is loaded when the first stream is looked at. */
function containedObservable(): ContainedClass {
  if (made !== undefined) return made;
  const { Observable: Base } = createRequire(import.meta.url)("rxjs/internal/Observable") as { Observable: typeof Observable };
  class ContainedObservable<T> extends Base<T> {
    constructor(
      private readonly failures: SubscriberFailures,
      subscribe?: Subscribe<T>,
    ) {
      super(subscribe);
    }

    /** What every operator is built on: the derived stream is fenced as well. */
    override lift<R>(operator?: Lifted<R>): Observable<R> {
      return new ContainedObservable<R>(this.failures, (subscriber) => operator?.call(subscriber, this));
    }

    override subscribe(observer?: Partial<Observer<T>> | Next<T> | null, error?: ((error: unknown) => void) | null, complete?: (() => void) | null): Subscription {
      if (isSubscriber(observer)) return super.subscribe(observer);
      const given: Partial<Observer<T>> = typeof observer === "object" && observer !== null ? observer : { ...(observer ? { next: observer } : {}), ...(error ? { error } : {}), ...(complete ? { complete } : {}) };
      const { failures } = this;
      return super.subscribe({
        next: (value) => fenced(failures, () => given.next?.(value)),
        error: (cause: unknown) => (given.error ? fenced(failures, () => given.error?.(cause)) : failed(failures, cause)),
        complete: () => fenced(failures, () => given.complete?.()),
      });
    }
  }
  return (made = ContainedObservable);
}

/** The inner links of a chain of operators: their end is fenced already. */
function isSubscriber<T>(observer: unknown): observer is Subscriber<T> {
  return typeof observer === "object" && observer !== null && "next" in observer && "add" in observer && "remove" in observer && "closed" in observer && "unsubscribe" in observer;
}

function fenced(failures: SubscriberFailures, call: () => unknown): void {
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch((cause: unknown) => failed(failures, cause));
  } catch (cause) {
    failed(failures, cause);
  }
}

function failed(failures: SubscriberFailures, cause: unknown): void {
  failures.count++;
  failures.last = cause;
}
