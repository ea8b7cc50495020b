import { createHash } from "node:crypto";

const mostDepth = 8;
const mostText = 2000;
const mostBytes = 1024 * 1024;

/**
 * A value as a recording keeps it: JSON, in which errors keep name, message, code and evidence, bytes their length and digest, and whatever is
 * too deep or too long is cut. Equal values stay equal, and unequal ones unequal but for what is cut.
 */
export function recordedValue(value: unknown, depth = 0, above: readonly object[] = []): unknown {
  switch (typeof value) {
    case "string": return value.length <= mostText ? value : `${value.slice(0, mostText)}… (${value.length} characters)`;
    case "number": return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: Object.is(value, -0) ? "-0" : String(value) };
    case "bigint": return { $bigint: String(value) };
    case "function": return { $function: value.name };
    case "symbol": return { $symbol: String(value) };
    case "object": return value === null ? null : above.includes(value) ? { $cycle: true } : depth >= mostDepth ? { $deep: true } : recordedObject(value, depth + 1, [...above, value]);
    case "boolean":
    case "undefined": return value;
  }
}

function recordedObject(value: object, depth: number, above: readonly object[]): unknown {
  const each = (part: unknown): unknown => recordedValue(part, depth, above);
  if (Array.isArray(value)) return value.map((part) => (part === undefined ? null : each(part)));
  if (ArrayBuffer.isView(value)) return recordedBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof ArrayBuffer) return recordedBytes(new Uint8Array(value));
  if (value instanceof Map) return { $map: [...value].map(([key, part]) => [each(key), each(part)]) };
  if (value instanceof Set) return { $set: [...value].map(each) };
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof Error) return recordedError(value, each);
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined).map(([key, part]) => [key, each(part)]));
}

function recordedError(error: Error, each: (part: unknown) => unknown): object {
  const { code, origin, where, evidence } = error as { code?: unknown; origin?: unknown; where?: unknown; evidence?: unknown };
  const all = { $error: error.name, message: each(error.message), code, origin, where: each(where), evidence: each(evidence), cause: each(error.cause) };
  return Object.fromEntries(Object.entries(all).filter(([, part]) => part !== undefined));
}

function recordedBytes(bytes: Uint8Array): object {
  return { $bytes: bytes.length, sha256: createHash("sha256").update(bytes.subarray(0, mostBytes)).digest("hex").slice(0, 16) };
}
