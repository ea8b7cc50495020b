import type { TransitionRecord } from "../../actors/dispatcher.js";
import { Deadlines } from "./deadlines.js";
import { acted, effectsOf, field, isOf, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";
import { isOver } from "./supervision.js";

/** What an actor's state has a time for. */
const limited: Readonly<Record<string, string>> = { starting: "to have started or failed", "backing-off": "to be started again", stopping: "to have stopped" };
/** What a supervisor does about a child that has ended. */
const answers = new Set(["child.start", "child.stop", "child.delay", "retry.post", "child.retire"]);
/** What a child says that needs an answer: it has ended by itself, or could not be started. */
const needsAnswer = new Set(["child.ended", "child.start-failed"]);

/** The children of a supervisor by their keys, and those that have ended and had no answer yet. */
interface Supervised {
  readonly known: Set<number | undefined>;
  readonly unanswered: Set<number | undefined>;
}

/** L5, of what is supervised. */
export class RecoversInTime implements Invariant {
  readonly name = "L5";
  readonly sentence = "what has ended is restarted or given up, and no start, no stop and no pause before a restart takes longer than it may";
  private readonly deadlines: Deadlines<{ readonly id: number | string; readonly state: string }>;
  private readonly supervisors = new Map<string, Supervised>();

  constructor(facts: RunFacts) {
    this.deadlines = new Deadlines(facts);
  }

  see(entry: Entry): Finding | undefined {
    const late = this.deadlines.pass(entry);
    if (late !== undefined) {
      const { id, state } = late.what;
      return { detail: `${id} was "${state}" and was ${limited[state] ?? "to go on"} by ${late.by.toFixed(0)} ms`, involved: [`child/${id}`] };
    }
    if (isOf(entry, "child")) this.child(entry);
    else if (isOf(entry, "supervisor")) return this.supervisor(entry);
    return undefined;
  }

  private child(entry: TransitionRecord): void {
    const { id, from, to, at } = entry;
    const key = String(id);
    if (isOver(entry) || (acted(entry) && from !== to)) this.deadlines.settle(key);
    if (isOver(entry) || limited[to] === undefined) return;
    for (const { ms } of effectsOf(entry, "timer.start")) if (typeof ms === "number" && Number.isFinite(ms)) this.deadlines.owe(key, at + ms, { id, state: to });
  }

  private supervisor(entry: TransitionRecord): Finding | undefined {
    const key = `${entry.id}#${entry.incarnation}`;
    if (entry.outcome === "started") this.supervisors.set(key, { known: new Set(), unanswered: new Set() });
    const supervised = this.supervisors.get(key);
    if (supervised === undefined) return undefined;
    if (isOver(entry)) this.supervisors.delete(key);
    else if (acted(entry)) return this.answered(supervised, entry);
    return undefined;
  }

  private answered({ known, unanswered }: Supervised, entry: TransitionRecord): Finding | undefined {
    const { id, to, message, effects } = entry;
    const about = field(entry, "key") as number | undefined;
    if (known.has(about) && needsAnswer.has(message.type)) unanswered.add(about);
    else unanswered.delete(about);
    for (const effect of effects) {
      const { key, removed } = effect as { readonly key?: number; readonly removed?: boolean };
      if (effect.type === "child.start") known.add(key);
      if (effect.type === "child.retire" && removed === true) known.delete(key);
      if (answers.has(effect.type)) unanswered.delete(key);
    }
    // What was to be restarted with a child whose start has failed is restarted when that is tried again.
    if (message.type === "child.start-failed") unanswered.clear();
    // It has nothing to do then, and nothing that waits for its turn.
    const [key] = unanswered;
    if (to !== "running.idle" || key === undefined) return undefined;
    return { detail: `a child of supervisor ${id} (key ${key}) had ended, and the supervisor neither restarted it nor gave it up`, involved: [`supervisor/${id}`] };
  }
}
