import type { Observable } from "rxjs";
import type { AnyCell, Cell, RunnableCell } from "./cell.js";
import type { ChartState, StepOutcome, Typed } from "./compile.js";
import { MessageQueue } from "./message-queue.js";
import type { Ports } from "./ports.js";
import { Announcer } from "./streams.js";

/** One step of one cell: what the transition stream consists of. */
export interface TransitionRecord {
  /** The message's number; messages are numbered in the order they were told. */
  readonly seq: number;
  /** The number of the message whose handling led to this one; 0 from outside. */
  readonly cause: number;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly kind: string;
  readonly id: number | string;
  readonly incarnation: number;
  /** Absent where the cell was just made. */
  readonly from?: string;
  readonly to: string;
  readonly final: boolean;
  readonly message: Typed;
  readonly effects: readonly Typed[];
  readonly outcome: StepOutcome | "started" | "crashed";
}

/** How many messages there were of the kinds nobody waits for. */
export interface DispatchCounts {
  handled: number;
  ignored: number;
  late: number;
  /** Cells that crashed. */
  crashed: number;
  /** Times that a kind's `crashed` threw itself; see `lastFault`. */
  faults: number;
}

const beginning: Typed = { type: "xstate.init" };
const budgetMs = 2;
const checkEvery = 64;
/** For clocks that stand still while messages are handled. */
const mostPerTurn = 2 ** 16;

/**
 * Runs cells: takes their messages one at a time, in the order they were told, control messages first.
 * Drains in a microtask for some 2 ms, then lets timers and I/O have a turn. Never re-enters: what a step
 * or an effect tells goes through the queue, so a chain of any length uses constant stack.
 */
export class Dispatcher {
  readonly counts: DispatchCounts = { handled: 0, ignored: 0, late: 0, crashed: 0, faults: 0 };
  /** What a kind's `crashed` threw last: nobody is left to tell. */
  lastFault: unknown;
  private readonly work = new MessageQueue();
  private readonly control = new MessageQueue();
  private readonly records = new Announcer<TransitionRecord>();
  private readonly watchers = new Set<(observed: boolean) => void>();
  private effects: Typed[] = [];
  /** For cells that start, also while effects of others are performed: emptied arrays keep their memory. */
  private readonly spare: Typed[][] = [];
  private scheduled = false;
  private told = 0;
  private cause = 0;
  private coarse: number;

  constructor(readonly ports: Ports) {
    this.coarse = ports.clock.now();
  }

  /** Every step of every cell, as it happens. An observer that throws harms nobody; no record is made while nobody looks. */
  get transitions$(): Observable<TransitionRecord> {
    return this.records.observable;
  }

  /** Adds a step of a cell that runs in another thread, which its dispatcher there has recorded. */
  relay(record: TransitionRecord): void {
    if (this.records.observed) this.records.next(record);
  }

  /** Calls whenever somebody begins to look at the steps, or nobody does any more; at once where somebody does already. Answers with what ends that. */
  whenObserved(changed: (observed: boolean) => void): () => void {
    const { records, watchers } = this;
    records.watched ??= (observed) => {
      for (const watcher of watchers) watcher(observed);
    };
    watchers.add(changed);
    if (records.observed) changed(true);
    return () => void watchers.delete(changed);
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.work.size + this.control.size;
  }

  /** The time of this turn: cheap, and at most one budget old while messages are handled. */
  get now(): number {
    return this.scheduled ? this.coarse : this.ports.clock.now();
  }

  /** Enters the initial state and performs the effects of that. */
  start<C extends object, M extends Typed, E extends Typed>(cell: RunnableCell<C, M, E>, input: unknown): void {
    const any = cell as unknown as AnyCell;
    const seq = ++this.told;
    const effects = this.spare.pop() ?? [];
    try {
      any.kind.chart.start(any, input, effects);
      if (this.records.observed) this.record(any, beginning, seq, this.cause, undefined, effects.slice(), "started");
      if (effects.length > 0) this.performAll(any, effects, seq);
      while (effects.length > 0) effects.pop();
      this.spare.push(effects);
    } catch (error) {
      this.crash(any, beginning, seq, this.cause, error);
    }
  }

  /** Puts a message into the cell's mailbox. */
  tell<M extends Typed>(cell: Cell<never, M, never> | { readonly kind: { readonly chart: CompiledFor<M> } }, message: M): void {
    this.work.push(cell as unknown as AnyCell, message, ++this.told, this.cause);
    this.schedule();
  }

  /** The same, ahead of all work: for stopping, killing and supervision. */
  tellControl<M extends Typed>(cell: { readonly kind: { readonly chart: CompiledFor<M> } }, message: M): void {
    this.control.push(cell as unknown as AnyCell, message, ++this.told, this.cause);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.coarse = this.ports.clock.now();
    this.ports.scheduler.soon(this.drain);
  }

  private readonly drain = (): void => {
    const { clock } = this.ports;
    this.coarse = clock.now();
    const until = this.coarse + budgetMs;
    for (let handled = 1; ; handled++) {
      const queue = this.control.size > 0 ? this.control : this.work;
      if (queue.size === 0) break;
      this.handle(queue);
      if (handled % checkEvery === 0) {
        this.coarse = clock.now();
        if (this.coarse >= until || handled >= mostPerTurn) {
          this.cause = 0;
          this.ports.scheduler.later(this.drain);
          return;
        }
      }
    }
    this.cause = 0;
    this.scheduled = false;
    this.work.trim();
  };

  private handle(queue: MessageQueue): void {
    const { cell, message, seq, cause } = queue.shift();
    this.cause = seq;
    try {
      if (cell.crashed) this.counts.late++;
      else this.step(cell, message, seq, cause);
    } catch (error) {
      this.crash(cell, message, seq, cause, error);
    }
  }

  private step(cell: AnyCell, message: Typed, seq: number, cause: number): void {
    const { effects, counts } = this;
    const from = cell.state;
    const outcome = cell.kind.chart.step(cell, message, effects);
    counts.handled++;
    if (outcome !== "moved") {
      if (outcome === "ignored") counts.ignored++;
      else if (outcome === "late") counts.late++;
      else throw new Error(`${cell.path} in state "${from.name}" has no answer to "${message.type}"`);
    }
    if (this.records.observed) this.record(cell, message, seq, cause, from.name, effects.slice(), outcome);
    if (cell.state !== from) cell.kind.moved?.(cell, from as ChartState);
    if (effects.length > 0) {
      this.performAll(cell, effects, seq);
      while (effects.length > 0) effects.pop();
    }
    cell.kind.settled?.(cell);
  }

  private performAll(cell: AnyCell, effects: readonly Typed[], seq: number): void {
    const before = this.cause;
    this.cause = seq;
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i] as Typed;
      (cell.kind.perform[effect.type] as (effect: Typed, owner: AnyCell) => void)(effect, cell);
    }
    this.cause = before;
  }

  /** The cell is out of order from here on; its kind learns of it. */
  private crash(cell: AnyCell, message: Typed, seq: number, cause: number, error: unknown): void {
    this.effects = [];
    cell.crashed = true;
    this.counts.crashed++;
    if (this.records.observed) this.record(cell, message, seq, cause, undefined, [], "crashed");
    try {
      cell.kind.crashed(cell, error);
    } catch (fault) {
      this.counts.faults++;
      this.lastFault = fault;
    }
  }

  private record(cell: AnyCell, message: Typed, seq: number, cause: number, from: string | undefined, effects: readonly Typed[], outcome: TransitionRecord["outcome"]): void {
    const { id, incarnation } = cell;
    const kind = cell.kind.name;
    const state = cell.state as AnyCell["state"] | undefined; // none yet where entering the first one threw
    const to = state?.name ?? "";
    const final = state?.final ?? false;
    const at = this.now;
    this.records.next(from === undefined ? { seq, cause, at, kind, id, incarnation, to, final, message, effects, outcome } : { seq, cause, at, kind, id, incarnation, from, to, final, message, effects, outcome });
  }
}

/** What a cell's kind must be able to take for `tell` to accept the message. */
interface CompiledFor<M extends Typed> {
  step(subject: never, message: M, effects: never): StepOutcome;
}
