import type { Entry, Probe } from "#internal/testing/index";

type Effect = { readonly type: string; readonly [field: string]: unknown };
type Message = string | Effect;

/** Probes as written in a forged run: the time is filled in. */
type Told<P> = P extends { readonly at: number } ? Omit<P, "at"> : never;

/** A run made up by hand, entry by entry: what a kernel would never write. */
export class ForgedRun {
  readonly entries: Entry[] = [];
  private readonly states = new Map<string, string>();
  private now = 0;

  /** So many milliseconds pass. */
  pass(ms: number): this {
    this.now += ms;
    return this;
  }

  /** The same, while other things happen all the time. */
  elapse(ms: number): this {
    for (let i = 1; i <= 40; i++) {
      this.now += ms / 40;
      this.cell("other", this.entries.length).start("gone");
    }
    return this;
  }

  cell(kind: string, id: number | string, incarnation = 1): ForgedCell {
    return new ForgedCell(this, kind, id, incarnation);
  }

  task(id: number): ForgedCell {
    return this.cell("task", id);
  }

  attempt(task: number, number = 1): ForgedCell {
    return this.cell("attempt", task, number);
  }

  scaler(executor = "farm"): ForgedCell {
    return this.cell("scaler", executor);
  }

  block(n: number): ForgedCell {
    return this.cell("block", `farm/block-${n}`);
  }

  manager(incarnation = 1): ForgedCell {
    return this.cell("manager", "farm/block-1/0", incarnation);
  }

  consumer(): ForgedCell {
    return this.cell("work-consumer", "consumer");
  }

  kernel(): ForgedCell {
    return this.cell("kernel", "kernel");
  }

  supervisor(): ForgedCell {
    return this.cell("supervisor", "run/top");
  }

  child(n: number): ForgedCell {
    return this.cell("child", `run/top/${n}`);
  }

  job(n: number): ForgedCell {
    return this.cell("job", `farm/block-${n}`);
  }

  probe(probe: Told<Probe>): this {
    this.entries.push({ ...probe, at: this.now } as Probe);
    return this;
  }

  /** A task's way from the call to its first attempt. */
  begin(id: number, ...before: string[]): ForgedCell {
    const task = this.task(id);
    if (before.length === 0) return task.start("live.ready", dispatch(1));
    return task.start("waiting");
  }

  /** A task that runs once and is done. */
  whole(id: number, value: unknown = id): this {
    const task = this.begin(id);
    const attempt = this.attempt(id).start("queued").move("attempt.sent", "sent");
    task.move({ type: "attempt.sent", attempt: 1 }, "live.dispatched");
    attempt.move("attempt.answered", "answered", { type: "attempt.deliver" });
    task.move({ type: "attempt.succeeded", attempt: 1, value }, "done", settle("done"));
    return this;
  }

  record(kind: string, id: number | string, incarnation: number, message: Message, to: string, effects: readonly Effect[], outcome: "started" | "moved" | "late" | "crashed", from?: string): void {
    const key = `${kind}/${id}#${incarnation}`;
    const left = from ?? this.states.get(key);
    this.states.set(key, to);
    const seq = this.entries.length + 1;
    this.entries.push({ seq, cause: 0, at: this.now, kind, id, incarnation, ...(outcome === "started" || left === undefined ? {} : { from: left }), to, final: finals.has(to) && !(kind === "child" && to === "stopped"), message: typeof message === "string" ? { type: message } : message, effects, outcome });
  }
}

const finals = new Set(["done", "memoized", "failed", "dependency-failed", "cancelled", "answered", "revoked", "lost", "killed", "gone", "closed", "stopped", "ended"]);

export class ForgedCell {
  constructor(
    private readonly run: ForgedRun,
    private readonly kind: string,
    private readonly id: number | string,
    private readonly incarnation: number,
  ) {}

  start(to: string, ...effects: Effect[]): this {
    this.run.record(this.kind, this.id, this.incarnation, "xstate.init", to, effects, "started");
    return this;
  }

  move(message: Message, to: string, ...effects: Effect[]): this {
    this.run.record(this.kind, this.id, this.incarnation, message, to, effects, "moved");
    return this;
  }

  late(message: Message, to: string): this {
    this.run.record(this.kind, this.id, this.incarnation, message, to, [], "late");
    return this;
  }

  crash(message: Message, to: string): this {
    this.run.record(this.kind, this.id, this.incarnation, message, to, [], "crashed");
    return this;
  }

  /** A step from a state that the cell was not in. */
  jump(message: Message, from: string, to: string): this {
    this.run.record(this.kind, this.id, this.incarnation, message, to, [], "moved", from);
    return this;
  }
}

export const dispatch = (attempt: number): Effect => ({ type: "attempt.dispatch", attempt });
const limits = { init: 1, min: 1, max: 2, budget: 2 };
export const request = (more: object = {}): Effect => ({ type: "blocks.request", count: 1, initial: false, limits, ...more });
export const release = (...ids: string[]): Effect => ({ type: "blocks.release", ids, limits });
export const decision = (outstanding: number): Effect => ({ type: "decision.made", outstanding, emptyFor: 0 });
/** A look of a scaler, which keeps to these times. */
export const look = (): Effect => ({ type: "blocks.consider", limits: { ...limits, min: 0 }, times: { period: 100, maxIdleTime: 50 } });
export const restarted = (key: number, act: "child.start" | "child.stop" = "child.start"): Effect => ({ type: act, key, restart: { intensity: 1, period: 1000 } });
export const report = (type: string, key: number, at = 0): Effect => ({ type, key, at });
export const told = (act: "child.start" | "child.stop", key: number): Effect => ({ type: act, key });
export const timer = (ms: number): Effect => ({ type: "timer.start", ms });
export const settle = (outcome: string): Effect => ({ type: "task.settle", outcome });
export const failed = (attempt: number, more: object = {}): Effect => ({ type: "attempt.failed", attempt, error: new Error("it failed"), charge: "app", cost: 1, retryable: true, delay: 0, held: false, ...more });
export const granted = (received: number, upTo: number): Effect => ({ type: "producer.send", message: { type: "credit.granted", session: 1, n: 1, received, upTo, gap: false, done: [] } });
export const revoked: Effect = { type: "attempt.report", outcome: "revoked" };
