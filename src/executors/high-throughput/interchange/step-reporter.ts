import type { Dispatcher, TransitionRecord } from "../../../actors/dispatcher.js";

export interface Steps {
  readonly records: readonly TransitionRecord[];
  /** How many older ones were dropped, because the other side had not looked for too long. */
  readonly dropped: number;
}

const most = 4096;
const everyMs = 20;

/** Tells the steps of this thread's cells to the head, in batches, while anybody looks there; when there are too many, the oldest are dropped, and counted. */
export class StepReporter {
  private records: TransitionRecord[] = [];
  private dropped = 0;
  private waiting = false;
  private subscription: { unsubscribe(): void } | undefined;
  /** By how many milliseconds the other side's clock is ahead of this one. */
  private ahead = 0;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly tell: (steps: Steps) => void,
  ) {}

  observe(on: boolean, ahead: number): void {
    this.ahead = ahead;
    this.subscription?.unsubscribe();
    this.subscription = on ? this.dispatcher.transitions$.subscribe((record) => this.add(record)) : undefined;
    if (!on) this.flush();
  }

  flush(): void {
    const { records, dropped } = this;
    if (records.length === 0) return;
    this.records = [];
    this.dropped = 0;
    this.tell({ records, dropped });
  }

  private add(record: TransitionRecord): void {
    if (this.records.length >= most) {
      this.records.shift();
      this.dropped++;
    }
    this.records.push({ ...record, at: record.at + this.ahead });
    if (this.waiting) return;
    this.waiting = true;
    this.dispatcher.ports.clock.after(everyMs, () => {
      this.waiting = false;
      this.flush();
    });
  }
}
