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

type Due = Extract<LeaseEffect, { type: "lease.await" }>["message"];

const chart = compile<LeaseContext, LeaseMessage, LeaseEffect, LeaseInput>(leaseMachine);

/**
 * A manager's side of its lease, by its own clock. What counts is when the message was sent that the head has answered: the head had
 * heard of this manager no earlier. So an answer that was long on its way, or lay here while this process stood still, proves nothing.
 */
export class LeaseKeeper {
  private readonly cell: Cell<LeaseContext, LeaseMessage, LeaseEffect>;
  private provenAt: number;
  private timer: Timer | undefined;

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
          "lease.await": ({ ms, message }) => this.await(ms, message),
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
    if (sentAt < this.provenAt) return;
    this.provenAt = sentAt;
    if (!this.cell.is("held") && (this.mayStart || this.isProven)) this.tell({ type: "lease.renewed" });
  }

  /** Before anything begins: the time may be over, and the timer that tells so may come later. */
  check(): void {
    if (this.mayStart && !this.isProven) this.tell({ type: "lease.waned" });
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** The head has answered so lately that nobody can be held for lost yet. */
  private get isProven(): boolean {
    return this.now - this.provenAt < this.cell.context.waning;
  }

  private await(ms: number, message: Due): void {
    this.timer?.cancel();
    // It was told that the lease wanes, and in the same turn that it does not.
    if (!this.mayStart && this.isProven) this.tell({ type: "lease.renewed" });
    // Times are rounded: never so soon that none passes.
    const wait = Math.max(1, this.provenAt + ms - this.now);
    this.timer = this.dispatcher.ports.clock.after(wait, () => {
      if (this.now - this.provenAt < ms) this.await(ms, message);
      else if (message === "lease.expired") this.tell({ type: message, idle: this.events.idle() });
      else this.tell({ type: message });
    });
  }

  private tell(message: LeaseMessage): void {
    this.dispatcher.tellControl(this.cell, message);
  }

  private get now(): number {
    return this.dispatcher.ports.clock.now();
  }
}
