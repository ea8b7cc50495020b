import type { Duplex } from "node:stream";
import { BadFrame, LinkLost, placeError, type CarawayError } from "../../errors/index.js";
import type { ControlCodec } from "./control.js";
import { FrameParser, strangerLimits, type Frame, type FrameLimits } from "./frames.js";
import { mismatch, readHello, type Hello } from "./hello.js";
import { FrameSender } from "./frame-sender.js";

/** Types of the link's own frames; those below `firstOwnType` are kept for more of them. */
export const linkFrames = { hello: 1, farewell: 2 } as const;
export const firstOwnType = 16;

/** So long a closing link waits for what is on its way, in milliseconds. */
const closingLimit = 5_000;

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
  /** Who receives: one at a time. Nothing is read before there is one. */
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

/** What a link goes over: bytes in order, secure already, as a socket of Node brings them. */
export type ByteStream = Duplex & {
  setNoDelay(on: boolean): unknown;
  /** Ends it when all that was written has gone. */
  destroySoon(): void;
};

export interface LinkSetting {
  readonly identity: string;
  readonly address: string;
  readonly codec: ControlCodec;
  readonly limits: FrameLimits;
  /** The types of frames that may come; all from 16 on unless given. */
  readonly types?: readonly number[] | undefined;
  /** What this side says of itself. */
  readonly own: Hello;
}

/** A link over bytes that are secure already. It begins with a greeting. */
export class SocketLink implements FrameLink {
  readonly identity: string;
  readonly address: string;
  readonly counters: LinkCounters = { framesSent: 0, framesReceived: 0, bytesSent: 0, bytesReceived: 0, framesDropped: 0 };
  ended: LinkEnd | undefined;
  private other: Hello | undefined;
  private readonly sender: FrameSender;
  private readonly parser: FrameParser;
  private phase: "greeting" | "open" | "closing" | "ended" = "greeting";
  private greeted: { readonly resolve: (hello: Hello) => void; readonly reject: (error: CarawayError) => void } | undefined;
  private handler: ((frame: Frame) => void) | undefined;
  /** What came before anybody received; the socket waits meanwhile. */
  private readonly early: Frame[] = [];
  private closers: ((end: LinkEnd) => void)[] = [];
  private farewell: string | undefined;
  private closingFor = "";
  private closingTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: ByteStream,
    private readonly setting: LinkSetting,
  ) {
    this.identity = setting.identity;
    this.address = setting.address;
    this.sender = new FrameSender(socket, this.counters);
    const types = setting.types === undefined ? undefined : new Set(setting.types);
    const knows = (type: number): boolean => type === linkFrames.hello || type === linkFrames.farewell || (types === undefined ? type >= firstOwnType : types.has(type));
    this.parser = new FrameParser((frame) => this.receive(frame), strangerLimits, knows);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.read(chunk));
    socket.once("end", () => this.cut());
    socket.on("error", (error: NodeJS.ErrnoException) => this.finish(false, `the connection broke: ${error.code ?? error.message}`, { code: error.code }, error));
    socket.once("close", () => this.cut());
  }

  get hello(): Hello {
    return this.other as Hello;
  }

  get backlog(): number {
    return this.sender.backlog;
  }

  /** Sends our hello and waits for the other's. Rejects with what was wrong; the link ends then. */
  greet(): Promise<Hello> {
    const { codec, own } = this.setting;
    this.sender.send(linkFrames.hello, codec.encode(own));
    return new Promise((resolve, reject) => {
      if (this.ended === undefined) this.greeted = { resolve, reject };
      else reject(this.ended.error);
    });
  }

  send(type: number, header: Uint8Array, payload?: readonly Uint8Array[]): void {
    if (!(type >= firstOwnType && type <= 255)) throw new RangeError(`types of frames are ${firstOwnType} to 255, not ${type}`);
    if (this.phase !== "open") this.counters.framesDropped++;
    else this.sender.send(type, header, payload);
  }

  onFrame(handler: (frame: Frame) => void): void {
    const isFirst = this.handler === undefined;
    this.handler = handler;
    if (isFirst) queueMicrotask(() => this.begin());
  }

  onClose(handler: (end: LinkEnd) => void): void {
    const { ended } = this;
    if (ended === undefined) this.closers.push(handler);
    else queueMicrotask(() => handler(ended));
  }

  onDrain(handler: () => void): void {
    this.sender.onDrain(handler);
  }

  close(reason = "it was closed"): Promise<void> {
    if (this.phase === "open" || this.phase === "greeting") {
      this.phase = "closing";
      this.closingFor = reason;
      this.sender.send(linkFrames.farewell, this.setting.codec.encode({ reason: reason.slice(0, 1000) }));
      this.sender.end();
      // The other side's end is waited for, and read up to.
      this.socket.resume();
      this.closingTimer = setTimeout(() => this.finish(false, `it was closed here (${reason}), and the other side did not answer to it in ${closingLimit / 1000} s`), closingLimit);
    }
    return new Promise((resolve) => this.onClose(() => resolve()));
  }

  destroy(reason = "it was destroyed"): void {
    this.finish(false, `it was ended here: ${reason}`);
  }

  private read(chunk: Buffer): void {
    this.counters.bytesReceived += chunk.length;
    try {
      this.parser.push(chunk);
    } catch (error) {
      if (error instanceof BadFrame) this.fail(error);
      else this.finish(false, "what receives its frames threw", {}, error);
    }
  }

  private receive(frame: Frame): void {
    const { counters, phase } = this;
    counters.framesReceived++;
    if (frame.type < firstOwnType) this.control(frame);
    else if (phase === "greeting") throw outOfTurn("a frame came before the greeting", frame.type);
    else if (phase === "open") {
      if (this.handler === undefined || this.early.length > 0) this.early.push(frame);
      else this.handler(frame);
    }
  }

  private control({ type, header }: Frame): void {
    const { codec } = this.setting;
    if (type === linkFrames.hello) {
      if (this.other !== undefined) throw outOfTurn("a second greeting came", type);
      this.welcome(readHello(codec, header));
      return;
    }
    if (this.phase === "greeting") throw outOfTurn("a farewell came before the greeting", type);
    const said = codec.decode(header) as { reason?: unknown } | null;
    this.farewell = typeof said?.reason === "string" ? said.reason.replaceAll(/[^\x20-\x7e]/g, "?") : "without a reason";
  }

  private welcome(hello: Hello): void {
    this.other = hello;
    const { own, limits } = this.setting;
    const error = mismatch(own, hello, this.address);
    if (error !== undefined) {
      this.part(error);
      return;
    }
    if (this.phase !== "greeting") return;
    this.phase = "open";
    this.parser.limits = limits;
    this.socket.pause();
    this.greeted?.resolve(hello);
  }

  /** Ends it so that the other side still gets our hello. */
  private part(error: CarawayError): void {
    this.sender.end();
    this.conclude({ clean: false, reason: error.message, error }, () => this.socket.destroySoon());
  }

  private begin(): void {
    try {
      for (let frame = this.early.shift(); frame !== undefined && this.phase === "open"; frame = this.early.shift()) this.handler?.(frame);
    } catch (error) {
      this.finish(false, "what receives its frames threw", {}, error);
    }
    if (this.phase !== "ended") this.socket.resume();
  }

  /** Nothing more comes. */
  private cut(): void {
    if (this.phase === "ended") return;
    try {
      this.parser.end();
    } catch (error) {
      this.fail(error as BadFrame);
      return;
    }
    if (this.phase === "closing") this.finish(true, `it was closed here: ${this.closingFor}`);
    else if (this.farewell !== undefined) this.finish(true, `the other side closed it: ${this.farewell}`);
    else this.finish(false, "the connection ended without a farewell");
  }

  private fail(error: BadFrame): void {
    placeError(error, { host: this.address });
    this.conclude({ clean: false, reason: error.message, error }, () => this.socket.destroy());
  }

  private finish(clean: boolean, reason: string, evidence: Readonly<Record<string, unknown>> = {}, cause?: unknown): void {
    if (this.phase === "ended") return;
    const { address, identity, counters, backlog } = this;
    const details = { where: { host: address }, evidence: { reason, address, identity, clean, backlog, ...counters, ...evidence }, ...(cause === undefined ? {} : { cause }) };
    const error = new LinkLost("CW-LINK-005", `The link to ${address} (${identity}) ended: ${reason}.`, details);
    this.conclude({ clean, reason, error }, () => this.socket.destroy());
  }

  private conclude(end: LinkEnd, drop: () => void): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.ended = end;
    clearTimeout(this.closingTimer);
    this.parser.stop();
    drop();
    this.greeted?.reject(end.error);
    // Each in a microtask of its own: one that throws keeps none from being told.
    for (const closer of this.closers.splice(0)) queueMicrotask(() => closer(end));
  }
}

const outOfTurn = (what: string, type: number): BadFrame => new BadFrame("CW-LINK-003", `What came over a link is out of turn: ${what}.`, { evidence: { reason: "out-of-turn", type } });
