import { isRecord, type Entry, type RunFacts } from "./invariant.js";

/** Something that is owed by a time. */
export interface Due<T> {
  readonly by: number;
  readonly what: T;
  /** What had been heard when it was first seen to be late. */
  late?: number;
}

const leastSlack = 5000;

/**
 * What is owed by some time, by the stream's own clock. It is found to be late only where the stream has gone on for a while after that: when the
 * process that it comes from has stood still, much is late at the next step, and comes with those that follow. A step costs the same however much is owed.
 */
export class Deadlines<T> {
  readonly slack: number;
  private readonly owed = new Map<string, Due<T>>();
  private now = -Infinity;
  /** Milliseconds of the stream, of which a pause counts for little. */
  private heard = 0;
  /** All is looked through at that time. */
  private next = Infinity;

  constructor({ slack, grace = 0 }: RunFacts) {
    this.slack = slack ?? Math.max(leastSlack, grace);
  }

  /** In the place of what was owed under that key before. */
  owe(key: string, by: number, what: T): void {
    this.owed.set(key, { by, what });
    this.next = Math.min(this.next, by + this.slack);
  }

  owes(key: string): boolean {
    return this.owed.has(key);
  }

  settle(key: string): void {
    this.owed.delete(key);
  }

  clear(): void {
    this.owed.clear();
  }

  /** Takes the time of an entry; what is too late then, once. */
  pass(entry: Entry): Due<T> | undefined {
    // Steps of managers come from a thread with a clock of its own.
    if (!isRecord(entry) || entry.kind === "manager") return undefined;
    const { slack, now } = this;
    if (entry.at > now) {
      if (now > -Infinity) this.heard += Math.min(entry.at - now, slack / 8);
      this.now = entry.at;
    }
    return this.now > this.next ? this.look() : undefined;
  }

  private look(): Due<T> | undefined {
    const { now, slack, heard } = this;
    let next = Infinity;
    let found: Due<T> | undefined;
    for (const [key, due] of this.owed) {
      if (now <= due.by + slack) next = Math.min(next, due.by + slack);
      else {
        due.late ??= heard;
        next = now;
        if (heard - due.late < slack / 2 || found !== undefined) continue;
        this.owed.delete(key);
        found = due;
      }
    }
    // Not at every step, however much is late.
    this.next = Math.max(next, now + slack / 16);
    return found;
  }
}
