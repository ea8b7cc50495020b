import type { Duplex } from "node:stream";
import { FrameWriter } from "./frames.js";

/** Given to the socket at once; it may copy them. */
const mostPerWrite = 512 * 1024;

/** What takes frames in the order in which they go. */
export interface FrameSink {
  readonly backlog: number;
  send(type: number, header: Uint8Array, payload?: readonly Uint8Array[]): void;
}

/** Puts frames on a socket: those of one turn together, and never more at a time than the system takes well. */
export class FrameSender implements FrameSink {
  private readonly writer = new FrameWriter();
  /** Bytes in order, from `first` on. */
  private queue: Uint8Array[] = [];
  private first = 0;
  private queued = 0;
  private writing = 0;
  private planned = false;
  private ending = false;
  private readonly drained: (() => void)[] = [];

  constructor(
    private readonly socket: Duplex,
    private readonly counters: { framesSent: number; bytesSent: number },
  ) {}

  get backlog(): number {
    return this.writer.pending + this.queued + this.writing;
  }

  send(type: number, header: Uint8Array, payload?: readonly Uint8Array[]): void {
    this.counters.bytesSent += this.writer.add(type, header, payload);
    this.counters.framesSent++;
    if (this.writer.pending >= mostPerWrite) this.flush();
    else if (!this.planned) {
      this.planned = true;
      queueMicrotask(this.atEndOfTurn);
    }
  }

  onDrain(handler: () => void): void {
    this.drained.push(handler);
  }

  /** After all that was sent, the end. */
  end(): void {
    this.ending = true;
    this.flush();
  }

  private readonly atEndOfTurn = (): void => {
    // A tick asked for by a microtask comes after all the others.
    process.nextTick(this.flushPlanned);
  };

  private readonly flushPlanned = (): void => {
    this.planned = false;
    this.flush();
  };

  private flush(): void {
    for (const part of this.writer.take()) {
      this.queue.push(part);
      this.queued += part.length;
    }
    if (this.writing === 0) this.write();
  }

  private write(): void {
    const { socket } = this;
    if (this.queued === 0) {
      if (this.ending && socket.writable) socket.end();
      return;
    }
    const parts = this.next();
    for (const part of parts) this.writing += part.length;
    this.queued -= this.writing;
    if (parts.length > 1) socket.cork();
    parts.forEach((part, i) => socket.write(part, i === parts.length - 1 ? this.written : undefined));
    if (parts.length > 1) socket.uncork();
  }

  /** Takes what goes out with the next write. */
  private next(): Uint8Array[] {
    const parts: Uint8Array[] = [];
    for (let room = mostPerWrite; room > 0 && this.first < this.queue.length; ) {
      const part = this.queue[this.first] as Uint8Array;
      if (part.length > room) {
        parts.push(part.subarray(0, room));
        this.queue[this.first] = part.subarray(room);
        break;
      }
      parts.push(part);
      room -= part.length;
      this.first++;
    }
    // What has gone is not held.
    if (this.first === this.queue.length || this.first > 1024) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
    return parts;
  }

  private readonly written = (error?: Error | null): void => {
    this.writing = 0;
    if (error !== undefined && error !== null) {
      this.queue = [];
      this.first = this.queued = 0;
      return;
    }
    this.flush();
    if (this.backlog === 0) for (const handler of this.drained) handler();
  };
}
