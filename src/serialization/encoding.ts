import { Deserializer, Serializer } from "node:v8";
import { CarawayError, DeserializationError, SerializationError } from "../errors/index.js";
import { PlainScan } from "./plain-scan.js";
import { inspectSafely, refusalError, refusedFunction, refusedSymbol } from "./refusal.js";
import { TreeCopy } from "./tree-copy.js";
import { WireReader } from "./wire-reader.js";
import { WITH_NODES, WireWriter } from "./wire-writer.js";

export type Primitive = undefined | null | boolean | number | string | bigint;

/** A value of which some binary data is large: `buffers` stand beside the bytes, so that they can be transferred. */
export interface EncodedParts {
  readonly bytes: Uint8Array;
  readonly buffers: ArrayBuffer[];
}

/** A value on its way. Primitives stand for themselves; bytes own their ArrayBuffer alone, so they too can be transferred. */
export type Encoded = Primitive | Uint8Array | EncodedParts;

/**
 * Turns a value into what can be posted, stored and compared: everything structured clone keeps, and Buffers, errors, bare
 * records and instances with a codec. `what` ("argument 1 of square") begins the path in the `SerializationError` for what
 * cannot travel.
 */
export function encode(value: unknown, what: string): Encoded {
  if (typeof value === "object") return value === null ? null : encodeObject(value, what);
  if (typeof value === "function") throw refusalError(what, "", refusedFunction(value));
  if (typeof value === "symbol") throw refusalError(what, "", refusedSymbol(value));
  return value as Primitive;
}

/** The value that `encode` was given, as a copy. Buffers beside the bytes become part of it, so decode them once. */
export function decode(encoded: Encoded): unknown {
  if (typeof encoded !== "object" || encoded === null) return encoded;
  return encoded instanceof Uint8Array ? decodeBytes(encoded, []) : decodeBytes(encoded.bytes, encoded.buffers);
}

/** What may be transferred with a value instead of copied. The value cannot be sent a second time then. */
export function transferables(encoded: Encoded): ArrayBuffer[] {
  if (typeof encoded !== "object" || encoded === null) return [];
  if (encoded instanceof Uint8Array) return [encoded.buffer as ArrayBuffer];
  return [encoded.bytes.buffer as ArrayBuffer, ...encoded.buffers];
}

const text = new TextEncoder();
const readText = new TextDecoder();
const OBJECT = 0x7b;
const ARRAY = 0x5b;
const V8 = 0xff;
const BY_HAND = 64;

function encodeObject(value: object, what: string): Encoded {
  try {
    return encodePlain(value, what) ?? encodeWithCare(value, what, false);
  } catch (error) {
    throw asSerializationError(error, what);
  }
}

/** The quick way, for plain data; undefined where it does not lead. */
function encodePlain(value: object, what: string): Exclude<Encoded, Primitive> | undefined {
  try {
    const scan = new PlainScan();
    const form = scan.run(value);
    if (form === "json") return bytesOf(JSON.stringify(value));
    if (form === "v8") return writeV8(value);
    const { binary } = scan;
    return form === "binary" && binary !== undefined ? withBuffers(new WireWriter(binary, what).write(value), binary.takeBeside()) : undefined;
  } catch {
    return undefined; // A getter threw, or a proxy did: the careful way says where.
  }
}

/** UTF-8. A short plain text is written by hand: in arrays this small, ten times as fast as the encoder. */
function bytesOf(json: string): Uint8Array {
  const { length } = json;
  if (length > BY_HAND) return text.encode(json);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) {
    const code = json.charCodeAt(at);
    if (code > 127) return text.encode(json);
    bytes[at] = code;
  }
  return bytes;
}

/** The way for everything else: a copy in which nodes stand for what v8 does not carry. */
export function encodeWithCare(value: object, what: string, lenient: boolean): Encoded {
  const copy = new TreeCopy(what, lenient);
  const tree = copy.run(value);
  const bytes = new WireWriter(copy.binary, what).write(tree);
  return withBuffers(bytes, copy.binary.takeBeside());
}

function writeV8(value: unknown): Uint8Array {
  const writer = new Serializer();
  writer.writeHeader();
  writer.writeValue(value);
  return writer.releaseBuffer();
}

function readV8(bytes: Uint8Array): unknown {
  const reader = new Deserializer(bytes);
  reader.readHeader();
  return reader.readValue() as unknown;
}

const withBuffers = (bytes: Uint8Array, buffers: ArrayBuffer[]): Uint8Array | EncodedParts => (buffers.length === 0 ? bytes : { bytes, buffers });

function asSerializationError(error: unknown, what: string): CarawayError {
  if (error instanceof CarawayError) return error;
  const reason = error instanceof Error ? error.message : inspectSafely(error);
  return new SerializationError("CW-DATA-001", `${what} cannot travel: ${reason}`, { cause: error, evidence: { what } });
}

function decodeBytes(bytes: Uint8Array, buffers: readonly ArrayBuffer[]): unknown {
  try {
    const [kind] = bytes;
    if (kind === OBJECT || kind === ARRAY) return JSON.parse(readText.decode(bytes)) as unknown;
    if (kind === V8) return readV8(bytes);
    if (kind === WITH_NODES) return new WireReader(bytes).read(buffers);
    throw new RangeError(kind === undefined ? "there are no bytes" : `no value begins with the byte ${kind}`);
  } catch (cause) {
    if (cause instanceof DeserializationError) throw cause;
    const reason = cause instanceof Error ? cause.message : inspectSafely(cause);
    throw new DeserializationError("CW-DATA-002", `bytes could not be turned back into a value: ${reason}`, { cause, evidence: { length: bytes.length, buffers: buffers.length } });
  }
}
