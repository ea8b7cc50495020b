import type { Dispatcher } from "../actors/dispatcher.js";
import type { Ports } from "../actors/ports.js";
import { Announcer, type SubscriberFailures } from "../actors/streams.js";
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
  /** Errors that subscribers of the system's streams, and of its actors', threw. */
  readonly observers: number;
  /** Actors that were killed: they did not end in time, or their supervisor or a sibling took them along. */
  killed: number;
  /** Threads that were told to die and are still inside a native call. */
  zombies: number;
}

/** What all parts of one actor system share. */
export class Services {
  /** What became of the errors that subscribers threw. */
  readonly observers: SubscriberFailures = { count: 0, last: undefined };
  readonly deadLetters = new Announcer<DeadLetter>(undefined, this.observers);
  readonly messages = new Announcer<MessageRecord>(undefined, this.observers);
  readonly reports = new Announcer<SupervisorReport>(undefined, this.observers);
  readonly counts: SystemCounts;
  /** Called when a child of any supervisor is in another state. */
  treeChanged: () => void = () => undefined;

  constructor(
    readonly ports: Ports,
    readonly dispatcher: Dispatcher,
  ) {
    const { observers } = this;
    this.counts = {
      deadLetters: 0, afterEnd: 0, contained: 0, killed: 0, zombies: 0,
      get observers() {
        return observers.count;
      },
    };
  }

  get now(): number {
    return this.ports.clock.now();
  }

  deadLetter(to: string, message: unknown, reason: DeadLetter["reason"]): void {
    this.counts.deadLetters++;
    if (this.deadLetters.observed) this.deadLetters.next({ at: this.now, to, message, reason });
  }
}
