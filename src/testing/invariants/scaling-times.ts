import type { TransitionRecord } from "../../actors/dispatcher.js";
import { executorOf, PresentBlocks, scalerKey, serving, type Limits } from "./blocks.js";
import { Deadlines } from "./deadlines.js";
import { acted, effectsOf, field, hasEffect, isOf, taskKeys, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";

/** What a scaler says with each look: the times are absent where its strategy has others. */
interface Look {
  readonly limits: Limits;
  readonly times?: { readonly period: number; readonly maxIdleTime: number };
}

const lookOf = (entry: TransitionRecord): Look | undefined => effectsOf(entry, "blocks.consider")[0] as Look | undefined;
const rests = ({ final, outcome, to }: TransitionRecord): boolean => final || outcome === "crashed" || to === "held";
const labelOf = (scaler: string): string => scaler.replace(/#\d+$/, "");

/** The blocks of an executor that serve or will. */
function servingOf(blocks: PresentBlocks, executor: string): number {
  let count = 0;
  for (const state of blocks.of(executor).values()) if (serving.has(state)) count++;
  return count;
}

interface Demand {
  /** What its scaler keeps to; undefined while that is not known, or it rests. */
  look: Look | undefined;
  /** Early deaths since a block came to work: the next one may be put off for them. */
  deaths: number;
  /** Blocks that serve or will. */
  serving: number;
}

/** L3. */
export class AsksInTime implements Invariant {
  readonly name = "L3";
  readonly sentence = "where tasks wait and there is no block, and there may be one, one is asked for within a period";
  private readonly deadlines: Deadlines<{ readonly scaler: string; readonly task: string }>;
  private readonly blocks = new PresentBlocks();
  private readonly demands = new Map<string, Demand>();
  /** The newest scaler of each label. */
  private readonly scalers = new Map<string, string>();
  /** What waits in the queue of each label. */
  private readonly queued = new Map<string, Set<string>>();
  private readonly labels = new Map<string, string>();

  constructor(private readonly facts: RunFacts) {
    this.deadlines = new Deadlines(facts);
  }

  see(entry: Entry): Finding | undefined {
    const late = this.deadlines.pass(entry);
    if (late !== undefined) {
      const { scaler, task } = late.what;
      return { detail: `"${scaler}" was to ask for a block by ${late.by.toFixed(0)} ms: task ${task} waited, there was no block, and there might have been one`, involved: [scalerKey(scaler), ...taskKeys(task)] };
    }
    const scaler = isOf(entry, "scaler") ? this.scaler(entry) : isOf(entry, "block") ? this.block(entry) : isOf(entry, "attempt") ? this.attempt(entry) : undefined;
    if (scaler !== undefined) this.judge(scaler, entry.at);
    return undefined;
  }

  forget(task: number | string, attempts: number): void {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const key = `${task}#${attempt}`;
      this.queued.get(this.labels.get(key) ?? "")?.delete(key);
      this.labels.delete(key);
    }
  }

  private of(scaler: string): Demand {
    let demand = this.demands.get(scaler);
    if (demand === undefined) this.demands.set(scaler, (demand = { look: undefined, deaths: 0, serving: 0 }));
    return demand;
  }

  private scaler(entry: TransitionRecord): string {
    const scaler = String(entry.id);
    if (entry.outcome === "started") this.scalers.set(labelOf(scaler), scaler);
    const demand = this.of(scaler);
    if (rests(entry)) demand.look = undefined;
    else demand.look = lookOf(entry) ?? demand.look;
    return scaler;
  }

  private block(entry: TransitionRecord): string | undefined {
    if (!acted(entry)) return undefined;
    this.blocks.take(entry);
    const scaler = executorOf(entry);
    const demand = this.of(scaler);
    demand.serving = servingOf(this.blocks, scaler);
    if (hasEffect(entry, "block.mourn")) demand.deaths++;
    if (entry.to === "ready" && entry.from !== "ready") demand.deaths = 0;
    return scaler;
  }

  private attempt({ id, incarnation, to, final, outcome }: TransitionRecord): string | undefined {
    const key = `${id}#${incarnation}`;
    const label = outcome === "started" ? this.facts.executor?.(id as number) : this.labels.get(key);
    if (label === undefined) return undefined;
    const queued = this.queued.get(label) ?? new Set<string>();
    this.queued.set(label, queued);
    if (to === "queued" && !final) queued.add(key);
    else queued.delete(key);
    if (final || outcome === "crashed") this.labels.delete(key);
    else if (outcome === "started") this.labels.set(key, label);
    return this.scalers.get(label);
  }

  private judge(scaler: string, at: number): void {
    const { look, deaths, serving: there } = this.of(scaler);
    const [first] = this.queued.get(labelOf(scaler)) ?? [];
    const wanted = look?.times !== undefined && deaths === 0 && first !== undefined && there === 0 && this.blocks.of(scaler).size < look.limits.max;
    if (!wanted) this.deadlines.settle(scaler);
    else if (!this.deadlines.owes(scaler)) this.deadlines.owe(scaler, at + look.times.period, { scaler, task: first.slice(0, first.indexOf("#")) });
  }
}

/** L4. */
export class ReleasesInTime implements Invariant {
  readonly name = "L4";
  readonly sentence = "blocks beyond the least are released once there was no task for the idle time, and are looked at every period until then";
  private readonly deadlines: Deadlines<string>;
  private readonly blocks = new PresentBlocks();
  /** What each scaler saw when it looked. */
  private readonly looks = new Map<string, Look & { readonly serving: number }>();

  constructor(facts: RunFacts) {
    this.deadlines = new Deadlines(facts);
  }

  see(entry: Entry): Finding | undefined {
    const late = this.deadlines.pass(entry);
    if (late !== undefined) return { detail: `"${late.what}" has more blocks than the least, and was to look whether they have tasks by ${late.by.toFixed(0)} ms`, involved: [scalerKey(late.what)] };
    if (isOf(entry, "block") && acted(entry)) this.blocks.take(entry);
    return isOf(entry, "scaler") ? this.scaler(entry) : undefined;
  }

  private scaler(entry: TransitionRecord): Finding | undefined {
    const scaler = String(entry.id);
    const seen = lookOf(entry);
    if (rests(entry) || seen !== undefined) this.deadlines.settle(scaler);
    if (rests(entry)) this.looks.delete(scaler);
    else if (seen !== undefined) this.looks.set(scaler, { ...seen, serving: servingOf(this.blocks, scaler) });
    return entry.message.type === "decision.made" && entry.from === "deciding" && !rests(entry) ? this.decision(scaler, entry) : undefined;
  }

  private decision(scaler: string, entry: TransitionRecord): Finding | undefined {
    const look = this.looks.get(scaler);
    if (look?.times === undefined || look.serving <= look.limits.min) return undefined;
    const { period, maxIdleTime } = look.times;
    const emptyFor = field(entry, "emptyFor");
    if (typeof emptyFor === "number" && field(entry, "outstanding") === 0 && emptyFor >= maxIdleTime && !hasEffect(entry, "blocks.release")) {
      return { detail: `"${scaler}" had no task for ${emptyFor} ms, its idle time is ${maxIdleTime} ms, and it kept ${look.serving} blocks where ${look.limits.min} are the least`, involved: [scalerKey(scaler)] };
    }
    this.deadlines.owe(scaler, entry.at + period, scaler);
    return undefined;
  }
}
