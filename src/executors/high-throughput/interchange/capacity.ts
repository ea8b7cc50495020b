import type { Needs } from "../../executor.js";
import type { Registration } from "../protocol.js";

type Amounts = Readonly<Record<Kind, number>>;
const kinds = ["cores", "memory", "gpus"] as const;
type Kind = (typeof kinds)[number];

/** Parts of cores add up to a little more or less than they should. */
const slack = 1e-9;

/** What tasks hold of a node. One that says nothing holds a worker's share, and so does one that says nothing of the kind. */
export class Capacity {
  /** Tasks out that say what they need. */
  large = 0;
  /** How many that say nothing may run beside them. */
  plain: number;
  /** Memory in bytes. */
  readonly total: Amounts;
  private readonly share: Amounts;
  private readonly held: Record<Kind, number> = { cores: 0, memory: 0, gpus: 0 };

  constructor(private readonly facts: Registration) {
    const { cores, memoryMb, accelerators, workers, coresPerWorker = 1, memoryPerWorkerMb } = facts;
    this.total = { cores, memory: memoryMb * 2 ** 20, gpus: accelerators.length };
    this.share = { cores: Math.min(coresPerWorker, cores / workers), memory: Math.min(memoryPerWorkerMb ?? Infinity, memoryMb / workers) * 2 ** 20, gpus: Math.min(1, accelerators.length / workers) };
    this.plain = workers;
  }

  /** Whether it fits beside so many tasks that say nothing, each of which runs. */
  admits(needs: Needs, plain: number): boolean {
    if (plain + this.large >= this.facts.workers) return false;
    return kinds.every((kind) => this.held[kind] + plain * this.share[kind] + this.amount(needs, kind) <= this.total[kind] + slack);
  }

  /** Whether it fits where nothing else runs. */
  couldHold(needs: Needs): boolean {
    return kinds.every((kind) => this.amount(needs, kind) <= this.total[kind] + slack);
  }

  hold(needs: Needs): void {
    this.change(needs, 1);
  }

  release(needs: Needs): void {
    this.change(needs, -1);
  }

  private amount(needs: Needs, kind: Kind): number {
    return needs[kind] ?? this.share[kind];
  }

  private change(needs: Needs, by: 1 | -1): void {
    this.large += by;
    for (const kind of kinds) this.held[kind] = this.large === 0 ? 0 : this.held[kind] + by * this.amount(needs, kind);
    const room = kinds.map((kind) => (this.share[kind] === 0 ? Infinity : Math.floor((this.total[kind] - this.held[kind]) / this.share[kind] + slack)));
    this.plain = this.large === 0 ? this.facts.workers : Math.max(0, Math.min(this.facts.workers - this.large, ...room));
  }
}
