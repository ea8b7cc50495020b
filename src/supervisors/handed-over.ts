import type { Envelope } from "./envelope.js";

/**
 * Messages that a thread was given, in order. The thread counts in shared memory those that it has begun to handle: so it is known of each,
 * however the thread died, whether it was begun.
 */
export class HandedOver {
  readonly memory = new SharedArrayBuffer(4);
  private readonly taken = new Int32Array(this.memory);
  private envelopes: Envelope[] = [];
  private first = 0;
  /** Of the messages that are forgotten. */
  private before = 0;

  /** How many it has not begun. */
  get waiting(): number {
    return this.envelopes.length - this.first - this.begun();
  }

  add(envelope: Envelope): void {
    this.envelopes.push(envelope);
  }

  /** Lets go of those that were begun. */
  forget(): void {
    const begun = this.begun();
    for (let i = 0; i < begun; i++) this.envelopes[this.first + i] = forgotten;
    this.before = (this.before + begun) | 0;
    this.first += begun;
    if (this.first < this.envelopes.length && this.first < 1024) return;
    this.envelopes = this.envelopes.slice(this.first);
    this.first = 0;
  }

  /** Takes one out that was not sent after all. */
  withdraw(isIt: (envelope: Envelope) => boolean): Envelope | undefined {
    const at = this.envelopes.findIndex((envelope, i) => i >= this.first && isIt(envelope));
    return at < 0 ? undefined : this.envelopes.splice(at, 1)[0];
  }

  /** Takes out all that were not begun. */
  rest(): Envelope[] {
    this.forget();
    const rest = this.envelopes.slice(this.first);
    this.envelopes = [];
    this.first = 0;
    return rest;
  }

  private begun(): number {
    return (Atomics.load(this.taken, 0) - this.before) | 0;
  }
}

const forgotten: Envelope = {};
