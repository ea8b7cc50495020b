import { open } from "node:fs/promises";
import { RecordingUnreadable } from "../errors/index.js";
import { describeViolation, InvariantChecker, keyOf, type Violation } from "./checker.js";
import type { Entry, RunFacts } from "./invariants/index.js";
import type { RecordedFacts, RecordedLine } from "./recording.js";

export interface Verdict {
  readonly path: string;
  /** Steps and probes that were read. */
  readonly entries: number;
  /** The recording goes on to the end of the run: what must hold then was checked too. */
  readonly whole: boolean;
  readonly violation: Violation | undefined;
}

/** Reads a recording and checks it. Rejects with `RecordingUnreadable` where it is none. */
export async function verifyRecording(path: string, options: { readonly grace?: number } = {}): Promise<Verdict> {
  const found = await read(path, options);
  const { violation } = found;
  if (violation === undefined) return found;
  // Only now is it known whose story is wanted.
  const wanted = new Set(violation.involved);
  const story: Entry[] = [];
  for await (const { line } of linesOf(path)) if (isEntry(line) && wanted.has(keyOf(line))) story.push(line);
  return { ...found, violation: { ...violation, story } };
}

async function read(path: string, options: { readonly grace?: number }): Promise<Verdict> {
  const facts = new Facts();
  const checker = new InvariantChecker({ ...facts.asked(), ...options, stories: false });
  let entries = 0;
  let whole = false;
  for await (const { line, number } of linesOf(path)) {
    if (number === 1) checkHead(path, line);
    else if (isEntry(line)) {
      entries++;
      checker.feed(line);
      if (checker.violation !== undefined) break;
    } else if ("fact" in line) {
      facts.take(line);
      whole ||= line.fact === "end";
    }
  }
  const violation = whole ? checker.end() : checker.violation;
  return { path, entries, whole, violation };
}

/** What the recording says of its tasks. */
class Facts {
  private readonly tasks = new Map<number, RecordedFacts>();
  private counts: Readonly<Record<string, number>> | undefined;

  take(line: Extract<RecordedLine, { fact: string }>): void {
    if (line.fact === "task") this.tasks.set(line.task, line);
    else this.counts = line.counts;
  }

  asked(): RunFacts {
    const of = (task: number): RecordedFacts | undefined => this.tasks.get(task);
    return {
      budget: (task) => bounded(of(task)?.budget),
      dependencies: (task) => of(task)?.dependencies ?? [],
      executor: (task) => of(task)?.executor,
      priority: (task) => of(task)?.priority,
      memoKey: (task) => of(task)?.memoKey,
      counts: () => this.counts,
    };
  }
}

/** Numbers without an end are written as text. */
function bounded(budget: RecordedFacts["budget"]): RecordedFacts["budget"] {
  if (budget === undefined) return undefined;
  const number = (value: unknown): number => (typeof value === "number" ? value : Infinity);
  return { retries: number(budget.retries), lost: number(budget.lost) };
}

const isEntry = (line: RecordedLine): line is Entry => "outcome" in line || "probe" in line;

function checkHead(path: string, line: RecordedLine): void {
  if (!("recording" in line)) throw unlike(path, "its first line does not say that it is a recording");
  if ((line.version as number) !== 1) throw unlike(path, `it is of version ${String(line.version)}, and this caraway reads version 1`);
}

const unlike = (path: string, why: string): RecordingUnreadable => new RecordingUnreadable("CW-DATA-004", `${path} is not a recording that can be read: ${why}`, { evidence: { path } });

/** A last line that is cut off, where the process was killed, is passed over. */
async function* linesOf(path: string): AsyncGenerator<{ readonly line: RecordedLine; readonly number: number }> {
  let number = 0;
  let cut: Error | undefined;
  try {
    const file = await open(path);
    for await (const text of file.readLines()) {
      if (cut !== undefined) throw cut;
      const line = parsed(text, ++number);
      if (line instanceof Error) cut = line;
      else yield { line, number };
    }
    if (number === 0) throw new Error("it is empty");
    if (number === 1 && cut !== undefined) throw cut;
  } catch (cause) {
    throw new RecordingUnreadable("CW-DATA-004", `${path} is not a recording that can be read: ${(cause as Error).message}`, { evidence: { path }, cause });
  }
}

function parsed(text: string, number: number): RecordedLine | Error {
  try {
    const line = JSON.parse(text) as unknown;
    return typeof line === "object" && line !== null ? (line as RecordedLine) : new TypeError(`line ${number} is not an object`);
  } catch (cause) {
    return new SyntaxError(`line ${number} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** A verdict in words. */
export function describeVerdict({ path, entries, whole, violation }: Verdict): string {
  const extent = whole ? "" : "; the recording stops before the end of the run, so what must hold at its end was not checked";
  if (violation === undefined) return `${path}: ${entries} steps, no rule is broken${extent}`;
  return `${path}: ${describeViolation(violation)}`;
}
