import type { Ports } from "../actors/ports.js";

/** One direction of a message port: everything arrives, in order, each after a delay of its own. */
export class Pipe<T> {
  private readonly waiting: T[] = [];
  private last = 0;

  constructor(
    private readonly ports: Ports,
    private readonly delay: () => number,
    private readonly deliver: (message: T) => void,
  ) {}

  send(message: T): void {
    const { clock } = this.ports;
    this.waiting.push(message);
    this.last = Math.max(this.last, clock.now() + this.delay());
    // Times may round: what arrives is the first that waits, never whom the timer was set for.
    clock.after(this.last - clock.now(), () => this.deliver(this.waiting.shift() as T));
  }
}
