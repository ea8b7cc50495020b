import type { Encoded } from "../../serialization/index.js";

const text = new TextEncoder();
const readText = new TextDecoder();

const tag = { undefined: 0, null: 1, false: 2, true: 3, number: 4, text: 5, bigint: 6, bytes: 7, parts: 8 } as const;

/** A growing piece of memory that records are written into, one after another. */
export class ByteWriter {
  length = 0;
  private memory: Uint8Array;
  private view: DataView;

  constructor(private readonly least = 16 * 1024) {
    this.memory = new Uint8Array(least);
    this.view = new DataView(this.memory.buffer);
  }

  /** What was written, in memory of its own; the writer is empty then. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.memory.slice(0, this.length);
    this.length = 0;
    if (this.memory.length > 64 * this.least) this.resize(this.least);
    return taken;
  }

  u8(value: number): void {
    this.room(1);
    this.memory[this.length++] = value;
  }

  u32(value: number): void {
    this.room(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  f64(value: number): void {
    this.room(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Writes over what is there already. */
  u32At(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  bytes(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.memory.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** With its length before it. */
  text(value: string): void {
    this.room(4 + value.length * 3);
    const { written } = text.encodeInto(value, this.memory.subarray(this.length + 4));
    this.view.setUint32(this.length, written, true);
    this.length += 4 + written;
  }

  encoded(value: Encoded): void {
    if (typeof value === "number") {
      this.u8(tag.number);
      this.f64(value);
    } else if (typeof value === "string") {
      this.u8(tag.text);
      this.text(value);
    } else if (value === undefined) this.u8(tag.undefined);
    else if (typeof value === "boolean") this.u8(value ? tag.true : tag.false);
    else if (typeof value === "bigint") {
      this.u8(tag.bigint);
      this.text(value.toString(16));
    } else this.object(value);
  }

  private object(value: Exclude<Encoded, undefined | boolean | number | string | bigint>): void {
    if (value === null) this.u8(tag.null);
    else if (value instanceof Uint8Array) {
      this.u8(tag.bytes);
      this.sized(value);
    } else {
      this.u8(tag.parts);
      this.sized(value.bytes);
      this.u32(value.buffers.length);
      for (const buffer of value.buffers) this.sized(new Uint8Array(buffer));
    }
  }

  private sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  private room(bytes: number): void {
    const wanted = this.length + bytes;
    if (wanted > this.memory.length) this.resize(Math.max(wanted, this.memory.length * 2));
  }

  private resize(size: number): void {
    const memory = new Uint8Array(size);
    memory.set(this.memory.subarray(0, Math.min(this.length, size)));
    this.memory = memory;
    this.view = new DataView(memory.buffer);
  }
}

/** Reads what a `ByteWriter` wrote. What leads beyond the end throws a RangeError. */
export class ByteReader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly memory: Uint8Array) {
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  moveTo(at: number): this {
    this.at = at;
    return this;
  }

  get left(): number {
    return this.memory.length - this.at;
  }

  u8(): number {
    return this.view.getUint8(this.at++);
  }

  u32(): number {
    const value = this.view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  f64(): number {
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  text(): string {
    return readText.decode(this.part(this.u32()));
  }

  /** A value; its bytes are in memory of their own. */
  encoded(): Encoded {
    const kind = this.u8();
    switch (kind) {
      case tag.undefined: return undefined;
      case tag.null: return null;
      case tag.false: return false;
      case tag.true: return true;
      case tag.number: return this.f64();
      case tag.text: return this.text();
      case tag.bigint: return this.bigint();
      case tag.bytes: return this.sized();
      case tag.parts: return this.parts();
      default: throw new RangeError(`no value begins with the tag ${kind}`);
    }
  }

  private bigint(): bigint {
    const digits = this.text();
    if (!/^-?[0-9a-f]+$/.test(digits)) throw new RangeError("the digits of a bigint are none");
    return digits.startsWith("-") ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  }

  /** A value that travelled as JSON. */
  json(): unknown {
    const text = this.text();
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new RangeError(`what should be JSON is not: ${(cause as Error).message}`, { cause });
    }
  }

  private parts(): Encoded {
    const bytes = this.sized();
    const count = this.u32();
    if (count > this.left / 4) throw new RangeError(`${count} pieces of memory do not fit into ${this.left} bytes`);
    return { bytes, buffers: Array.from({ length: count }, () => this.sized().buffer) };
  }

  private sized(): Uint8Array<ArrayBuffer> {
    // What came over a socket is a Buffer, whose `slice` shares its memory.
    return new Uint8Array(this.part(this.u32()));
  }

  private part(length: number): Uint8Array {
    if (length > this.left) throw new RangeError(`${length} bytes were announced where ${this.left} are left`);
    const part = this.memory.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }
}
