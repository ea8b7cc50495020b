/** What can wait in a queue. */
export interface Queued {
  /** Its age, given by the queue: what came first has the smaller number. */
  arrival: number;
  /** Smaller is sooner; unset is last. */
  readonly priority: number | undefined;
  /** It still waits: what does not is dropped when it is met. */
  readonly isQueued: boolean;
}

/** What waits for a worker: by priority (smaller first, unset last), then by age. */
export class WorkQueue<T extends Queued> {
  private readonly levels = new Map<number, Level<T>>();
  /** Priorities in use, ascending. */
  private order: number[] = [];
  private count = 0;
  private arrivals = 0;

  /** Includes what was revoked while it waited, until it is met. */
  get size(): number {
    return this.count;
  }

  push(one: T): void {
    one.arrival = ++this.arrivals;
    this.level(one).push(one);
    this.count++;
  }

  /** Puts back what was taken and never started, where its age belongs: before all that came later. */
  putBack(one: T): void {
    this.level(one).insert(one);
    this.count++;
  }

  /** The next one, left where it is. What is no longer queued is dropped. */
  peek(): T | undefined {
    for (;;) {
      const level = this.first();
      if (level === undefined) return undefined;
      const one = level.peek() as T;
      if (one.isQueued) return one;
      this.shift();
    }
  }

  shift(): void {
    const level = this.first();
    if (level === undefined) return;
    level.shift();
    this.count--;
    if (level.size === 0 && this.order.length > 1) {
      this.levels.delete(this.order.shift() as number);
    }
  }

  /** Takes out everything that is still queued. */
  drain(): T[] {
    const all: T[] = [];
    for (let next = this.peek(); next !== undefined; next = this.peek()) {
      all.push(next);
      this.shift();
    }
    return all;
  }

  /** What waits, soonest first. */
  *values(): Generator<T> {
    for (const priority of this.order) for (const one of this.levels.get(priority)?.values() ?? []) if (one.isQueued) yield one;
  }

  private first(): Level<T> | undefined {
    const [priority] = this.order;
    const level = priority === undefined ? undefined : this.levels.get(priority);
    return level !== undefined && level.size > 0 ? level : undefined;
  }

  private level(one: T): Level<T> {
    const priority = one.priority ?? Number.POSITIVE_INFINITY;
    let level = this.levels.get(priority);
    if (level === undefined) {
      if (this.count === 0) {
        this.levels.clear();
        this.order = [];
      }
      level = new Level<T>();
      this.levels.set(priority, level);
      this.order.push(priority);
      this.order.sort((a, b) => a - b);
    }
    return level;
  }
}

/** A ring of attempts that grows. */
class Level<T extends Queued> {
  size = 0;
  private head = 0;
  private ring: (T | undefined)[] = new Array<T | undefined>(64);

  push(one: T): void {
    if (this.size === this.ring.length) this.grow();
    this.ring[(this.head + this.size++) & (this.ring.length - 1)] = one;
  }

  /** By age. What is put back is among the oldest, so its place is found from the front. */
  insert(one: T): void {
    if (this.size === this.ring.length) this.grow();
    const mask = this.ring.length - 1;
    this.head = (this.head - 1) & mask;
    let at = this.head;
    for (let left = this.size++; left > 0; left--) {
      const next = this.ring[(at + 1) & mask] as T;
      if (next.arrival > one.arrival) break;
      this.ring[at] = next;
      at = (at + 1) & mask;
    }
    this.ring[at] = one;
  }

  peek(): T | undefined {
    return this.ring[this.head];
  }

  shift(): void {
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.size--;
  }

  *values(): Generator<T> {
    for (let i = 0; i < this.size; i++) yield this.ring[(this.head + i) & (this.ring.length - 1)] as T;
  }

  private grow(): void {
    const ring = new Array<T | undefined>(this.ring.length * 2);
    for (let i = 0; i < this.size; i++) ring[i] = this.ring[(this.head + i) & (this.ring.length - 1)];
    this.ring = ring;
    this.head = 0;
  }
}
