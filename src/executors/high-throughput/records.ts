import { encodeThrown, decodeThrown, type Encoded } from "../../serialization/index.js";
import type { Charge } from "../../state-machines/task.js";
import type { Answer, Needs, ShellAnswer, ShellWork, Work, WorkFailure, WorkSetting } from "../executor.js";
import { ByteReader, type ByteWriter } from "./bytes.js";

/**
 * What travels of a task. A record: its length, the attempt, the task (these three are the token), priority, walltime, app, whether it
 * needs something beyond a worker (then that follows: cores, memory, gpus); then the contents, which only the manager that runs the task reads.
 */
const taskHead = 40;
const needsLength = 24;
/** What travels of an outcome: its length, the attempt, the task, what became of it, how long it ran; then the contents, for the head alone. */
const outcomeHead = 28;

export const outcome = { value: 0, thrown: 1, shell: 2, failed: 3, revoked: 4, started: 5, requeued: 6, released: 7, sent: 8, lost: 9 } as const;
export type Outcome = (typeof outcome)[keyof typeof outcome];

/** Outcomes after which the attempt is over. */
export const isEnd = (kind: number): boolean => kind <= outcome.revoked || kind === outcome.lost;

/** What managers may tell; the others are the interchange's own words. */
export const isOfManager = (kind: number): boolean => kind <= outcome.started || kind === outcome.released;

/** Goes through the records in a piece of memory, one after another. Nothing is made for a single record. */
class Records {
  /** Where the present record begins and ends. */
  from = 0;
  to = 0;
  /** How many there were so far. */
  count = 0;
  protected readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    private readonly least: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next one, where there is one. A length that cannot be throws a RangeError. */
  next(): boolean {
    const from = this.to;
    const left = this.bytes.length - from;
    if (left === 0) return false;
    const length = left < this.least ? 0 : this.view.getUint32(from, true);
    if (length < this.least || length > left) throw new RangeError(`a record of ${length} bytes begins where ${left} are left`);
    this.from = from;
    this.to = from + length;
    this.count++;
    return true;
  }

  get attempt(): number {
    return this.view.getUint32(this.from + 4, true);
  }

  get task(): number {
    return this.view.getFloat64(this.from + 8, true);
  }
}

const needKinds = ["cores", "memory", "gpus"] as const;

/** The part of tasks' records that the interchange reads. */
export class TaskRecords extends Records {
  constructor(bytes: Uint8Array) {
    super(bytes, taskHead);
  }

  /** `Infinity` where it has none: last. */
  get priority(): number {
    return this.view.getFloat64(this.from + 16, true);
  }

  get walltime(): number {
    return this.view.getFloat64(this.from + 24, true);
  }

  get app(): number {
    return this.view.getUint32(this.from + 32, true);
  }

  get needs(): Needs | undefined {
    if (this.view.getUint32(this.from + 36, true) === 0) return undefined;
    if (this.to - this.from < taskHead + needsLength) throw new RangeError("a record ends before what its task needs");
    const needs: { cores?: number; memory?: number; gpus?: number } = {};
    for (const [i, kind] of needKinds.entries()) {
      const amount = this.view.getFloat64(this.from + taskHead + 8 * i, true);
      if (amount >= 0) needs[kind] = amount;
    }
    return needs;
  }
}

export class OutcomeRecords extends Records {
  constructor(bytes: Uint8Array) {
    super(bytes, outcomeHead);
  }

  get kind(): number {
    return this.view.getUint32(this.from + 16, true);
  }

  get ms(): number {
    return this.view.getFloat64(this.from + 20, true);
  }

  /** Of a failure: its worker still holds it. */
  get isHeld(): boolean {
    return this.to > this.from + outcomeHead + 1 && this.bytes[this.from + outcomeHead + 1] === 1;
  }

  /** For the contents of the present record. */
  contents(): ByteReader {
    return (this.reader ??= new ByteReader(this.bytes)).moveTo(this.from + outcomeHead);
  }

  private reader: ByteReader | undefined;
}

/** Throws where the arguments cannot travel; the writer is as it was then. */
export function writeTask(writer: ByteWriter, work: Work, attempt: number): void {
  const from = writer.length;
  try {
    writer.u32(0);
    writer.u32(attempt);
    writer.f64(work.taskId);
    writer.f64(work.priority ?? Infinity);
    writer.f64(work.walltime);
    writer.u32(work.app.key);
    writeNeeds(writer, work.needsFor?.(attempt));
    const args = work.argumentsFor(attempt);
    writer.u32(args.length);
    for (let i = 0; i < args.length; i++) writer.encoded(args[i]);
    writeJson(writer, work.settingFor(attempt));
    writeJson(writer, work.shellFor(attempt));
    writer.u32At(from, writer.length - from);
  } catch (error) {
    writer.length = from;
    throw error;
  }
}

export interface TaskContents {
  readonly args: readonly Encoded[];
  readonly setting: WorkSetting | undefined;
  readonly shell: ShellWork | undefined;
}

/** The contents of the record that begins there. */
export function readTask(bytes: Uint8Array, from: number): TaskContents {
  const reader = new ByteReader(bytes).moveTo(from + taskHead - 4);
  if (reader.u32() !== 0) reader.moveTo(from + taskHead + needsLength);
  const count = reader.u32();
  if (count > reader.left) throw new RangeError(`${count} arguments do not fit into ${reader.left} bytes`);
  const args = new Array<Encoded>(count);
  for (let i = 0; i < args.length; i++) args[i] = reader.encoded();
  return { args, setting: readJson(reader) as WorkSetting | undefined, shell: readJson(reader) as ShellWork | undefined };
}

function writeNeeds(writer: ByteWriter, needs: Needs | undefined): void {
  writer.u32(needs === undefined ? 0 : 1);
  if (needs !== undefined) for (const kind of needKinds) writer.f64(needs[kind] ?? -1);
}

function writeJson(writer: ByteWriter, value: object | undefined): void {
  if (value === undefined) writer.u8(0);
  else {
    writer.u8(1);
    writer.text(JSON.stringify(value));
  }
}

const readJson = (reader: ByteReader): unknown => (reader.u8() === 0 ? undefined : reader.json());

function begin(writer: ByteWriter, task: number, attempt: number, kind: Outcome, ms: number): number {
  const from = writer.length;
  writer.u32(outcomeHead);
  writer.u32(attempt);
  writer.f64(task);
  writer.u32(kind);
  writer.f64(ms);
  return from;
}

const finish = (writer: ByteWriter, from: number): void => writer.u32At(from, writer.length - from);

/** An outcome without contents; `ms` of a start is how long ago it was. */
export function writeNote(writer: ByteWriter, task: number, attempt: number, kind: Outcome, ms = 0): void {
  begin(writer, task, attempt, kind, ms);
}

export function writeAnswer(writer: ByteWriter, task: number, attempt: number, answer: Answer): void {
  if ("shell" in answer) {
    const from = begin(writer, task, attempt, outcome.shell, 0);
    const { error, ...rest } = answer.shell;
    writer.text(JSON.stringify(rest));
    writer.encoded(error === undefined ? undefined : encodeThrown(error, "why a command could not be run"));
    finish(writer, from);
    return;
  }
  const from = begin(writer, task, attempt, answer.ok ? outcome.value : outcome.thrown, answer.ms);
  writer.encoded(answer.ok ? answer.value : answer.thrown);
  finish(writer, from);
}

const charges: readonly Charge[] = ["app", "lost", "none"];

export function writeFailure(writer: ByteWriter, task: number, attempt: number, { error, charge, held }: WorkFailure): void {
  const from = begin(writer, task, attempt, outcome.failed, 0);
  writer.u8(charges.indexOf(charge));
  writer.u8(held ? 1 : 0);
  writer.encoded(encodeThrown(error, "how an attempt failed"));
  finish(writer, from);
}

export function readAnswer(records: OutcomeRecords): Answer {
  const { kind, ms } = records;
  const reader = records.contents();
  if (kind === outcome.value) return { ok: true, value: reader.encoded(), ms };
  if (kind === outcome.thrown) return { ok: false, thrown: reader.encoded(), ms };
  const shell = reader.json() as ShellAnswer;
  const error = reader.encoded();
  return { shell: error === undefined ? shell : { ...shell, error: decodeThrown(error) as Error } };
}

export function readFailure(records: OutcomeRecords): WorkFailure {
  const reader = records.contents();
  const charge = charges[reader.u8()] ?? "lost";
  const held = reader.u8() === 1;
  return { charge, held, error: decodeThrown(reader.encoded()) as Error };
}

/** How an attempt was lost with its manager. */
export interface LossNote {
  readonly manager: string;
  readonly host: string;
  readonly block: string;
  /** Why the manager is held for lost. */
  readonly loss: string;
  /** Milliseconds since its last sign. */
  readonly silentMs: number;
  /** It ran there, or may have: it may be what ended its manager. */
  readonly suspect: boolean;
}

export function writeLoss(writer: ByteWriter, task: number, attempt: number, note: LossNote): void {
  const from = begin(writer, task, attempt, outcome.lost, 0);
  writer.text(JSON.stringify(note));
  finish(writer, from);
}

export const readLoss = (records: OutcomeRecords): LossNote => records.contents().json() as LossNote;
