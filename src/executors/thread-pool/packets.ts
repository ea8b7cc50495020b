import type { Socket } from "node:net";
import { Deserializer, Serializer } from "node:v8";

/** Binary data from this size on travels beside the structure of its packet, uncopied. */
const besideFrom = 4096;

enum Place { Inline, Beside, BesideMemory }

/** Memory that is an ArrayBuffer on the other side too, instead of a view. */
class Memory extends Uint8Array {}

/** The part of Node's serializer that its types leave out. */
interface HostObjects {
  _setTreatArrayBufferViewsAsHostObjects(treat: boolean): void;
}

class PacketWriter extends Serializer {
  readonly segments: Uint8Array[] = [];

  constructor() {
    super();
    (this as unknown as HostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** Called by v8 for each view. */
  _writeHostObject(view: Uint8Array): void {
    const isMemory = view instanceof Memory;
    if (!isMemory && view.byteLength < besideFrom) {
      this.writeUint32(Place.Inline);
      this.writeUint32(view.byteLength);
      this.writeRawBytes(view);
      return;
    }
    this.writeUint32(isMemory ? Place.BesideMemory : Place.Beside);
    this.writeUint32(this.segments.push(view));
  }
}

class PacketReader extends Deserializer {
  constructor(private readonly segments: readonly Uint8Array[]) {
    super(segments[0] as Uint8Array);
  }

  /** Each piece of binary data gets memory of its own: it is handed on, and may be moved. */
  _readHostObject(): unknown {
    const place = this.readUint32() as Place;
    const number = this.readUint32();
    if (place === Place.Inline) return new Uint8Array(this.readRawBytes(number));
    const segment = this.segments[number] as Uint8Array;
    return place === Place.Beside ? segment : segment.buffer;
  }
}

const headBytes = 8;
const lengthBytes = 8;
/** What a packet begins with: whatever else is written to the pipe, by a task that has its number, is no packet. */
const mark = 0x4b505743;
const mostSegments = 2 ** 24;

/**
 * Messages over a pipe between two processes of this machine. A packet: a mark and the number of its segments (32 bits each), their lengths
 * (doubles), the segments; the first is v8's form of the message, the others are the large binary data in it. After bytes that are no
 * packet nothing is read any more.
 */
export class Packets<Out, In> {
  private wanted: Uint8Array = new Uint8Array(headBytes);
  private filled = 0;
  private phase: "head" | "lengths" | "segments" = "head";
  private lengths: Float64Array = new Float64Array(0);
  private segments: Uint8Array[] = [];
  private isBroken = false;

  constructor(
    private readonly socket: Socket,
    private readonly received: (message: In) => void,
    /** Something else than a packet has come. */
    private readonly broken: (error: Error) => void,
  ) {
    socket.on("data", (chunk: Uint8Array) => {
      if (!this.isBroken) this.read(chunk);
    });
  }

  send(message: Out): void {
    if (!this.socket.writable) return;
    const writer = new PacketWriter();
    writer.writeHeader();
    writer.writeValue(message);
    const segments = [writer.releaseBuffer(), ...writer.segments];
    const head = Buffer.allocUnsafe(headBytes + segments.length * lengthBytes);
    head.writeUInt32LE(mark, 0);
    head.writeUInt32LE(segments.length, 4);
    segments.forEach((segment, i) => head.writeDoubleLE(segment.byteLength, headBytes + i * lengthBytes));
    this.socket.cork();
    this.socket.write(head);
    for (const segment of segments) this.socket.write(segment);
    this.socket.uncork();
  }

  private read(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      const length = Math.min(chunk.byteLength - at, this.wanted.byteLength - this.filled);
      this.wanted.set(chunk.subarray(at, at + length), this.filled);
      at += length;
      this.filled += length;
      while (this.filled === this.wanted.byteLength) {
        const message = this.next();
        if (this.isBroken) return;
        if (message !== undefined) this.received(message.value);
      }
    }
  }

  private want(bytes: number): void {
    this.wanted = new Uint8Array(bytes);
    this.filled = 0;
  }

  /** What was wanted is complete: a message, where it was the last of one. */
  private next(): { readonly value: In } | undefined {
    try {
      if (this.phase === "head") {
        this.beginPacket();
        return undefined;
      }
      if (this.phase === "lengths") {
        this.phase = "segments";
        this.lengths = new Float64Array(this.wanted.buffer);
      } else this.segments.push(this.wanted);
      if (this.segments.length === this.lengths.length) return { value: this.complete() };
      this.want(this.lengths[this.segments.length] as number);
    } catch (cause) {
      this.isBroken = true;
      this.broken(new Error(`what came over the pipe between two processes is no packet: ${(cause as Error).message}`, { cause }));
    }
    return undefined;
  }

  private beginPacket(): void {
    const head = new DataView(this.wanted.buffer);
    const count = head.getUint32(4, true);
    if (head.getUint32(0, true) !== mark || count === 0 || count > mostSegments) throw new RangeError("it does not begin as one");
    this.phase = "lengths";
    this.want(count * lengthBytes);
  }

  private complete(): In {
    const { segments } = this;
    this.segments = [];
    this.phase = "head";
    this.want(headBytes);
    const reader = new PacketReader(segments);
    reader.readHeader();
    return reader.readValue() as In;
  }
}

/** The same data in a form that a packet carries without copying what is large. */
export function packed<T>(value: T): T {
  if (typeof value !== "object" || value === null || !("buffers" in value)) return value;
  return { ...value, buffers: (value.buffers as ArrayBuffer[]).map((buffer) => new Memory(buffer)) };
}
