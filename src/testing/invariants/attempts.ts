import type { TransitionRecord } from "../../actors/dispatcher.js";
import { acted, effectsOf, field, forgetAttempts, hasEffect, isOf, isProbe, succeeded, taskKeys, type Entry, type Finding, type Invariant, type RunFacts } from "./invariant.js";

const outcomes = ["attempt.deliver", "attempt.mourn", "attempt.refuse"];
const isRevocation = (record: TransitionRecord): boolean => effectsOf(record, "attempt.report").some(({ outcome }) => outcome === "revoked");

/** S3. */
export class DeliveredOnce implements Invariant {
  readonly name = "S3";
  readonly sentence = "no result is delivered twice; late and duplicate results are counted and dropped";
  private readonly told = new Set<string>();
  private readonly accepted = new Set<string>();

  see(entry: Entry): Finding | undefined {
    if (isOf(entry, "attempt") && acted(entry)) {
      const key = `${entry.id}#${entry.incarnation}`;
      if (!outcomes.some((type) => hasEffect(entry, type)) && !isRevocation(entry)) return undefined;
      if (this.told.has(key)) return { detail: `attempt ${entry.incarnation} of task ${entry.id} told its outcome twice`, involved: taskKeys(entry.id) };
      this.told.add(key);
    } else if (isOf(entry, "task") && entry.outcome === "moved" && entry.message.type === "attempt.succeeded") {
      const key = `${entry.id}#${String(field(entry, "attempt"))}`;
      if (this.accepted.has(key)) return { detail: `the result of attempt ${String(field(entry, "attempt"))} of task ${entry.id} was taken twice`, involved: taskKeys(entry.id) };
      this.accepted.add(key);
    }
    return undefined;
  }

  forget(task: number | string, attempts: number): void {
    forgetAttempts(this.told, task, attempts);
    forgetAttempts(this.accepted, task, attempts);
  }
}

/** S4. */
export class DependenciesFirst implements Invariant {
  readonly name = "S4";
  readonly sentence = "a task never starts before all its dependencies are done, and never when one of them failed";
  private readonly good = new Set<number | string>();
  private readonly waits = new Map<number | string, readonly number[]>();
  private readonly doomed = new Set<number | string>();

  constructor(private readonly facts: RunFacts) {}

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task") || !acted(entry)) return undefined;
    const { id } = entry;
    if (entry.outcome === "started") this.waits.set(id, this.facts.dependencies?.(id as number) ?? []);
    if (entry.message.type === "dependency.failed") this.doomed.add(id);
    if (succeeded(entry.to)) this.good.add(id);
    if (!hasEffect(entry, "attempt.dispatch") && !hasEffect(entry, "memo.lookup") && entry.to !== "memoized") return undefined;
    if (this.doomed.has(id)) return { detail: `task ${id} went on though one of its dependencies had failed`, involved: taskKeys(id) };
    const missing = this.waits.get(id)?.find((other) => !this.good.has(other));
    this.waits.delete(id);
    return missing === undefined ? undefined : { detail: `task ${id} started before task ${missing} was done`, involved: [...taskKeys(id), ...taskKeys(missing)] };
  }

  /** Whether it succeeded is kept: others may depend on it. */
  forget(task: number | string): void {
    this.waits.delete(task);
    this.doomed.delete(task);
  }
}

interface Account {
  attempt: number;
  spent: number;
  losses: number;
}

/** What a task's attempts have cost, as far as the records tell. */
class Accounts {
  private readonly accounts = new Map<number | string, Account>();

  of(task: number | string): Account {
    let account = this.accounts.get(task);
    if (account === undefined) this.accounts.set(task, (account = { attempt: 0, spent: 0, losses: 0 }));
    return account;
  }

  forget(task: number | string): void {
    this.accounts.delete(task);
  }

  /** The failure that was taken, charged; nothing where the record is none. */
  charge(record: TransitionRecord): Account | undefined {
    const { type } = record.message;
    if (record.outcome !== "moved" || (type !== "attempt.failed" && type !== "outputs.failed")) return undefined;
    const account = this.of(record.id);
    if (field(record, "charge") === "app") account.spent += field(record, "cost") as number;
    else if (field(record, "charge") === "lost") account.losses++;
    return account;
  }
}

/** S5, the budget. */
export class AttemptBudget implements Invariant {
  readonly name = "S5 budget";
  readonly sentence = "a task has at most one attempt more than its failures allow, numbered without gaps";
  private readonly accounts = new Accounts();

  constructor(private readonly facts: RunFacts) {}

  forget(task: number | string): void {
    this.accounts.forget(task);
  }

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task") || !acted(entry)) return undefined;
    const { id } = entry;
    this.accounts.charge(entry);
    const account = this.accounts.of(id);
    for (const { attempt } of effectsOf(entry, "attempt.dispatch")) {
      if (attempt !== account.attempt + 1) return { detail: `attempt ${String(attempt)} of task ${id} follows attempt ${account.attempt}`, involved: taskKeys(id) };
      account.attempt++;
      const budget = this.facts.budget?.(id as number);
      if (budget !== undefined && account.spent > budget.retries) return { detail: `attempt ${account.attempt} of task ${id} began after failures that cost ${account.spent}, and its budget is ${budget.retries}`, involved: taskKeys(id) };
    }
    return undefined;
  }
}

/** S5, the fence. */
export class Fence implements Invariant {
  readonly name = "S5 fence";
  readonly sentence = "what comes of an old attempt changes nothing";
  private readonly current = new Map<number | string, number>();

  forget(task: number | string): void {
    this.current.delete(task);
  }

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task") || !acted(entry)) return undefined;
    const { id, from, to } = entry;
    const attempt = field(entry, "attempt");
    const current = this.current.get(id) ?? 0;
    for (const effect of effectsOf(entry, "attempt.dispatch")) this.current.set(id, effect["attempt"] as number);
    if (typeof attempt !== "number" || attempt === current || (from === to && entry.effects.length === 0)) return undefined;
    return { detail: `task ${id} was at attempt ${current}, and "${entry.message.type}" of attempt ${attempt} moved it from "${from}" to "${to}"`, involved: taskKeys(id) };
  }
}

/** S6. */
export class FairCharges implements Invariant {
  readonly name = "S6";
  readonly sentence = "a failure that is not retryable is never retried, and a loss of infrastructure never spends the app's budget";
  private readonly accounts = new Accounts();

  constructor(private readonly facts: RunFacts) {}

  forget(task: number | string): void {
    this.accounts.forget(task);
  }

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "task")) return undefined;
    const account = this.accounts.charge(entry);
    if (account === undefined) return undefined;
    const { id, to } = entry;
    const charge = field(entry, "charge");
    if (to !== "failed") return charge === "app" && field(entry, "retryable") === false ? { detail: `task ${id} failed in a way that is not retryable, and was retried`, involved: taskKeys(id) } : undefined;
    const budget = this.facts.budget?.(id as number);
    if (budget === undefined) return undefined;
    const justified = charge === "lost" ? account.losses > budget.lost : charge === "app" && (field(entry, "retryable") === false || account.spent > budget.retries);
    return justified ? undefined : { detail: `task ${id} was given up with ${account.spent} of ${budget.retries} spent and ${account.losses} of ${budget.lost} losses, after a failure charged to "${String(charge)}"`, involved: taskKeys(id) };
  }
}

/** S8. */
export class Poison implements Invariant {
  readonly name = "S8";
  readonly sentence = "a task that is lost too often fails, and its error names each loss";
  private readonly accounts = new Accounts();
  private readonly poisoned = new Map<number | string, number>();

  constructor(private readonly facts: RunFacts) {}

  forget(task: number | string): void {
    this.accounts.forget(task);
    this.poisoned.delete(task);
  }

  see(entry: Entry): Finding | undefined {
    if (isProbe(entry, "future.settled")) return this.settled(entry.task, entry.value);
    if (!isOf(entry, "task")) return undefined;
    const account = this.accounts.charge(entry);
    const { id } = entry;
    const limit = account === undefined ? undefined : this.facts.budget?.(id as number)?.lost;
    if (account === undefined || limit === undefined || account.losses <= limit || field(entry, "charge") !== "lost") return undefined;
    if (entry.to !== "failed") return { detail: `task ${id} was lost ${account.losses} times, and may be lost ${limit} times`, involved: taskKeys(id) };
    this.poisoned.set(id, account.losses);
    return undefined;
  }

  private settled(id: number, error: unknown): Finding | undefined {
    const losses = this.poisoned.get(id);
    if (losses === undefined) return undefined;
    const named = (error as { evidence?: { losses?: unknown[] } } | undefined)?.evidence?.losses;
    return Array.isArray(named) && named.length === losses ? undefined : { detail: `task ${id} was lost ${losses} times, and its error names ${Array.isArray(named) ? named.length : "none"} of them`, involved: taskKeys(id) };
  }
}

/** S7. */
export class OneLiveAttempt implements Invariant {
  readonly name = "S7";
  readonly sentence = "a task has at most one live attempt, code of at most one attempt runs, and that of each begins at most once";
  private readonly begun = new Set<string>();
  private readonly live = new Map<number | string, number>();
  private readonly running = new Map<number, { readonly attempt: number; readonly worker: string }>();

  forget(task: number | string, attempts: number): void {
    forgetAttempts(this.begun, task, attempts);
  }

  see(entry: Entry): Finding | undefined {
    if (isProbe(entry, "manager.lost")) {
      // What runs there is fenced, and may run elsewhere.
      for (const [task, { worker }] of this.running) if (worker.startsWith(`${entry.manager}/`) || worker.startsWith(`command ${entry.manager}.`)) this.running.delete(task);
      return undefined;
    }
    if (isProbe(entry, "code.started")) {
      const other = this.running.get(entry.task)?.attempt;
      if (other !== undefined) return { detail: `code of attempt ${entry.attempt} of task ${entry.task} began on ${entry.worker} while that of attempt ${other} ran`, involved: taskKeys(entry.task) };
      if (this.begun.has(`${entry.task}#${entry.attempt}`)) return { detail: `code of attempt ${entry.attempt} of task ${entry.task} began a second time, on ${entry.worker}`, involved: taskKeys(entry.task) };
      this.begun.add(`${entry.task}#${entry.attempt}`);
      this.running.set(entry.task, entry);
    } else if (isProbe(entry, "code.ended")) {
      if (this.running.get(entry.task)?.worker === entry.worker) this.running.delete(entry.task);
    }
    else if (isOf(entry, "attempt")) {
      const other = this.live.get(entry.id);
      if (entry.outcome === "started" && other !== undefined) return { detail: `attempt ${entry.incarnation} of task ${entry.id} began while attempt ${other} was live`, involved: taskKeys(entry.id) };
      if (entry.outcome === "started") this.live.set(entry.id, entry.incarnation);
      if ((entry.final || entry.outcome === "crashed") && other === entry.incarnation) this.live.delete(entry.id);
    }
    return undefined;
  }
}
