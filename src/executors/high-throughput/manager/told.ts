import { ByteWriter } from "../bytes.js";
import type { Token } from "../protocol.js";
import { OutcomeRecords } from "../records.js";

interface Sent {
  readonly first: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** What a manager tells of its tasks: numbered, kept until the head has it, and told again over a new link. */
export class Told {
  readonly writer = new ByteWriter();
  private unacknowledged: Sent[] = [];
  private numbers = 0;
  private pending = 0;

  /** The number of the last one. */
  get last(): number {
    return this.numbers;
  }

  /** Bytes that the head is not known to have. */
  get kept(): number {
    return this.unacknowledged.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** The head has all of it. */
  get isKnown(): boolean {
    return this.pending === 0 && this.unacknowledged.length === 0;
  }

  /** One more was written. */
  count(): void {
    this.numbers++;
    this.pending++;
  }

  /** What was written since the last time. */
  take(): Sent | undefined {
    if (this.pending === 0) return undefined;
    const sent = { first: this.numbers - this.pending + 1, count: this.pending, bytes: this.writer.take() };
    this.pending = 0;
    this.unacknowledged.push(sent);
    return sent;
  }

  acknowledge(known: number): void {
    while (this.unacknowledged.length > 0) {
      const [{ first, count }] = this.unacknowledged as [Sent];
      if (first + count - 1 > known) return;
      this.unacknowledged.shift();
    }
  }

  /** The tasks that it is about. */
  tokens(): Token[] {
    const tokens: Token[] = [];
    for (const { bytes } of this.unacknowledged) for (const each = new OutcomeRecords(bytes); each.next(); ) tokens.push([each.task, each.attempt]);
    return tokens;
  }

  /** What the head may not have, the oldest first. */
  again(): readonly Sent[] {
    return this.unacknowledged;
  }
}
