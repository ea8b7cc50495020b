import type { CarawayError } from "../../errors/index.js";
import type { Frame } from "./frames.js";
import type { Hello } from "./hello.js";

/** How a link ended. */
export interface LinkEnd {
  /** Whether one of the two closed it on purpose, and the other knows. */
  readonly clean: boolean;
  /** In words. */
  readonly reason: string;
  /** What to end with whatever still waits for the other side: `LinkLost`, or `BadFrame`. */
  readonly error: CarawayError;
}

export interface LinkCounters {
  framesSent: number;
  framesReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** Sent after the end. */
  framesDropped: number;
}

/** One end of a link to another machine: frames in order, each at most once, while it is whole. */
export interface FrameLink {
  /** Whose key secures it: the same at both ends. */
  readonly identity: string;
  /** `host:port` of the other side. */
  readonly address: string;
  /** What the other side said of itself. */
  readonly hello: Hello;
  /** Bytes that were sent and not yet taken by the system. */
  readonly backlog: number;
  readonly counters: Readonly<LinkCounters>;
  /** How it ended, once it has. */
  readonly ended: LinkEnd | undefined;
  /** Sends a frame of a type from 16 to 255. All that is sent in one turn goes out together; large parts are not copied, so they are not to be changed. After the end it goes nowhere, and is counted. */
  send(type: number, header: Uint8Array, payload?: readonly Uint8Array[]): void;
  /** Who receives: one at a time. What comes before there is one is kept, and the other side sends little of it. */
  onFrame(handler: (frame: Frame) => void): void;
  /** Called once, when the link has ended, whoever ended it and however late this is asked for. */
  onClose(handler: (end: LinkEnd) => void): void;
  /** Called each time the system has taken all that was sent. */
  onDrain(handler: () => void): void;
  /** Says farewell after all that was sent, and receives no more. Resolves when the link has ended; by force after five seconds. */
  close(reason?: string): Promise<void>;
  /** Ends it at once; what is on its way may be lost. */
  destroy(reason?: string): void;
}
