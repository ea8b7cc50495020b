import type { ResourceLimits } from "node:worker_threads";
import type { LinkPort } from "./links/in-memory.js";

/** A pending timer. */
export interface Timer {
  cancel(): void;
}

/** Time. `now` is monotonic milliseconds, for every decision; `wall` is milliseconds since 1970, for display only. */
export interface Clock {
  now(): number;
  wall(): number;
  /** Calls `fire` once, `ms` milliseconds from now. A pending timer does not keep the program alive. */
  after(ms: number, fire: () => void): Timer;
}

/** When queued messages are handled: `soon` before anything else waits, `later` after timers and I/O had a turn. */
export interface Scheduler {
  soon(run: () => void): void;
  later(run: () => void): void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export interface Ids {
  /** A new id, unique in this run: `kind-1`, `kind-2`, … */
  next(kind: string): string;
  /** The same without the kind in front: 1, 2, … */
  number(kind: string): number;
  /** A token no other run has. */
  token(): string;
}

/** What a thread is started with. */
export interface ThreadStart<Out> {
  /** The module that runs in it; it finds its end of the link, `port`, and `data` in `workerData`. */
  readonly entry: URL;
  readonly data: Readonly<Record<string, unknown>>;
  readonly resourceLimits: ResourceLimits;
  /** Messages on the link are tuples of so many parts. */
  readonly width: number;
  /** A count of the thread's, in both memories: where these are not one, it is as it was when the latest message of the thread was sent. */
  readonly counter: SharedArrayBuffer;
  /** Whose it is, and which of its threads: for those who look. */
  readonly owner: { readonly path: string; readonly incarnation: number };
  /** How long it may take until it runs, and until it has ended after it was asked to, in milliseconds, possibly `Infinity`. */
  readonly limits: { readonly start: number; readonly stop: number };
  /** A message that could not be copied. */
  readonly refused: (message: Out, error: unknown) => void;
  /** Where it lives cannot keep it for long: it is asked to end, for that reason. */
  readonly recalled?: (reason: unknown) => void;
  /** Messages that were sent to it are known to be there. */
  readonly relieved?: () => void;
  /** Once, after all it sent was received. */
  readonly exited: (end: ThreadExit) => void;
}

export interface ThreadExit {
  readonly code: number;
  /** What ended it from within. */
  readonly error?: unknown;
  /** Nobody can say what it did with the messages that the counter does not count. */
  readonly isLost?: boolean;
}

export interface Thread<Out, In> {
  readonly link: LinkPort<Out, In>;
  /** So long after `terminate` it counts as ended, in milliseconds, though it be inside a native call. `Infinity`: `exited` always comes. */
  readonly patience: number;
  /** Whether it keeps the program alive; at first it does. */
  hold(held: boolean): void;
  /** Ends its JavaScript wherever that is. A native call that runs in it goes on until it returns, and `exited` waits for that. */
  terminate(): void;
}

/** Where threads come from. */
export interface Threads {
  start<Out extends readonly unknown[], In extends readonly unknown[]>(start: ThreadStart<Out>): Thread<Out, In>;
}

/** All that the actor runtime takes from outside. Simulation replaces every one of them. */
export interface Ports {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly ids: Ids;
  /** Absent where there are none, as in simulation. */
  readonly threads?: Threads;
}
