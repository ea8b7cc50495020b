import type { Dispatcher } from "../actors/dispatcher.js";
import type { Ports } from "../actors/ports.js";
import { Announcer } from "../actors/streams.js";
import type { DeadLetter, SupervisorReport } from "./types.js";

/** A message on its way to an actor. */
export interface MessageRecord {
  readonly at: number;
  readonly to: string;
  readonly incarnation: number;
  readonly message: unknown;
  readonly asked: boolean;
}

/** What nobody waits for, counted. */
export interface SystemCounts {
  deadLetters: number;
  /** Calls on the `self` of an actor that had ended. */
  afterEnd: number;
  /** Errors of callbacks that were given to `system.watch`, and of clean-ups after a kill. */
  contained: number;
  /** Threads that were told to die and are still inside a native call. */
  zombies: number;
}

/** What all parts of one actor system share. */
export class Services {
  readonly deadLetters = new Announcer<DeadLetter>();
  readonly messages = new Announcer<MessageRecord>();
  readonly reports = new Announcer<SupervisorReport>();
  readonly counts: SystemCounts = { deadLetters: 0, afterEnd: 0, contained: 0, zombies: 0 };

  constructor(
    readonly ports: Ports,
    readonly dispatcher: Dispatcher,
  ) {}

  get now(): number {
    return this.ports.clock.now();
  }

  deadLetter(to: string, message: unknown, reason: DeadLetter["reason"]): void {
    this.counts.deadLetters++;
    if (this.deadLetters.observed) this.deadLetters.next({ at: this.now, to, message, reason });
  }
}
