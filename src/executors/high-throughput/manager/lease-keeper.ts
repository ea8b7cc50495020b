import { Cell } from "../../../actors/cell.js";
import { compile } from "../../../actors/compile.js";
import type { Dispatcher } from "../../../actors/dispatcher.js";
import type { Timer } from "../../../actors/ports.js";
import { leaseMachine, type LeaseContext, type LeaseEffect, type LeaseInput, type LeaseMessage } from "../../../state-machines/lease.js";

export interface LeaseTerms {
  /** Milliseconds without a sign of the head after which it has given the work to others. */
  readonly leaseMs: number;
  /** Milliseconds for which finished results are kept after that. */
  readonly graceMs: number;
}

export interface LeaseEvents {
  /** Whether nothing is here that the head would want when it is back. */
  idle(): boolean;
  /** Work may begin, or may not begin any more. */
  starts(allowed: boolean): void;
  /** The head has given what runs to others. */
  kill(): void;
  /** Nobody waits for what is here any more. */
  over(): void;
  crashed(error: unknown): void;
}

const chart = compile<LeaseContext, LeaseMessage, LeaseEffect, LeaseInput>(leaseMachine);

/**
 * A manager's side of its lease, by its own clock. What counts is when the message was sent that the head has answered: the head had
 * heard of this manager no earlier. So an answer that was long on its way, or lay here while this process stood still, proves nothing.
 */
export class LeaseKeeper {
  private readonly cell: Cell<LeaseContext, LeaseMessage, LeaseEffect>;
  private provenAt: number;
  private timer: Timer | undefined;
  private isDueTold = false;

  constructor(
    id: string,
    private readonly dispatcher: Dispatcher,
    { leaseMs, graceMs }: LeaseTerms,
    private readonly events: LeaseEvents,
  ) {
    this.provenAt = this.now;
    this.cell = new Cell(
      {
        name: "lease",
        chart,
        perform: {
          "lease.await": ({ ms }) => this.await(ms),
          "starts.stop": () => events.starts(false),
          "starts.resume": () => events.starts(true),
          "work.kill": () => events.kill(),
          "lease.end": () => events.over(),
        },
        crashed: (_: unknown, error: unknown) => events.crashed(error),
      },
      id,
    );
    dispatcher.start(this.cell, { waning: leaseMs / 2, term: leaseMs, grace: graceMs });
  }

  get mayStart(): boolean {
    return this.cell.is("may-start");
  }

  /** By the clock, whatever the timers have told. */
  get isOver(): boolean {
    return this.now - this.provenAt >= this.cell.context.term;
  }

  /** The head has answered what was sent at that time. */
  renew(sentAt: number): void {
    if (sentAt <= this.provenAt) return;
    this.provenAt = sentAt;
    if (!this.mayStart && this.now - sentAt < this.cell.context.waning) this.dispatcher.tellControl(this.cell, { type: "lease.renewed" });
  }

  /** Before anything begins: the time may be over, and the timer that tells so may come later. */
  check(): void {
    if (this.mayStart && !this.isDueTold && this.now - this.provenAt >= this.cell.context.waning) this.due();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private await(ms: number): void {
    this.isDueTold = false;
    this.timer?.cancel();
    // Times are rounded: never so soon that none passes.
    const wait = Math.max(1, this.provenAt + ms - this.now);
    this.timer = this.dispatcher.ports.clock.after(wait, () => {
      if (this.now - this.provenAt < ms) this.await(ms);
      else this.due();
    });
  }

  private due(): void {
    this.timer?.cancel();
    this.isDueTold = true;
    this.dispatcher.tellControl(this.cell, { type: "lease.due", idle: this.events.idle() });
  }

  private get now(): number {
    return this.dispatcher.ports.clock.now();
  }
}
