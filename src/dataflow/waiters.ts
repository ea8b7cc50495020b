/** Told of the end of a task: the promise that somebody asked for, or one that the engine made. */
export interface Waiter {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** One of the two functions that settle a promise of the engine's. */
export type Resolver = (value: unknown) => void;

/** A promise of the task's result. */
export class Deferred implements Waiter {
  readonly promise: Promise<unknown>;
  resolve!: (value: unknown) => void;
  private refuse!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise<unknown>((resolve, reject) => {
      this.resolve = resolve;
      this.refuse = reject;
    });
  }

  reject(error: unknown): void {
    // A failure nobody looks at stays in the run's summary.
    this.promise.catch(() => undefined);
    this.refuse(error);
  }
}

/** Who waits for one task: mostly nobody, or one. */
export type Waiters = Waiter | readonly Waiter[] | undefined;

export function withWaiter(waiters: Waiters, waiter: Waiter): Waiters {
  if (waiters === undefined) return waiter;
  return Array.isArray(waiters) ? [...(waiters as readonly Waiter[]), waiter] : [waiters as Waiter, waiter];
}

/** The promise among them, where somebody asked for one. */
export function promiseAmong(waiters: Waiters): Promise<unknown> | undefined {
  if (waiters instanceof Deferred) return waiters.promise;
  return Array.isArray(waiters) ? (waiters as readonly Waiter[]).find((waiter) => waiter instanceof Deferred)?.promise : undefined;
}

const sourceOf = (callback: object): string => Function.prototype.toString.call(callback);
const anonymousBuiltin = sourceOf(resolverOfTheEngine());

function resolverOfTheEngine(): Resolver {
  let resolver: Resolver = () => undefined;
  void new Promise((resolve) => (resolver = resolve));
  return resolver;
}

/**
 * Whether a callback of `then` is the engine's own, as `await` and `Promise.all` give it: then it can be called as it is, which saves
 * two promises a task, a fifth of all the work of a small one. A function of the user's has to go through a promise of the engine's,
 * since that keeps its `AsyncLocalStorage` context.
 */
export function isResolver(callback: unknown): callback is Resolver {
  return typeof callback === "function" && callback.length === 1 && callback.name === "" && sourceOf(callback) === anonymousBuiltin;
}

/** Waits for the engine's own promise. It is what `then` gives back to the engine, which does not look at it; whoever does sees a promise as any other, made then. */
export class Unasked implements Promise<unknown>, Waiter {
  constructor(
    private readonly of: { promise(): Promise<unknown> },
    private readonly onValue: Resolver,
    private readonly onError: Resolver,
  ) {}

  get [Symbol.toStringTag](): string {
    return "Promise";
  }

  resolve(value: unknown): void {
    this.onValue(value);
  }

  reject(error: unknown): void {
    this.onError(error);
  }

  then<A, B>(onValue?: ((value: unknown) => A | PromiseLike<A>) | null, onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.made().then(onValue, onError);
  }

  catch<B>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<unknown> {
    return this.made().catch(onError);
  }

  finally(onEnd?: (() => void) | null): Promise<unknown> {
    return this.made().finally(onEnd);
  }

  /** A resolver that is called a second time does nothing. */
  private made(): Promise<unknown> {
    return this.of.promise().then(this.onValue, this.onError);
  }
}
