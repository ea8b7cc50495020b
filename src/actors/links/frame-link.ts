import type { Duplex } from "node:stream";
import { BadFrame, LinkLost, placeError, type CarawayError } from "../../errors/index.js";
import type { ControlCodec } from "./control.js";
import { FrameParser, strangerLimits, type Frame, type FrameLimits } from "./frames.js";
import { mismatch, readHello, type Hello } from "./hello.js";
import { FrameSender } from "./frame-sender.js";
import { Outbox } from "./outbox.js";
import { PartJoiner, partType } from "./parts.js";

/** Types of the link's own frames; those below `firstOwnType` are kept for more of them. */
export const linkFrames = { hello: 1, farewell: 2, part: partType, arrived: 4 } as const;
export const firstOwnType = 16;

const ownTypes: ReadonlySet<number> = new Set(Object.values(linkFrames));

/** So many bytes come before it is said that they have. */
const saidEvery = 64 * 1024;
/** So much of what nobody receives yet is kept; who has more on its way without being told that it arrived does not keep to the rules. */
const mostEarly = 64 * 1024 * 1024;

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
  /** The types of frames that go before all that waits. */
  readonly urgent?: readonly number[] | undefined;
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
  private readonly outbox: Outbox;
  private readonly joiner = new PartJoiner();
  private readonly knows: (type: number) => boolean;
  /** Bytes of which the other side knows that they have come. */
  private said = 0;
  private readonly parser: FrameParser;
  private phase: "greeting" | "open" | "closing" | "ended" = "greeting";
  private greeted: { readonly resolve: (hello: Hello) => void; readonly reject: (error: CarawayError) => void } | undefined;
  private handler: ((frame: Frame) => void) | undefined;
  /** What came before anybody received. */
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
    this.outbox = new Outbox(this.sender, this.counters, new Set(setting.urgent));
    const types = setting.types === undefined ? undefined : new Set(setting.types);
    this.knows = (type) => (types === undefined ? type >= firstOwnType : types.has(type));
    this.parser = new FrameParser((frame) => this.receive(frame), strangerLimits, (type) => ownTypes.has(type) || this.knows(type));
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
    return this.outbox.backlog;
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
    else this.outbox.send(type, header, payload);
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
    this.sender.onDrain(() => {
      if (this.outbox.backlog === 0) handler();
    });
  }

  close(reason = "it was closed"): Promise<void> {
    if (this.phase === "open" || this.phase === "greeting") {
      this.phase = "closing";
      this.closingFor = reason;
      this.outbox.send(linkFrames.farewell, this.setting.codec.encode({ reason: reason.slice(0, 1000) }));
      this.outbox.end();
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
      this.sayArrived();
    } catch (error) {
      if (error instanceof BadFrame) this.fail(error);
      else this.finish(false, "what receives its frames threw", {}, error);
    }
  }

  /** What nobody receives yet has not arrived: so the other side sends no more than a little of it. */
  private sayArrived(): void {
    const wants = this.phase === "open" ? this.handler !== undefined : this.phase === "closing" && !this.outbox.isOver;
    if (!wants || this.counters.bytesReceived - this.said < saidEvery) return;
    this.said = this.counters.bytesReceived;
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(this.said);
    this.sender.send(linkFrames.arrived, bytes);
  }

  private receive(frame: Frame): void {
    this.counters.framesReceived++;
    if (frame.type < firstOwnType) this.control(frame);
    else this.accept(frame);
  }

  private accept(frame: Frame): void {
    const { phase } = this;
    if (phase === "greeting") throw outOfTurn("a frame came before the greeting", frame.type);
    else if (phase === "open") {
      if (this.handler === undefined || this.early.length > 0) this.keep(frame);
      else this.handler(frame);
    }
  }

  private control(frame: Frame): void {
    const { type, header } = frame;
    const { codec } = this.setting;
    if (type === linkFrames.hello) {
      if (this.other !== undefined) throw outOfTurn("a second greeting came", type);
      this.welcome(readHello(codec, header));
      return;
    }
    if (this.phase === "greeting") throw outOfTurn("something came before the greeting", type);
    if (type === linkFrames.part) {
      const whole = this.joiner.add(frame, this.parser.limits, this.knows);
      if (whole !== undefined) this.accept(whole);
      return;
    }
    if (type === linkFrames.arrived) {
      this.outbox.acknowledge(readArrived(header));
      return;
    }
    const said = codec.decode(header) as { reason?: unknown } | null;
    this.farewell = typeof said?.reason === "string" ? said.reason.replaceAll(/[^\x20-\x7e]/g, "?") : "without a reason";
    this.outbox.release();
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
    this.sayArrived();
  }

  private keep(frame: Frame): void {
    this.early.push(frame);
    if (this.counters.bytesReceived - this.said > mostEarly) throw outOfTurn("it sends on without being told that anything arrived", frame.type);
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

function readArrived(header: Uint8Array): number {
  if (header.length !== 8) throw new BadFrame("CW-LINK-003", `What came over a link is not a valid frame: it says what has arrived in ${header.length} bytes, not in 8.`, { evidence: { reason: "arrived" } });
  return new DataView(header.buffer, header.byteOffset, 8).getFloat64(0);
}

const outOfTurn = (what: string, type: number): BadFrame => new BadFrame("CW-LINK-003", `What came over a link is out of turn: ${what}.`, { evidence: { reason: "out-of-turn", type } });
