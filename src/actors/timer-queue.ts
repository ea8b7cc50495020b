import type { Timer } from "./ports.js";

/** A timer in the queue. A cancelled one stays in the heap, without its function, until it comes up or the heap is swept. */
class Entry implements Timer {
  constructor(
    private readonly owner: TimerQueue,
    readonly due: number,
    readonly order: number,
    public fire: (() => void) | undefined,
  ) {}

  cancel(): void {
    if (this.fire === undefined) return;
    this.fire = undefined;
    this.owner.cancelled();
  }
}

const before = (a: Entry, b: Entry): boolean => a.due < b.due || (a.due === b.due && a.order < b.order);

/**
 * Pending timers of one system, soonest first, equal ones in the order they were set: a binary heap.
 * Knows no clock: whoever owns it says when to look. Setting costs O(log n), cancelling O(1).
 */
export class TimerQueue {
  private readonly heap: Entry[] = [];
  private dead = 0;
  private orders = 0;

  /** Timers that have neither fired nor been cancelled. */
  get size(): number {
    return this.heap.length - this.dead;
  }

  /** When the soonest pending timer is due. */
  get nextDue(): number | undefined {
    this.dropDead();
    return this.heap[0]?.due;
  }

  add(due: number, fire: () => void): Timer {
    if (Number.isNaN(due)) throw new RangeError("a timer needs a time, but was given NaN");
    const entry = new Entry(this, due, this.orders++, fire);
    this.heap.push(entry);
    this.rise(this.heap.length - 1);
    return entry;
  }

  /** Takes out the soonest timer that is due by then; its function is for the caller to call. */
  take(now: number): { readonly due: number; readonly fire: () => void } | undefined {
    this.dropDead();
    const [first] = this.heap;
    if (first?.fire === undefined || first.due > now) return undefined;
    const { due, fire } = first;
    this.removeFirst();
    first.fire = undefined;
    return { due, fire };
  }

  /** Called by an entry. Sweeps when most of the heap is cancelled, so that short-lived timers cost no memory. */
  cancelled(): void {
    this.dead++;
    if (this.dead > 64 && this.dead * 2 > this.heap.length) this.sweep();
  }

  private dropDead(): void {
    while (this.heap.length > 0 && this.heap[0]?.fire === undefined) {
      this.removeFirst();
      this.dead--;
    }
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(0);
  }

  private sweep(): void {
    const live = this.heap.filter((entry) => entry.fire !== undefined);
    this.heap.length = 0;
    for (const entry of live) this.heap.push(entry);
    this.dead = 0;
    for (let i = (live.length >> 1) - 1; i >= 0; i--) this.sink(i);
  }

  private rise(from: number): void {
    const { heap } = this;
    const entry = heap[from] as Entry;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Entry;
      if (!before(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  private sink(from: number): void {
    const { heap } = this;
    const { length } = heap;
    const entry = heap[from] as Entry;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!before(heap[child] as Entry, entry)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = entry;
  }
}
