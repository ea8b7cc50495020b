import { types } from "node:util";
import { SerializationError } from "../errors/index.js";

const marked = new WeakSet<ArrayBuffer>();

const refuse = (found: string, hint: string): never => {
  throw new SerializationError("CW-DATA-001", `move(x): ${found}`, { hint });
};

/**
 * Marks a buffer to be moved instead of copied: encoding takes its memory and leaves `x` (and every view on it) empty.
 * `x` must be an ArrayBuffer, or a view that covers the whole of its ArrayBuffer; the mark holds for one encoding.
 */
export function move<T extends ArrayBuffer | ArrayBufferView>(x: T): T {
  const isView = ArrayBuffer.isView(x);
  const memory: unknown = isView ? x.buffer : x;
  if (types.isSharedArrayBuffer(memory)) return refuse("its memory is a SharedArrayBuffer", "Shared memory cannot be moved; pass a copy.");
  if (!types.isArrayBuffer(memory)) return refuse("it is not a buffer", "Move a Buffer, an ArrayBuffer, a typed array or a DataView; other values are copied.");
  if (isView && x.byteLength !== memory.byteLength) {
    const whose = Buffer.isBuffer(x) && memory.byteLength === Buffer.poolSize ? "memory that Node shares among small Buffers" : `${memory.byteLength} bytes that other views may use`;
    return refuse(`it is a view of ${x.byteLength} bytes on ${whose}`, "Only a view that covers its whole ArrayBuffer can be moved; pass it without move(), to be copied.");
  }
  if (isDetached(memory)) return refuse("its memory was moved away before", "A moved buffer is empty; make a new one.");
  marked.add(memory);
  return x;
}

export const isMarkedToMove = (memory: ArrayBuffer): boolean => marked.has(memory);

/** The memory under a new ArrayBuffer; the old one is left empty. */
export function takeMoved(memory: ArrayBuffer): ArrayBuffer {
  marked.delete(memory);
  return structuredClone(memory, { transfer: [memory] });
}

/** Whether the memory went elsewhere, by move(x) or by a transfer. */
export function isDetached(memory: ArrayBuffer): boolean {
  if (memory.byteLength > 0) return false;
  try {
    return new Uint8Array(memory).byteLength !== 0;
  } catch (error) {
    return error instanceof TypeError;
  }
}
