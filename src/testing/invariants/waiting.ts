import type { TransitionRecord } from "../../actors/dispatcher.js";
import { Deadlines } from "./deadlines.js";
import { IdleWorkers } from "./idle-workers.js";
import { effectsOf, field, isOf, taskKey, taskKeys, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";

type Id = number | string;

const waitKey = (id: Id): string => `waiting/${id}`;
const pauseKey = (id: Id): string => `pause/${id}`;

/** What a task waits for, of what was open when it was called. */
interface Waiting {
  readonly of: readonly Id[];
  ended: number;
  told: number;
}

/** L1, of what can be known: how long user code takes, and when there are workers, nobody can say. */
export class EveryTaskGoesOn implements Invariant {
  readonly name = "L1";
  readonly sentence = "no task is left open by a kernel that has closed, and none waits for what it has: dependencies that have ended, a pause that is over, an idle worker";
  private readonly deadlines: Deadlines<Finding>;
  private readonly workers: IdleWorkers;
  private readonly open = new Set<Id>();
  private readonly waiting = new Map<Id, Waiting>();
  /** Who waits for a task. */
  private readonly dependents = new Map<Id, Id[]>();

  constructor(private readonly facts: RunFacts) {
    this.deadlines = new Deadlines(facts);
    this.workers = new IdleWorkers(facts, this.deadlines);
  }

  see(entry: Entry): Finding | undefined {
    const late = this.deadlines.pass(entry);
    if (late !== undefined) return late.what;
    if (isOf(entry, "task")) this.task(entry);
    else if (isOf(entry, "kernel")) return this.kernel(entry);
    else this.workers.see(entry);
    return undefined;
  }

  forget(task: Id, attempts: number): void {
    this.workers.forget(task, attempts);
  }

  private kernel({ final, to }: TransitionRecord): Finding | undefined {
    if (!final) return undefined;
    this.deadlines.clear();
    const [id] = this.open;
    if (to !== "closed" || id === undefined) return undefined;
    return { detail: `the kernel has closed, and ${this.open.size} task(s) had not ended: task ${id} had not`, involved: ["kernel/kernel", ...taskKeys(id)] };
  }

  private task(entry: TransitionRecord): void {
    const { outcome, final } = entry;
    if (outcome === "started" && !final) this.begin(entry);
    else if (final || outcome === "crashed") this.over(entry);
    else if (outcome === "moved") this.move(entry);
  }

  private begin({ id, to, at }: TransitionRecord): void {
    this.open.add(id);
    const of = to === "waiting" ? [...new Set(this.facts.dependencies?.(id as number))].filter((other) => this.open.has(other)) : [];
    if (of.length === 0) return;
    this.waiting.set(id, { of, ended: 0, told: 0 });
    for (const other of of) {
      const others = this.dependents.get(other);
      if (others === undefined) this.dependents.set(other, [id]);
      else others.push(id);
    }
    this.judge(id, at);
  }

  private move(entry: TransitionRecord): void {
    const { id, from, to, at, message } = entry;
    const waiting = this.waiting.get(id);
    if (waiting !== undefined && message.type.startsWith("dependency.")) waiting.told++;
    if (to === "waiting") this.judge(id, at);
    else if (from === "waiting") this.forgetWaiting(id);
    if (from === "backing-off" && to !== from) this.deadlines.settle(pauseKey(id));
    if (to !== "backing-off") return;
    for (const { ms } of effectsOf(entry, "timer.start")) {
      if (typeof ms === "number" && Number.isFinite(ms)) this.deadlines.owe(pauseKey(id), at + ms, { detail: `task ${id} was to be tried again ${ms} ms after attempt ${String(field(entry, "attempt"))} had failed, and was not`, involved: taskKeys(id) });
    }
  }

  private over({ id, at }: TransitionRecord): void {
    this.open.delete(id);
    this.forgetWaiting(id);
    this.deadlines.settle(pauseKey(id));
    const dependents = this.dependents.get(id);
    this.dependents.delete(id);
    for (const other of dependents ?? []) {
      const waiting = this.waiting.get(other);
      if (waiting === undefined) continue;
      waiting.ended++;
      this.judge(other, at);
    }
  }

  /** Whether it was told of all that has ended so far. Promises of the user may be among what it was told of, and are then missed less. */
  private judge(id: Id, at: number): void {
    const waiting = this.waiting.get(id);
    const key = waitKey(id);
    if (waiting === undefined || waiting.told >= waiting.ended) this.deadlines.settle(key);
    else if (!this.deadlines.owes(key)) this.deadlines.owe(key, at, { detail: `${waiting.ended} of the tasks that task ${id} waits for have ended, and it was told of ${waiting.told}`, involved: [...taskKeys(id), ...waiting.of.map(taskKey)] });
  }

  private forgetWaiting(id: Id): void {
    if (this.waiting.delete(id)) this.deadlines.settle(waitKey(id));
  }
}
