import { inspect, types } from "node:util";
import { BinaryTable } from "./binary.js";

/** How a value that needs no treatment can be written. */
export type PlainForm = "json" | "v8" | "binary";

const DEEPEST = 200;
/**
 * Nanoseconds that JSON gains (there and back) over a v8 serializer, whose set-up alone costs microseconds, and loses:
 * measured on Node 20 and 24. Small values and lists of records win, long texts and fractions lose.
 */
const GAIN = { start: 6000, record: 300, value: -20, fraction: -100, character: -8 };
const WATCHED_IN_LIST = 16;
const LISTED = 64;

/**
 * Looks whether v8 carries a value faithfully as it is: plain data, without errors, codecs, functions
 * and the like, and not nested too deep. It reads everything once and copies nothing; whatever it is unsure of, it declines.
 */
export class PlainScan {
  /** The memory under buffers and views, if there are any. */
  binary: BinaryTable | undefined;
  private json = true;
  private gain = GAIN.start;
  private seen: Set<object> | object[] = [];

  /** The form to write the value in; undefined when it must be copied with care. */
  run(value: object): PlainForm | undefined {
    if (!this.isPlain(value, 0)) return undefined;
    if (this.binary !== undefined) return "binary";
    return this.json && this.gain > 0 && !Reflect.has(Array.prototype, "toJSON") ? "json" : "v8";
  }

  private isPlain(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case "string":
        this.gain += GAIN.character * value.length;
        return true;
      case "number":
        if (!Number.isInteger(value)) this.takeFraction(value);
        else if (value === 0 && Object.is(value, -0)) this.json = false;
        return true;
      case "boolean":
        return true;
      case "undefined":
      case "bigint":
        this.json = false;
        return true;
      case "object":
        return value === null || (depth < DEEPEST && this.isPlainObject(value, depth + 1));
      case "function":
      case "symbol":
        return false;
    }
  }

  private takeFraction(value: number): void {
    this.gain += GAIN.fraction;
    if (!Number.isFinite(value)) this.json = false;
  }

  private isPlainObject(value: object, depth: number): boolean {
    if (this.isRepeated(value)) {
      this.json = false;
      return true;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.isPlainRecord(value, depth);
    if (prototype === Array.prototype) return Array.isArray(value) && this.isPlainArray(value, depth);
    this.json = false;
    if (prototype === Date.prototype) return types.isDate(value);
    if (prototype === Map.prototype) return types.isMap(value) && this.isPlainMap(value, depth);
    if (prototype === Set.prototype) return types.isSet(value) && this.isPlainSet(value, depth);
    if (ArrayBuffer.isView(value)) return (this.binary ??= new BinaryTable()).addView(value);
    if (prototype === ArrayBuffer.prototype) return types.isArrayBuffer(value) && (this.binary ??= new BinaryTable()).addMemory(value);
    return prototype === RegExp.prototype && types.isRegExp(value);
  }

  /** Few objects are looked up in a list, many in a set: a set for each small value would cost more than the scan. */
  private isRepeated(value: object): boolean {
    const { seen } = this;
    if (!Array.isArray(seen)) {
      if (seen.has(value)) return true;
      seen.add(value);
      return false;
    }
    if (seen.includes(value)) return true;
    seen.push(value);
    if (seen.length > WATCHED_IN_LIST) this.seen = new Set(seen);
    return false;
  }

  private isPlainRecord(value: object, depth: number): boolean {
    const record = value as Record<string, unknown>;
    this.gain += GAIN.record;
    for (const key in record) {
      if (!this.isPlain(record[key], depth)) return false;
    }
    return true;
  }

  private isPlainArray(value: readonly unknown[], depth: number): boolean {
    if (hasNamedProperties(value)) return false;
    this.gain += GAIN.value * value.length;
    for (let index = 0; index < value.length; index += 1) {
      const item = value[index];
      if (item === undefined && !(index in value)) return false;
      if (!this.isPlain(item, depth)) return false;
    }
    return true;
  }

  private isPlainMap(value: ReadonlyMap<unknown, unknown>, depth: number): boolean {
    for (const [key, item] of value) if (!this.isPlain(key, depth) || !this.isPlain(item, depth)) return false;
    return true;
  }

  private isPlainSet(value: ReadonlySet<unknown>, depth: number): boolean {
    for (const item of value) if (!this.isPlain(item, depth)) return false;
    return true;
  }
}

/**
 * Whether an array has properties beside its elements, as the result of a match has, or may have holes. Listing the keys of a long array costs
 * more than writing it, and `inspect` is the one way to ask Node for the others only.
 */
function hasNamedProperties(value: readonly unknown[]): boolean {
  if (value.length <= LISTED) return Object.keys(value).length !== value.length;
  return !/^\[ \.\.\. \d+ more items \]$/.test(inspect(value, { depth: 0, maxArrayLength: 0, customInspect: false, breakLength: Infinity, compact: true }));
}
