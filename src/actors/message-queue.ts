import type { AnyCell } from "./cell.js";
import type { Typed } from "./compile.js";

/** A message on its way: to whom, its number, and the number of the message that led to it. */
export interface Envelope {
  readonly cell: AnyCell;
  readonly message: Typed;
  readonly seq: number;
  readonly cause: number;
}

const largestKept = 2 ** 16;

/** A first-in, first-out queue of messages; a ring that grows. One envelope is lent at a time, so nothing is allocated per message. */
export class MessageQueue {
  size = 0;
  private head = 0;
  private mask = 1023;
  private cells: (AnyCell | undefined)[] = new Array<AnyCell | undefined>(1024);
  private messages: (Typed | undefined)[] = new Array<Typed | undefined>(1024);
  private numbers = new Float64Array(2048);
  private readonly lent: { -readonly [K in keyof Envelope]: Envelope[K] } = { cell: undefined as unknown as AnyCell, message: { type: "" }, seq: 0, cause: 0 };

  push(cell: AnyCell, message: Typed, seq: number, cause: number): void {
    if (this.size > this.mask) this.grow();
    const at = (this.head + this.size++) & this.mask;
    this.cells[at] = cell;
    this.messages[at] = message;
    this.numbers[at * 2] = seq;
    this.numbers[at * 2 + 1] = cause;
  }

  shift(): Envelope {
    const at = this.head;
    const { lent } = this;
    lent.cell = this.cells[at] as AnyCell;
    lent.message = this.messages[at] as Typed;
    lent.seq = this.numbers[at * 2] as number;
    lent.cause = this.numbers[at * 2 + 1] as number;
    this.cells[at] = undefined;
    this.messages[at] = undefined;
    this.head = (at + 1) & this.mask;
    this.size--;
    return lent;
  }

  /** Gives back the memory of a burst, once it is over. */
  trim(): void {
    if (this.size > 0 || this.mask < largestKept) return;
    this.head = 0;
    this.mask = 1023;
    this.cells = new Array<AnyCell | undefined>(1024);
    this.messages = new Array<Typed | undefined>(1024);
    this.numbers = new Float64Array(2048);
  }

  private grow(): void {
    const old = this.mask + 1;
    const cells = new Array<AnyCell | undefined>(old * 2);
    const messages = new Array<Typed | undefined>(old * 2);
    const numbers = new Float64Array(old * 4);
    for (let i = 0; i < this.size; i++) {
      const from = (this.head + i) & this.mask;
      cells[i] = this.cells[from];
      messages[i] = this.messages[from];
      numbers[i * 2] = this.numbers[from * 2] as number;
      numbers[i * 2 + 1] = this.numbers[from * 2 + 1] as number;
    }
    this.cells = cells;
    this.messages = messages;
    this.numbers = numbers;
    this.mask = old * 2 - 1;
    this.head = 0;
  }
}
