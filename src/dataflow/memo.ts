import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { DataFile } from "../data/file.js";
import { composeArgument } from "./arguments.js";
import { outputList } from "./files.js";
import { encode, type Encoded } from "../serialization/index.js";
import type { TaskTable } from "./task-table.js";
import type { TaskRecord } from "./task-record.js";

interface Remembered {
  readonly value: Encoded;
  readonly error: unknown;
  readonly failed: boolean;
  /** Size and time of each output as it was published. */
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
      key = keyOf(record);
    } catch (error) {
      dispatcher.tell(record, { type: "memo.failed", error });
      return;
    }
    record.more().memoKey = key;
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

  /** A task that was looked up has ended: remembers what it gave, and answers those that followed it. */
  settled(record: TaskRecord): void {
    const { memoKey: key, followers = [] } = record.extra ?? {};
    if (key === undefined || this.leaders.get(key) !== record) return;
    this.leaders.delete(key);
    record.more().followers = [];
    const failed = !record.succeeded;
    const cancelled = record.state.name === "cancelled";
    const result: Remembered = { value: record.context.value as Encoded, error: record.context.error, failed, outputs: failed ? new Map() : new Map(outputList(record.extra?.outputs).map((file) => [file.path, fingerprint(file.path)])) };
    // What was lost or cancelled says nothing about the call.
    const lasting = !cancelled && !(failed && (record.context.error as { origin?: string } | undefined)?.origin === "infrastructure");
    if (lasting) this.results.set(key, result);
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

function fingerprint(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "missing" : `${stat.size}:${stat.mtimeMs}`;
}

/** App identity and source, arguments, and declared outputs; not what `cacheIgnore` names. */
function keyOf(record: TaskRecord): string {
  const hash = createHash("sha256");
  const { app, plan, extra } = record;
  const ignored = new Set(plan.options.cacheIgnore ?? []);
  const names = [...ignored].some((one) => typeof one === "string") ? app.parameters() : [];
  hash.update(app.identity);
  record.args.forEach((argument, i) => {
    hash.update(`\u0000${i}:`);
    if (!ignored.has(i) && !ignored.has(names[i] ?? i)) update(hash, composeArgument(argument, `argument ${i + 1} of ${app.name}`));
  });
  for (const input of extra?.inputs ?? []) update(hash, composeArgument(input, "inputs"));
  const { env, cwd } = plan.options;
  if (env !== undefined && !ignored.has("env")) update(hash, encode(env, "env"));
  if (cwd !== undefined && !ignored.has("cwd")) hash.update(`cwd:${cwd}`);
  hash.update(`\u0000${plan.returns}${plan.strict}`);
  const { outputs } = extra ?? {};
  if (outputs !== undefined && !ignored.has("outputs")) hash.update(JSON.stringify(Array.isArray(outputs) ? outputs.map((f: DataFile) => f.path) : Object.entries(outputs).map(([n, f]) => [n, (f as DataFile).path])));
  return hash.digest("hex");
}

function update(hash: ReturnType<typeof createHash>, encoded: Encoded): void {
  if (encoded instanceof Uint8Array) hash.update("bytes:").update(encoded);
  else if (encoded !== null && typeof encoded === "object") {
    hash.update("parts:").update(encoded.bytes);
    for (const buffer of encoded.buffers) hash.update(new Uint8Array(buffer));
  } else hash.update(`${typeof encoded}:${Object.is(encoded, -0) ? "-0" : String(encoded)}`);
}
