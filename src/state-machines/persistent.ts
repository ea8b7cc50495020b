/** Values that charts keep in their contexts: what changes is new, and shares with the old whatever is the same in both. */

/** Narrow: each change copies one node of every level. */
const bits = 3;
const width = 2 ** bits;

/** Always `width` entries. */
type Node<T> = readonly (Node<T> | T | undefined)[];
type Building<T> = (Node<T> | T | undefined)[];

/** Values by whole numbers from 0 up, in the order of these. Looking up, changing and removing one costs about as much however many there are. */
export class Table<T> {
  static readonly empty = new Table<never>(0, 1, undefined);

  private constructor(
    readonly size: number,
    private readonly height: number,
    private readonly root: Node<T> | undefined,
  ) {}

  static of<T>(entries: readonly (readonly [number, T])[]): Table<T> {
    let height = 1;
    for (const [key] of entries) while (key >= width ** height) height++;
    const root: Building<T> = nothing.slice();
    let size = 0;
    for (const [key, value] of entries) {
      let node = root;
      for (let level = height - 1; level > 0; level--) node = (node[slotOf(key, level)] ??= nothing.slice()) as Building<T>;
      const slot = slotOf(key, 0);
      if (node[slot] === undefined) size++;
      node[slot] = value;
    }
    return size === 0 ? Table.empty : new Table<T>(size, height, root);
  }

  get(key: number): T | undefined {
    if (key >= width ** this.height) return undefined;
    let node: Node<T> | T | undefined = this.root;
    for (let level = this.height - 1; level >= 0 && node !== undefined; level--) node = (node as Node<T>)[slotOf(key, level)];
    return node as T | undefined;
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  with(key: number, value: T): Table<T> {
    let { height, root } = this;
    while (key >= width ** height) {
      root = root === undefined ? undefined : replaced<T>(undefined, 0, root);
      height++;
    }
    return new Table(this.has(key) ? this.size : this.size + 1, height, changed(root, height - 1, key, value));
  }

  without(key: number): Table<T> {
    return this.has(key) ? new Table<T>(this.size - 1, this.height, changed(this.root, this.height - 1, key, undefined)) : this;
  }

  /** By ascending keys. */
  *values(): Generator<T> {
    if (this.root !== undefined) yield* valuesOf(this.root, this.height - 1);
  }

  [Symbol.iterator](): Generator<T> {
    return this.values();
  }
}

const largestShifted = 2 ** 30;

function slotOf(key: number, level: number): number {
  if (key >= largestShifted) return Math.floor(key / width ** level) % width;
  return level * bits >= 30 ? 0 : (key >> (level * bits)) & (width - 1);
}

function* valuesOf<T>(node: Node<T>, level: number): Generator<T> {
  for (const entry of node) {
    if (entry === undefined) continue;
    if (level === 0) yield entry as T;
    else yield* valuesOf(entry as Node<T>, level - 1);
  }
}

function changed<T>(node: Node<T> | undefined, level: number, key: number, value: T | undefined): Node<T> | undefined {
  const slot = slotOf(key, level);
  return replaced(node, slot, level === 0 ? value : changed(node?.[slot] as Node<T> | undefined, level - 1, key, value));
}

const nothing: Node<never> = new Array<undefined>(width).fill(undefined);

/** Nothing instead of a node with nothing in it: keys that only grow leave no trace. */
function replaced<T>(node: Node<T> | undefined, slot: number, entry: Node<T> | T | undefined): Node<T> | undefined {
  const copy: Building<T> = (node ?? nothing).slice();
  copy[slot] = entry;
  return entry === undefined && copy.every((other) => other === undefined) ? undefined : copy;
}

/** Whole numbers from 0 up, most often none or one. */
export class Keys {
  static readonly empty = new Keys(undefined, undefined);

  private constructor(
    private readonly only: number | undefined,
    private readonly several: Table<number> | undefined,
  ) {}

  static of(keys: readonly number[]): Keys {
    const [first] = keys;
    if (first === undefined) return Keys.empty;
    return keys.length === 1 ? new Keys(first, undefined) : new Keys(undefined, Table.of(keys.map((key) => [key, key])));
  }

  get size(): number {
    return this.several?.size ?? (this.only === undefined ? 0 : 1);
  }

  has(key: number): boolean {
    return this.several?.has(key) ?? this.only === key;
  }

  without(key: number): Keys {
    if (this.several !== undefined) return new Keys(undefined, this.several.without(key));
    return this.only === key ? Keys.empty : this;
  }
}

/** Numbers by name. */
export class Names {
  static readonly empty = new Names(Table.empty);

  private constructor(private readonly buckets: Table<readonly (readonly [string, number])[]>) {}

  get(name: string): number | undefined {
    return this.buckets.get(hashOf(name))?.find(([known]) => known === name)?.[1];
  }

  with(name: string, value: number): Names {
    return this.changed(name, [[name, value]]);
  }

  without(name: string): Names {
    return this.changed(name, []);
  }

  private changed(name: string, entry: readonly (readonly [string, number])[]): Names {
    const hash = hashOf(name);
    const bucket = [...(this.buckets.get(hash) ?? []).filter(([known]) => known !== name), ...entry];
    return new Names(bucket.length === 0 ? this.buckets.without(hash) : this.buckets.with(hash, bucket));
  }
}

/** FNV-1a, in 16 bits: few levels, and names that share a bucket only where there are tens of thousands. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & 0xffff;
}

interface Link<T> {
  readonly value: T;
  readonly next: Link<T> | undefined;
}

/** First in, first out. */
export class Line<T> {
  static readonly empty = new Line<never>(0, undefined, undefined);

  private constructor(
    readonly size: number,
    private readonly front: Link<T> | undefined,
    /** The newest first. */
    private readonly back: Link<T> | undefined,
  ) {}

  static of<T>(values: readonly T[]): Line<T> {
    let front: Link<T> | undefined;
    for (let i = values.length - 1; i >= 0; i--) front = { value: values[i] as T, next: front };
    return new Line(values.length, front, undefined);
  }

  get first(): T | undefined {
    return this.front?.value;
  }

  with(value: T): Line<T> {
    if (this.front === undefined) return new Line(1, { value, next: undefined }, undefined);
    return new Line(this.size + 1, this.front, { value, next: this.back });
  }

  /** All but the first. */
  rest(): Line<T> {
    if (this.size <= 1) return Line.empty;
    const { next } = this.front as Link<T>;
    if (next !== undefined) return new Line(this.size - 1, next, this.back);
    let front: Link<T> | undefined;
    for (let link = this.back; link !== undefined; link = link.next) front = { value: link.value, next: front };
    return new Line(this.size - 1, front, undefined);
  }

  *[Symbol.iterator](): Generator<T> {
    for (let link = this.front; link !== undefined; link = link.next) yield link.value;
    const newest: T[] = [];
    for (let link = this.back; link !== undefined; link = link.next) newest.push(link.value);
    yield* newest.reverse();
  }
}
