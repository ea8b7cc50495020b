import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { JobLedgerFailed } from "../errors/index.js";
import { LockedByOther, takeLock } from "./file-lock.js";
import { lineOf, readLedger, type Damage, type JobIntent, type LedgerRecord } from "./ledger-records.js";
import type { JobReport } from "./provider.js";

/** A job that has not ended, as far as is written down. */
export interface LedgerEntry extends JobIntent {
  /** Undefined where its submission was not answered before its kernel died: it may be there, or not. */
  readonly id: string | undefined;
}

/** The ledger as the blocks of one provider see it. */
export interface ProviderLedger {
  intend(entry: Omit<JobIntent, "provider" | "at">): Promise<void>;
  submitted(name: string, id: string): Promise<void>;
  ended(name: string, report?: JobReport): Promise<void>;
}

/**
 * Which jobs there are, on disk: each is written down before it is submitted, with its id after that, and with its end. One process writes
 * it at a time. What a call has resolved for survives the death of the process and of the machine.
 */
export class JobLedger {
  private readonly entries = new Map<string, LedgerEntry>();
  private waiting: { readonly line: string; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  private writing: Promise<void> | undefined;
  private broken: JobLedgerFailed | undefined;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly unlock: () => Promise<void>,
    records: readonly LedgerRecord[],
    /** What could not be read, and was passed over. */
    readonly damage: readonly Damage[],
    /** The bytes at its end that were cut off, since they were being written when their writer died. */
    readonly cut: number,
  ) {
    for (const record of records) this.apply(record);
  }

  /**
   * Opens a ledger, or begins one.
   *
   * @throws JobLedgerFailed whose `reason` is `"locked"`, `"foreign"` or `"broken"`.
   */
  static async open(path: string): Promise<JobLedger> {
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const unlock = await takeLock(`${path}.lock`);
      return await JobLedger.read(path, unlock).catch(async (error: unknown) => {
        await unlock();
        throw error;
      });
    } catch (cause) {
      if (cause instanceof JobLedgerFailed) throw cause;
      if (cause instanceof LockedByOther) throw new JobLedgerFailed("CW-BLOCK-006", `the ledger of jobs ${path} is another process's: ${cause.message}`, { where: { file: path }, evidence: { reason: "locked", owner: cause.owner }, hint: `Close that kernel, or give this one another runDir. If ${cause.owner.host} is not there any more, delete ${path}.lock.`, cause });
      throw failure(path, "cannot be opened", cause);
    }
  }

  private static async read(path: string, unlock: () => Promise<void>): Promise<JobLedger> {
    const file = await open(path, "a+", 0o600);
    try {
      const bytes = await file.readFile();
      const { records, damage, end } = readLedger(bytes);
      if (records[0]?.type !== "ledger" && damage.length === 0 && !isBeginning(bytes)) throw foreign(path);
      if (records.length === 0 && damage.length > 0) throw foreign(path);
      if (end < bytes.length) await file.truncate(end);
      if (end === 0) await file.appendFile(header);
      await file.sync();
      await syncDirectory(dirname(path));
      return new JobLedger(path, file, unlock, records, damage, bytes.length - end);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Writes down that a job is about to be submitted. It must not be before this resolves. */
  async intend(intent: Omit<JobIntent, "at">): Promise<void> {
    if (this.entries.has(intent.name)) throw new JobLedgerFailed("CW-BLOCK-006", `the ledger of jobs has a job ${intent.name} already`, { where: { file: this.path, job: intent.name }, evidence: { reason: "broken" } });
    await this.append({ type: "intent", ...intent, at: Date.now() });
  }

  /** Writes down what its scheduler calls a job. */
  submitted(name: string, id: string): Promise<void> {
    return this.append({ type: "submitted", name, id });
  }

  /** Writes down that a job has ended, or that there certainly is none. */
  ended(name: string, report?: JobReport): Promise<void> {
    return this.entries.has(name) ? this.append({ type: "ended", name, at: Date.now(), ...(report === undefined ? {} : { report }) }) : Promise.resolve();
  }

  /** Jobs without an end, the oldest first. */
  unfinished(): readonly LedgerEntry[] {
    return [...this.entries.values()];
  }

  /** The same ledger for the jobs of one kind of provider. */
  ofProvider(kind: string): ProviderLedger {
    return {
      intend: ({ name, executor, block }) => this.intend({ name, executor, block, provider: kind }),
      submitted: (name, id) => this.submitted(name, id),
      ended: (name, report) => this.ended(name, report),
    };
  }

  /** Waits for what is being written, and lets others have it. */
  async close(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
    this.broken ??= failure(this.path, "is closed");
    await this.file.close();
    await this.unlock();
  }

  private apply(record: LedgerRecord): void {
    if (record.type === "intent") {
      const { name, executor, block, provider, at } = record;
      this.entries.set(name, { name, executor, block, provider, at, id: undefined });
    } else if (record.type === "submitted") {
      const entry = this.entries.get(record.name);
      if (entry !== undefined) this.entries.set(record.name, { ...entry, id: record.id });
    } else if (record.type === "ended") this.entries.delete(record.name);
  }

  private append(record: LedgerRecord): Promise<void> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    this.apply(record);
    return new Promise((resolve, reject) => {
      this.waiting.push({ line: lineOf(record), resolve, reject });
      this.writing ??= this.write();
    });
  }

  /** Everything that waits goes out with one write and one sync. After a failure nothing is known of what the disk has: it takes no more. */
  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        if (this.broken !== undefined) throw this.broken;
        await this.file.appendFile(batch.map(({ line }) => line).join(""));
        await this.file.datasync();
        for (const { resolve } of batch) resolve();
      } catch (cause) {
        this.broken ??= failure(this.path, "cannot be written", cause);
        for (const { reject } of batch) reject(this.broken);
      }
    }
    this.writing = undefined;
  }
}

const header = lineOf({ type: "ledger", version: 1 });

/** What is left of a ledger whose writer died as it began it. */
const isBeginning = (bytes: Buffer): boolean => header.startsWith(bytes.toString("latin1"));

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function foreign(path: string): JobLedgerFailed {
  return new JobLedgerFailed("CW-BLOCK-006", `${path} is no ledger of jobs, and is left as it is`, { where: { file: path }, evidence: { reason: "foreign" }, hint: "Move the file away, or give the kernel another runDir." });
}

function failure(path: string, what: string, cause?: unknown): JobLedgerFailed {
  return new JobLedgerFailed("CW-BLOCK-006", `the ledger of jobs ${path} ${what}${cause instanceof Error ? `: ${cause.message}` : ""}`, { where: { file: path }, evidence: { reason: "broken" }, cause });
}
