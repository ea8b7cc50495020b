import type { TransitionRecord } from "../../actors/dispatcher.js";
import { acted, effectsOf, field, hasEffect, isOf, type Entry, type Finding, type Invariant } from "./invariant.js";

/** What a scaler says with each of its actions. */
export interface Limits {
  readonly min: number;
  readonly max: number;
  readonly budget: number;
}

/** The executor that a block or a job is of: its id without the last part. */
export const executorOf = ({ id }: TransitionRecord): string => String(id).slice(0, Math.max(0, String(id).lastIndexOf("/")));
/** The keys of a block and of its job. */
export const blockKeys = (id: number | string): readonly string[] => [`block/${id}`, `job/${id}`];
export const scalerKey = (executor: string): string => `scaler/${executor}`;
export const serving = new Set(["requested", "submitting", "queued", "starting", "ready"]);

/** The limits that a scaler said, where the record is an action of it. */
export function limitsOf(record: TransitionRecord): Limits | undefined {
  const [action] = [...effectsOf(record, "blocks.request"), ...effectsOf(record, "blocks.release")];
  return action?.["limits"] as Limits | undefined;
}

/** The blocks that have not ended, and their states, by executor. */
export class PresentBlocks {
  private readonly blocks = new Map<string, Map<string, string>>();

  of(executor: string): ReadonlyMap<string, string> {
    return this.blocks.get(executor) ?? new Map<string, string>();
  }

  take(record: TransitionRecord): void {
    const executor = executorOf(record);
    const present = this.blocks.get(executor) ?? new Map<string, string>();
    this.blocks.set(executor, present);
    if (record.final) present.delete(String(record.id));
    else present.set(String(record.id), record.to);
  }
}

/** S17. */
export class MaxBlocks implements Invariant {
  readonly name = "S17";
  readonly sentence = "there are never more blocks than maxBlocks; one whose submission was not answered counts";
  private readonly blocks = new PresentBlocks();
  private readonly limits = new Map<string, Limits>();

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "scaler")) {
      const limits = limitsOf(entry);
      if (limits !== undefined) this.limits.set(String(entry.id), limits);
      return undefined;
    }
    if (!isOf(entry, "block") || !acted(entry)) return undefined;
    this.blocks.take(entry);
    const executor = executorOf(entry);
    const { size } = this.blocks.of(executor);
    const max = this.limits.get(executor)?.max ?? Infinity;
    return entry.outcome === "started" && size > max ? { detail: `with ${entry.id} there are ${size} blocks, and maxBlocks is ${max}`, involved: [scalerKey(executor), ...blockKeys(entry.id)] } : undefined;
  }
}

/** S18. */
export class MinBlocks implements Invariant {
  readonly name = "S18";
  readonly sentence = "no strategy brings the blocks below minBlocks, and the first blocks are asked for once";
  private readonly blocks = new PresentBlocks();
  private readonly begun = new Set<string>();
  /** What the scaler saw when it decided. */
  private readonly seen = new Map<string, ReadonlySet<string>>();

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "block") && acted(entry)) this.blocks.take(entry);
    if (!isOf(entry, "scaler") || !acted(entry)) return undefined;
    const executor = String(entry.id);
    if (hasEffect(entry, "blocks.consider")) this.seen.set(executor, new Set([...this.blocks.of(executor)].flatMap(([id, state]) => (serving.has(state) ? [id] : []))));
    for (const { initial } of effectsOf(entry, "blocks.request")) {
      if (initial !== true) continue;
      if (this.begun.has(executor)) return { detail: `"${executor}" asked for its first blocks twice`, involved: [scalerKey(executor)] };
      this.begun.add(executor);
    }
    for (const { ids, limits } of effectsOf(entry, "blocks.release")) {
      const left = new Set(this.seen.get(executor));
      for (const id of ids as readonly string[]) left.delete(`${executor}/${id}`);
      const { min } = limits as Limits;
      if (left.size < min) return { detail: `"${executor}" released ${(ids as readonly string[]).join(", ")}, which leaves ${left.size} blocks, and minBlocks is ${min}`, involved: [scalerKey(executor)] };
    }
    return undefined;
  }
}

const endsDrain = new Set(["block.drained", "managers.gone", "block.cancel"]);

/** S19. */
export class DrainedFirst implements Invariant {
  readonly name = "S19";
  readonly sentence = "a block that is released ends only once nothing runs on it, unless it is cancelled";

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "block") || !acted(entry)) return undefined;
    const { id, from, message } = entry;
    const released = effectsOf(entry, "job.cancel").some(({ reason }) => reason === "scaled-in");
    if (released && from === "ready") return { detail: `${id} was released and its job cancelled, and it was not drained`, involved: blockKeys(id) };
    if (released && from === "draining" && !endsDrain.has(message.type)) return { detail: `${id} was draining, and its job was cancelled on "${message.type}"`, involved: blockKeys(id) };
    return undefined;
  }
}

/** S20. */
export class NoJobForgotten implements Invariant {
  readonly name = "S20";
  readonly sentence = "a submission that was not answered is settled by a look-up, made once, and its block is there until then";
  private readonly submitted = new Set<string>();
  /** Jobs that have not ended; true where nobody has told whether there is one. */
  private readonly open = new Map<string, boolean>();

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "job") && acted(entry)) return this.job(entry);
    if (!isOf(entry, "block") || !acted(entry)) return undefined;
    const id = String(entry.id);
    if (entry.final && this.open.has(id)) return { detail: `${id} ended, and its job had not`, involved: blockKeys(id) };
    if (!hasEffect(entry, "job.submit")) return undefined;
    if (this.submitted.has(id)) return { detail: `the job of ${id} was submitted twice`, involved: blockKeys(id) };
    this.submitted.add(id);
    return undefined;
  }

  private job(entry: TransitionRecord): Finding | undefined {
    const id = String(entry.id);
    const { type } = entry.message;
    const unanswered = this.open.get(id) === true;
    if (entry.final) this.open.delete(id);
    else if (type === "job.unanswered") this.open.set(id, true);
    else if (!unanswered || type === "job.submitted" || type === "job.found") this.open.set(id, false);
    const settled = type === "job.absent" || type === "job.refused";
    return entry.final && unanswered && !settled ? { detail: `whether ${id} has a job was not known, and "${type}" made it "${entry.to}"`, involved: blockKeys(id) } : undefined;
  }
}

/** S21. */
export class UnknownIsNotGone implements Invariant {
  readonly name = "S21";
  readonly sentence = "a query that failed changes no job, and one that the listing leaves out is unknown until a second source says that it is gone";

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "job") || entry.outcome !== "moved") return undefined;
    const { id, message } = entry;
    if (message.type === "query.failed") return { detail: `a query failed, and ${id} became "${entry.to}"`, involved: blockKeys(id) };
    const lost = entry.final && (message.type === "job.missing" || (message.type === "job.reported" && (field(entry, "report") as { readonly state?: string } | undefined)?.state === "unknown"));
    return lost ? { detail: `${id} was not listed, and became "${entry.to}"`, involved: blockKeys(id) } : undefined;
  }
}
