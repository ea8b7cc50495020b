import { countingIds } from "./counting-ids.js";
import type { Ports } from "./ports.js";
import { seededRandom } from "./seeded-random.js";
import { TimerQueue } from "./timer-queue.js";

/** Ports without a world: time passes only by events, and the same seed always gives the same run. */
export interface SimulatedPorts extends Ports {
  /** What the run is a function of. */
  readonly seed: number;
  /** Events that wait: queued turns and timers. */
  readonly pending: number;
  /** Runs the next event, moving time on to it; false where none is left. */
  step(): boolean;
  /** Runs events until none is left. Throws a `RangeError` after `maxEvents`. */
  run(maxEvents?: number): void;
  /** Runs all events of the next `ms` milliseconds, and moves time on to their end. */
  runFor(ms: number): void;
  /** As `run`, with a full turn of promises after each event: for code that awaits. */
  settle(maxEvents?: number): Promise<void>;
  /** As `runFor`, with a full turn of promises after each event. */
  settleFor(ms: number): Promise<void>;
}

const simulatedEpoch = Date.UTC(2026, 0, 1);
const enoughEvents = 10_000_000;

/**
 * The deterministic twin of `realPorts`. Turns asked for by `soon` come first, then `later` and timers in the order of their
 * times; events of the same time in the order they were asked for. A timer set in a timer takes its place; `now` never passes a due timer.
 */
export function simulatedPorts(seed: number): SimulatedPorts {
  return new Simulation(seed);
}

class Simulation implements SimulatedPorts {
  private time = 0;
  private readonly turns: (() => void)[] = [];
  private readonly timers = new TimerQueue();
  private readonly numbers: ReturnType<typeof seededRandom>;
  readonly clock: Ports["clock"];
  readonly scheduler: Ports["scheduler"];
  readonly random: Ports["random"];
  readonly ids: Ports["ids"];

  constructor(readonly seed: number) {
    this.numbers = seededRandom(seed);
    const tokens = seededRandom(seed ^ 0x5eed);
    this.random = { next: () => this.numbers.next() };
    this.ids = countingIds(() => tokens.below(2 ** 32).toString(16).padStart(8, "0"));
    this.clock = {
      now: () => this.time,
      wall: () => simulatedEpoch + this.time,
      after: (ms, fire) => this.timers.add(this.time + Math.max(0, ms), fire),
    };
    this.scheduler = {
      soon: (run) => void this.turns.push(run),
      later: (run) => void this.timers.add(this.time, run),
    };
  }

  get pending(): number {
    return this.turns.length + this.timers.size;
  }

  step(): boolean {
    return this.stepUntil(Infinity);
  }

  run(maxEvents = enoughEvents): void {
    for (let events = 0; this.step(); events++) if (events >= maxEvents) throw this.endless(maxEvents);
  }

  runFor(ms: number): void {
    const until = this.time + ms;
    while (this.stepUntil(until));
    this.time = until;
  }

  async settle(maxEvents = enoughEvents): Promise<void> {
    await promisesTurn();
    for (let events = 0; this.step(); events++) {
      if (events >= maxEvents) throw this.endless(maxEvents);
      await promisesTurn();
    }
  }

  async settleFor(ms: number): Promise<void> {
    const until = this.time + ms;
    await promisesTurn();
    while (this.stepUntil(until)) await promisesTurn();
    this.time = until;
  }

  private stepUntil(until: number): boolean {
    const turn = this.turns.shift();
    if (turn !== undefined) {
      turn();
      return true;
    }
    const timer = this.timers.take(until);
    if (timer === undefined) return false;
    this.time = timer.due;
    timer.fire();
    return true;
  }

  private endless(events: number): RangeError {
    return new RangeError(`simulation with seed ${this.seed} has not come to rest after ${events} events, at ${this.time} ms`);
  }
}

/** All promise reactions that are ready, and those they lead to, run before this settles. */
export const promisesTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
