/** One thing of a numbered stream. */
export interface Item {
  readonly number: number;
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/**
 * One end of a stream in both directions whose way may end and be made anew: what is sent is numbered and kept until the other end has it, and what
 * has come is known by its number, so that all arrives once and in order, however often it is sent.
 */
export class Numbered {
  /** The number of the last one that came. */
  received = 0;
  /** The number of the last one that the other end is known to have. */
  confirmed = 0;
  /** Bytes that the other end is not known to have. */
  backlog = 0;
  private sent = 0;
  private unknown: Item[] = [];
  private first = 0;

  add(kind: number, bytes: Uint8Array): Item {
    const item = { number: ++this.sent, kind, bytes };
    this.unknown.push(item);
    this.backlog += bytes.length;
    return item;
  }

  /** What the other end is not known to have, the oldest first. */
  again(): readonly Item[] {
    return this.unknown.slice(this.first);
  }

  /** The other end has all up to this number. True where that was news. Throws where it cannot have that. */
  known(number: number): boolean {
    if (number > this.sent) throw new RangeError(`${number} is said to have come, and ${this.sent} was the last that was sent`);
    this.confirmed = Math.max(this.confirmed, number);
    const before = this.first;
    for (let item = this.unknown[this.first]; item !== undefined && item.number <= number; item = this.unknown[++this.first]) this.backlog -= item.bytes.length;
    if (this.first === before) return false;
    if (this.first > 64 || this.first === this.unknown.length) {
      this.unknown = this.unknown.slice(this.first);
      this.first = 0;
    }
    return true;
  }

  /** Whether it is the next one. What came before is there already, and what leaves a gap comes again. */
  take(number: number): boolean {
    if (number !== this.received + 1) return false;
    this.received = number;
    return true;
  }
}
