import type { FrameSink } from "./frame-sender.js";
import { PartCutter } from "./parts.js";

/** A longer frame goes in parts of so many bytes. */
export const partBytes = 64 * 1024;
/** What is on its way may wait for so many milliseconds, beyond the time of an empty way: so long may it take until something urgent gets through. */
const aheadMs = 200;
/** So long what arrives is counted before it is believed: words of it come in bunches. In milliseconds. */
const measureMs = 100;
/** Bounds of what may be on its way, and what that begins with. */
const window = { least: 128 * 1024, first: 512 * 1024, most: 64 * 1024 * 1024 };

interface WaitingFrame {
  readonly type: number;
  readonly header: Uint8Array;
  readonly payload: readonly Uint8Array[];
  readonly length: number;
}

/**
 * Frames on their way to a sender. No more goes out than arrives soon, as far as the other side has said what it has; a large frame goes in parts; and what
 * is urgent goes before all that waits. So a heartbeat gets through beside a value that takes minutes. Everything else keeps its order.
 */
export class Outbox {
  private waiting: WaitingFrame[] = [];
  private waitingBytes = 0;
  /** The frame that goes in parts now: the first of those that wait. */
  private cutter: PartCutter | undefined;
  private arrived = 0;
  private allowed = window.first;
  /** How much had arrived when it was begun to measure how much arrives, and when that was. */
  private since = { bytes: 0, at: 0 };
  /** The shortest time from a byte to the word that it arrived. */
  private trip = Infinity;
  /** A byte whose arrival is awaited, and when it went. */
  private mark: { readonly bytes: number; readonly at: number } | undefined;
  private emptied: (() => void) | undefined;

  constructor(
    private readonly sender: FrameSink,
    private readonly counters: { readonly bytesSent: number },
    private readonly urgent: ReadonlySet<number>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get backlog(): number {
    return this.sender.backlog + this.waitingBytes;
  }

  send(type: number, header: Uint8Array, payload: readonly Uint8Array[] = []): void {
    if (this.urgent.has(type)) {
      this.sender.send(type, header, payload);
      return;
    }
    let length = header.length;
    for (const part of payload) length += part.length;
    if (this.waiting.length === 0) {
      if (length <= partBytes && this.hasRoom) {
        this.sender.send(type, header, payload);
        return;
      }
      this.since = { bytes: this.arrived, at: this.now() };
    }
    this.waiting.push({ type, header, payload, length });
    this.waitingBytes += length;
    this.fill();
  }

  /** The other side has so many bytes by now, of all that were ever sent. */
  acknowledge(bytes: number): void {
    if (!(bytes > this.arrived && bytes <= this.counters.bytesSent)) return;
    const now = this.now();
    if (this.mark !== undefined && bytes >= this.mark.bytes) {
      this.trip = Math.min(this.trip, now - this.mark.at);
      this.mark = undefined;
    }
    this.arrived = bytes;
    // While something waits, what arrives is as much as the way takes.
    if (this.waiting.length > 0 && now - this.since.at >= measureMs) this.adapt(now);
    this.fill();
  }

  private adapt(now: number): void {
    const { bytes, at } = this.since;
    const fitting = ((this.arrived - bytes) / (now - at)) * (aheadMs + (this.trip === Infinity ? 0 : this.trip));
    this.allowed = Math.min(window.most, 2 * this.allowed, Math.max(window.least, fitting));
    this.since = { bytes: this.arrived, at: now };
  }

  /** The other side says no more what it has: nothing waits for that. */
  release(): void {
    this.allowed = Infinity;
    this.fill();
  }

  /** What waits goes nowhere, but for the last of it, which goes at once. */
  clear(): void {
    this.waiting = this.waiting.slice(-1);
    this.waitingBytes = this.waiting[0]?.length ?? 0;
    this.cutter = undefined;
    this.release();
  }

  /** Once, when nothing waits any more: at once where nothing does. */
  whenEmpty(emptied: () => void): void {
    this.emptied = emptied;
    this.fill();
  }

  private get hasRoom(): boolean {
    return this.counters.bytesSent - this.arrived < this.allowed;
  }

  private fill(): void {
    if (this.mark === undefined && this.waiting.length > 0 && this.hasRoom) this.mark = { bytes: this.counters.bytesSent + 1, at: this.now() };
    let done = 0;
    for (let next = this.waiting[done]; next !== undefined && this.hasRoom; next = this.waiting[done]) {
      this.cutter ??= next.length > partBytes ? new PartCutter(next) : undefined;
      if (this.cutter === undefined) {
        this.sender.send(next.type, next.header, next.payload);
        this.waitingBytes -= next.length;
        done++;
      } else {
        this.waitingBytes -= this.cutter.send(this.sender, partBytes);
        if (!this.cutter.isDone) continue;
        this.cutter = undefined;
        done++;
      }
    }
    if (done > 0) this.waiting = this.waiting.slice(done);
    if (this.waiting.length > 0) return;
    const { emptied } = this;
    this.emptied = undefined;
    emptied?.();
  }
}
