import { Cell, type CellKind } from "../actors/cell.js";
import { compile } from "../actors/compile.js";
import type { Timer } from "../actors/ports.js";
import { childMachine, type ChildContext, type ChildEffect, type ChildInput, type ChildMessage, type ChildReport } from "../state-machines/child.js";
import type { Incarnation } from "./incarnation.js";
import { LogicalRef } from "./logical-ref.js";
import type { PreparedChild } from "./prepared.js";
import type { Services } from "./services.js";
import { ThreadRef } from "./thread-ref.js";
import type { SupervisorHandle } from "./handle.js";

/** The supervisor of a child, as its cell sees it. */
export interface ChildOwner {
  /** Makes the actor and lets it start. */
  launchChild(cell: ChildCell, incarnation: number): void;
  report(report: ChildReport): void;
  /** Of a child that is a supervisor: what administers it. */
  handleFor(child: PreparedChild, ref: () => LogicalRef): SupervisorHandle | undefined;
  /** The child's cell itself has crashed. */
  fault(error: unknown): void;
}

const chart = compile<ChildContext, ChildMessage, ChildEffect, ChildInput>(childMachine);

/** One child of a supervisor: its chart, its ref, and the actor behind it. */
export class ChildCell extends Cell<ChildContext, ChildMessage, ChildEffect> {
  ref: LogicalRef;
  actor: Incarnation | undefined;
  timer: Timer | undefined;
  /** Incarnations that earlier refs of this child have had. */
  private before = 0;

  constructor(
    readonly services: Services,
    readonly owner: ChildOwner,
    readonly key: number,
    readonly prepared: PreparedChild,
    /** The path of the supervisor and a slash: shared by all its children. */
    within: string,
  ) {
    super(kindOf(services), within + prepared.id);
    this.ref = this.freshRef();
  }

  override get path(): string {
    return this.id as string;
  }

  tell(message: ChildMessage): void {
    this.services.dispatcher.tellControl(this, message);
  }

  /** The ref for the next incarnation: a new one where the old one has ended. */
  renew(incarnation: number): number {
    if (this.ref.status === "ended") {
      this.ref = this.freshRef();
      this.before = incarnation - 1;
    }
    return incarnation - this.before;
  }

  private freshRef(): LogicalRef {
    const { prepared, path } = this;
    const handle = this.owner.handleFor(prepared, () => ref);
    const Ref = prepared.body.kind === "module" ? ThreadRef : LogicalRef;
    const ref: LogicalRef = new Ref(this.services, prepared.id, path, prepared.mailbox, handle, prepared.dropsOldest);
    return ref;
  }
}

type ChildKind = CellKind<ChildContext, ChildMessage, ChildEffect, ChildInput, ChildCell>;
const kinds = new WeakMap<Services, ChildKind>();

function kindOf(services: Services): ChildKind {
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
    crashed: (cell, error) => cell.owner.fault(error),
  };
  kinds.set(services, kind);
  return kind;
}
