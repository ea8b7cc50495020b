import { types } from "node:util";
import type { Deserializer, Serializer } from "node:v8";
import { isDetached, isMarkedToMove, takeMoved } from "./move.js";

/** Binary data above this size goes beside the bytes, so that it can be transferred. */
export const INLINE_LIMIT = 64 * 1024;

type ViewClass = new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView;

const VIEW_NAMES = ["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array", "DataView", "Float16Array"] as const;
const BUFFER_KIND = VIEW_NAMES.length;
/** Kinds of views are numbers below this one. */
export const VIEW_KINDS = BUFFER_KIND + 1;

const viewClasses = VIEW_NAMES.map((name) => (globalThis as Record<string, unknown>)[name] as ViewClass | undefined);
const kindByPrototype = new Map<unknown, number>(viewClasses.flatMap((Class, kind) => (Class === undefined ? [] : [[Class.prototype, kind]])));
kindByPrototype.set(Buffer.prototype, BUFFER_KIND);

/** Whether a view is of a class that travels: the built-in ones and Buffer, not their subclasses. */
export function viewKindOf(view: ArrayBufferView): number | undefined {
  const known = kindByPrototype.get(Object.getPrototypeOf(view));
  if (known !== undefined) return known;
  const prototype = Object.getPrototypeOf(view) as { constructor?: unknown };
  const foreign = typeof prototype.constructor === "function" && /\[native code\]/.test(Function.prototype.toString.call(prototype.constructor)) ? VIEW_NAMES.indexOf(prototype.constructor.name as (typeof VIEW_NAMES)[number]) : -1;
  return foreign < 0 ? undefined : foreign;
}

/** One piece of memory: the window of it that the value uses. */
interface Piece {
  readonly index: number;
  readonly memory: ArrayBuffer;
  low: number;
  high: number;
}

const Place = { Inline: 0, Beside: 1, InlineResizable: 2 } as const;

interface Resizable { readonly resizable?: boolean; readonly maxByteLength?: number }

/**
 * The memory under all buffers and views of one value. Views on the same memory go on sharing it; only the window that is
 * used travels. A Buffer from Node's pool goes alone, so that it drags no slab along.
 */
export class BinaryTable {
  readonly pieces: Piece[] = [];
  private readonly byOwner = new Map<object, Piece>();

  /** Notes an ArrayBuffer that is itself part of the value; false when it was moved away. */
  addMemory(memory: ArrayBuffer): boolean {
    if (isDetached(memory)) return false;
    const piece = this.pieceOf(memory, memory);
    piece.low = 0;
    piece.high = memory.byteLength;
    return true;
  }

  /** Notes a view; false when its memory is shared or was moved away, or its class is not one that travels. */
  addView(view: ArrayBufferView): boolean {
    const memory: unknown = view.buffer;
    if (viewKindOf(view) === undefined || !types.isArrayBuffer(memory) || isDetached(memory)) return false;
    const piece = this.pieceOf(isPooled(view, memory) ? view : memory, memory);
    piece.low = Math.min(piece.low, view.byteOffset - (view.byteOffset % 8));
    piece.high = Math.max(piece.high, view.byteOffset + view.byteLength);
    return true;
  }

  private pieceOf(owner: object, memory: ArrayBuffer): Piece {
    const known = this.byOwner.get(owner);
    if (known !== undefined) return known;
    const whole = isMarkedToMove(memory) || isResizable(memory);
    const piece: Piece = { index: this.pieces.length, memory, low: whole ? 0 : Infinity, high: whole ? memory.byteLength : 0 };
    this.pieces.push(piece);
    this.byOwner.set(owner, piece);
    return piece;
  }

  /** Writes the memory ahead of the value; what is large or moved goes beside the bytes, by `takeBeside`. */
  write(to: Serializer): void {
    let beside = 0;
    to.writeUint32(this.pieces.length);
    for (const piece of this.pieces) {
      if (!goesBeside(piece)) {
        writeInline(to, piece);
        continue;
      }
      to.writeUint32(Place.Beside);
      to.writeUint32(beside);
      beside += 1;
    }
  }

  /** The memory that goes beside the bytes. Called last: it empties what is moved. */
  takeBeside(): ArrayBuffer[] {
    return this.pieces.filter(goesBeside).map(({ memory, low, high }) => (isMarkedToMove(memory) ? takeMoved(memory) : memory.slice(low, high)));
  }

  /** Makes ArrayBuffers that are part of the value be written as references to their pieces. */
  declare(to: Serializer): void {
    for (const { index, memory } of this.pieces) if (this.byOwner.has(memory)) to.transferArrayBuffer(index, memory);
  }

  writeView(to: Serializer, view: ArrayBufferView): void {
    const piece = this.byOwner.get(view) ?? this.byOwner.get(view.buffer);
    const kind = viewKindOf(view);
    if (piece === undefined || kind === undefined) throw new TypeError("a view appeared while the value was written");
    to.writeUint32(kind);
    to.writeUint32(piece.index);
    writeSize(to, view.byteOffset - piece.low);
    writeSize(to, view.byteLength);
  }
}

const isResizable = (memory: ArrayBuffer): boolean => (memory as Resizable).resizable === true;

/** Node cuts small Buffers from slabs of `Buffer.poolSize` bytes. */
const isPooled = (view: ArrayBufferView, memory: ArrayBuffer): boolean => Buffer.isBuffer(view) && memory.byteLength === Buffer.poolSize && view.byteLength < memory.byteLength;

const writeSize = (to: Serializer, size: number): void => to.writeUint64(Math.floor(size / 2 ** 32), size >>> 0);

function readSize(from: Deserializer): number {
  const [high, low] = from.readUint64();
  return high * 2 ** 32 + low;
}

const goesBeside = ({ memory, low, high }: Piece): boolean => isMarkedToMove(memory) || (high - low > INLINE_LIMIT && !isResizable(memory));

function writeInline(to: Serializer, { memory, low, high }: Piece): void {
  to.writeUint32(isResizable(memory) ? Place.InlineResizable : Place.Inline);
  writeSize(to, high - low);
  if (isResizable(memory)) writeSize(to, (memory as Resizable).maxByteLength ?? high);
  to.writeRawBytes(new Uint8Array(memory, low, high - low));
}

/** Reads what `BinaryTable.write` wrote. */
export function readMemory(from: Deserializer, beside: readonly ArrayBuffer[]): ArrayBuffer[] {
  const pieces: ArrayBuffer[] = [];
  for (let left = from.readUint32(); left > 0; left -= 1) {
    const memory = readPiece(from, beside);
    from.transferArrayBuffer(pieces.length, memory);
    pieces.push(memory);
  }
  return pieces;
}

function readPiece(from: Deserializer, beside: readonly ArrayBuffer[]): ArrayBuffer {
  const place = from.readUint32();
  if (place === Place.Beside) {
    const memory = beside[from.readUint32()];
    if (memory === undefined) throw new RangeError("a buffer that goes beside the bytes is missing");
    return memory;
  }
  const length = readSize(from);
  const options = place === Place.InlineResizable ? { maxByteLength: readSize(from) } : undefined;
  const bytes = from.readRawBytes(length);
  const ResizableBuffer = ArrayBuffer as new (length: number, options?: { maxByteLength: number }) => ArrayBuffer;
  const memory = new ResizableBuffer(length, options);
  new Uint8Array(memory).set(bytes);
  return memory;
}

/** Reads what `BinaryTable.writeView` wrote after the kind. */
export function readView(from: Deserializer, kind: number, pieces: readonly ArrayBuffer[]): ArrayBufferView {
  const memory = pieces[from.readUint32()];
  const offset = readSize(from);
  const bytes = readSize(from);
  if (memory === undefined) throw new RangeError("a view on missing memory");
  if (kind === BUFFER_KIND) return Buffer.from(memory, offset, bytes);
  const Class = viewClasses[kind];
  if (Class === undefined) throw new RangeError(`this Node has no ${VIEW_NAMES[kind] ?? `view of kind ${kind}`}`);
  const width = (Class as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
  return new Class(memory, offset, bytes / width);
}
