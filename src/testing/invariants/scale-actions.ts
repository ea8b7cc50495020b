import type { TransitionRecord } from "../../actors/dispatcher.js";
import { blockKeys, executorOf, limitsOf } from "./blocks.js";
import { acted, field, hasEffect, isOf, type Entry, type Finding, type Invariant } from "./invariant.js";

interface Row {
  deaths: number;
  budget: number;
  /** Blocks that registered and have not ended. */
  readonly working: Set<string>;
  /** The last one that died early. */
  last: string;
}

/** S22. */
export class FailureBudget implements Invariant {
  readonly name = "S22";
  readonly sentence = "an executor none of whose blocks comes to work asks for no more of them than its error budget allows";
  private readonly rows = new Map<string, Row>();

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "scaler")) {
      const limits = limitsOf(entry);
      if (limits !== undefined) this.of(String(entry.id)).budget = limits.budget;
    }
    if (!isOf(entry, "block") || !acted(entry)) return undefined;
    const row = this.of(executorOf(entry));
    const id = String(entry.id);
    const spent = row.budget > 0 && row.deaths >= row.budget && row.working.size === 0;
    if (entry.outcome === "started" && spent) return { detail: `${id} was asked for after ${row.deaths} blocks in a row had ended before a manager registered`, involved: [`scaler/${executorOf(entry)}`, ...blockKeys(row.last), ...blockKeys(id)] };
    if (entry.to === "ready" && entry.from !== "ready") {
      row.deaths = 0;
      row.working.add(id);
    }
    if (entry.final) row.working.delete(id);
    if (hasEffect(entry, "block.mourn")) {
      row.deaths++;
      row.last = id;
    }
    return undefined;
  }

  private of(executor: string): Row {
    let row = this.rows.get(executor);
    if (row === undefined) this.rows.set(executor, (row = { deaths: 0, budget: 0, working: new Set(), last: "" }));
    return row;
  }
}

/** How often the blocks of an unchanged load may be added to after some were released, or the other way round: what is learnt of their workers may turn a decision, but not for ever. */
const turnsAllowed = 4;

interface Course {
  outstanding: unknown;
  way: "more" | "fewer" | undefined;
  turns: number;
}

/** S23. */
export class NoOscillation implements Invariant {
  readonly name = "S23";
  readonly sentence = "under an unchanged load the blocks come to rest";
  private readonly courses = new Map<string, Course>();

  see(entry: Entry): Finding | undefined {
    // A block that ended by itself is reason enough for another one.
    if (isOf(entry, "block") && entry.final && entry.message.type === "job.ended" && entry.from !== "ending") this.courses.delete(executorOf(entry));
    if (!isOf(entry, "scaler") || entry.message.type !== "decision.made" || !acted(entry)) return undefined;
    const executor = String(entry.id);
    const course = this.of(executor, field(entry, "outstanding"));
    const way = wayOf(entry);
    if (way === undefined) return undefined;
    if (course.way !== undefined && course.way !== way) course.turns++;
    course.way = way;
    return course.turns > turnsAllowed ? { detail: `"${executor}" added and released blocks by turns ${course.turns} times while ${String(course.outstanding)} tasks were outstanding all the time`, involved: [`scaler/${executor}`] } : undefined;
  }

  private of(executor: string, outstanding: unknown): Course {
    let course = this.courses.get(executor);
    if (course === undefined || course.outstanding !== outstanding) this.courses.set(executor, (course = { outstanding, way: undefined, turns: 0 }));
    return course;
  }
}

function wayOf(entry: TransitionRecord): Course["way"] {
  return hasEffect(entry, "blocks.request") ? "more" : hasEffect(entry, "blocks.release") ? "fewer" : undefined;
}
