import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { DataFlowKernel } from "../dataflow/kernel.js";
import { factsOf } from "./attach-checker.js";
import { isRecord, type Entry, type RunFacts } from "./invariants/invariant.js";
import { recordedValue } from "./recorded-value.js";

/** What a recording says of a task besides its steps. */
export interface RecordedFacts {
  readonly fact: "task";
  readonly task: number;
  readonly budget?: { readonly retries: number; readonly lost: number };
  readonly dependencies?: readonly number[];
  readonly executor?: string;
  readonly priority?: number;
  readonly memoKey?: string;
}

/** The lines of a recording: the first says what it is, the last that it is whole. */
export type RecordedLine =
  | { readonly recording: "caraway"; readonly version: 1 }
  | RecordedFacts
  | { readonly fact: "end"; readonly counts?: Readonly<Record<string, number>> }
  | Entry;

const flushBytes = 64 * 1024;
const flushMs = 200;
/** Where caraway's own code lies. */
const home = dirname(dirname(fileURLToPath(import.meta.url)));

/** Writes a run to a file, one JSON object a line (NDJSON). `caraway verify` reads it. */
export class Recording {
  /** Steps and facts that were written. */
  lines = 0;
  private readonly file: number;
  private text = "";
  private failure: Error | undefined;
  private ended = false;
  private timer: NodeJS.Timeout | undefined;
  /** Ends what feeds it. */
  detach: () => void = () => undefined;
  private readonly known = new Map<number, Omit<RecordedFacts, "fact" | "task" | "budget" | "dependencies">>();

  constructor(
    readonly path: string,
    private readonly facts: RunFacts = {},
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.file = openSync(path, "w");
    this.write({ recording: "caraway", version: 1 });
  }

  take(entry: Entry): void {
    if (this.ended) return;
    if (isRecord(entry) && (entry.kind === "task" || (entry.kind === "attempt" && entry.outcome === "started"))) this.note(Number(entry.id));
    this.write(recordedValue(entry) as Entry);
  }

  /** Writes what is left. Throws what writing failed with, where it has. */
  end(): void {
    if (this.ended) return;
    this.detach();
    const counts = this.facts.counts?.();
    this.write({ fact: "end", ...(counts === undefined ? {} : { counts }) });
    this.flush();
    this.ended = true;
    clearTimeout(this.timer);
    closeSync(this.file);
    if (this.failure !== undefined) throw this.failure;
  }

  /** Writes what has come so far: before the process ends for another reason. */
  flush(): void {
    const { text } = this;
    this.text = "";
    if (text === "" || this.ended || this.failure !== undefined) return;
    try {
      writeSync(this.file, text);
    } catch (error) {
      this.failure = error as Error;
    }
  }

  /** What is known of a task now, where that is not what was written before. */
  private note(task: number): void {
    const { facts } = this;
    const now = { executor: facts.executor?.(task), priority: facts.priority?.(task), memoKey: facts.memoKey?.(task) };
    const before = this.known.get(task);
    if (before?.executor === now.executor && before?.priority === now.priority && before?.memoKey === now.memoKey && before !== undefined) return;
    this.known.set(task, now as Omit<RecordedFacts, "fact" | "task">);
    const { retries, lost } = facts.budget?.(task) ?? {};
    const dependencies = facts.dependencies?.(task);
    this.write(recordedValue({ fact: "task", task, ...now, ...(retries === undefined ? {} : { budget: { retries, lost } }), ...(dependencies === undefined || dependencies.length === 0 ? {} : { dependencies }) }) as RecordedFacts);
  }

  private write(line: RecordedLine): void {
    this.lines++;
    this.text += `${JSON.stringify(line)}\n`;
    if (this.text.length >= flushBytes) this.flush();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, flushMs).unref();
  }
}

/** Records every step of every cell of a kernel, from before its start on; `end()` it after the kernel has closed. */
export function recordTransitions(kernel: DataFlowKernel, path: string): Recording {
  const recording = new Recording(path, factsOf(kernel));
  const subscription = kernel.dispatcher.transitions$.subscribe((record) => recording.take(record));
  const fault = (error: unknown): void => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    recording.take({ probe: "process.fault", message: stack.split("\n", 1)[0] ?? "", own: ownsFault(stack), at: performance.now() });
    recording.flush();
  };
  // This one only looks on: what becomes of the process is as it was.
  process.on("uncaughtExceptionMonitor", fault);
  recording.detach = () => {
    process.off("uncaughtExceptionMonitor", fault);
    subscription.unsubscribe();
  };
  return recording;
}

/** The line that threw is caraway's. */
function ownsFault(stack: string): boolean {
  const frame = stack.split("\n").find((line) => /^\s+at /.test(line) && !line.includes("node:"));
  return frame?.includes(home) ?? false;
}
