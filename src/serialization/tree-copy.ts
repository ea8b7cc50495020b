import { types } from "node:util";
import { SerializationError } from "../errors/index.js";
import { BinaryTable } from "./binary.js";
import { ErrorCursor, MapCursor, RecordCursor, ScopeCursor, SetCursor, type Cursor } from "./cursors.js";
import { headOf, isErrorLike, propertiesOf } from "./error-head.js";
import { CodecUse, ErrorNode, LaterNode, Shape, type CodecInstance } from "./nodes.js";
import { inspectSafely, pathOf, refusalError, refusedFunction, refusedObject, refusedReading, refusedSymbol, type Refusal, type Trail } from "./refusal.js";
import { codecOf, type Codec } from "./registry.js";

/** Containers nested deeper than this are written one after the other, since v8's writer and reader recurse. */
const DEEPEST = 200;

const missing = Symbol("missing");

/**
 * Copies a value into a tree that v8 carries, with nodes where it would lose something, and refuses by its path what cannot
 * travel. Goes through the parts in the order in which they will be written, with a stack of its own.
 */
export class TreeCopy {
  readonly binary = new BinaryTable();
  private readonly copies = new Map<object, unknown>();
  private readonly instances = new Map<object, CodecInstance>();
  private readonly stack: Cursor[] = [];

  /** `lenient`: what cannot travel is replaced by a text that says so. */
  constructor(private readonly what: string, private readonly lenient: boolean) {}

  run(value: unknown): unknown {
    let result: unknown;
    this.stack.push(new ScopeCursor(value, (copy) => { result = copy; }, 0));
    for (let cursor = this.stack.at(-1); cursor !== undefined; cursor = this.stack.at(-1)) {
      if (cursor.next()) cursor.put(this.copyPart(cursor));
      else this.leave(cursor);
    }
    return result;
  }

  private leave(cursor: Cursor): void {
    const next = cursor.later?.shift();
    if (next === undefined) this.stack.pop();
    else this.stack.push(next);
  }

  /** A copy of the cursor's part: whole for what is small, and filled in later for a container. */
  private copyPart(cursor: Cursor): unknown {
    const depth = this.stack.length;
    let part: unknown = missing;
    try {
      part = cursor.read();
      return this.copy(part, cursor);
    } catch (error) {
      this.stack.length = depth;
      if (error instanceof SerializationError) throw error;
      if (part !== missing && part !== null && typeof part === "object") this.copies.delete(part);
      return this.refuse(refusedReading(error));
    }
  }

  private copy(part: unknown, cursor: Cursor): unknown {
    if (typeof part === "function") return this.refuse(refusedFunction(part));
    if (typeof part === "symbol") return this.refuse(refusedSymbol(part));
    if (typeof part !== "object" || part === null) return part;
    if (this.copies.has(part)) return this.copies.get(part);
    const instance = this.instances.get(part);
    if (instance !== undefined) return new CodecUse(instance, this.path());
    const prototype = Object.getPrototypeOf(part) as object | null;
    const codec = prototype === null ? undefined : codecOf(prototype);
    if (codec !== undefined) return this.copyInstance(part, codec, cursor.depth + 1);
    return this.copyObject(part, prototype, cursor.depth + 1);
  }

  private copyObject(part: object, prototype: object | null, depth: number): unknown {
    if (Array.isArray(part) && isPrototype(prototype, Array)) return this.copyContainer(part, Shape.Array, depth);
    if (types.isMap(part) && isPrototype(prototype, Map)) return this.copyContainer(part, Shape.Map, depth);
    if (types.isSet(part) && isPrototype(prototype, Set)) return this.copyContainer(part, Shape.Set, depth);
    if (isErrorLike(part)) return this.copyError(part);
    if (prototype === null) return this.copyContainer(part, Shape.BareRecord, depth);
    if (this.isLeaf(part, prototype)) return this.keep(part, part);
    if (isPrototype(prototype, Object)) return this.copyContainer(part, Shape.Record, depth);
    return this.refuse(refusedObject(part));
  }

  /** What v8 carries as it is, or by the binary table. */
  private isLeaf(part: object, prototype: object): boolean {
    if (ArrayBuffer.isView(part)) return this.binary.addView(part);
    if (types.isArrayBuffer(part)) return isPrototype(prototype, ArrayBuffer) && this.binary.addMemory(part);
    if (types.isDate(part)) return isPrototype(prototype, Date);
    if (types.isRegExp(part)) return isPrototype(prototype, RegExp);
    return types.isBoxedPrimitive(part) && !types.isSymbolObject(part) && [Boolean, Number, String, BigInt].some((Class) => isPrototype(prototype, Class));
  }

  private copyContainer(part: object, shape: Shape, depth: number): unknown {
    const target = emptyOf(shape, part);
    if (shape !== Shape.BareRecord && depth <= DEEPEST) {
      const cursor = cursorFor(shape, part, target, depth);
      this.keep(part, target);
      this.stack.push(cursor);
      return target;
    }
    const node = new LaterNode(shape, target);
    this.defer(cursorFor(shape, part, target, this.scope().depth + 1, this.trail()));
    return this.keep(part, node);
  }

  private copyError(error: Error): unknown {
    const node = new ErrorNode(headOf(error));
    this.defer(new ErrorCursor(error, node.contents, propertiesOf(error), this.scope().depth + 1, this.trail()));
    return this.keep(error, node);
  }

  private copyInstance(part: object, codec: Codec, depth: number): unknown {
    if (depth > DEEPEST) return this.refuse({ found: `codecs are nested more than ${DEEPEST} levels deep`, hint: "Let the codec of the outermost class list the inner ones in an array." });
    const instance: CodecInstance = { codec, plain: undefined, state: "unwritten", number: 0 };
    const use = new CodecUse(instance, this.path());
    let plain: unknown;
    try {
      plain = codec.encode(part);
    } catch (cause) {
      return this.refuse({ found: `its codec "${codec.name}" threw ${inspectSafely(cause instanceof Error ? cause.message : cause)}`, hint: "Mend the codec's `encode`.", cause });
    }
    this.instances.set(part, instance);
    this.stack.push(new ScopeCursor(plain, (copy) => { instance.plain = copy; }, depth, ` (as plain data of ${codec.name})`));
    return use;
  }

  private keep<T>(part: object, copy: T): T {
    this.copies.set(part, copy);
    return copy;
  }

  private defer(cursor: Cursor): void {
    this.scope().later.push(cursor);
  }

  /** The innermost value that is written as one. */
  private scope(): ScopeCursor {
    for (let index = this.stack.length - 1; index >= 0; index -= 1) {
      const cursor = this.stack[index];
      if (cursor instanceof ScopeCursor) return cursor;
    }
    throw new TypeError("no value is being written");
  }

  private trail(): Trail {
    const steps: string[] = [];
    for (let index = this.stack.length - 1; index >= 0; index -= 1) {
      const cursor = this.stack[index];
      if (cursor === undefined) break;
      steps.push(cursor.step());
      if (cursor.trail !== undefined) return { before: cursor.trail, steps: steps.reverse() };
    }
    return { before: undefined, steps: steps.reverse() };
  }

  private path(): string {
    return pathOf(this.trail());
  }

  private refuse(refusal: Refusal): unknown {
    if (!this.lenient) throw refusalError(this.what, this.path(), refusal);
    return `[did not travel: ${refusal.found}]`;
  }
}

function emptyOf(shape: Shape, source: object): object {
  switch (shape) {
    case Shape.Array: {
      const array: unknown[] = [];
      array.length = (source as unknown[]).length;
      return array;
    }
    case Shape.Map:
      return new Map();
    case Shape.Set:
      return new Set();
    case Shape.Record:
    case Shape.BareRecord:
      return {};
  }
}

function cursorFor(shape: Shape, source: object, target: object, depth: number, trail?: Trail): Cursor {
  if (shape === Shape.Map) return new MapCursor(source as Map<unknown, unknown>, target as Map<unknown, unknown>, depth, trail);
  if (shape === Shape.Set) return new SetCursor(source as Set<unknown>, target as Set<unknown>, depth, trail);
  return new RecordCursor(source, target, depth, trail);
}

/** Whether a prototype is the one of a built-in class, of this realm or of another. */
function isPrototype(prototype: object | null, Class: { readonly name: string; readonly prototype: object }): boolean {
  if (prototype === Class.prototype) return true;
  const constructor: unknown = prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof constructor === "function" && constructor.name === Class.name && Function.prototype.toString.call(constructor).includes("[native code]");
}
