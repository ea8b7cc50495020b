import type { Attempt } from "./attempt.js";

/** What waits for a worker: by priority (smaller first, unset last), then by age. */
export class WorkQueue {
  private readonly levels = new Map<number, Level>();
  /** Priorities in use, ascending. */
  private order: number[] = [];
  private count = 0;
  private arrivals = 0;

  /** Includes what was revoked while it waited, until it is met. */
  get size(): number {
    return this.count;
  }

  push(attempt: Attempt): void {
    attempt.arrival = ++this.arrivals;
    this.level(attempt).push(attempt);
    this.count++;
  }

  /** Puts back what was taken and never started, where its age belongs: before all that came later. */
  putBack(attempt: Attempt): void {
    this.level(attempt).insert(attempt);
    this.count++;
  }

  /** The next one, left where it is. What is no longer queued is dropped. */
  peek(): Attempt | undefined {
    for (;;) {
      const level = this.first();
      if (level === undefined) return undefined;
      const attempt = level.peek() as Attempt;
      if (attempt.is("queued")) return attempt;
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
  drain(): Attempt[] {
    const all: Attempt[] = [];
    for (let next = this.peek(); next !== undefined; next = this.peek()) {
      all.push(next);
      this.shift();
    }
    return all;
  }

  /** What waits, soonest first. */
  *values(): Generator<Attempt> {
    for (const priority of this.order) for (const attempt of this.levels.get(priority)?.values() ?? []) if (attempt.is("queued")) yield attempt;
  }

  private first(): Level | undefined {
    const [priority] = this.order;
    const level = priority === undefined ? undefined : this.levels.get(priority);
    return level !== undefined && level.size > 0 ? level : undefined;
  }

  private level(attempt: Attempt): Level {
    const priority = attempt.work.priority ?? Number.POSITIVE_INFINITY;
    let level = this.levels.get(priority);
    if (level === undefined) {
      if (this.count === 0) {
        this.levels.clear();
        this.order = [];
      }
      level = new Level();
      this.levels.set(priority, level);
      this.order.push(priority);
      this.order.sort((a, b) => a - b);
    }
    return level;
  }
}

/** A ring of attempts that grows. */
class Level {
  size = 0;
  private head = 0;
  private ring: (Attempt | undefined)[] = new Array<Attempt | undefined>(64);

  push(attempt: Attempt): void {
    if (this.size === this.ring.length) this.grow();
    this.ring[(this.head + this.size++) & (this.ring.length - 1)] = attempt;
  }

  /** By age. What is put back is among the oldest, so its place is found from the front. */
  insert(attempt: Attempt): void {
    if (this.size === this.ring.length) this.grow();
    const mask = this.ring.length - 1;
    this.head = (this.head - 1) & mask;
    let at = this.head;
    for (let left = this.size++; left > 0; left--) {
      const next = this.ring[(at + 1) & mask] as Attempt;
      if (next.arrival > attempt.arrival) break;
      this.ring[at] = next;
      at = (at + 1) & mask;
    }
    this.ring[at] = attempt;
  }

  peek(): Attempt | undefined {
    return this.ring[this.head];
  }

  shift(): void {
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.size--;
  }

  *values(): Generator<Attempt> {
    for (let i = 0; i < this.size; i++) yield this.ring[(this.head + i) & (this.ring.length - 1)] as Attempt;
  }

  private grow(): void {
    const ring = new Array<Attempt | undefined>(this.ring.length * 2);
    for (let i = 0; i < this.size; i++) ring[i] = this.ring[(this.head + i) & (this.ring.length - 1)];
    this.ring = ring;
    this.head = 0;
  }
}
