import { isDeepStrictEqual } from "node:util";
import type { TransitionRecord } from "../../actors/dispatcher.js";
import { acted, effectsOf, field, forgetAttempts, hasEffect, isOf, isProbe, isRecord, taskKey, taskKeys, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";

const stateOf = (state: string): string => (state.startsWith("live.") ? state.slice(5) : state);

/** S10. */
export class Conservation implements Invariant {
  readonly name = "S10";
  readonly sentence = "every cell leaves the state it was in, and the tasks of all states are all the tasks";
  private readonly states = new Map<string, string>();
  private readonly finals = new Set<string>();
  /** How many tasks were forgotten in each state. */
  private readonly before = new Map<string, number>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    if (!isRecord(entry) || entry.outcome === "crashed") return undefined;
    const key = `${entry.kind}/${entry.id}#${entry.incarnation}`;
    const known = this.states.get(key);
    if (entry.outcome !== "started" && entry.from !== known && !this.finals.has(key)) {
      return { detail: `${key} was in ${known === undefined ? "no state" : `"${known}"`}, and left "${entry.from}"`, involved: [`${entry.kind}/${entry.id}`] };
    }
    this.states.set(key, entry.to);
    if (entry.final) this.finals.add(key);
    return undefined;
  }

  forget(task: number | string, attempts: number): void {
    const key = `task/${task}#1`;
    const state = this.states.get(key);
    if (state !== undefined) this.before.set(stateOf(state), (this.before.get(stateOf(state)) ?? 0) + 1);
    for (const kept of [this.states, this.finals]) {
      kept.delete(key);
      forgetAttempts(kept, `attempt/${task}`, attempts);
    }
  }

  end(): Finding | undefined {
    const counted = this.facts.counts?.();
    if (counted === undefined) return undefined;
    const seen = new Map(this.before);
    for (const [key, state] of this.states) if (key.startsWith("task/")) seen.set(stateOf(state), (seen.get(stateOf(state)) ?? 0) + 1);
    for (const state of new Set([...seen.keys(), ...Object.keys(counted)])) {
      if ((seen.get(state) ?? 0) !== (counted[state] ?? 0)) return { detail: `${seen.get(state) ?? 0} tasks are in "${state}", and the kernel counts ${counted[state] ?? 0}`, involved: [...this.states].filter(([key, at]) => key.startsWith("task/") && stateOf(at) === state).map(([key]) => key.slice(0, key.indexOf("#"))) };
    }
    return undefined;
  }
}

/** S11. */
export class OneAtATime implements Invariant {
  readonly name = "S11";
  readonly sentence = "a worker runs one task at a time, and gives its place back exactly once";
  private readonly running = new Map<string, { readonly task: number; readonly attempt: number }>();

  see(entry: Entry): Finding | undefined {
    if (!isProbe(entry, "code.started") && !isProbe(entry, "code.ended")) return undefined;
    const { worker, task, attempt } = entry;
    const other = this.running.get(worker);
    if (isProbe(entry, "code.started")) {
      this.running.set(worker, { task, attempt });
      return other === undefined ? undefined : { detail: `${worker} began attempt ${attempt} of task ${task} while it ran task ${other.task}`, involved: [...taskKeys(task), ...taskKeys(other.task)] };
    }
    this.running.delete(worker);
    return other?.task === task && other.attempt === attempt ? undefined : { detail: `${worker} ended attempt ${attempt} of task ${task}, which it did not run`, involved: taskKeys(task) };
  }

  end(): Finding | undefined {
    for (const [worker, { task }] of this.running) return { detail: `${worker} runs task ${task} still`, involved: taskKeys(task) };
    return undefined;
  }
}

interface Queued {
  readonly task: number;
  readonly priority: number;
  /** When it was first queued. */
  readonly order: number;
}

const goesBefore = (a: Queued, b: Queued): boolean => a.priority < b.priority || (a.priority === b.priority && a.order < b.order);

/** S12. */
export class PriorityOrder implements Invariant {
  readonly name = "S12";
  readonly sentence = "what waits at an executor is sent by priority, then by age";
  private readonly queues = new Map<string, Map<string, Queued>>();
  private readonly orders = new Map<string, Queued & { readonly label: string }>();
  private readonly refusing = new Set<string>();
  private order = 0;

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "executor")) this.executor(entry);
    else if (isOf(entry, "attempt")) return this.attempt(entry);
    return undefined;
  }

  private executor({ id, to }: TransitionRecord): void {
    if (to === "starting" || to === "running" || to === "degraded") this.refusing.delete(String(id));
    else this.refusing.add(String(id));
  }

  private attempt(entry: TransitionRecord): Finding | undefined {
    const key = `${entry.id}#${entry.incarnation}`;
    if (entry.outcome === "started") this.enter(key, entry.id as number);
    const place = this.orders.get(key);
    if (place === undefined || !acted(entry)) return undefined;
    const queue = this.queues.get(place.label);
    if (entry.final) {
      this.orders.delete(key);
      queue?.delete(key);
    } else if (entry.to === "queued") queue?.set(key, place);
    else if (entry.from === "queued") {
      queue?.delete(key);
      // Where the queue is elsewhere, what is there was sent before this was known here.
      if (entry.to === "sent" && field(entry, "far") !== true) return this.sent(place, queue?.values() ?? []);
    }
    return undefined;
  }

  private enter(key: string, task: number): void {
    const label = this.facts.executor?.(task);
    if (label === undefined || this.refusing.has(label)) return;
    if (!this.queues.has(label)) this.queues.set(label, new Map());
    this.orders.set(key, { task, label, priority: this.facts.priority?.(task) ?? Infinity, order: this.order++ });
  }

  private sent(place: Queued & { readonly label: string }, waiting: Iterable<Queued>): Finding | undefined {
    for (const other of waiting) {
      if (goesBefore(other, place)) return { detail: `"${place.label}" sent task ${place.task} (priority ${place.priority}) before task ${other.task} (priority ${other.priority}), which was first`, involved: [...taskKeys(place.task), ...taskKeys(other.task)] };
    }
    return undefined;
  }
}

/** S13. */
export class Walltime implements Invariant {
  readonly name = "S13";
  readonly sentence = "an attempt that is over its walltime has ended within the grace";
  private readonly deadlines = new Map<string, { readonly task: number | string; readonly by: number }>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    for (const [key, { task, by }] of this.deadlines) {
      if (entry.at > by) return { detail: `attempt ${key.slice(key.indexOf("#") + 1)} of task ${task} was to have ended by ${by} ms, and goes on at ${entry.at} ms`, involved: taskKeys(task) };
    }
    if (!isOf(entry, "attempt") || !acted(entry)) return undefined;
    const key = `${entry.id}#${entry.incarnation}`;
    for (const { ms } of effectsOf(entry, "timer.start")) this.deadlines.set(key, { task: entry.id, by: entry.at + (ms as number) + (this.facts.grace ?? 1000) });
    if (entry.final) this.deadlines.delete(key);
    return undefined;
  }
}

/** S14. */
export class NothingAfterCancel implements Invariant {
  readonly name = "S14";
  readonly sentence = "once a task is cancelled, no attempt of it is dispatched and no code of it begins";
  private readonly cancelled = new Set<number | string>();
  private readonly resolved = new Set<number>();
  private readonly over = new Set<string>();

  see(entry: Entry): Finding | undefined {
    if (isProbe(entry, "cancel.resolved")) this.resolved.add(entry.task);
    else if (isProbe(entry, "code.started")) {
      if (this.resolved.has(entry.task)) return { detail: `code of task ${entry.task} began on ${entry.worker} after its cancellation had been confirmed`, involved: taskKeys(entry.task) };
      if (this.over.has(`${entry.task}#${entry.attempt}`)) return { detail: `code of attempt ${entry.attempt} of task ${entry.task} began on ${entry.worker} after that attempt had ended`, involved: taskKeys(entry.task) };
    } else if (isOf(entry, "task")) return this.task(entry);
    else if (isOf(entry, "attempt")) return this.attempt(entry);
    return undefined;
  }

  private task(entry: TransitionRecord): Finding | undefined {
    if (this.cancelled.has(entry.id) && hasEffect(entry, "attempt.dispatch")) return { detail: `task ${entry.id} was cancelled, and dispatched on "${entry.message.type}"`, involved: taskKeys(entry.id) };
    if (entry.message.type === "task.cancel" && entry.outcome === "moved" && entry.to === "cancelled") this.cancelled.add(entry.id);
    return undefined;
  }

  private attempt(entry: TransitionRecord): Finding | undefined {
    if (entry.outcome === "started" && this.cancelled.has(entry.id)) return { detail: `attempt ${entry.incarnation} of task ${entry.id} began after the task was cancelled`, involved: taskKeys(entry.id) };
    if (entry.final) this.over.add(`${entry.id}#${entry.incarnation}`);
    return undefined;
  }

  forget(task: number | string, attempts: number): void {
    this.cancelled.delete(task);
    this.resolved.delete(task as number);
    forgetAttempts(this.over, task, attempts);
  }
}

/** S9. */
export class MemoizedValues implements Invariant {
  readonly name = "S9";
  readonly sentence = "a memoized value is one that an equal call has given";
  private readonly values = new Map<string, unknown[]>();
  private readonly given = new Map<number | string, unknown>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task") || !acted(entry)) return undefined;
    const { id } = entry;
    const key = this.facts.memoKey === undefined ? "" : this.facts.memoKey(id as number);
    const known = key === undefined ? [] : (this.values.get(key) ?? []);
    if (key !== undefined) {
      if ("value" in entry.message) this.given.set(id, field(entry, "value"));
      this.values.set(key, known);
      if (entry.to === "done") known.push(this.given.get(id));
    }
    if (entry.message.type !== "memo.hit" || known.some((value) => isDeepStrictEqual(value, field(entry, "value")))) return undefined;
    return { detail: `task ${id} was given a memoized value that no equal call had given before`, involved: [taskKey(id)] };
  }

  forget(task: number | string): void {
    this.given.delete(task);
  }
}

/** S16. */
export class ErrorsTravel implements Invariant {
  readonly name = "S16";
  readonly sentence = "an error keeps its name, message, code, own properties and causes on its way to the head";
  private readonly thrown = new Map<string, unknown>();

  see(entry: Entry): Finding | undefined {
    if (isProbe(entry, "code.threw")) this.thrown.set(`${entry.task}#${entry.attempt}`, entry.error);
    if (!isOf(entry, "task") || entry.message.type !== "attempt.failed") return undefined;
    const key = `${entry.id}#${String(field(entry, "attempt"))}`;
    const thrown = this.thrown.get(key);
    const arrived = field(entry, "error");
    this.thrown.delete(key);
    // What was stopped meanwhile fails for that reason.
    if (!(thrown instanceof Error) || (arrived as { origin?: unknown } | null)?.origin !== undefined) return undefined;
    const difference = differs(thrown, arrived);
    return difference === undefined ? undefined : { detail: `the error of attempt ${String(field(entry, "attempt"))} of task ${entry.id} lost its ${difference} on the way`, involved: taskKeys(entry.id) };
  }
}

function differs(thrown: unknown, arrived: unknown, depth = 0): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (!(arrived instanceof Error)) return depth === 0 ? "form" : "cause";
  for (const name of ["name", "message", "stack"] as const) if (thrown[name] !== arrived[name]) return name;
  for (const [name, value] of Object.entries(thrown)) if (name !== "cause" && JSON.stringify((arrived as unknown as Record<string, unknown>)[name]) !== JSON.stringify(value)) return name;
  return differs(thrown.cause, arrived.cause, depth + 1);
}
