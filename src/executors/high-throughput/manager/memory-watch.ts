import { readdirSync, readFileSync } from "node:fs";
import type { MemoryUse } from "../../../state-machines/thread.js";
import type { Attempt } from "../../thread-pool/attempt.js";
import type { Lane } from "../../thread-pool/lane.js";
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

/** Bytes of memory that each of these process groups has now, by one look at all processes. What has left its group is not counted. */
export function memoryOfGroups(groups: ReadonlySet<number>): ReadonlyMap<number, number> {
  const used = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      // From the state on, the third field: the second is a name in brackets, which may have any character.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const group = Number(fields[2]);
      if (groups.has(group)) used.set(group, (used.get(group) ?? 0) + Number(fields[21]) * pageBytes);
    } catch {
      // It has ended.
    }
  }
  return used;
}

/** As nearly everywhere; where pages are larger, less is seen than there is. */
const pageBytes = 4096;

export interface MemoryLimits {
  /** Bytes of a worker's own process; a task that asks for memory has that instead. */
  readonly worker: number | undefined;
  /** The same for all processes of a command. */
  readonly command?: number | undefined;
  /** Bytes of the node. */
  readonly node: number;
}

/** How often it is looked, in milliseconds, and how long a worker that was ended for the node's sake has to give its memory back. */
const lookEvery = 150;
const lookAtCommandsEvery = 450;
const relief = 1000;
/** Past so much of a node's memory the system itself would begin to kill. */
const nodePart = 0.95;

interface Busy {
  /** Whose memory it is, where it has processes to itself. */
  readonly of: "worker" | "command";
  readonly pid: number | undefined;
  readonly elapsed: number;
  readonly limit: number | undefined;
  readonly memory: ProcessMemory | undefined;
  readonly expel: (use: MemoryUse) => void;
}

/** Ends the worker, or the command, of a task that uses more memory than it may, and one of them where all together use nearly all of the node's. */
export class MemoryWatch {
  private timer: NodeJS.Timeout | undefined;
  private relievedAt = -Infinity;
  private lookedAt = -Infinity;
  /** Of commands that run: how much they had when it was looked last, and at most. */
  private readonly commands = new Map<number, ProcessMemory>();

  constructor(
    private readonly pool: ThreadPool,
    private readonly limits: MemoryLimits,
    private readonly look: (pid: number) => ProcessMemory | undefined = memoryOf,
    private readonly lookAtGroups: (groups: ReadonlySet<number>) => ReadonlyMap<number, number> = memoryOfGroups,
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
    this.lookAtCommands(now);
    const busy = this.pool.workforce.lanes.flatMap((lane) => this.busyOn(lane));
    let expelled = false;
    for (const { of, pid, limit, memory, expel } of busy) {
      if (pid === undefined || limit === undefined || memory === undefined || memory.used <= limit) continue;
      expel({ ...memory, limit, of, pid });
      expelled = true;
    }
    if (!expelled && now - this.relievedAt >= relief) this.relieve(busy, now);
  }

  /** Ends the largest that has processes of its own, unless this process, with its threads, is larger: then of those the one that began last. The others had room. */
  private relieve(busy: readonly Busy[], now: number): void {
    const own = this.look(process.pid);
    if (own === undefined) return;
    const used = busy.reduce((sum, { memory }) => sum + (memory?.used ?? 0), own.used);
    const limit = this.limits.node * nodePart;
    if (used <= limit) return;
    const [largest] = busy.filter(({ memory }) => memory !== undefined).sort((a, b) => (b.memory?.used ?? 0) - (a.memory?.used ?? 0) || a.elapsed - b.elapsed);
    const [latest] = busy.filter(({ memory }) => memory === undefined).sort((a, b) => a.elapsed - b.elapsed);
    const first = largest === undefined || (latest !== undefined && own.used > (largest.memory?.used ?? 0)) ? latest : largest;
    if (first === undefined) return;
    this.relievedAt = now;
    first.expel({ used, peak: first.memory?.peak ?? own.peak, limit, of: "node", pid: first.pid ?? process.pid });
  }

  /** All processes of the machine are looked at for that: less often than a few. */
  private lookAtCommands(now: number): void {
    const groups = new Set(this.pool.workforce.lanes.flatMap(({ shell }) => shell?.pid ?? []));
    for (const group of this.commands.keys()) if (!groups.has(group)) this.commands.delete(group);
    if (groups.size === 0 || now - this.lookedAt < lookAtCommandsEvery) return;
    this.lookedAt = now;
    for (const [group, used] of this.lookAtGroups(groups)) this.commands.set(group, { used, peak: Math.max(used, this.commands.get(group)?.peak ?? 0) });
  }

  private busyOn(lane: Lane): Busy[] {
    const { thread, shell, shellAttempt } = lane;
    if (shell !== undefined && shellAttempt !== undefined) {
      const { pid } = shell;
      return [{ of: "command", pid, elapsed: 0, limit: limitOf(shellAttempt, this.limits.command), memory: pid === undefined ? undefined : (this.commands.get(pid) ?? { used: 0, peak: 0 }), expel: (use) => lane.expelShell(use) }];
    }
    const link = thread?.link;
    const running = link?.running();
    const attempt = running === undefined ? undefined : thread?.slots[running.slot];
    if (link === undefined || running === undefined || attempt === undefined) return [];
    return [{ of: "worker", pid: link.pid, elapsed: running.elapsed, limit: limitOf(attempt, this.limits.worker), memory: link.pid === undefined ? undefined : this.look(link.pid), expel: (use) => link.expel?.(use) }];
  }
}

function limitOf(attempt: Attempt, usual: number | undefined): number | undefined {
  const { memory = 0 } = attempt.work.needsFor?.(attempt.number) ?? {};
  return memory > 0 ? memory : usual;
}
