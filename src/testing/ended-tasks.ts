import { isOf, isRecord, type Entry } from "./invariants/invariant.js";

/** Which tasks ended last, and, a bit for each, which are older than those. */
export class EndedTasks {
  private readonly order: number[] = [];
  private first = 0;
  private readonly attempts = new Map<number, number>();
  private forgotten = new Uint32Array(1024);

  constructor(
    private readonly most: number,
    private readonly forget: (task: number, attempts: number) => void,
  ) {}

  hasForgotten(entry: Entry): boolean {
    const task = taskOf(entry);
    return task !== undefined && (((this.forgotten[task >>> 5] ?? 0) >>> (task & 31)) & 1) === 1;
  }

  see(entry: Entry): void {
    if (isOf(entry, "attempt")) this.attempts.set(entry.id as number, Math.max(entry.incarnation, this.attempts.get(entry.id as number) ?? 0));
    else if (isOf(entry, "task") && entry.final && (entry.outcome === "moved" || entry.outcome === "started")) this.push(entry.id as number);
  }

  private push(task: number): void {
    this.order.push(task);
    if (this.order.length - this.first <= this.most) return;
    const oldest = this.order[this.first++] as number;
    // Now and then the part that is over is dropped.
    if (this.first > this.most) {
      this.order.splice(0, this.first);
      this.first = 0;
    }
    this.mark(oldest);
    this.forget(oldest, this.attempts.get(oldest) ?? 0);
    this.attempts.delete(oldest);
  }

  private mark(task: number): void {
    const word = task >>> 5;
    if (word >= this.forgotten.length) {
      const larger = new Uint32Array(Math.max(word + 1, 2 * this.forgotten.length));
      larger.set(this.forgotten);
      this.forgotten = larger;
    }
    this.forgotten[word] = (this.forgotten[word] as number) | (1 << (task & 31));
  }
}

/** The task that an entry is about, where it is about one. */
function taskOf(entry: Entry): number | undefined {
  if (isRecord(entry)) return entry.kind === "task" || entry.kind === "attempt" ? (entry.id as number) : undefined;
  return "task" in entry ? entry.task : undefined;
}
