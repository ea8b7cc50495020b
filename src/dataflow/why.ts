import { dependenciesOf, gatherFutures } from "./arguments.js";
import { describeError } from "./failure-path.js";
import { AppFuture, DataFuture } from "./future.js";
import type { DataFlowKernel } from "./kernel.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskState } from "./types.js";

/** Why a task is where it is. */
export interface Explanation {
  /** What it waits for, since when, and what would unblock it. */
  readonly sentence: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** What a task waits for: a task, or a promise that is not caraway's. */
type Blocker = TaskRecord | "a promise";

interface Answer {
  /** Completes "task 7 (sum) …". */
  readonly says: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
}

const shown = 3;

/** A sentence about a task, and the evidence for it; never throws. */
export function explain(kernel: DataFlowKernel, id: number): Explanation {
  const { table } = kernel;
  const record = table.get(id);
  if (record === undefined) return unknownTask(id, table.lastId, table.config.retain);
  const { since, createdAt, context } = record;
  const now = table.dispatcher.ports.clock.now();
  const { says, evidence } = record.crashed ? { says: `broke: ${describeError(context.error)}` } : answers[record.stateName](record, now);
  return {
    sentence: `${name(record)} ${says}`,
    evidence: { task: id, app: record.app.name, state: record.stateName, inStateMs: Math.max(0, now - since), ageMs: Math.max(0, now - createdAt), attempt: context.attempt, ...evidence },
  };
}

function unknownTask(id: number, lastId: number, retain: number): Explanation {
  const never = !Number.isInteger(id) || id < 1 || id > lastId;
  const sentence = never ? `there is no task ${id}: ${lastId === 0 ? "none was submitted yet" : `the last one is ${lastId}`}` : `task ${id} ended long ago: the last ${retain} that ended are kept (\`retain\`)`;
  return { sentence, evidence: { task: id, lastId, retain } };
}

const answers: { readonly [S in TaskState]: (record: TaskRecord, now: number) => Answer } = {
  waiting,
  memo: followsAnother,
  "staging-in": (record, now) => ({ says: `has been preparing its first attempt for ${since(record, now)}: ${record.app.kind === "bash" ? "the body that composes its command has not returned" : "the directories of its outputs are made"}` }),
  ready: placed,
  dispatched: placed,
  running: placed,
  "staging-out": (record, now) => ({ says: `has been giving its outputs their names for ${since(record, now)}`, evidence: { outputs: Object.values(record.extra?.outputs ?? {}).map(String) } }),
  joining,
  "backing-off": backingOff,
  done: (record, now) => ended(record, now, "is done"),
  memoized: (record, now) => ended(record, now, "was answered from the cache"),
  failed: (record, now) => ended(record, now, "failed"),
  "dependency-failed": (record, now) => ended(record, now, "was not run"),
  cancelled: (record, now) => ended(record, now, "was cancelled"),
};

function waiting(record: TaskRecord, now: number): Answer {
  const all = dependenciesOf(record);
  const open = all.flatMap((one): Blocker[] => (one instanceof AppFuture ? (one.record.isFinal ? [] : [one.record]) : one.state === "fulfilled" ? [] : ["a promise"]));
  return blocked(record, now, open, `waited for ${since(record, now)} for ${open.length} of the ${all.length} ${all.length === 1 ? "thing" : "things"} it depends on`);
}

function followsAnother(record: TaskRecord, now: number): Answer {
  const leader = record.table.memo.leaderOf(record);
  if (leader === undefined) return { says: "is looked up in the cache" };
  return blocked(record, now, [leader], `waited for ${since(record, now)} for an equal call to end, whose result it shares`);
}

function joining(record: TaskRecord, now: number): Answer {
  const inner = gatherFutures(record.context.value);
  const open = inner.flatMap((future): Blocker[] => {
    if (!(future instanceof AppFuture) && !(future instanceof DataFuture)) return ["a promise"];
    const { record: task } = future instanceof DataFuture ? future.parent : future;
    return task.isFinal ? [] : [task];
  });
  return blocked(record, now, open, `waited for ${since(record, now)} for ${open.length} of the ${inner.length} futures its body returned`);
}

/** What it waits for, and what that comes down to in the end. */
function blocked(record: TaskRecord, now: number, open: readonly Blocker[], how: string): Answer {
  const [first] = open;
  const list = open.slice(0, shown).map((one) => (one === "a promise" ? one : `${name(one)}, ${one.stateName}`));
  const evidence = { waitingFor: open.slice(0, 100).map((one) => (one === "a promise" ? { promise: true } : { task: one.taskId, app: one.app.name, state: one.stateName })) };
  const says = `has ${how}: ${list.join("; ")}${open.length > shown ? "; …" : ""}`;
  if (first === undefined) return { says: `has ${how}: all have ended, and it goes on in a moment`, evidence };
  const path = toTheRoot(first, record);
  const root = path.at(-1) ?? first;
  if (root === "a promise") return { says: `${says}. It goes on when a promise of the program settles`, evidence };
  const { says: rootSays, evidence: more } = answers[root.stateName](root, now);
  return { says: `${says}. It comes down to ${name(root)}, which ${rootSays}`, evidence: { ...evidence, root: { task: root.taskId, app: root.app.name, state: root.stateName, ...more }, path: path.slice(0, 100).map((one) => (one === "a promise" ? one : one.taskId)) } };
}

/** Follows the first thing that each waits for until one waits for no task. */
function toTheRoot(first: Blocker, from: TaskRecord): Blocker[] {
  const path: Blocker[] = [first];
  const seen = new Set<Blocker>([from, first]);
  for (let at: Blocker | undefined = first; at !== undefined && at !== "a promise"; ) {
    at = nextBlocker(at);
    if (at === undefined || seen.has(at)) break;
    seen.add(at);
    path.push(at);
  }
  return path;
}

function nextBlocker(record: TaskRecord): Blocker | undefined {
  if (record.stateName === "memo") return record.table.memo.leaderOf(record);
  const inner: readonly unknown[] = record.stateName === "waiting" ? dependenciesOf(record) : record.stateName === "joining" ? gatherFutures(record.context.value) : [];
  for (const one of inner) {
    if (one instanceof AppFuture && !one.record.isFinal) return one.record;
    if (one instanceof DataFuture && !one.parent.record.isFinal) return one.parent.record;
  }
  return inner.some((one) => !(one instanceof AppFuture) && !(one instanceof DataFuture)) ? "a promise" : undefined;
}

function placed(record: TaskRecord, now: number): Answer {
  const { executor, context, stateName, extra } = record;
  const told = executor?.explain(record, context.attempt);
  const { progress } = extra ?? {};
  const far = progress === undefined ? "" : `; it reported ${Math.round(progress.fraction * 100)} %${progress.note === undefined ? "" : ` (${progress.note})`}`;
  const where = told ?? (executor === undefined ? "no executor has it yet" : `attempt ${context.attempt} is with the executor "${executor.label}"`);
  return {
    says: `is ${stateName}, for ${since(record, now)}: ${where}${far}. ${stateName === "ready" ? "It goes on when a worker is free for it" : "It goes on when its attempt ends"}${record.walltime > 0 ? `, at the latest at its walltime of ${span(record.walltime)}` : ""}`,
    evidence: { executor: executor?.label, explanation: told, ...(progress === undefined ? {} : { progress }) },
  };
}

function backingOff(record: TaskRecord, now: number): Answer {
  const last = record.extra?.history?.at(-1);
  const because = last === undefined ? "" : `, since attempt ${last.attempt} failed: ${describeError(last.error)}`;
  const dueAt = record.extra?.dueAt;
  const evidence = { error: last?.error, dueInMs: dueAt === undefined ? undefined : Math.max(0, dueAt - now) };
  if (dueAt === undefined || dueAt < record.since - 1) return { says: `waits until the worker of its last attempt is out of a native call that cannot be ended${because}`, evidence };
  return { says: `waits ${span(Math.max(0, dueAt - now))} more before attempt ${record.context.attempt + 1}${because}`, evidence };
}

function ended(record: TaskRecord, now: number, how: string): Answer {
  const { attempt, error } = record.context;
  const tries = attempt > 1 ? `, after ${attempt} attempts` : "";
  const why = record.succeeded ? "" : `: ${describeError(error)}`;
  return { says: `${how}, ${since(record, now)} ago${tries}${why}`, evidence: record.succeeded ? {} : { error } };
}

const name = (record: TaskRecord): string => `task ${record.taskId} (${record.app.name})`;
const since = (record: TaskRecord, now: number): string => span(Math.max(0, now - record.since));

function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60_000).toFixed(1)} min`;
}
