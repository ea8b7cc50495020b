import { Deserializer } from "node:v8";
import { DeserializationError } from "../errors/index.js";
import { readMemory, readView, VIEW_KINDS } from "./binary.js";
import { setOwn } from "./cursors.js";
import { errorFrom, type ErrorHead } from "./error-head.js";
import { NodeTag, Shape } from "./nodes.js";
import { inspectSafely } from "./refusal.js";
import { codecNamed, codecNames } from "./registry.js";

/** Reads what WireWriter wrote: the same steps in the same order. */
export class WireReader extends Deserializer {
  private memory: readonly ArrayBuffer[] = [];
  private later: ((contents: unknown) => void)[] = [];
  private readonly instances: unknown[] = [];

  read(beside: readonly ArrayBuffer[]): unknown {
    this.readUint32();
    this.memory = readMemory(this, beside);
    this.readHeader();
    return this.readScope();
  }

  private readScope(): unknown {
    const outer = this.later;
    this.later = [];
    const value: unknown = this.readValue();
    for (const fill of this.later) fill(this.readValue());
    this.later = outer;
    return value;
  }

  /** Called by v8 wherever `_writeHostObject` wrote something. */
  _readHostObject(): unknown {
    const tag = this.readUint32();
    if (tag < VIEW_KINDS) return readView(this, tag, this.memory);
    switch (tag) {
      case NodeTag.Error:
        return this.readError();
      case NodeTag.Later:
        return this.readContainer();
      case NodeTag.Codec:
        return this.readInstance();
      case NodeTag.CodecAgain:
        return this.instances[this.readUint32()];
      default:
        throw new RangeError(`unknown node ${tag}`);
    }
  }

  private readError(): Error {
    const error = errorFrom(this.readValue() as ErrorHead);
    this.later.push((contents) => {
      const parts = contents as unknown[];
      for (let at = 0; at < parts.length; at += 3) {
        Object.defineProperty(error, String(parts[at]), { value: parts[at + 2], enumerable: parts[at + 1] === true, writable: true, configurable: true });
      }
    });
    return error;
  }

  private readContainer(): object {
    const shape = this.readValue() as Shape;
    const container = emptyContainer(shape);
    this.later.push((contents) => fillContainer(container, contents as object));
    return container;
  }

  private readInstance(): unknown {
    const name = String(this.readValue());
    const plain = this.readScope();
    const codec = codecNamed(name);
    if (codec === undefined) {
      throw new DeserializationError("CW-DATA-002", `there is no codec named "${name}" on this side`, {
        evidence: { codec: name, known: codecNames() },
        hint: `Call registerCodec({ name: "${name}", … }) here too: best in the module that defines the class.`,
      });
    }
    const instance = this.decodeInstance(name, () => codec.decode(plain));
    this.instances.push(instance);
    return instance;
  }

  private decodeInstance(name: string, decode: () => unknown): unknown {
    try {
      return decode();
    } catch (cause) {
      throw new DeserializationError("CW-DATA-002", `the codec "${name}" threw while decoding: ${inspectSafely(cause instanceof Error ? cause.message : cause)}`, { cause, hint: "Mend the codec's `decode`." });
    }
  }
}

function emptyContainer(shape: Shape): object {
  switch (shape) {
    case Shape.Array:
      return [];
    case Shape.Map:
      return new Map();
    case Shape.Set:
      return new Set();
    case Shape.BareRecord:
      return Object.create(null) as object;
    case Shape.Record:
      return {};
  }
}

function fillContainer(container: object, contents: object): void {
  if (container instanceof Map) for (const [key, value] of contents as Map<unknown, unknown>) container.set(key, value);
  else if (container instanceof Set) for (const value of contents as Set<unknown>) container.add(value);
  else {
    if (Array.isArray(container)) container.length = (contents as unknown[]).length;
    for (const key of Object.keys(contents)) setOwn(container, key, (contents as Record<string, unknown>)[key]);
  }
}
