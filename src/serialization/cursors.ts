import { inspectSafely, stepTo, type Trail } from "./refusal.js";

/** Goes through one container: reads each part, and puts the part's copy in its place. */
export interface Cursor {
  /** How many containers deep v8's writer will be here. */
  readonly depth: number;
  /** Where the cursor starts, when that is not inside the cursor below it on the stack. */
  readonly trail?: Trail | undefined;
  /** What is to be written once this container is: set on those that v8's writer enters by itself. */
  readonly later?: Cursor[];
  /** Steps to the next part; false when there are no more. */
  next(): boolean;
  read(): unknown;
  put(copy: unknown): void;
  /** The step to the current part, as `.name`. */
  step(): string;
}

/** Sets a property as data, whatever it is called. */
export function setOwn(target: object, key: string, value: unknown, enumerable = true): void {
  if (enumerable && key !== "__proto__") (target as Record<string, unknown>)[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable });
}

/** The properties of an object, or the elements and properties of an array. */
export class RecordCursor implements Cursor {
  private index = -1;
  private readonly keys: readonly string[];
  constructor(private readonly source: object, private readonly target: object, readonly depth: number, readonly trail?: Trail) {
    this.keys = Object.keys(source);
  }
  next(): boolean {
    this.index += 1;
    return this.index < this.keys.length;
  }
  read(): unknown {
    return (this.source as Record<string, unknown>)[this.key()];
  }
  put(copy: unknown): void {
    setOwn(this.target, this.key(), copy);
  }
  step(): string {
    return stepTo(this.key(), Array.isArray(this.target));
  }
  private key(): string {
    return this.keys[this.index] ?? "";
  }
}

/** The own properties of an error but those that travel in its head. */
export class ErrorCursor implements Cursor {
  private index = -1;
  constructor(private readonly source: object, private readonly contents: unknown[], private readonly keys: readonly string[], readonly depth: number, readonly trail: Trail) {}
  next(): boolean {
    this.index += 1;
    return this.index < this.keys.length;
  }
  read(): unknown {
    return (this.source as Record<string, unknown>)[this.key()];
  }
  put(copy: unknown): void {
    const key = this.key();
    this.contents.push(key, Object.prototype.propertyIsEnumerable.call(this.source, key), copy);
  }
  step(): string {
    return stepTo(this.key(), false);
  }
  private key(): string {
    return this.keys[this.index] ?? "";
  }
}

/** The keys and values of a Map, in turn, as v8 writes them. */
export class MapCursor implements Cursor {
  private index = -1;
  private readonly parts: readonly unknown[];
  private keyCopy: unknown;
  constructor(source: ReadonlyMap<unknown, unknown>, private readonly target: Map<unknown, unknown>, readonly depth: number, readonly trail?: Trail) {
    const parts: unknown[] = [];
    Map.prototype.forEach.call(source, (value: unknown, key: unknown) => parts.push(key, value));
    this.parts = parts;
  }
  next(): boolean {
    this.index += 1;
    return this.index < this.parts.length;
  }
  read(): unknown {
    return this.parts[this.index];
  }
  put(copy: unknown): void {
    if (this.index % 2 === 0) this.keyCopy = copy;
    else this.target.set(this.keyCopy, copy);
  }
  step(): string {
    if (this.index % 2 === 0) return `.keys()[${this.index / 2}]`;
    const key = this.parts[this.index - 1];
    return key === null || typeof key !== "object" ? `.get(${inspectSafely(key, 40)})` : `.values()[${(this.index - 1) / 2}]`;
  }
}

export class SetCursor implements Cursor {
  private index = -1;
  private readonly parts: readonly unknown[];
  constructor(source: ReadonlySet<unknown>, private readonly target: Set<unknown>, readonly depth: number, readonly trail?: Trail) {
    const parts: unknown[] = [];
    Set.prototype.forEach.call(source, (value: unknown) => parts.push(value));
    this.parts = parts;
  }
  next(): boolean {
    this.index += 1;
    return this.index < this.parts.length;
  }
  read(): unknown {
    return this.parts[this.index];
  }
  put(copy: unknown): void {
    this.target.add(copy);
  }
  step(): string {
    return `.values()[${this.index}]`;
  }
}

/** One value: the whole, or the plain form of an instance. What is deferred inside it is written right after it. */
export class ScopeCursor implements Cursor {
  readonly later: Cursor[] = [];
  private entered = false;
  constructor(private readonly value: unknown, private readonly receive: (copy: unknown) => void, readonly depth: number, private readonly label = "") {}
  next(): boolean {
    const first = !this.entered;
    this.entered = true;
    return first;
  }
  read(): unknown {
    return this.value;
  }
  put(copy: unknown): void {
    this.receive(copy);
  }
  step(): string {
    return this.label;
  }
}
