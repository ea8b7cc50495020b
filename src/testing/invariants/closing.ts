import type { TransitionRecord } from "../../actors/dispatcher.js";
import { Deadlines } from "./deadlines.js";
import { acted, effectsOf, field, isOf, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";
import { isOver } from "./supervision.js";

/** L6. */
export class ClosesInTime implements Invariant {
  readonly name = "L6";
  readonly sentence = "a kernel that was told to close by a time has closed by then, but for the time that its parts have to stop";
  private readonly deadlines: Deadlines<string>;
  private readonly supervisors = new Set<number | string>();
  /** What it was told. */
  private told = "";
  /** By when it has closed, as things stand; undefined while nobody told it, `Infinity` where a part may take for ever. */
  private by: number | undefined;

  constructor(facts: RunFacts) {
    this.deadlines = new Deadlines(facts);
  }

  see(entry: Entry): Finding | undefined {
    const late = this.deadlines.pass(entry);
    if (late !== undefined) return { detail: `the kernel was told to close by ${late.what} ms, the last of its parts had until ${late.by.toFixed(0)} ms to stop, and it had not closed`, involved: ["kernel/kernel"] };
    if (isOf(entry, "kernel")) this.kernel(entry);
    else if (isOf(entry, "supervisor")) this.supervisor(entry);
    else if (isOf(entry, "child") && acted(entry)) this.child(entry);
    return undefined;
  }

  private kernel(entry: TransitionRecord): void {
    const timeout = field(entry, "timeout");
    if (isOver(entry)) {
      this.by = undefined;
      this.deadlines.clear();
    } else if (entry.message.type === "kernel.close" && (entry.from === "running" || entry.from === "draining") && typeof timeout === "number" && Number.isFinite(timeout)) {
      // Of several the soonest counts.
      this.by = Math.min(this.by ?? Infinity, entry.at + timeout);
      this.told = this.by.toFixed(0);
      this.deadlines.owe("closed", this.by, this.told);
    }
  }

  private supervisor(entry: TransitionRecord): void {
    if (isOver(entry)) this.supervisors.delete(entry.id);
    else if (entry.outcome === "started") this.supervisors.add(entry.id);
  }

  /** A part that is told to stop has a time of its own for that. A supervisor has none: its children have. */
  private child(entry: TransitionRecord): void {
    if (this.by === undefined || entry.to !== "stopping" || this.supervisors.has(entry.id)) return;
    for (const { ms } of effectsOf(entry, "timer.start")) this.extend(typeof ms === "number" ? entry.at + ms : Infinity);
  }

  private extend(until: number): void {
    if (this.by === undefined || until <= this.by) return;
    this.by = until;
    if (Number.isFinite(until)) this.deadlines.owe("closed", until, this.told);
    else this.deadlines.settle("closed");
  }
}
