import { AppTimeout, CarawayError } from "../errors/index.js";
import type { Encoded } from "../serialization/index.js";
import { outputList } from "./files.js";
import { fingerprint, keyOf } from "./memo-key.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskTable } from "./task-table.js";

interface Remembered {
  readonly value: Encoded;
  readonly error: unknown;
  readonly failed: boolean;
  /** What each output was like when it was published. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** Results of cached apps by what they were made from. Equal calls in flight share one execution. */
export class Memo {
  private readonly results = new Map<string, Remembered>();
  private readonly leaders = new Map<string, TaskRecord>();

  constructor(private readonly table: TaskTable) {}

  /** Answers from memory, or follows an equal call in flight, or lets the call run. */
  lookup(record: TaskRecord): void {
    const { dispatcher } = this.table;
    let key: string;
    try {
      key = record.more().memoKey = keyOf(record);
    } catch (error) {
      dispatcher.tell(record, { type: "memo.failed", error });
      return;
    }
    const known = this.results.get(key);
    if (known !== undefined && [...known.outputs].every(([path, mark]) => fingerprint(path) === mark)) {
      this.answer(record, known);
      return;
    }
    const leader = this.leaders.get(key);
    if (leader !== undefined) {
      (leader.more().followers ??= []).push(record);
      return;
    }
    this.leaders.set(key, record);
    dispatcher.tell(record, { type: "memo.missed" });
  }

  /** The equal call whose execution this one shares. */
  leaderOf(record: TaskRecord): TaskRecord | undefined {
    const { memoKey: key } = record.extra ?? {};
    const leader = key === undefined ? undefined : this.leaders.get(key);
    return leader === record ? undefined : leader;
  }

  /** A task that was looked up has ended: remembers what it gave, and answers those that followed it. */
  settled(record: TaskRecord): void {
    const { memoKey: key, followers = [] } = record.extra ?? {};
    if (key === undefined || this.leaders.get(key) !== record) return;
    this.leaders.delete(key);
    record.more().followers = [];
    const cancelled = record.state.name === "cancelled";
    const result = outcomeOf(record);
    if (!cancelled && isLasting(result)) this.results.set(key, result);
    for (const follower of followers) {
      if (follower.isFinal) continue;
      if (cancelled) this.lookup(follower);
      else this.answer(follower, result);
    }
  }

  private answer(record: TaskRecord, { failed, value, error }: Remembered): void {
    this.table.dispatcher.tell(record, failed ? { type: "memo.failed", error } : { type: "memo.hit", value });
  }
}

function outcomeOf(record: TaskRecord): Remembered {
  const failed = !record.succeeded;
  const { value, error } = record.context;
  return { value: value as Encoded, error, failed, outputs: new Map(failed ? [] : outputList(record.extra?.outputs).map((file) => [file.path, fingerprint(file.path)])) };
}

/** What failed for reasons outside of the app, or by a time limit that is not in the key, says nothing about the next call. */
function isLasting({ failed, error }: Remembered): boolean {
  return !failed || !(error instanceof CarawayError) || (error.origin === "app" && !(error instanceof AppTimeout));
}
