import type { ChartState, CompiledChart, Subject as ChartSubject, Typed } from "./compile.js";

/** One function for each effect a chart can emit: a missing one is a compile error. */
export type Performers<E extends Typed, Owner> = { readonly [K in E["type"]]: (effect: Extract<E, { type: K }>, owner: Owner) => void };

/** What all cells of one kind share: the chart, who performs its effects, and who is told when one crashes. */
export interface CellKind<C extends object, M extends Typed, E extends Typed, I, Owner extends RunnableCell<C, M, E>> {
  /** First part of the address: `task`, `attempt`, `thread`. */
  readonly name: string;
  readonly chart: CompiledChart<C, M, E, I>;
  readonly perform: Performers<E, Owner>;
  /** The cell is in another state now; its effects follow. For counting and announcing only. */
  moved?(cell: Owner, from: ChartState): void;
  /** A message and its effects are over, and the cell did not crash. */
  settled?(cell: Owner): void;
  /** A step or an effect threw: a fault of caraway, and this cell takes no more messages. */
  crashed(cell: Owner, error: unknown): void;
}

/** What a dispatcher needs of a cell. */
export interface RunnableCell<C extends object = object, M extends Typed = Typed, E extends Typed = Typed> extends ChartSubject<C> {
  readonly kind: CellKind<C, M, E, never, never>;
  readonly id: number | string;
  readonly incarnation: number;
  readonly path: string;
  /** Set by a crash, and by nothing else. */
  crashed: boolean;
}

/**
 * The smallest unit of state: an address, an incarnation and a chart state. Its mailbox is the dispatcher's queue: messages to one
 * cell are handled one at a time, in the order they were told. Where there are very many of a kind, its class computes the address.
 */
export abstract class AnonymousCell<C extends object = object, M extends Typed = Typed, E extends Typed = Typed> implements RunnableCell<C, M, E> {
  declare state: ChartState<C>;
  declare context: C;
  // Fields are assigned, not defined: there are cells of more kinds than V8 remembers at one place, and defining is slow then.
  declare readonly kind: CellKind<C, M, E, never, never>;
  declare crashed: boolean;
  abstract readonly id: number | string;
  abstract readonly incarnation: number;

  constructor(kind: CellKind<C, M, E, never, never>) {
    this.kind = kind;
    this.crashed = false;
  }

  get path(): string {
    return `${this.kind.name}/${this.id}`;
  }

  is(tag: string): boolean {
    return this.state.tags.has(tag);
  }
}

/** A cell that keeps its address. */
export class Cell<C extends object = object, M extends Typed = Typed, E extends Typed = Typed> extends AnonymousCell<C, M, E> {
  declare readonly id: number | string;
  declare readonly incarnation: number;

  constructor(kind: CellKind<C, M, E, never, never>, id: number | string, incarnation = 1) {
    super(kind);
    this.id = id;
    this.incarnation = incarnation;
  }
}

/** A cell of any kind, as the dispatcher sees it. */
export interface AnyCell extends ChartSubject<object> {
  readonly kind: {
    readonly name: string;
    readonly chart: CompiledChart<object, Typed, Typed, unknown>;
    readonly perform: Readonly<Record<string, (effect: Typed, owner: AnyCell) => void>>;
    moved?(cell: AnyCell, from: ChartState): void;
    settled?(cell: AnyCell): void;
    crashed(cell: AnyCell, error: unknown): void;
  };
  readonly id: number | string;
  readonly incarnation: number;
  readonly path: string;
  crashed: boolean;
}
