import type { TransitionRecord } from "../../actors/dispatcher.js";
import { acted, effectsOf, field, hasEffect, isOf, type Entry, type Finding, type Invariant } from "./invariant.js";

const supervisorKey = (id: number | string): string => `supervisor/${id}`;
const childKey = (id: number | string): string => `child/${id}`;
const instance = ({ id, incarnation }: TransitionRecord): string => `${id}#${incarnation}`;
export const isOver = ({ final, outcome }: TransitionRecord): boolean => final || outcome === "crashed";
const ends = ({ to }: TransitionRecord): boolean => to.startsWith("stopping") || to === "stopped";

/** What restarts are kept within, where the record begins one. */
function restartIn(record: TransitionRecord): { readonly intensity: number; readonly period: number } | undefined {
  for (const type of ["child.stop", "child.start"]) {
    for (const { restart } of effectsOf(record, type)) if (restart !== undefined) return restart as { readonly intensity: number; readonly period: number };
  }
  return undefined;
}

/** S30. */
export class RestartIntensity implements Invariant {
  readonly name = "S30";
  readonly sentence = "a supervisor restarts its children no more often in a period than its intensity allows, and ends once it has given up";
  /** When the latest restarts of each supervisor were, as many as one period may have. */
  private readonly restarts = new Map<string, number[]>();
  private readonly gaveUp = new Set<string>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "supervisor") || (!acted(entry) && !isOver(entry))) return undefined;
    const key = instance(entry);
    const finding = this.gaveUp.has(key) || announcesGivingUp(entry) ? this.ending(key, entry) : this.restart(key, entry);
    if (isOver(entry)) {
      this.restarts.delete(key);
      this.gaveUp.delete(key);
    }
    return finding;
  }

  private ending(key: string, entry: TransitionRecord): Finding | undefined {
    this.gaveUp.add(key);
    if (entry.outcome === "crashed" || (ends(entry) && !hasEffect(entry, "child.start"))) return undefined;
    return { detail: `supervisor ${entry.id} had restarted its children too often, and went on on "${entry.message.type}"`, involved: [supervisorKey(entry.id)] };
  }

  private restart(key: string, entry: TransitionRecord): Finding | undefined {
    const limits = restartIn(entry);
    if (limits === undefined || typeof limits.intensity !== "number" || typeof limits.period !== "number") return undefined;
    const { intensity, period } = limits;
    // The supervisor decides by when it was told.
    const at = timeOf(entry);
    const times = this.restarts.get(key) ?? [];
    this.restarts.set(key, times);
    times.push(at);
    const before = times.length > intensity ? times.shift() : undefined;
    if (before === undefined || at - before > period) return undefined;
    return { detail: `supervisor ${entry.id} restarted children ${intensity + 1} times in ${at - before} ms, and its intensity is ${intensity} in ${period} ms`, involved: [supervisorKey(entry.id)] };
  }
}

const announcesGivingUp = (entry: TransitionRecord): boolean => effectsOf(entry, "event.announce").some(({ event }) => (event as { readonly report?: string } | undefined)?.report === "reached_max_restart_intensity");

function timeOf(entry: TransitionRecord): number {
  const at = field(entry, "at");
  return typeof at === "number" ? at : entry.at;
}

/** A supervisor whose steps were seen from its start on. */
interface Family {
  /** Its children by their keys, numbered in the order of their first starts. */
  readonly order: Map<unknown, number>;
  started: number;
  /** What its stops belong to now: those of a restart and of the end have an order. */
  row: "none" | "restart" | "end";
  /** The number of the child that was told to stop last in that row. */
  last: number;
  /** Children of that row that were told to stop and have not said that they have. */
  readonly pending: Set<unknown>;
  /** The cells of its children that have an actor. */
  readonly alive: Set<string>;
}

const alive = new Set(["starting", "abandoning", "running", "stopping", "killing"]);
const reportsOfStops = new Set(["child.stopped", "child.start-failed", "child.ignored"]);

/** S31. */
export class ReverseStop implements Invariant {
  readonly name = "S31";
  readonly sentence = "children are stopped in the reverse order of their starts, one after another, and none is alive once its supervisor has ended";
  /** By path: of one that was started again, the newest. */
  private readonly families = new Map<string, Family>();

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "child")) this.child(entry);
    else if (isOf(entry, "supervisor")) return this.supervisor(entry);
    return undefined;
  }

  private child(entry: TransitionRecord): void {
    const lives = alive.has(entry.to) && entry.outcome !== "crashed";
    if (lives === (entry.from !== undefined && alive.has(entry.from))) return;
    const family = this.familyOf(String(entry.id));
    if (lives) family?.alive.add(String(entry.id));
    else family?.alive.delete(String(entry.id));
  }

  /** Names of children may have slashes in them: the nearest supervisor above is meant. */
  private familyOf(id: string): Family | undefined {
    for (let end = id.lastIndexOf("/"); end > 0; end = id.lastIndexOf("/", end - 1)) {
      const family = this.families.get(id.slice(0, end));
      if (family !== undefined) return family;
    }
    return undefined;
  }

  private supervisor(entry: TransitionRecord): Finding | undefined {
    const path = String(entry.id);
    if (entry.outcome === "started") this.families.set(path, { order: new Map(), started: 0, row: "none", last: Infinity, pending: new Set(), alive: new Set() });
    const family = this.families.get(path);
    if (family === undefined || (!acted(entry) && !isOver(entry))) return undefined;
    const finding = this.stops(family, entry);
    if (!isOver(entry)) return finding;
    this.families.delete(path);
    const [left] = family.alive;
    if (finding !== undefined || left === undefined || entry.outcome === "crashed") return finding;
    return { detail: `supervisor ${path} has ended, and ${[...family.alive].join(", ")} had not`, involved: [supervisorKey(path), childKey(left)] };
  }

  private stops(family: Family, entry: TransitionRecord): Finding | undefined {
    if (reportsOfStops.has(entry.message.type)) family.pending.delete(field(entry, "key"));
    if (ends(entry) && family.row !== "end") begin(family, "end");
    const awaited = [...family.pending];
    for (const effect of entry.effects) {
      const { key, removed, restart } = effect as { readonly key?: unknown; readonly removed?: boolean; readonly restart?: unknown };
      if (effect.type === "child.retire" && removed === true) family.order.delete(key);
      else if (effect.type === "children.kill") family.pending.clear();
      else if (effect.type === "child.start") this.start(family, key);
      else if (effect.type === "child.stop") {
        if (restart !== undefined) begin(family, "restart");
        const finding = this.stop(family, key, awaited, entry);
        if (finding !== undefined) return finding;
      }
    }
    return undefined;
  }

  private start(family: Family, key: unknown): void {
    if (!family.order.has(key)) family.order.set(key, ++family.started);
    if (family.row === "restart") begin(family, "none");
  }

  private stop(family: Family, key: unknown, awaited: readonly unknown[], { id }: TransitionRecord): Finding | undefined {
    const number = family.order.get(key);
    if (family.row === "none" || number === undefined) return undefined;
    const involved = [supervisorKey(id)];
    if (number >= family.last) return { detail: `supervisor ${id} told its child number ${number} to stop after number ${family.last}, and had started it later`, involved };
    const other = awaited.find((one) => family.pending.has(one));
    if (other !== undefined) return { detail: `supervisor ${id} told its child number ${number} to stop before number ${family.order.get(other) ?? "?"} had stopped`, involved };
    family.last = number;
    family.pending.add(key);
    return undefined;
  }
}

function begin(family: Family, row: Family["row"]): void {
  family.row = row;
  family.last = Infinity;
  family.pending.clear();
}
