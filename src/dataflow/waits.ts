import type { Dispatcher } from "../actors/dispatcher.js";
import type { Timer } from "../actors/ports.js";
import { parseDuration } from "../config/units.js";
import { WaitTimeout } from "../errors/index.js";
import type { TaskRecord } from "./task-record.js";

/** Somebody waits until the tasks open at that moment have ended: those up to number `upTo`. */
interface Barrier {
  readonly upTo: number;
  left: number;
  readonly lift: () => void;
}

/** Who waits for the tasks of a kernel or a scope to end. No task carries anything for it: a waiter is a number and a count. */
export class Barriers {
  private barriers: Barrier[] = [];

  get none(): boolean {
    return this.barriers.length === 0;
  }

  /** Resolves when so many tasks with numbers up to that one have ended. */
  wait(upTo: number, open: number): { readonly lifted: Promise<void>; readonly forget: () => void } {
    if (open === 0) return { lifted: Promise.resolve(), forget: () => undefined };
    let forget = (): void => undefined;
    const lifted = new Promise<void>((lift) => {
      const barrier: Barrier = { upTo, left: open, lift };
      this.barriers.push(barrier);
      forget = () => (this.barriers = this.barriers.filter((other) => other !== barrier));
    });
    return { lifted, forget };
  }

  ended(id: number): void {
    let lifted = false;
    for (const barrier of this.barriers) {
      if (id > barrier.upTo || --barrier.left > 0) continue;
      barrier.lift();
      lifted = true;
    }
    if (lifted) this.barriers = this.barriers.filter((barrier) => barrier.left > 0);
  }

  clear(): void {
    for (const barrier of this.barriers.splice(0)) barrier.lift();
  }
}

/** What `settled` needs to know of a kernel or a scope. */
export interface Waited {
  readonly dispatcher: Dispatcher;
  readonly barriers: Barriers;
  /** How many of its tasks are open. */
  readonly open: number;
  /** The number of the last task. */
  readonly lastId: number;
  openTasks(): Iterable<TaskRecord>;
  why(record: TaskRecord): string;
}

/** Resolves when all tasks open now have ended; rejects with `WaitTimeout` at the time limit, saying what is open and why. */
export async function settled(of: Waited, timeout: number | string | undefined): Promise<void> {
  const ms = timeout === undefined ? undefined : parseDuration(timeout, "timeout");
  const upTo = of.lastId;
  const { lifted, forget } = of.barriers.wait(upTo, of.open);
  if (ms === undefined) return lifted;
  let timer: Timer | undefined;
  const late = new Promise<true>((resolve) => {
    timer = of.dispatcher.ports.clock.after(ms, () => resolve(true));
  });
  if ((await Promise.race([lifted, late])) !== true) return timer?.cancel();
  forget();
  throw waitTimeout(of, upTo, ms);
}

const shown = 5;

function waitTimeout(of: Waited, upTo: number, ms: number): WaitTimeout {
  const open = [...of.openTasks()].filter((record) => record.taskId <= upTo);
  const list = open.slice(0, shown).map((record) => `${record.app.name} (task ${record.taskId}, ${record.stateName})`);
  return new WaitTimeout("CW-KERN-002", `${open.length} ${open.length === 1 ? "task is" : "tasks are"} open after ${ms} ms: ${list.join(", ")}${open.length > shown ? ", …" : ""}`, {
    evidence: { open: open.length, tasks: open.slice(0, 100).map((record) => record.taskId), why: open.slice(0, shown).map((record) => of.why(record)) },
  });
}

const resolved = Promise.resolve();

/** Who waits for room before the next task. Each place that comes free is offered to one of them after the other. */
export class Turnstile {
  private waiting: (() => void)[] = [];
  private offering = false;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly hasRoom: () => boolean,
  ) {}

  get none(): boolean {
    return this.waiting.length === 0;
  }

  enter(): Promise<void> {
    return this.hasRoom() ? resolved : new Promise((resolve) => this.waiting.push(resolve));
  }

  /** There may be room: lets one in, and looks again once it has had the time to submit. */
  offer(): void {
    if (this.offering || this.waiting.length === 0 || !this.hasRoom()) return;
    this.offering = true;
    this.waiting.shift()?.();
    this.dispatcher.ports.scheduler.later(() => {
      this.offering = false;
      this.offer();
    });
  }

  clear(): void {
    for (const enter of this.waiting.splice(0)) enter();
  }
}
