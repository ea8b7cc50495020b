import { dataFileCodec } from "../data/file.js";
import { ConfigurationError } from "../errors/index.js";

/** How instances of one class travel: turned into plain data on one side, and back on the other. */
export interface Codec<T = unknown, P = unknown> {
  /** Names the codec on the wire; the same on both sides. */
  readonly name: string;
  /** Exactly this class: instances of a subclass need a codec of their own. */
  readonly class: abstract new (...args: never[]) => T;
  encode(instance: T): P;
  decode(plain: P): T;
}

const byName = new Map<string, Codec>();
const byPrototype = new Map<object, Codec>();

const travelAlready: readonly (abstract new (...args: never[]) => unknown)[] = [Object, Array, Map, Set, Date, RegExp, ArrayBuffer, DataView, Boolean, Number, String, Uint8Array, Buffer, Error];

/** Makes instances of a class travel; refused when the name or the class is taken. Register in the worker too: in the module that defines the class. */
export function registerCodec<T, P>(codec: Codec<T, P>): void {
  const problem = problemOf(codec);
  if (problem !== undefined) throw new ConfigurationError("CW-CONF-001", `registerCodec: ${problem}`, { hint: "Give each class one codec, with a name of its own." });
  byName.set(codec.name, codec);
  byPrototype.set(codec.class.prototype as object, codec);
}

function problemOf(codec: Codec): string | undefined {
  if (typeof codec.name !== "string" || codec.name === "") return "`name` must be a text that is not empty";
  if (typeof codec.class !== "function") return `\`class\` of "${codec.name}" is not a class`;
  if (typeof codec.encode !== "function" || typeof codec.decode !== "function") return `"${codec.name}" needs both \`encode\` and \`decode\``;
  if (travelAlready.includes(codec.class)) return `${codec.class.name} travels as it is`;
  if (byName.has(codec.name)) return `there is a codec named "${codec.name}" already`;
  const other = byPrototype.get(codec.class.prototype as object);
  return other === undefined ? undefined : `${codec.class.name} has the codec "${other.name}" already`;
}

export const codecOf = (prototype: object): Codec | undefined => byPrototype.get(prototype);
export const codecNamed = (name: string): Codec | undefined => byName.get(name);
export const codecNames = (): string[] => [...byName.keys()];

registerCodec<URL, string>({ name: "URL", class: URL, encode: (url) => url.href, decode: (href) => new URL(href) });
registerCodec<URLSearchParams, string>({ name: "URLSearchParams", class: URLSearchParams, encode: (search) => search.toString(), decode: (text) => new URLSearchParams(text) });
registerCodec(dataFileCodec);
