import { types } from "node:util";
import type { Transferable } from "node:worker_threads";
import { isAddressable } from "./addressable.js";
import { refusal } from "./refusal.js";

/** A value as it goes to another thread. */
export interface Sendable {
  readonly value: unknown;
  /** Whether refs are in it. */
  readonly holdsRefs: boolean;
  readonly moved?: readonly Transferable[];
}

enum Found { Plain, Refs, Unsure }

/** Larger values are tried instead of being looked through. */
const mostParts = 100_000;
const deepest = 100;

/** Whether anything was ever marked: most programs move nothing. */
let marks = false;
const moving = new WeakMap<object, readonly Transferable[]>();

/**
 * Marks a message, an answer or an event: when it goes to another thread, these buffers (or ports) in it are moved there instead of copied,
 * and are empty here once it was told. It has no effect on what stays in one thread.
 *
 * ```ts
 * ref.tell(transfer({ type: "image", pixels }, [pixels.buffer]));
 * ```
 */
export function transfer<T extends object>(message: T, moved: readonly Transferable[]): T {
  marks = true;
  moving.set(message, moved);
  return message;
}

/** The value, ready to be sent; what is to be moved is moved now. Throws a `SupervisionError` with the reason `uncloneable` that says what cannot be sent. */
export function sendable(value: unknown, what: string): Sendable {
  const moved = marks && typeof value === "object" && value !== null ? moving.get(value) : undefined;
  const scan = new Scan();
  try {
    const found = scan.look(value, "", 0);
    if (moved !== undefined) {
      moving.delete(value as object);
      return { holdsRefs: found === Found.Refs, ...structuredClone({ value, moved }, { transfer: [...moved] as never }) };
    }
    // What is no plain data is tried now, so that whoever sends it learns of it.
    return found === Found.Unsure ? { value: structuredClone(value), holdsRefs: false } : { value, holdsRefs: found === Found.Refs };
  } catch (cause) {
    throw refusal("uncloneable", `${what} cannot be sent to another thread: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

class Scan {
  private parts = 0;

  look(value: unknown, at: string, depth: number): Found {
    if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`${at === "" ? "it" : at} is a ${typeof value}`);
    if (typeof value !== "object" || value === null) return Found.Plain;
    if (isAddressable(value)) return Found.Refs;
    if (++this.parts > mostParts || depth > deepest || types.isProxy(value)) return Found.Unsure;
    if (Array.isArray(value)) return this.lookAll(value, at, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.lookInto(value as Record<string, unknown>, at, depth);
    if (value instanceof Map) return Math.max(this.lookAll([...value.keys()], at, depth), this.lookAll([...value.values()], at, depth));
    if (value instanceof Set) return this.lookAll([...value], at, depth);
    if (value instanceof Date) return Found.Plain;
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return wholeMemory(value);
    return Found.Unsure;
  }

  private lookInto(value: Readonly<Record<string, unknown>>, at: string, depth: number): Found {
    let found = Found.Plain;
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      const inside = value[key];
      if (typeof inside === "string" || typeof inside === "number") continue;
      const one = this.look(inside, at === "" ? key : `${at}.${key}`, depth + 1);
      if (one > found) found = one;
    }
    return found;
  }

  private lookAll(values: readonly unknown[], at: string, depth: number): Found {
    let found = Found.Plain;
    for (let i = 0; i < values.length; i++) {
      const inside = values[i];
      if (typeof inside === "string" || typeof inside === "number") continue;
      const one = this.look(inside, `${at}[${i}]`, depth + 1);
      if (one > found) found = one;
    }
    return found;
  }
}

/** Throws where the memory was moved away before. */
function wholeMemory(value: ArrayBufferView | ArrayBufferLike): Found {
  const memory = ArrayBuffer.isView(value) ? value.buffer : value;
  if (memory.byteLength === 0) new Uint8Array(memory);
  return Found.Plain;
}
