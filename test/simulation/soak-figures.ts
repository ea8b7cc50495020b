import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Times of one kind, in milliseconds, and how they are spread. */
export class Spread {
  private readonly all: number[] = [];

  add(ms: number): void {
    this.all.push(ms);
  }

  get count(): number {
    return this.all.length;
  }

  /** A row of a table: how many, the least, the median, that of nine in ten, the most. */
  row(what: string, unit = " ms"): string {
    const sorted = [...this.all].sort((a, b) => a - b);
    const at = (share: number): string => (sorted.length === 0 ? "-" : `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number)}${unit}`);
    return `| ${[what, String(sorted.length), at(0), at(0.5), at(0.9), at(1)].join(" | ")} |`;
  }

  describe(): string {
    if (this.all.length === 0) return "none";
    const sorted = [...this.all].sort((a, b) => a - b);
    const at = (share: number): string => `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number)}`;
    return `${sorted.length} times, p50 ${at(0.5)} p90 ${at(0.9)} p99 ${at(0.99)} most ${at(1)} ms`;
  }
}

/** Above rows of spreads. */
export const tableHead = "| what | how often | least | median | p90 | most |\n| --- | --- | --- | --- | --- | --- |";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

interface Sample {
  readonly done: number;
  readonly heap: number;
  readonly outside: number;
  readonly rss: number;
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** What this process keeps, after all that nobody keeps was collected. */
export class Memory {
  private readonly samples: Sample[] = [];

  sample(done: number): void {
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    this.samples.push({ done, heap: heapUsed, outside: external, rss });
  }

  /** Bytes that stay for each task, by the second half of the run: a line through its samples. */
  get perTask(): number {
    const late = this.samples.slice(Math.floor(this.samples.length / 2));
    const mean = (of: (sample: Sample) => number): number => late.reduce((sum, sample) => sum + of(sample), 0) / late.length;
    const [x, y] = [mean(({ done }) => done), mean(({ heap, outside }) => heap + outside)];
    const spread = late.reduce((sum, { done }) => sum + (done - x) ** 2, 0);
    return spread === 0 ? 0 : late.reduce((sum, { done, heap, outside }) => sum + (done - x) * (heap + outside - y), 0) / spread;
  }

  describe(): string {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (first === undefined || last === undefined) return "no samples";
    return `heap ${mib(first.heap)} at the start, ${mib(last.heap)} at the end; RSS ${mib(first.rss)}, ${mib(last.rss)}; ${this.perTask.toFixed(0)} bytes stay for each task`;
  }
}
