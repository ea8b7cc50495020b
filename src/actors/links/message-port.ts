import { receiveMessageOnPort, type MessagePort, type Transferable } from "node:worker_threads";
import type { Scheduler } from "../ports.js";
import type { LinkPort } from "./in-memory.js";

/** Longer frames are sent before the turn is over. */
const mostPerFrame = 1024;

export interface MessagePortOptions<Out> {
  /** Every message is a tuple of so many parts: a frame holds those of all its messages, one after another. */
  readonly width: number;
  /** Whether the open port keeps its thread alive. */
  readonly holds: boolean;
  /** A message that cannot be copied to the other side; it has been left out, and the others have gone. */
  readonly refused: (message: Out, error: unknown) => void;
}

export interface MessagePortLink<Out extends readonly unknown[], In extends readonly unknown[]> extends LinkPort<Out, In> {
  /** Hands over at once what has arrived: for a port whose other side is gone. */
  drain(): void;
  /** Sends at once what was posted. */
  flush(): void;
}

/**
 * A link to another thread over a MessagePort, in order and without loss while both live. All that is posted in one turn goes as one frame;
 * a message that moves memory goes as a frame of its own, in its place.
 */
export function messagePortLink<Out extends readonly unknown[], In extends readonly unknown[]>(port: MessagePort, scheduler: Scheduler, options: MessagePortOptions<Out>): MessagePortLink<Out, In> {
  return new PortLink<Out, In>(port, scheduler, options);
}

class PortLink<Out extends readonly unknown[], In extends readonly unknown[]> implements MessagePortLink<Out, In> {
  private out: unknown[] = [];
  private planned = false;
  private closed = false;
  private handler: ((message: In) => void) | undefined;
  private closers: (() => void)[] = [];

  constructor(
    private readonly port: MessagePort,
    private readonly scheduler: Scheduler,
    private readonly options: MessagePortOptions<Out>,
  ) {
    port.once("close", () => this.ended());
  }

  post(message: Out, moved?: readonly Transferable[]): void {
    if (this.closed) return;
    if (moved !== undefined && moved.length > 0) {
      this.flush();
      this.postOne(message, moved);
      return;
    }
    const { width } = this.options;
    const { out } = this;
    for (let i = 0; i < width; i++) out.push(message[i]);
    if (out.length >= mostPerFrame * width) this.flush();
    else if (!this.planned) {
      this.planned = true;
      this.scheduler.soon(this.flushPlanned);
    }
  }

  onMessage(handler: (message: In) => void): void {
    const isFirst = this.handler === undefined;
    this.handler = handler;
    if (!isFirst) return;
    this.port.on("message", (frame: unknown[]) => this.receive(frame));
    if (!this.options.holds) this.port.unref();
  }

  onClose(handler: () => void): void {
    if (this.closed) this.scheduler.soon(handler);
    else this.closers.push(handler);
  }

  close(): void {
    this.flush();
    this.port.close();
    this.ended();
  }

  drain(): void {
    for (let rest = receiveMessageOnPort(this.port); rest !== undefined; rest = receiveMessageOnPort(this.port)) this.receive(rest.message as unknown[]);
  }

  flush(): void {
    const { out } = this;
    if (out.length === 0 || this.closed) return;
    this.out = [];
    try {
      this.port.postMessage(out);
    } catch {
      const { width } = this.options;
      for (let i = 0; i < out.length; i += width) this.postOne(out.slice(i, i + width) as unknown as Out, []);
    }
  }

  private readonly flushPlanned = (): void => {
    this.planned = false;
    this.flush();
  };

  private postOne(message: Out, moved: readonly Transferable[]): void {
    try {
      this.port.postMessage(message, moved);
    } catch (error) {
      this.options.refused(message, error);
    }
  }

  private receive(frame: unknown[]): void {
    const { width } = this.options;
    for (let i = 0; i < frame.length; i += width) this.handler?.(frame.slice(i, i + width) as unknown as In);
  }

  private ended(): void {
    if (this.closed) return;
    this.closed = true;
    for (const closer of this.closers.splice(0)) closer();
  }
}
