import { BadFrame } from "../../errors/index.js";

/**
 * What goes over a link between machines: `length` (4 bytes, big-endian, of all that follows), `type` (1), `sequence` (4: counted in each direction,
 * from 1, without gaps), `header length` (4), the header, the payload. Neither header nor payload is looked into here.
 */
export interface Frame {
  readonly type: number;
  readonly sequence: number;
  /** A view of what came, valid as long as it is held; whoever keeps it long copies it, since it may hold on to a larger piece. */
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

export interface FrameLimits {
  /** The longest frame, in bytes, with all but its length field. */
  readonly frame: number;
  /** The longest header. */
  readonly header: number;
}

/** What a peer may send that has not been let in. */
export const strangerLimits: FrameLimits = { frame: 64 * 1024, header: 64 * 1024 };
export const defaultLimits: FrameLimits = { frame: 1024 ** 3, header: 16 * 1024 ** 2 };

/** Type, sequence number and header length. */
export const fixedBytes = 9;
export const prefixBytes = 4 + fixedBytes;
/** Longer parts are sent from where they are, not copied. */
const copiedBelow = 16 * 1024;
const slabBytes = 64 * 1024;
const nothing: Uint8Array = Buffer.alloc(0);

/** Bytes in, frames out; knows no socket. What is not a frame is a `BadFrame`, and after one there are no more frames. */
export class FrameParser {
  /** The whole of what has come of a prefix, where a chunk ended within it. */
  private readonly prefix = Buffer.alloc(prefixBytes);
  private prefixHas = 0;
  private type = 0;
  private headerLength = 0;
  /** Header and payload of a frame that comes in several chunks. */
  private body: Buffer | undefined;
  private bodyHas = 0;
  private ended: BadFrame | true | undefined;

  constructor(
    private readonly onFrame: (frame: Frame) => void,
    /** May be raised while frames come: it holds from the next. */
    public limits: FrameLimits = defaultLimits,
    private readonly knows: (type: number) => boolean = () => true,
    /** The sequence number of the first frame. */
    private next = 1,
  ) {}

  /** Hands over every frame that is whole now. Throws `BadFrame`, and whatever the receiver throws. */
  push(chunk: Uint8Array): void {
    if (this.ended !== undefined) {
      if (this.ended === true) return;
      throw this.ended;
    }
    let at = 0;
    const { length } = chunk;
    while (at < length) {
      if (this.body !== undefined) at = this.fill(chunk, at);
      else if (this.prefixHas > 0 || length - at < prefixBytes) at = this.gather(chunk, at);
      else at = this.read(chunk, at);
      if (this.ended !== undefined) return;
    }
  }

  /** No frame follows, whatever else is pushed. */
  stop(): void {
    this.ended ??= true;
    this.body = undefined;
  }

  /** The bytes of the frame that is not whole yet. */
  get pending(): number {
    return this.body === undefined ? this.prefixHas : prefixBytes + this.bodyHas;
  }

  /** Nothing more comes: a `BadFrame` where that is within a frame. */
  end(): void {
    if (this.ended !== undefined || this.pending === 0) return;
    const wanted = this.body === undefined ? "" : ` of ${prefixBytes + this.body.length}`;
    this.fail("truncated", `the bytes end within a frame, after ${this.pending}${wanted} bytes of it`, { has: this.pending });
  }

  /** A frame whose prefix lies in the chunk. */
  private read(chunk: Uint8Array, at: number): number {
    const bodyLength = this.open(chunk, at);
    const start = at + prefixBytes;
    const end = start + bodyLength;
    if (end > chunk.length) {
      this.expect(bodyLength);
      return start;
    }
    this.deliver(chunk, start, end);
    return end;
  }

  /** A prefix that comes in pieces. */
  private gather(chunk: Uint8Array, at: number): number {
    const { prefix } = this;
    const end = Math.min(chunk.length, at + prefixBytes - this.prefixHas);
    while (at < end) prefix[this.prefixHas++] = chunk[at++] as number;
    // A length that cannot be is refused before the rest of the prefix has come.
    if (this.prefixHas >= 4) this.checkLength(readUint32(prefix, 0));
    if (this.prefixHas < prefixBytes) return at;
    const bodyLength = this.open(prefix, 0);
    this.prefixHas = 0;
    if (chunk.length - at >= bodyLength) {
      this.deliver(chunk, at, at + bodyLength);
      return at + bodyLength;
    }
    this.expect(bodyLength);
    return at;
  }

  private fill(chunk: Uint8Array, at: number): number {
    const body = this.body as Buffer;
    const taken = Math.min(body.length - this.bodyHas, chunk.length - at);
    body.set(at === 0 && taken === chunk.length ? chunk : chunk.subarray(at, at + taken), this.bodyHas);
    this.bodyHas += taken;
    if (this.bodyHas === body.length) {
      this.body = undefined;
      this.deliver(body, 0, body.length);
    }
    return at + taken;
  }

  /** Reads and checks a prefix; answers how many bytes follow it. */
  private open(bytes: Uint8Array, at: number): number {
    const length = readUint32(bytes, at);
    this.checkLength(length);
    const type = bytes[at + 4] as number;
    const sequence = readUint32(bytes, at + 5);
    const headerLength = readUint32(bytes, at + 9);
    if (!this.knows(type)) this.fail("unknown-type", `there is no frame of type ${type}`, { type, sequence });
    if (sequence !== this.next) this.fail(isBefore(sequence, this.next) ? "repeat" : "gap", `frame ${sequence} came where ${this.next} follows`, { sequence, expected: this.next, type });
    if (headerLength > length - fixedBytes) this.fail("header-too-long", `its header has ${headerLength} bytes, more than the frame with ${length}`, { headerLength, length, type });
    if (headerLength > this.limits.header) this.fail("header-too-long", `its header has ${headerLength} bytes, the limit is ${this.limits.header}`, { headerLength, limit: this.limits.header, type });
    this.type = type;
    this.headerLength = headerLength;
    return length - fixedBytes;
  }

  private checkLength(length: number): void {
    if (length === 0) this.fail("empty", "its length is 0", { length });
    if (length < fixedBytes) this.fail("too-short", `its length is ${length}, and the shortest has ${fixedBytes}`, { length });
    if (length > this.limits.frame) this.fail("too-long", `its length is ${length}, the limit is ${this.limits.frame}`, { length, limit: this.limits.frame });
  }

  private expect(bodyLength: number): void {
    try {
      this.body = Buffer.allocUnsafeSlow(bodyLength);
    } catch {
      this.fail("no-memory", `there is no memory for its ${bodyLength} bytes`, { length: bodyLength });
    }
    this.bodyHas = 0;
  }

  private deliver(bytes: Uint8Array, start: number, end: number): void {
    const sequence = this.next;
    this.next = (sequence + 1) >>> 0;
    const headerEnd = start + this.headerLength;
    const header = this.headerLength === 0 ? nothing : bytes.subarray(start, headerEnd);
    this.onFrame({ type: this.type, sequence, header, payload: headerEnd === end ? nothing : bytes.subarray(headerEnd, end) });
  }

  private fail(reason: string, what: string, evidence: Readonly<Record<string, unknown>>): never {
    const error = new BadFrame("CW-LINK-003", `What came over a link is not a valid frame: ${what}.`, { evidence: { reason, ...evidence } });
    this.ended = error;
    this.body = undefined;
    throw error;
  }
}

/** Frames in, bytes out. Small parts are put together, large ones are taken as they are: what is given is not to be changed before it was sent. */
export class FrameWriter {
  private slab: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  /** What of the slab is taken, and from where it has not been given out. */
  private used = 0;
  private given = 0;
  private ready: Uint8Array[] = [];
  /** Bytes that `take` would give. */
  pending = 0;

  constructor(private next = 1) {}

  /** Answers the frame's length on the wire. */
  add(type: number, header: Uint8Array, payload: readonly Uint8Array[] = []): number {
    let length = fixedBytes + header.length;
    for (const part of payload) length += part.length;
    if (length > 0xffff_ffff) throw new RangeError(`a frame of ${length} bytes cannot be sent: the length field has 32 bits`);
    this.make(prefixBytes);
    const { slab } = this;
    writeUint32(slab, this.used, length);
    slab[this.used + 4] = type;
    writeUint32(slab, this.used + 5, this.next);
    writeUint32(slab, this.used + 9, header.length);
    this.used += prefixBytes;
    this.next = (this.next + 1) >>> 0;
    this.put(header);
    for (const part of payload) this.put(part);
    this.pending += length + 4;
    return length + 4;
  }

  /** What has been added since the last time, in order. */
  take(): Uint8Array[] {
    this.cut();
    const { ready } = this;
    this.ready = [];
    this.pending = 0;
    return ready;
  }

  private put(part: Uint8Array): void {
    const { length } = part;
    if (length >= copiedBelow) {
      this.cut();
      this.ready.push(part);
      return;
    }
    this.make(length);
    const { slab, used } = this;
    if (length > 48) slab.set(part, used);
    else for (let i = 0; i < length; i++) slab[used + i] = part[i] as number;
    this.used = used + length;
  }

  /** Room for so many bytes in one slab. */
  private make(bytes: number): void {
    if (this.used + bytes <= slabBytes) return;
    this.cut();
    this.slab = Buffer.allocUnsafeSlow(slabBytes);
    this.used = this.given = 0;
  }

  private cut(): void {
    if (this.used === this.given) return;
    this.ready.push(this.slab.subarray(this.given, this.used));
    this.given = this.used;
  }
}

const readUint32 = (bytes: Uint8Array, at: number): number => (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Sequence numbers go round after 2³² frames. */
const isBefore = (sequence: number, expected: number): boolean => ((expected - sequence) >>> 0) < 0x8000_0000;
