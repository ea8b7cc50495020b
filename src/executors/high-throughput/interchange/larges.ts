import { WorkQueue } from "../../work-queue.js";
import type { Dispatch } from "./node.js";

/** So many different needs are looked at in one round: enough that none waits behind what does not fit, and a bound on what a round costs. */
const mostKinds = 64;

const isSooner = (a: Dispatch, b: Dispatch): boolean => (a.priority === b.priority ? a.arrival < b.arrival : a.priority < b.priority);

/**
 * Tasks that say what they need and did not fit when their turn came. Those that need the same are alike: where the first of them does not
 * fit, none does.
 */
export class Larges {
  private readonly kinds = new Map<string, WorkQueue<Dispatch>>();
  private round: WorkQueue<Dispatch>[] = [];
  private at = 0;

  get isEmpty(): boolean {
    return this.kinds.size === 0;
  }

  get size(): number {
    let size = 0;
    for (const queue of this.kinds.values()) size += queue.size;
    return size;
  }

  /** It waits for a node that has what it needs. */
  add(one: Dispatch): void {
    const { needs = {}, walltime } = one;
    const kind = `${needs.cores ?? ""}/${needs.memory ?? ""}/${needs.gpus ?? ""}/${walltime}`;
    let queue = this.kinds.get(kind);
    if (queue === undefined) this.kinds.set(kind, (queue = new WorkQueue<Dispatch>()));
    queue.putBack(one);
  }

  /** Each kind is tried anew, the soonest first. */
  begin(): void {
    for (const [kind, queue] of this.kinds) if (queue.peek() === undefined) this.kinds.delete(kind);
    this.round = this.firsts().slice(0, mostKinds);
    this.at = 0;
  }

  /** The soonest of this round that comes before the given one. */
  next(before: Dispatch | undefined): Dispatch | undefined {
    for (; this.at < this.round.length; this.at++) {
      const one = this.round[this.at]?.peek();
      if (one !== undefined) return before === undefined || isSooner(one, before) ? one : undefined;
    }
    return undefined;
  }

  /** What `next` gave is placed; the next of its kind takes its turn among the others. */
  placed(): void {
    const { round, at } = this;
    const queue = round[at] as WorkQueue<Dispatch>;
    queue.shift();
    const one = queue.peek();
    if (one === undefined) return;
    for (let i = at; i + 1 < round.length; i++) {
      const other = (round[i + 1] as WorkQueue<Dispatch>).peek();
      if (other !== undefined && !isSooner(other, one)) return;
      round[i] = round[i + 1] as WorkQueue<Dispatch>;
      round[i + 1] = queue;
    }
  }

  /** What `next` gave does not fit, and nothing of its kind does. */
  passed(): void {
    this.at++;
  }

  /** The soonest that has waited since before then. */
  overdue(since: number): Dispatch | undefined {
    return this.firsts().map((queue) => queue.peek() as Dispatch).find((one) => one.waitsSince <= since);
  }

  private firsts(): WorkQueue<Dispatch>[] {
    const queues = [...this.kinds.values()].filter((queue) => queue.peek() !== undefined);
    return queues.sort((a, b) => (isSooner(a.peek() as Dispatch, b.peek() as Dispatch) ? -1 : 1));
  }
}
