import { BadFrame } from "../../errors/index.js";

/** Turns the headers of control frames into plain data and back. What it reads is checked before it is built: no length is believed, no type beyond JSON's and bytes. */
export interface ControlCodec {
  /** What has no form in bytes, such as a function, becomes null; what has one that is not plain data, such as a Date, throws `TypeError`. */
  encode(value: unknown): Uint8Array;
  /** Throws `BadFrame`. */
  decode(bytes: Uint8Array): unknown;
}

/** No header of ours is deeper. */
const mostDepth = 64;

let codec: Promise<ControlCodec> | undefined;

/** Loads MessagePack when the first link is made. */
export function controlCodec(): Promise<ControlCodec> {
  return (codec ??= load());
}

async function load(): Promise<ControlCodec> {
  // Without its native part: what peers send is read by memory-safe code. (The types of this entry do not resolve.)
  const { Packr } = (await import("msgpackr/pack")) as unknown as typeof import("msgpackr");
  const packr = new Packr({ useRecords: false, moreTypes: false, mapsAsObjects: true, encodeUndefinedAsNil: true, int64AsType: "bigint" });
  return {
    encode(value) {
      const bytes = packr.pack(value);
      const fault = faultIn(bytes);
      if (fault !== undefined) throw new TypeError(`a control header cannot carry this: ${fault}`);
      return bytes;
    },
    decode(bytes) {
      const fault = faultIn(bytes);
      if (fault === undefined) {
        try {
          return packr.unpack(bytes) as unknown;
        } catch (cause) {
          throw bad("it cannot be read", cause);
        }
      }
      throw bad(fault);
    },
  };
}

const bad = (what: string, cause?: unknown): BadFrame =>
  new BadFrame("CW-LINK-003", `What came over a link is not a valid control header: ${what}.`, { evidence: { reason: "bad-header" }, ...(cause === undefined ? {} : { cause }) });

/** What is wrong with the structure of MessagePack bytes, found without building anything. */
export function faultIn(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** How many values each open array or map still wants. */
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    const left = open[open.length - 1] as number;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    if (at >= bytes.length) return "it ends early";
    const item = describe(bytes[at] as number, view, at + 1);
    if (typeof item === "string") return item;
    at += 1 + item.bytes;
    if (at > bytes.length || item.values > bytes.length - at) return "it ends early";
    if (item.values > 0) open.push(item.values);
    if (open.length > mostDepth) return `it is deeper than ${mostDepth}`;
  }
  return at === bytes.length ? undefined : `${bytes.length - at} bytes follow its end`;
}

interface Item {
  /** Bytes after the first that belong to it. */
  readonly bytes: number;
  /** Values that follow, for an array or a map. */
  readonly values: number;
}

const plain = (bytes: number): Item => ({ bytes, values: 0 });

/** By https://github.com/msgpack/msgpack/blob/master/spec.md */
function describe(first: number, view: DataView, at: number): Item | string {
  if (first <= 0x7f || first >= 0xe0 || first === 0xc0 || first === 0xc2 || first === 0xc3) return plain(0);
  if (first <= 0x8f) return { bytes: 0, values: (first & 15) * 2 };
  if (first <= 0x9f) return { bytes: 0, values: first & 15 };
  if (first <= 0xbf) return plain(first & 31);
  if (first >= 0xca && first <= 0xd3) return plain([4, 8, 1, 2, 4, 8, 1, 2, 4, 8][first - 0xca] as number);
  const wide = wideFields[first];
  if (wide === undefined) return `it has a value of type 0x${first.toString(16)}`;
  const { width, values } = wide;
  if (at + width > view.byteLength) return "it ends early";
  const count = width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at);
  return values === 0 ? plain(width + count) : { bytes: width, values: count * values };
}

/** Binary, strings, arrays and maps with a length of 1, 2 or 4 bytes; `values` for each of what the length counts. */
const wideFields: Readonly<Record<number, { readonly width: number; readonly values: number } | undefined>> = {
  0xc4: { width: 1, values: 0 }, 0xc5: { width: 2, values: 0 }, 0xc6: { width: 4, values: 0 },
  0xd9: { width: 1, values: 0 }, 0xda: { width: 2, values: 0 }, 0xdb: { width: 4, values: 0 },
  0xdc: { width: 2, values: 1 }, 0xdd: { width: 4, values: 1 },
  0xde: { width: 2, values: 2 }, 0xdf: { width: 4, values: 2 },
};
