import type { Observable } from "rxjs";
import { Subject } from "rxjs/internal/Subject";
import type { AnyCell, Cell } from "./cell.js";
import type { StepOutcome, Typed } from "./compile.js";
import type { Ports } from "./ports.js";

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
}

const budgetMs = 2;
const checkEvery = 64;

/**
 * Runs cells: takes their messages one at a time, in the order they were told, control messages first.
 * Drains in a microtask for some 2 ms, then lets timers and I/O have a turn. Never re-enters: what a step
 * or an effect tells goes through the queue, so a chain of any length uses constant stack.
 */
export class Dispatcher {
  readonly counts: DispatchCounts = { handled: 0, ignored: 0, late: 0 };
  private readonly work = new Queue();
  private readonly control = new Queue();
  private readonly records = new Subject<TransitionRecord>();
  private readonly effects: Typed[] = [];
  private scheduled = false;
  private told = 0;
  private cause = 0;
  private coarse: number;

  constructor(readonly ports: Ports) {
    this.coarse = ports.clock.now();
  }

  /** Every step of every cell, as it happens. An observer that throws harms nobody; no record is made while nobody looks. */
  get transitions$(): Observable<TransitionRecord> {
    return this.records.asObservable();
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
  start<C extends object, M extends Typed, E extends Typed, I>(cell: Cell<C, M, E>, input: I): void {
    const any = cell as unknown as AnyCell;
    const seq = ++this.told;
    const effects: Typed[] = [];
    this.guarded(any, { type: "xstate.init" }, seq, () => {
      any.kind.chart.start(any, input, effects);
      if (this.records.observed) this.record(any, { type: "xstate.init" }, seq, this.cause, undefined, effects, "started");
      this.performAll(any, effects, seq);
    });
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
        if (this.coarse >= until) {
          this.cause = 0;
          this.ports.scheduler.later(this.drain);
          return;
        }
      }
    }
    this.cause = 0;
    this.scheduled = false;
  };

  private handle(queue: Queue): void {
    const { cell, message, seq, cause } = queue.shift();
    if (cell.crashed) {
      this.counts.late++;
      return;
    }
    this.cause = seq;
    this.guarded(cell, message, seq, () => this.step(cell, message, seq, cause));
  }

  private step(cell: AnyCell, message: Typed, seq: number, cause: number): void {
    const { effects } = this;
    effects.length = 0;
    const from = cell.state;
    const outcome = cell.kind.chart.step(cell, message, effects);
    this.counts.handled++;
    if (outcome === "ignored") this.counts.ignored++;
    else if (outcome === "late") this.counts.late++;
    else if (outcome === "unexpected") throw new Error(`${cell.path} in state "${from.name}" has no answer to "${message.type}"`);
    if (this.records.observed) this.record(cell, message, seq, cause, from.name, effects.slice(), outcome);
    if (effects.length > 0) this.performAll(cell, effects, seq);
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

  private guarded(cell: AnyCell, message: Typed, seq: number, run: () => void): void {
    try {
      run();
    } catch (error) {
      cell.crashed = true;
      if (this.records.observed) this.record(cell, message, seq, this.cause, undefined, [], "crashed");
      cell.kind.crashed(cell, error);
    }
  }

  private record(cell: AnyCell, message: Typed, seq: number, cause: number, from: string | undefined, effects: readonly Typed[], outcome: TransitionRecord["outcome"]): void {
    const { name: to, final } = cell.state;
    const { kind, id, incarnation } = cell;
    const base = { seq, cause, at: this.now, kind: kind.name, id, incarnation, to, final, message, effects, outcome };
    this.records.next(from === undefined ? base : { ...base, from });
  }
}

/** What a cell's kind must be able to take for `tell` to accept the message. */
interface CompiledFor<M extends Typed> {
  step(subject: never, message: M, effects: never): StepOutcome;
}

interface Envelope {
  readonly cell: AnyCell;
  readonly message: Typed;
  readonly seq: number;
  readonly cause: number;
}

/** A first-in, first-out queue of messages; a ring that grows. One envelope is lent at a time, so nothing is allocated per message. */
class Queue {
  size = 0;
  private head = 0;
  private mask = 1023;
  private cells: (AnyCell | undefined)[] = new Array<AnyCell | undefined>(1024);
  private messages: (Typed | undefined)[] = new Array<Typed | undefined>(1024);
  private numbers = new Float64Array(2048);
  private readonly lent: { -readonly [K in keyof Envelope]: Envelope[K] } = { cell: undefined as unknown as AnyCell, message: { type: "" }, seq: 0, cause: 0 };

  push(cell: AnyCell, message: Typed, seq: number, cause: number): void {
    if (this.size > this.mask) this.grow();
    const at = (this.head + this.size++) & this.mask;
    this.cells[at] = cell;
    this.messages[at] = message;
    this.numbers[at * 2] = seq;
    this.numbers[at * 2 + 1] = cause;
  }

  shift(): Envelope {
    const at = this.head;
    const { lent } = this;
    lent.cell = this.cells[at] as AnyCell;
    lent.message = this.messages[at] as Typed;
    lent.seq = this.numbers[at * 2] as number;
    lent.cause = this.numbers[at * 2 + 1] as number;
    this.cells[at] = undefined;
    this.messages[at] = undefined;
    this.head = (at + 1) & this.mask;
    this.size--;
    return lent;
  }

  private grow(): void {
    const old = this.mask + 1;
    const cells = new Array<AnyCell | undefined>(old * 2);
    const messages = new Array<Typed | undefined>(old * 2);
    const numbers = new Float64Array(old * 4);
    for (let i = 0; i < this.size; i++) {
      const from = (this.head + i) & this.mask;
      cells[i] = this.cells[from];
      messages[i] = this.messages[from];
      numbers[i * 2] = this.numbers[from * 2] as number;
      numbers[i * 2 + 1] = this.numbers[from * 2 + 1] as number;
    }
    this.cells = cells;
    this.messages = messages;
    this.numbers = numbers;
    this.mask = old * 2 - 1;
    this.head = 0;
  }
}
