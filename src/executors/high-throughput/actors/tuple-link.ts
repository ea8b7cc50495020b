import type { LinkPort } from "../../../actors/links/in-memory.js";
import type { Scheduler } from "../../../actors/ports.js";
import { SerializationError } from "../../../errors/index.js";
import { decode, encode } from "../../../serialization/index.js";
import { ByteReader, ByteWriter } from "../bytes.js";

/** Longer pieces leave before the turn is over. */
const mostBytes = 64 * 1024;
/** A frame of a link takes four times as much. */
const mostMessage = 256 * 1024 * 1024;

export interface TupleLinkOptions<Out> {
  /** Every message is a tuple of so many parts. */
  readonly width: number;
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** Bytes that were sent and are not known to have come. */
  backlog(): number;
  /** A message that cannot travel, and has been left out. */
  refused(message: Out, error: unknown): void;
}

/** Messages as bytes: what is posted in one turn leaves as one piece. It neither loses nor orders anything by itself. */
export class TupleLink<Out extends readonly unknown[], In extends readonly unknown[]> implements LinkPort<Out, In> {
  private readonly writer = new ByteWriter(1024);
  private planned = false;
  private closed = false;
  private handler: ((message: In) => void) | undefined;
  private readonly early: In[] = [];
  private readonly closers: (() => void)[] = [];

  constructor(
    private readonly scheduler: Scheduler,
    private readonly options: TupleLinkOptions<Out>,
  ) {}

  get backlog(): number {
    return this.options.backlog() + this.writer.length;
  }

  post(message: Out): void {
    if (this.closed) return;
    const { writer } = this;
    const { width } = this.options;
    const before = writer.length;
    try {
      for (let i = 0; i < width; i++) writer.encoded(encode(message[i], "a message"));
      if (writer.length - before > mostMessage) throw new SerializationError("CW-DATA-001", `a message of ${writer.length - before} bytes is too large for a link: the limit is ${mostMessage}`, { hint: "Send it in parts, or its path on a file system that both machines see." });
    } catch (error) {
      writer.length = before;
      this.options.refused(message, error);
      return;
    }
    if (writer.length > mostBytes) this.flush();
    else if (!this.planned) {
      this.planned = true;
      this.scheduler.soon(() => {
        this.planned = false;
        this.flush();
      });
    }
  }

  flush(): void {
    if (this.writer.length > 0 && !this.closed) this.options.send(this.writer.take());
  }

  /** Hands over what has come. Throws where it cannot be read. */
  receive(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    const { width } = this.options;
    while (reader.left > 0) {
      const message = Array.from({ length: width }, () => decode(reader.encoded())) as unknown as In;
      if (this.handler === undefined) this.early.push(message);
      else this.handler(message);
    }
  }

  onMessage(handler: (message: In) => void): void {
    this.handler = handler;
    for (const message of this.early.splice(0)) handler(message);
  }

  onClose(handler: () => void): void {
    if (this.closed) this.scheduler.soon(handler);
    else this.closers.push(handler);
  }

  close(): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    for (const closer of this.closers.splice(0)) closer();
  }
}
