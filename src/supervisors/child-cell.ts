import type { CellKind, RunnableCell } from "../actors/cell.js";
import { compile, type ChartState } from "../actors/compile.js";
import type { Timer } from "../actors/ports.js";
import { childMachine, type ChildContext, type ChildEffect, type ChildInput, type ChildMessage, type ChildReport } from "../state-machines/child.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { SupervisorHandle } from "./handle.js";
import type { Home } from "./home.js";
import type { Incarnation } from "./incarnation.js";
import { LogicalRef } from "./logical-ref.js";
import type { PreparedChild } from "./prepared.js";
import type { Services } from "./services.js";
import { SupervisorRef } from "./supervisor-ref.js";
import { ThreadRef } from "./thread-ref.js";

/** The supervisor of a child, as its cell sees it. */
export interface ChildOwner {
  readonly services: Services;
  /** Its path and a slash, in front of the names of its children. */
  readonly within: string;
  readonly path: string;
  readonly childKind: ChildKind;
  /** Makes the actor and lets it start. */
  launchChild(cell: ChildCell, incarnation: number): void;
  report(report: ChildReport): void;
  /** Of a child that is a supervisor: what administers it. */
  handleFor(cell: ChildCell, ref: () => LogicalRef): SupervisorHandle;
  /** The child's cell itself has crashed. */
  fault(error: unknown): void;
}

const chart = compile<ChildContext, ChildMessage, ChildEffect, ChildInput>(childMachine);

/** One child of a supervisor: its chart, its ref, and the actor behind it. There may be very many: what can be computed is no field. */
export class ChildCell implements RunnableCell<ChildContext, ChildMessage, ChildEffect>, Home {
  declare state: ChartState<ChildContext>;
  declare context: ChildContext;
  crashed = false;
  ref: LogicalRef;
  actor: Incarnation | undefined;
  timer: Timer | undefined;

  constructor(
    readonly owner: ChildOwner,
    readonly key: number,
    /** Shared by the children of a template. */
    readonly prepared: PreparedChild,
    /** Of one that was given no id: its number. */
    private readonly given: string | number,
    readonly input: unknown,
  ) {
    this.ref = this.freshRef();
  }

  get kind(): ChildKind {
    return this.owner.childKind;
  }

  get incarnation(): number {
    return 1;
  }

  get services(): Services {
    return this.owner.services;
  }

  get name(): string {
    return typeof this.given === "string" ? this.given : `${this.owner.path}-${this.given}`;
  }

  get path(): string {
    return this.owner.within + this.name;
  }

  get id(): string {
    return this.path;
  }

  get capacity(): number {
    return this.prepared.mailbox;
  }

  get dropsOldest(): boolean {
    return this.prepared.dropsOldest;
  }

  tell(message: ChildMessage): void {
    this.owner.services.dispatcher.tellControl(this, message);
  }

  reportStarted(incarnation: number): void {
    this.tell({ type: "actor.started", incarnation: incarnation });
  }

  reportIgnored(incarnation: number): void {
    this.tell({ type: "actor.ignored", incarnation: incarnation });
  }

  reportEnded(incarnation: number, reason: EndReason): void {
    this.tell({ type: "actor.ended", incarnation: incarnation, reason });
  }

  /** No restart follows. */
  retire(): void {
    this.ref.end(this.context.lastEnd);
    this.actor = undefined;
  }

  /** The ref for the next incarnation: a new one where the old one has ended. */
  renew(incarnation: number): number {
    if (this.ref.status === "ended") this.ref = this.freshRef(incarnation - 1);
    return incarnation - this.ref.before;
  }

  private freshRef(before = 0): LogicalRef {
    const { kind } = this.prepared.body;
    if (kind === "module") return new ThreadRef(this, before);
    if (kind !== "supervisor") return new LogicalRef(this, before);
    const ref: SupervisorRef = new SupervisorRef(this, before, this.owner.handleFor(this, () => ref));
    return ref;
  }
}

export type ChildKind = CellKind<ChildContext, ChildMessage, ChildEffect, ChildInput, ChildCell>;
const kinds = new WeakMap<Services, ChildKind>();

/** What the cells of all children in a system share. */
export function childKindOf(services: Services): ChildKind {
  const known = kinds.get(services);
  if (known !== undefined) return known;
  const kind: ChildKind = {
    name: "child",
    chart,
    perform: {
      "actor.launch": ({ incarnation }, cell) => cell.owner.launchChild(cell, incarnation),
      "actor.stop": (_effect, cell) => cell.actor?.stop(),
      "actor.kill": (_effect, cell) => {
        services.counts.killed++;
        cell.actor?.kill();
      },
      "timer.start": ({ ms, expiry }, cell) => {
        cell.timer?.cancel();
        cell.timer = ms === Infinity ? undefined : services.ports.clock.after(ms, () => cell.tell(expiry));
      },
      "timer.cancel": (_effect, cell) => {
        cell.timer?.cancel();
        cell.timer = undefined;
      },
      "supervisor.report": ({ report }, cell) => cell.owner.report(report),
    },
    moved: () => services.treeChanged(),
    crashed: (cell, error) => cell.owner.fault(error),
  };
  kinds.set(services, kind);
  return kind;
}
