import { BadFrame } from "../../errors/index.js";
import type { FrameSink } from "./frame-sender.js";
import { fixedBytes, type Frame } from "./frames.js";

/** The type of a frame that is a part of a larger one. The header of the first part: the type of the whole (1 byte), the lengths of its header and of all of it but its prefix (4 bytes each, big-endian); other parts have none. */
export const partType = 3;
const openingBytes = 9;

/** Cuts one frame into parts. Nothing is copied. */
export class PartCutter {
  private readonly pieces: readonly Uint8Array[];
  private readonly opening = Buffer.alloc(openingBytes);
  private piece = 0;
  private at = 0;
  private hasBegun = false;

  constructor({ type, header, payload, length }: { readonly type: number; readonly header: Uint8Array; readonly payload: readonly Uint8Array[]; readonly length: number }) {
    this.pieces = [header, ...payload].filter((piece) => piece.length > 0);
    this.opening[0] = type;
    this.opening.writeUInt32BE(header.length, 1);
    this.opening.writeUInt32BE(length, 5);
  }

  get isDone(): boolean {
    return this.piece === this.pieces.length;
  }

  /** Sends the next part, of at most so many bytes; answers with how many it has. */
  send(sender: FrameSink, most: number): number {
    const part: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < most && !this.isDone) {
      const piece = this.pieces[this.piece] as Uint8Array;
      const slice = piece.subarray(this.at, this.at + most - bytes);
      part.push(slice);
      bytes += slice.length;
      this.at += slice.length;
      if (this.at < piece.length) continue;
      this.piece++;
      this.at = 0;
    }
    sender.send(partType, this.hasBegun ? nothing : this.opening, part);
    this.hasBegun = true;
    return bytes;
  }
}

/** Puts parts together again. Throws a `BadFrame` where they do not fit. */
export class PartJoiner {
  private type = 0;
  private headerLength = 0;
  private body: Buffer | undefined;
  private has = 0;

  /** Bytes of the frame that is not whole yet. */
  get pending(): number {
    return this.has;
  }

  /** The whole frame, with its last part. */
  add({ sequence, header, payload }: Frame, limits: { readonly frame: number; readonly header: number }, knows: (type: number) => boolean): Frame | undefined {
    if (header.length > 0) this.open(header, limits, knows);
    const { body } = this;
    if (body === undefined) throw misfit("a part came, and none had begun");
    if (this.has + payload.length > body.length) throw misfit(`its parts have more than the ${body.length} bytes that were announced`);
    body.set(payload, this.has);
    this.has += payload.length;
    if (this.has < body.length) return undefined;
    this.body = undefined;
    this.has = 0;
    return { type: this.type, sequence, header: body.subarray(0, this.headerLength), payload: body.subarray(this.headerLength) };
  }

  private open(header: Uint8Array, limits: { readonly frame: number; readonly header: number }, knows: (type: number) => boolean): void {
    if (this.body !== undefined) throw misfit("another began before it was whole");
    if (header.length !== openingBytes) throw misfit(`its opening has ${header.length} bytes`);
    const view = new DataView(header.buffer, header.byteOffset, openingBytes);
    const [type, headerLength, length] = [view.getUint8(0), view.getUint32(1), view.getUint32(5)];
    if (!knows(type)) throw misfit(`there is no frame of type ${type}`);
    if (length + fixedBytes > limits.frame) throw misfit(`its length is ${length + fixedBytes}, the limit is ${limits.frame}`);
    if (headerLength > Math.min(length, limits.header)) throw misfit(`its header has ${headerLength} bytes, the frame ${length}, and the limit is ${limits.header}`);
    this.type = type;
    this.headerLength = headerLength;
    try {
      this.body = Buffer.allocUnsafeSlow(length);
    } catch {
      throw misfit(`there is no memory for its ${length} bytes`);
    }
  }
}

const nothing: Uint8Array = Buffer.alloc(0);

function misfit(what: string): BadFrame {
  return new BadFrame("CW-LINK-003", `What came over a link is not a valid frame in parts: ${what}.`, { evidence: { reason: "parts" } });
}
