import type { ThreadExit } from "../../../actors/ports.js";
import { decode, decodeThrown, encode, encodeThrown, type Encoded } from "../../../serialization/index.js";
import { ByteReader, ByteWriter } from "../bytes.js";

/** How a thread at a node ended. */
export interface NodeExit extends ThreadExit {
  /** Its node had heard nothing of the head for a whole lease. */
  readonly leaseOver: boolean;
  /** Told to end, it stayed inside a native call, and counts as ended. */
  readonly isHeld: boolean;
}

const form = { none: 0, error: 1, value: 2 } as const;

export function writeExit({ code, leaseOver, isHeld, ...rest }: NodeExit): Uint8Array {
  const writer = new ByteWriter(256);
  writer.f64(code);
  writer.u8(leaseOver ? 1 : 0);
  writer.u8(isHeld ? 1 : 0);
  if (!("error" in rest)) writer.u8(form.none);
  else writeThrown(writer, rest.error);
  return writer.take();
}

/** What is no error arrives as it is, where it can. */
function writeThrown(writer: ByteWriter, thrown: unknown): void {
  let value: Encoded;
  try {
    if (thrown instanceof Error) throw thrown;
    value = encode(thrown, "what a thread threw");
    writer.u8(form.value);
  } catch {
    value = encodeThrown(thrown, "what a thread threw");
    writer.u8(form.error);
  }
  writer.encoded(value);
}

/** Throws where it is none. */
export function readExit(bytes: Uint8Array): NodeExit {
  const reader = new ByteReader(bytes);
  const exit = { code: reader.f64(), leaseOver: reader.u8() !== 0, isHeld: reader.u8() !== 0 };
  const kind = reader.u8();
  if (kind === form.none) return exit;
  return { ...exit, error: kind === form.error ? decodeThrown(reader.encoded()) : decode(reader.encoded()) };
}
