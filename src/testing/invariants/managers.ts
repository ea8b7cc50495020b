import { acted, effectsOf, hasEffect, isOf, taskKeys, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";
import type { TransitionRecord } from "../../actors/dispatcher.js";

const managerKey = (id: number | string): string => `manager/${id}`;
const states = new Set(["registering", "active", "suspect", "detached", "draining", "stopping", "gone", "lost"]);
/** What may happen to a manager after another has taken its place: only its end. */
const ends = new Set(["gone", "lost"]);

/** S24. */
export class OneStateEach implements Invariant {
  readonly name = "S24";
  readonly sentence = "a manager is in exactly one state, and is offered work only while it is active";
  private readonly over = new Set<string>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "manager") || !acted(entry)) return undefined;
    const { id, incarnation, to } = entry;
    const key = `${id}#${incarnation}`;
    const involved = [managerKey(id)];
    if (!states.has(to)) return { detail: `manager ${key} is in "${to}"`, involved };
    if (this.over.has(key)) return { detail: `manager ${key} had ended, and took "${entry.message.type}" to be "${to}"`, involved };
    if (entry.final) this.over.add(key);
    return hasEffect(entry, "work.offer") && to !== "active" ? { detail: `manager ${key} was offered work on "${entry.message.type}", and is "${to}"`, involved } : undefined;
  }
}

/** S25. */
export class NewestManager implements Invariant {
  readonly name = "S25";
  readonly sentence = "once another manager has registered at its place, a manager only ends";
  private readonly newest = new Map<number | string, number>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "manager") || !acted(entry)) return undefined;
    const { id, incarnation, to, outcome } = entry;
    const newest = this.newest.get(id) ?? 0;
    if (outcome === "started" && incarnation > newest) this.newest.set(id, incarnation);
    if (incarnation >= newest || ends.has(to)) return undefined;
    return { detail: `manager ${id}#${incarnation} ${outcome === "started" ? "began" : `took "${entry.message.type}" to be "${to}"`}, and its place is that of #${newest}`, involved: [managerKey(id)] };
  }
}

interface Due {
  readonly by: number;
  readonly what: string;
}

/** L2. */
export class LostInTime implements Invariant {
  readonly name = "L2";
  readonly sentence = "a manager without a sign, or without a link, is back or held for lost in its time, and its work with it";
  private readonly leases = new Map<string, number>();
  private readonly due = new Map<string, Due & { readonly id: number | string }>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    for (const [key, { id, by, what }] of this.due) {
      if (entry.at <= by) continue;
      this.due.delete(key);
      return { detail: `manager ${key} was ${what}, and was to be back or held for lost by ${by.toFixed(0)} ms`, involved: [managerKey(id)] };
    }
    if (!isOf(entry, "manager") || !acted(entry)) return undefined;
    const { id, incarnation, to } = entry;
    const key = `${id}#${incarnation}`;
    for (const { lease } of effectsOf(entry, "lease.watch")) this.leases.set(key, lease as number);
    if (to === "lost" && !hasEffect(entry, "work.lose")) return { detail: `manager ${key} is lost, and its work is not`, involved: [managerKey(id)] };
    this.settle(key, entry);
    return undefined;
  }

  private settle(key: string, { id, to, from, at }: TransitionRecord & { readonly from?: string }): void {
    const grace = this.facts.grace ?? 1000;
    const lease = this.leases.get(key);
    if (to === from) return;
    this.due.delete(key);
    if (lease !== undefined && (to === "suspect" || to === "detached")) this.due.set(key, { id, what: to, by: at + lease + grace });
  }
}

/** S32. */
export class DrivenOnce implements Invariant {
  readonly name = "S32";
  readonly sentence = "what an executor had when it broke or failed is driven once more, or ends; nothing of it is lost";
  private readonly live = new Map<number | string, number>();
  private readonly owed = new Map<number | string, { readonly attempt: number; again: number }>();
  /** Tasks that somebody drives: a pool on its own has attempts and no tasks. */
  private readonly open = new Set<number | string>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "executor")) this.executor(entry);
    else if (isOf(entry, "attempt")) this.attempt(entry);
    else if (isOf(entry, "task")) return this.task(entry);
    return undefined;
  }

  private executor({ id, outcome, to }: TransitionRecord): void {
    if (outcome !== "crashed" && !(outcome === "moved" && to === "failed")) return;
    for (const [task, attempt] of this.live) if (this.open.has(task) && this.facts.executor?.(task as number) === id) this.owed.set(task, { attempt, again: 0 });
  }

  private attempt({ id, incarnation, final, outcome }: TransitionRecord): void {
    if (outcome === "started") this.live.set(id, incarnation);
    else if ((final || outcome === "crashed") && this.live.get(id) === incarnation) this.live.delete(id);
  }

  private task(entry: TransitionRecord): Finding | undefined {
    if (entry.outcome === "started") this.open.add(entry.id);
    if (entry.final || entry.outcome === "crashed") this.open.delete(entry.id);
    const owed = this.owed.get(entry.id);
    if (owed === undefined || !acted(entry)) return undefined;
    // The attempt it was driven again with has ended in its turn: what follows is a retry of that.
    const again = owed.again === 1 && entry.message.type === "attempt.failed" && (entry.message as { readonly attempt?: number }).attempt !== owed.attempt;
    if (entry.final || again) this.owed.delete(entry.id);
    if (again) return undefined;
    for (const { attempt } of effectsOf(entry, "attempt.dispatch")) {
      if ((attempt as number) <= owed.attempt || ++owed.again > 1) {
        return { detail: `task ${entry.id} was at attempt ${owed.attempt} when its executor broke, and was dispatched as attempt ${String(attempt)}${owed.again > 1 ? " too" : ""}`, involved: taskKeys(entry.id) };
      }
    }
    return undefined;
  }

  end(): Finding | undefined {
    for (const [task, { attempt, again }] of this.owed) {
      if (again === 0) return { detail: `task ${task} was at attempt ${attempt} when its executor broke, and was never driven again`, involved: taskKeys(task) };
    }
    return undefined;
  }
}
