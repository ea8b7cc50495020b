import { isDeepStrictEqual } from "node:util";
import { acted, effectsOf, field, isOf, isProbe, succeeded, taskKey, taskKeys, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";

/** S1. */
export class OneFinalState implements Invariant {
  readonly name = "S1";
  readonly sentence = "every submitted task ends in exactly one final state, and no transition leaves it";
  private readonly states = new Map<number | string, string>();
  private readonly open = new Set<number | string>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task")) return undefined;
    const { id, to, outcome, final } = entry;
    const before = this.states.get(id);
    if (outcome === "started") {
      if (before !== undefined) return { detail: `task ${id} was started twice`, involved: taskKeys(id) };
      this.open.add(id);
    } else if (outcome === "moved" && before !== undefined && !this.open.has(id) && entry.message.type !== "task.cancel") {
      return { detail: `task ${id} had ended as "${before}", and took "${entry.message.type}" to be "${to}"`, involved: taskKeys(id) };
    }
    this.states.set(id, to);
    if (final || outcome === "crashed") this.open.delete(id);
    return undefined;
  }

  forget(task: number | string): void {
    this.states.delete(task);
  }

  end(): Finding | undefined {
    const [id] = this.open;
    return id === undefined ? undefined : { detail: `${this.open.size} task(s) never ended: task ${id} is in "${this.states.get(id)}"`, involved: taskKeys(id) };
  }
}

interface Settlement {
  value: unknown;
  outcome: string | undefined;
  told: number;
}

/** S2. */
export class SettlesOnce implements Invariant {
  readonly name = "S2";
  readonly sentence = "a task's future settles exactly once, and its value is that of its final record";
  private readonly tasks = new Map<number | string, Settlement>();
  private readonly ended = new Set<number | string>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    if (isProbe(entry, "future.settled")) return this.settled(entry.task, entry.succeeded, entry.value);
    if (!isOf(entry, "task") || !acted(entry)) return undefined;
    const { id } = entry;
    const task = this.of(id);
    if ("value" in entry.message) task.value = field(entry, "value");
    for (const { outcome } of effectsOf(entry, "task.settle")) {
      if (task.outcome !== undefined) return { detail: `task ${id} was settled as "${task.outcome}", and again as "${String(outcome)}"`, involved: taskKeys(id) };
      if (outcome !== entry.to) return { detail: `task ${id} ended as "${entry.to}" and was settled as "${String(outcome)}"`, involved: taskKeys(id) };
      task.outcome = entry.to;
    }
    if (entry.final) this.ended.add(id);
    return undefined;
  }

  private of(id: number | string): Settlement {
    let task = this.tasks.get(id);
    if (task === undefined) this.tasks.set(id, (task = { value: undefined, outcome: undefined, told: 0 }));
    return task;
  }

  private settled(id: number, good: boolean, value: unknown): Finding | undefined {
    const task = this.of(id);
    const involved = taskKeys(id);
    if (++task.told > 1) return { detail: `the future of task ${id} settled twice`, involved };
    if (task.outcome === undefined) return { detail: `the future of task ${id} settled, and the task had not ended`, involved };
    if (good !== succeeded(task.outcome)) return { detail: `task ${id} ended as "${task.outcome}", and its future ${good ? "resolved" : "rejected"}`, involved };
    // What failed may have kept what cannot be decoded: the futures that a join's body returned.
    if (!good) return undefined;
    const final = this.facts.decode === undefined ? task.value : this.facts.decode(task.value);
    return isDeepStrictEqual(final, value) ? undefined : { detail: `the future of task ${id} gave another value than its final record`, involved };
  }

  forget(task: number | string): void {
    if (this.tasks.get(task)?.outcome === undefined) return;
    this.tasks.delete(task);
    this.ended.delete(task);
  }

  end(): Finding | undefined {
    for (const id of this.ended) if (this.of(id).outcome === undefined) return { detail: `task ${id} ended, and was never settled`, involved: taskKeys(id) };
    return undefined;
  }
}

/** S15. */
export class CancelOfEnded implements Invariant {
  readonly name = "S15";
  readonly sentence = "cancelling what has ended changes nothing, and cancelling twice is cancelling once";
  private readonly ended = new Map<number | string, string>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task")) return undefined;
    const { id, to } = entry;
    const before = this.ended.get(id);
    if (before !== undefined && entry.message.type === "task.cancel" && (entry.outcome === "moved" || to !== before)) {
      return { detail: `task ${id} had ended as "${before}" and was changed by a cancel to "${to}"`, involved: [taskKey(id)] };
    }
    if (entry.final && before === undefined) this.ended.set(id, to);
    return undefined;
  }

  forget(task: number | string): void {
    this.ended.delete(task);
  }
}

/** Nothing of caraway breaks. */
export class NoCrash implements Invariant {
  readonly name = "crash";
  readonly sentence = "no message makes a part of caraway break";

  see(entry: Entry): Finding | undefined {
    if (!("outcome" in entry) || entry.outcome !== "crashed") return undefined;
    return { detail: `${entry.kind} ${entry.id} broke on "${entry.message.type}"`, involved: [`${entry.kind}/${entry.id}`, ...(entry.kind === "task" ? taskKeys(entry.id) : [])] };
  }
}

/** S33, of what is seen from outside. */
export class HarmlessGuest implements Invariant {
  readonly name = "S33";
  readonly sentence = "nothing that caraway throws or rejects is left to the process";

  see(entry: Entry): Finding | undefined {
    return isProbe(entry, "process.fault") && entry.own ? { detail: `nobody caught this: ${entry.message}`, involved: ["process"] } : undefined;
  }
}

/** R1, of what the stream shows. */
export class NothingLeft implements Invariant {
  readonly name = "R1";
  readonly sentence = "what was started has ended once the run is over";
  private readonly open = new Map<string, string>();
  private closed = false;

  see(entry: Entry): Finding | undefined {
    if (!("outcome" in entry) || entry.kind === "task") return undefined;
    const key = `${entry.kind}/${entry.id}#${entry.incarnation}`;
    if (entry.final || entry.outcome === "crashed") this.open.delete(key);
    else if (entry.outcome === "started" || this.open.has(key)) this.open.set(key, entry.to);
    if (entry.kind === "kernel" && entry.final) this.closed = true;
    return undefined;
  }

  end(): Finding | undefined {
    for (const [key, state] of this.open) {
      if (this.closed || key.startsWith("attempt/")) return { detail: `${key} is in "${state}" still`, involved: [key.slice(0, key.indexOf("#")), ...(key.startsWith("attempt/") ? [taskKey(key.slice(8, key.indexOf("#")))] : [])] };
    }
    return undefined;
  }
}
