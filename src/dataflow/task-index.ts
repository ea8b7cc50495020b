import type { TaskRecord } from "./task-record.js";

const shift = 10;
const mask = (1 << shift) - 1;

interface Chunk {
  readonly records: (TaskRecord | undefined)[];
  count: number;
}

/** Tasks by number. Numbers only grow, so an array in pieces does, at a sixth of a map's memory; a piece goes when its last task goes. */
export class TaskIndex {
  private readonly chunks = new Map<number, Chunk>();
  private newest: Chunk = { records: [], count: 0 };
  private newestAt = -1;

  get(id: number): TaskRecord | undefined {
    return this.chunks.get(Math.floor(id / (mask + 1)))?.records[id & mask];
  }

  /** Adds a task with a number past all others. */
  add(id: number, record: TaskRecord): void {
    const at = Math.floor(id / (mask + 1));
    if (at !== this.newestAt) {
      this.newestAt = at;
      this.newest = { records: new Array<TaskRecord | undefined>(mask + 1), count: 0 };
      this.chunks.set(at, this.newest);
    }
    this.newest.records[id & mask] = record;
    this.newest.count++;
  }

  delete(id: number): void {
    const at = Math.floor(id / (mask + 1));
    const chunk = this.chunks.get(at);
    if (chunk?.records[id & mask] === undefined) return;
    chunk.records[id & mask] = undefined;
    if (--chunk.count === 0 && at !== this.newestAt) this.chunks.delete(at);
  }

  *values(): Generator<TaskRecord> {
    for (const { records } of this.chunks.values()) for (const record of records) if (record !== undefined) yield record;
  }
}

/** The tasks that ended last stay in the index; those before them go. */
export class Retained {
  private readonly ids: number[] = [];
  private head = 0;

  constructor(
    private readonly index: TaskIndex,
    private readonly most: number,
  ) {}

  add(id: number): void {
    const { ids } = this;
    ids.push(id);
    if (ids.length - this.head <= this.most) return;
    this.index.delete(ids[this.head++] as number);
    if (this.head < 10_000 || this.head * 2 < ids.length) return;
    ids.splice(0, this.head);
    this.head = 0;
  }
}
