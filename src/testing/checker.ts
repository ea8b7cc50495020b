import type { Observable } from "rxjs";
import { EndedTasks } from "./ended-tasks.js";
import { taskKeys } from "./invariants/invariant.js";
import { allInvariants, type Entry, type Finding, type Invariant, type InvariantMaker, type RunFacts } from "./invariants/index.js";

/** A rule that was broken, and all that happened to the things it is about. */
export interface Violation {
  /** `S1` to `S33`, `L1` to `L6`, `crash`, `R1`. */
  readonly invariant: string;
  readonly sentence: string;
  readonly detail: string;
  readonly involved: readonly string[];
  readonly story: readonly Entry[];
}

export interface CheckOptions extends RunFacts {
  /** Which rules; all by default. */
  readonly invariants?: readonly InvariantMaker[];
  /** Whether all that happened is kept, for the story of a violation; without, a long run costs no memory. Default true. */
  readonly stories?: boolean;
  /** So many ended tasks are remembered; what comes of older ones is not looked at, so that a run of any length costs so much memory and no more. Default: all. */
  readonly remember?: number;
}

/** Reads a run entry by entry, and keeps what each rule finds first. A rule that has found something is asked no more. */
export class InvariantChecker {
  /** What was found, in that order. */
  readonly violations: Violation[] = [];
  private active: Invariant[];
  private readonly stories = new Map<string, Entry[]>();
  private ended = false;
  private readonly memory: EndedTasks | undefined;

  constructor(private readonly options: CheckOptions = {}) {
    this.active = (options.invariants ?? allInvariants).map((Rule) => new Rule(options));
    if (options.remember !== undefined) this.memory = new EndedTasks(options.remember, (task, attempts) => this.forget(task, attempts));
  }

  /** What was found first. */
  get violation(): Violation | undefined {
    return this.violations[0];
  }

  /** Takes one step of a cell, or what a probe tells. */
  feed(entry: Entry): void {
    if (this.memory?.hasForgotten(entry) === true) return;
    if (this.options.stories !== false) this.tell(entry);
    this.ask((invariant) => invariant.see(entry));
    this.memory?.see(entry);
  }

  private forget(task: number, attempts: number): void {
    for (const key of taskKeys(task)) this.stories.delete(key);
    for (const invariant of this.active) invariant.forget?.(task, attempts);
  }

  private tell(entry: Entry): void {
    const key = keyOf(entry);
    const story = this.stories.get(key);
    if (story === undefined) this.stories.set(key, [entry]);
    else story.push(entry);
  }

  /** The run is over: checks what must hold then, and answers with what was found first. */
  end(): Violation | undefined {
    if (!this.ended) this.ask((invariant) => invariant.end?.());
    this.ended = true;
    return this.violation;
  }

  /** All that happened to a thing: `task/3`, `attempt/3`, `thread/pool/0`. */
  story(key: string): readonly Entry[] {
    return this.stories.get(key) ?? [];
  }

  private ask(question: (invariant: Invariant) => Finding | undefined): void {
    let broken = false;
    for (const invariant of this.active) {
      const finding = question(invariant);
      if (finding === undefined) continue;
      broken = true;
      this.violations.push(this.violationOf(invariant, finding));
    }
    if (broken) this.active = this.active.filter(({ name }) => !this.violations.some(({ invariant }) => invariant === name));
  }

  private violationOf({ name, sentence }: Invariant, { detail, involved }: Finding): Violation {
    const story = [...new Set(involved)].flatMap((key) => this.story(key)).sort((a, b) => a.at - b.at || numberOf(a) - numberOf(b));
    return { invariant: name, sentence, detail, involved, story };
  }
}

/** What an entry is about: the key of its story. */
export const keyOf = (entry: Entry): string => ("outcome" in entry ? `${entry.kind}/${entry.id}` : "task" in entry ? `task/${entry.task}` : "manager" in entry ? `manager/${entry.manager}` : "process");

const numberOf = (entry: Entry): number => ("seq" in entry ? entry.seq : 0);

/** A violation as text: the rule, what was seen, and the story. */
export function describeViolation({ invariant, sentence, detail, story }: Violation): string {
  return [`${invariant} is broken: ${sentence}.`, `  ${detail}`, ...story.map((entry) => `    ${describeEntry(entry)}`)].join("\n");
}

export function describeEntry(entry: Entry): string {
  const at = entry.at.toFixed(3).padStart(10);
  if (!("outcome" in entry) && !("task" in entry)) return `${at}        ${entry.probe} ${"manager" in entry ? entry.manager : entry.message}`;
  if (!("outcome" in entry)) return `${at}        ${entry.probe} task ${entry.task}${"attempt" in entry ? ` attempt ${entry.attempt}` : ""}${"worker" in entry ? ` on ${entry.worker}` : ""}`;
  const way = entry.from === undefined || entry.from === entry.to ? entry.to : `${entry.from} → ${entry.to}`;
  const attempt = (entry.message as { attempt?: number }).attempt;
  return `${at} ${String(entry.seq).padStart(6)} ${entry.kind}/${entry.id}#${entry.incarnation} ${entry.message.type}${attempt === undefined ? "" : `(${attempt})`}: ${way}${entry.outcome === "moved" || entry.outcome === "started" ? "" : ` (${entry.outcome})`}${entry.effects.length === 0 ? "" : ` [${entry.effects.map((effect) => effect.type).join(", ")}]`}`;
}

/** Checks a whole run: the first violation, or nothing. A stream is read to its end. */
export function checkInvariants(run: Iterable<Entry>, options?: CheckOptions): Violation | undefined;
export function checkInvariants(run: Observable<Entry>, options?: CheckOptions): Promise<Violation | undefined>;
export function checkInvariants(run: Iterable<Entry> | Observable<Entry>, options: CheckOptions = {}): Violation | undefined | Promise<Violation | undefined> {
  const checker = new InvariantChecker(options);
  if (Symbol.iterator in run) {
    for (const entry of run) checker.feed(entry);
    return checker.end();
  }
  return new Promise((resolve, reject) => {
    run.subscribe({ next: (entry) => checker.feed(entry), error: reject, complete: () => resolve(checker.end()) });
  });
}
