import type { KeyObject } from "node:crypto";
import { Duplex } from "node:stream";
import { Keeping } from "./keeping.js";
import { messages, Opener, sealBytes, Sealer, type MessageKind, type Opened } from "./seal.js";

/** So many bytes each side may send before the other has said more; what a stranger may send, too. */
export const firstWindow = 64 * 1024;
/** The longest message, however long the servers let one be: others wait behind it. */
const longestMessage = 256 * 1024;
/** The longest that is kept, of which there may be as many as there are slots. */
export const longestKept = 64 * 1024;

/** What a channel needs of the connection to the servers. */
export interface ChannelWay {
  /** Whether there is a server now. */
  readonly isUp: boolean;
  /** The longest message that the servers take. */
  readonly mostBytes: number;
  /** How much of one session may be on its way to this side now. */
  readonly window: number;
  /** Set: messages are kept until the other side has them; then each comes with its number. */
  readonly keeps?: boolean;
  publish(bytes: Uint8Array, number?: number): void;
  /** Asks the servers for a message of the other side that they have kept. */
  fetch?(number: number): void;
  /** The session is over. */
  closed(): void;
}

type Done = (error?: Error | null) => void;

/**
 * A session's bytes in both directions, sealed, through servers that bring each message at most once and tell nobody what they lost. Each message has a number
 * without gaps: where one is missing, the session ends, unless messages are kept: then it is got or said again. So that the servers never hold more for a slow receiver than they are willing to, each side sends
 * only what the other has made room for.
 */
export class SealedChannel extends Duplex {
  /** What came and was sealed by nobody who could. */
  forged = 0;
  private readonly sealer: Sealer;
  private readonly opener: Opener;
  private expected = 1n;
  private readonly queue: Uint8Array[] = [];
  private written: Done | undefined;
  private sent = 0;
  private limit = firstWindow;
  private received = 0;
  private granted = firstWindow;
  private isEndSent = false;
  private isEndReceived = false;
  private hasSpoken = false;
  private readonly keeping: Keeping | undefined;

  constructor(
    private readonly way: ChannelWay,
    keys: { readonly out: KeyObject; readonly in: KeyObject },
  ) {
    super({ allowHalfOpen: true, highWaterMark: 1024 * 1024 });
    this.sealer = new Sealer(keys.out);
    this.opener = new Opener(keys.in);
    this.keeping = way.keeps === true ? this.keep() : undefined;
  }

  /** As a socket has it: nothing waits here anyway. */
  setNoDelay(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** A message came on the session's subject, or because it was asked for. */
  hear(bytes: Uint8Array, wasAsked = false): void {
    if (this.destroyed) return;
    const opened = this.opener.open(bytes);
    if (opened === undefined) this.forged++;
    else if (this.keeping !== undefined) this.collect(this.keeping, opened, wasAsked);
    else if (opened.sequence === this.expected) this.accept(opened);
    else if (opened.sequence > this.expected) this.destroy(new Error(`${opened.sequence - this.expected} of its messages were lost between the servers`));
  }

  /** The servers say that nobody is there to get what was sent. */
  unheard(why = "the servers know nobody at the other end any more"): void {
    if (!this.isEndReceived && !this.destroyed) this.destroy(new Error(why));
  }

  /** Now and then, and when a server is there again: shows the other side what it may have missed, and the servers that this side is there. */
  speak(always = false): void {
    if (!this.way.isUp || this.destroyed) return;
    if (this.keeping !== undefined) this.speakOfKept(this.keeping, always);
    else if (always || !this.hasSpoken) this.say(messages.alive);
    this.hasSpoken = false;
    this.widen();
    this.pump();
  }

  /** There is more room than before. */
  widen(): void {
    const consumed = this.received - this.readableLength;
    const { window } = this.way;
    if (!this.maySay(messages.window) || this.destroyed || this.isEndReceived || consumed + window - this.granted < window / 2) return;
    this.granted = consumed + window;
    this.say(messages.window, [eightBytes(this.granted)]);
  }

  /** What is taken out makes room. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (chunk !== null) this.widen();
    return chunk;
  }

  override _read(): void {
    this.widen();
  }

  override _write(chunk: Uint8Array, _: unknown, done: Done): void {
    this.queue.push(chunk);
    this.written = done;
    this.pump();
  }

  override _writev(chunks: { readonly chunk: Uint8Array }[], done: Done): void {
    for (const { chunk } of chunks) this.queue.push(chunk);
    this.written = done;
    this.pump();
  }

  override _final(done: Done): void {
    this.sayEnd();
    done();
    if (!this.way.isUp) this.destroy(new Error("there is no server to tell the other side by"));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.sayEnd();
    this.keeping?.stop();
    this.way.closed();
    const { written } = this;
    this.written = undefined;
    this.queue.length = 0;
    written?.(error ?? new Error("the session is over"));
    done(error);
  }

  private keep(): Keeping {
    const { way } = this;
    return new Keeping({
      get isUp() {
        return way.isUp;
      },
      send: (number, bytes) => way.publish(bytes, number),
      fetch: (number) => way.fetch?.(number),
      tell: () => this.sayHave(),
    });
  }

  private collect(keeping: Keeping, opened: Opened, wasAsked: boolean): void {
    const isNews = wasAsked && Number(opened.sequence) > keeping.newest;
    if (!keeping.heard(opened)) {
      this.destroy(new Error("the other side is further than it may be"));
      return;
    }
    for (let next = keeping.next(); next !== undefined && !this.destroyed; next = keeping.next()) this.accept(next);
    if (isNews && !this.destroyed) keeping.askOn();
  }

  private speakOfKept(keeping: Keeping, isBack: boolean): void {
    if (isBack) keeping.resume();
    if (isBack || !this.hasSpoken || keeping.untold > 0) this.sayHave();
    if (!isBack && !keeping.second()) this.destroy(new Error("one of its messages was lost, and neither its sender nor the servers have it"));
  }

  private sayHave(): void {
    if (this.keeping !== undefined && !this.destroyed && this.maySay(messages.have)) this.say(messages.have, [eightBytes(this.keeping.has)]);
  }

  private accept({ kind, body }: Opened): void {
    this.expected++;
    if (kind === messages.data) this.bring(body);
    else if (kind === messages.window && body.length === 8) {
      this.limit = Math.max(this.limit, Number(body.readBigUInt64BE()));
      this.pump();
    } else if (kind === messages.have && body.length === 8) {
      this.keeping?.acknowledge(Number(body.readBigUInt64BE()));
      this.widen();
      this.pump();
    } else if (kind === messages.end) {
      this.isEndReceived = true;
      this.push(null);
    }
  }

  private bring(body: Buffer): void {
    this.received += body.length;
    if (this.received > this.granted || this.isEndReceived) this.destroy(new Error("the other side sent more than there was room for"));
    else {
      this.push(body);
      this.widen();
    }
  }

  private pump(): void {
    const { queue, way } = this;
    const longest = Math.min(way.keeps === true ? longestKept : longestMessage, way.mostBytes - sealBytes);
    while (queue.length > 0 && this.limit > this.sent && this.maySay(messages.data)) this.say(messages.data, this.nextPiece(Math.min(this.limit - this.sent, longest)));
    if (queue.length > 0) return;
    const { written } = this;
    this.written = undefined;
    written?.();
  }

  private nextPiece(most: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let room = most;
    for (let [first] = this.queue; first !== undefined && room > 0; [first] = this.queue) {
      const part = first.length <= room ? first : first.subarray(0, room);
      if (part.length === first.length) this.queue.shift();
      else this.queue[0] = first.subarray(room);
      parts.push(part);
      room -= part.length;
    }
    this.sent += most - room;
    return parts;
  }

  private sayEnd(): void {
    if (this.isEndSent) return;
    this.isEndSent = true;
    this.say(messages.end);
  }

  /** While there is no server nothing has a number yet, so that nothing is missing afterwards but what was on its way. */
  private maySay(kind: MessageKind): boolean {
    return this.way.isUp && (!this.isEndSent || kind === messages.end) && this.keeping?.hasRoom(kind) !== false;
  }

  private say(kind: MessageKind, body: readonly Uint8Array[] = []): void {
    if (!this.maySay(kind)) return;
    this.hasSpoken = true;
    const bytes = this.sealer.seal(kind, body);
    if (this.keeping === undefined) this.way.publish(bytes);
    else this.keeping.say(kind, bytes);
  }
}

function eightBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
