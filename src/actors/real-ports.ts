import { countingIds } from "./counting-ids.js";
import type { Clock, Ports, Scheduler, Timer } from "./ports.js";
import { realThreads } from "./real-threads.js";
import { TimerQueue } from "./timer-queue.js";

const longestTimeout = 2 ** 31 - 1;

/** This machine's time. All timers of one clock share a single `setTimeout`, which does not keep the program alive. */
export class RealClock implements Clock {
  private readonly timers = new TimerQueue();
  private armed: NodeJS.Timeout | undefined;
  private armedFor = Infinity;

  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  after(ms: number, fire: () => void): Timer {
    const now = performance.now();
    const due = now + Math.max(0, ms);
    const timer = this.timers.add(due, fire);
    if (due < this.armedFor) this.arm(due, now);
    return timer;
  }

  private arm(due: number, now: number): void {
    if (this.armed !== undefined) clearTimeout(this.armed);
    this.armedFor = due;
    this.armed = setTimeout(this.ring, Math.min(longestTimeout, Math.ceil(due - now))).unref();
  }

  private readonly ring = (): void => {
    this.armed = undefined;
    this.armedFor = Infinity;
    const now = performance.now();
    try {
      for (let timer = this.timers.take(now); timer !== undefined; timer = this.timers.take(now)) timer.fire();
    } finally {
      const { nextDue } = this.timers;
      if (nextDue !== undefined && nextDue < this.armedFor) this.arm(nextDue, performance.now());
    }
  };
}

/** So many microtasks asked for in one turn of the event loop are nothing unusual; from then on their time is limited. */
const unwatched = 64;
const budgetMs = 2;

/**
 * This program's event loop. What is asked for by microtasks of microtasks, on and on, would never let timers and I/O have
 * their turn: what goes beyond the budget of a turn waits for the next, in order.
 */
export class RealScheduler implements Scheduler {
  private asked = 0;
  private since = 0;
  private waiting: (() => void)[] = [];

  soon(run: () => void): void {
    if (this.waiting.length > 0) this.waiting.push(run);
    else if (++this.asked < unwatched || !this.isRestless()) queueMicrotask(run);
    else {
      this.waiting.push(run);
      setImmediate(this.goOn);
    }
  }

  later(run: () => void): void {
    setImmediate(run);
  }

  private isRestless(): boolean {
    const now = performance.now();
    if (this.asked === unwatched) {
      this.since = now;
      setImmediate(() => (this.asked = 0));
    }
    return now - this.since > budgetMs;
  }

  private readonly goOn = (): void => {
    const until = performance.now() + budgetMs;
    let done = 0;
    try {
      while (done < this.waiting.length && performance.now() < until) this.waiting[done++]?.();
    } finally {
      this.waiting = this.waiting.slice(done);
      if (this.waiting.length > 0) setImmediate(this.goOn);
    }
  };
}

/** The ports of a running program: this machine's time, event loop and randomness. */
export function realPorts(): Ports {
  const scheduler = new RealScheduler();
  return {
    clock: new RealClock(),
    scheduler,
    random: { next: () => Math.random() },
    ids: countingIds(() => crypto.randomUUID().slice(0, 8)),
    threads: realThreads(scheduler),
  };
}
