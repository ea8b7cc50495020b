import type { Duplex } from "node:stream";
import { BadFrame, LinkLost, placeError, type CarawayError } from "../../errors/index.js";
import { linkMachine, type LinkContext, type LinkEffect, type LinkEnding, type LinkInput, type LinkMessage } from "../../state-machines/link.js";
import type { Performers } from "../cell.js";
import { compile } from "../compile.js";
import { InPlace } from "../in-place.js";
import type { ControlCodec } from "./control.js";
import type { FrameLink, LinkCounters, LinkEnd } from "./frame-link.js";
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

const chart = compile<LinkContext, LinkMessage, LinkEffect, LinkInput>(linkMachine);

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
  /** Whether it is open is asked for each frame; it is told only what changes that. */
  private readonly life: InPlace<LinkContext, LinkMessage, LinkEffect, LinkInput>;
  private greeted: { readonly resolve: (hello: Hello) => void; readonly reject: (error: CarawayError) => void } | undefined;
  private handler: ((frame: Frame) => void) | undefined;
  /** What came before anybody received. */
  private readonly early: Frame[] = [];
  private closers: ((end: LinkEnd) => void)[] = [];
  private limitTimer: NodeJS.Timeout | undefined;

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
    this.life = new InPlace(chart, { limit: closingLimit }, this.performers());
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.read(chunk));
    socket.once("end", () => this.cut());
    socket.on("error", (error: NodeJS.ErrnoException) => this.life.tell({ type: "stream.broke", error, code: error.code }));
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
    if (!this.life.is("open")) this.counters.framesDropped++;
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
    this.life.tell({ type: "link.close", reason });
    return new Promise((resolve) => this.onClose(() => resolve()));
  }

  destroy(reason = "it was destroyed"): void {
    this.life.tell({ type: "link.destroy", reason });
  }

  private read(chunk: Buffer): void {
    this.counters.bytesReceived += chunk.length;
    try {
      this.parser.push(chunk);
      this.sayArrived();
    } catch (error) {
      this.life.tell(error instanceof BadFrame ? { type: "frame.refused", error: this.placed(error) } : { type: "receiver.threw", error });
    }
  }

  /** What nobody receives yet has not arrived: so the other side sends no more than a little of it. */
  private sayArrived(): void {
    if (this.counters.bytesReceived - this.said < saidEvery || !this.life.is("reports") || (this.life.is("open") && this.handler === undefined)) return;
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
    if (this.life.is("open")) {
      if (this.handler === undefined || this.early.length > 0) this.keep(frame);
      else this.handler(frame);
    } else if (this.life.is("unknown")) throw outOfTurn("a frame came before the greeting", frame.type);
  }

  private control(frame: Frame): void {
    const { type, header } = frame;
    const { codec } = this.setting;
    if (type === linkFrames.hello) {
      if (this.other !== undefined) throw outOfTurn("a second greeting came", type);
      this.welcome(readHello(codec, header));
      return;
    }
    if (this.life.is("unknown")) throw outOfTurn("something came before the greeting", type);
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
    this.life.tell({ type: "farewell.heard", reason: typeof said?.reason === "string" ? said.reason.replaceAll(/[^\x20-\x7e]/g, "?") : "without a reason" });
  }

  private welcome(hello: Hello): void {
    this.other = hello;
    const error = mismatch(this.setting.own, hello, this.address);
    this.life.tell(error === undefined ? { type: "greeting.heard" } : { type: "greeting.refused", error });
  }

  private begin(): void {
    try {
      for (let frame = this.early.shift(); frame !== undefined && this.life.is("open"); frame = this.early.shift()) this.handler?.(frame);
    } catch (error) {
      this.life.tell({ type: "receiver.threw", error });
    }
    this.sayArrived();
  }

  private keep(frame: Frame): void {
    this.early.push(frame);
    if (this.counters.bytesReceived - this.said > mostEarly) throw outOfTurn("it sends on without being told that anything arrived", frame.type);
  }

  /** Nothing more comes. */
  private cut(): void {
    if (this.life.is("final")) return;
    try {
      this.parser.end();
      this.life.tell({ type: "stream.ended" });
    } catch (error) {
      this.life.tell({ type: "stream.ended", error: this.placed(error as BadFrame) });
    }
  }

  private placed(error: BadFrame): BadFrame {
    placeError(error, { host: this.address });
    return error;
  }

  private performers(): Performers<LinkEffect, unknown> {
    return {
      "frames.begin": () => {
        this.parser.limits = this.setting.limits;
        this.greeted?.resolve(this.hello);
      },
      "farewell.say": ({ reason }) => {
        this.outbox.send(linkFrames.farewell, this.setting.codec.encode({ reason: reason.slice(0, 1000) }));
        this.outbox.whenEmpty(() => this.life.tell({ type: "outbox.emptied" }));
        // The other side's end is waited for, and read up to.
        this.socket.resume();
      },
      "outbox.release": () => this.outbox.release(),
      "outbox.clear": () => this.outbox.clear(),
      "stream.end": () => this.sender.end(),
      "timer.start": ({ ms }) => {
        this.limitTimer = setTimeout(() => this.life.tell({ type: "limit.expired" }), ms);
      },
      "timer.cancel": () => clearTimeout(this.limitTimer),
      "link.end": ({ ending, drop }) => this.conclude(ending, drop),
    };
  }

  private conclude(ending: LinkEnding, drop: "now" | "soon"): void {
    const { clean, reason } = ending;
    const end: LinkEnd = { clean, reason, error: (ending.error as CarawayError | undefined) ?? this.lost(ending) };
    this.ended = end;
    this.parser.stop();
    if (drop === "now") this.socket.destroy();
    else {
      // The other side still gets our greeting.
      this.sender.end();
      this.socket.destroySoon();
    }
    this.greeted?.reject(end.error);
    // Each in a microtask of its own: one that throws keeps none from being told.
    for (const closer of this.closers.splice(0)) queueMicrotask(() => closer(end));
  }

  private lost({ clean, reason, cause, ...broken }: LinkEnding): LinkLost {
    const { address, identity, counters, backlog } = this;
    const details = { where: { host: address }, evidence: { reason, address, identity, clean, backlog, ...counters, ...broken }, ...(cause === undefined ? {} : { cause }) };
    return new LinkLost("CW-LINK-005", `The link to ${address} (${identity}) ended: ${reason}.`, details);
  }
}

function readArrived(header: Uint8Array): number {
  if (header.length !== 8) throw new BadFrame("CW-LINK-003", `What came over a link is not a valid frame: it says what has arrived in ${header.length} bytes, not in 8.`, { evidence: { reason: "arrived" } });
  return new DataView(header.buffer, header.byteOffset, 8).getFloat64(0);
}

const outOfTurn = (what: string, type: number): BadFrame => new BadFrame("CW-LINK-003", `What came over a link is out of turn: ${what}.`, { evidence: { reason: "out-of-turn", type } });
