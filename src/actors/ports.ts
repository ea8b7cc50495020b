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
  /** A token no other run has. */
  token(): string;
}

/** All that the actor runtime takes from outside. Simulation replaces every one of them. */
export interface Ports {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly ids: Ids;
}
