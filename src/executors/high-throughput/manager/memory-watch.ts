import { readFileSync } from "node:fs";
import type { MemoryUse } from "../../../state-machines/thread.js";
import type { LaneLink } from "../../thread-pool/host.js";
import type { ThreadPool } from "../../thread-pool/pool.js";

/** Bytes that a process has in memory now, and had at most. */
export interface ProcessMemory {
  readonly used: number;
  readonly peak: number;
}

/** Undefined where it has ended, or cannot be looked at here. */
export function memoryOf(pid: number): ProcessMemory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
    return { used: kilobytes("VmRSS") * 1024, peak: kilobytes("VmHWM") * 1024 };
  } catch {
    return undefined;
  }
}

export interface MemoryLimits {
  /** Bytes of a worker's own process; a task that asks for memory has that instead. */
  readonly worker: number | undefined;
  /** Bytes of the node. */
  readonly node: number;
}

/** How often it is looked, in milliseconds, and how long a worker that was ended for the node's sake has to give its memory back. */
const lookEvery = 150;
const relief = 1000;
/** Past so much of a node's memory the system itself would begin to kill. */
const nodePart = 0.95;

interface Busy {
  readonly link: LaneLink;
  readonly pid: number | undefined;
  readonly elapsed: number;
  readonly limit: number | undefined;
  readonly memory: ProcessMemory | undefined;
}

/** Ends the worker of a task that uses more memory than it may, and one of them where all together use nearly all of the node's. */
export class MemoryWatch {
  private timer: NodeJS.Timeout | undefined;
  private relievedAt = -Infinity;

  constructor(
    private readonly pool: ThreadPool,
    private readonly limits: MemoryLimits,
    private readonly look: (pid: number) => ProcessMemory | undefined = memoryOf,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.check(performance.now()), lookEvery);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  check(now: number): void {
    if (this.pool.workforce.out === 0) return;
    const busy = this.busy();
    let expelled = false;
    for (const { link, pid, limit, memory } of busy) {
      if (pid === undefined || limit === undefined || memory === undefined || memory.used <= limit) continue;
      link.expel?.({ ...memory, limit, of: "worker", pid });
      expelled = true;
    }
    if (!expelled && now - this.relievedAt >= relief) this.relieve(busy, now);
  }

  /** Ends the largest worker that has a process, or the one that began last: those before it had room. */
  private relieve(busy: readonly Busy[], now: number): void {
    const own = this.look(process.pid);
    if (own === undefined) return;
    const used = busy.reduce((sum, { memory }) => sum + (memory?.used ?? 0), own.used);
    const limit = this.limits.node * nodePart;
    if (used <= limit) return;
    const [first] = [...busy].sort((a, b) => (b.memory?.used ?? 0) - (a.memory?.used ?? 0) || a.elapsed - b.elapsed);
    if (first === undefined) return;
    this.relievedAt = now;
    const use: MemoryUse = { used, peak: first.memory?.peak ?? own.peak, limit, of: "node", pid: first.pid ?? process.pid };
    first.link.expel?.(use);
  }

  private busy(): Busy[] {
    return this.pool.workforce.lanes.flatMap(({ thread }) => {
      const link = thread?.link;
      const running = link?.running();
      const attempt = running === undefined ? undefined : thread?.slots[running.slot];
      if (link === undefined || running === undefined || attempt === undefined) return [];
      const { memory: asked = 0 } = attempt.work.needsFor?.(attempt.number) ?? {};
      const limit = asked > 0 ? asked : this.limits.worker;
      return [{ link, pid: link.pid, elapsed: running.elapsed, limit, memory: link.pid === undefined ? undefined : this.look(link.pid) }];
    });
  }
}
