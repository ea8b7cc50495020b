import type { Carried } from "../actors/channels.js";
import { Cell, type Performers } from "../actors/cell.js";
import { InternalConsistencyError } from "../errors/index.js";
import type { ChildReport } from "../state-machines/child.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { SupervisorEffect } from "../state-machines/supervision.js";
import { SupervisorAdministration } from "./administration.js";
import { ChildCell, childKindOf, type ChildKind, type ChildOwner } from "./child-cell.js";
import { SupervisorHandle } from "./handle.js";
import type { Incarnation, IncarnationHost } from "./incarnation.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { LogicalRef } from "./logical-ref.js";
import { makeWorker } from "./make-worker.js";
import { delayOf, type PreparedChild, type PreparedSupervisor } from "./prepared.js";
import { refusal } from "./refusal.js";
import { Roll } from "./roll.js";
import type { Offspring } from "./run-actor.js";
import type { Services } from "./services.js";
import { supervisorKind, type SupervisorCell } from "./supervisor-kind.js";

const childless: PreparedSupervisor = { strategy: "one_for_one", intensity: 0, period: 1, autoShutdown: "never", children: [], template: undefined };

/** One incarnation of a supervisor: performs what its chart decides, and keeps the cells of its children. */
export class SupervisorActor implements Incarnation, Receiver, ChildOwner {
  readonly takes = "all";
  readonly cell: SupervisorCell;
  /** Its children by their keys, in the order they were made. */
  readonly entries = new Roll<ChildCell>();
  private readonly administration: SupervisorAdministration;
  readonly within: string;
  readonly childKind: ChildKind;
  private keys = 0;
  private over = false;

  constructor(
    readonly services: Services,
    readonly prepared: PreparedSupervisor,
    readonly path: string,
    readonly face: SupervisorHandle,
    private readonly host: IncarnationHost,
    private readonly ref?: LogicalRef,
    incarnation = 1,
  ) {
    this.cell = new Cell(supervisorKind(this.performers(), (error) => this.fault(error)), path, incarnation);
    this.administration = new SupervisorAdministration(this);
    this.within = `${path}/`;
    this.childKind = childKindOf(services);
  }

  /** Starts its children in their order. */
  launch(): void {
    const { strategy, intensity, period, autoShutdown, children } = this.prepared;
    const known = children.map((child) => ({ key: this.enter(child).key, id: child.id, traits: child.traits }));
    this.face.attach(this.administration);
    this.services.dispatcher.start(this.cell, { strategy, intensity, period, autoShutdown, children: known });
  }

  /** Makes a cell for a child, which its start may follow. */
  enter(child: PreparedChild, name: string | number = child.id, input = child.input): ChildCell {
    const cell = new ChildCell(this, ++this.keys, child, name, input);
    this.entries.add(cell.key, cell);
    this.services.dispatcher.start(cell, { key: cell.key, limits: child });
    return cell;
  }

  handleFor({ path }: ChildCell, ref: () => LogicalRef): SupervisorHandle {
    return new SupervisorHandle(path, () => ref().ended, () => ref().status === "ended");
  }

  /** Drops a child that the supervisor knows no more. */
  drop(key: number, gaveUp: boolean): void {
    this.entries.get(key)?.tell({ type: gaveUp ? "child.give-up" : "child.forget" });
    this.entries.remove(key);
  }

  /** Messages are for workers. */
  handle({ message, refuse }: Envelope): void {
    this.services.deadLetter(this.path, message, "unhandled");
    refuse?.(refusal("unhandled", `${this.path} is a supervisor, and takes no messages`, { actor: this.path }));
  }

  stop(): void {
    this.administration.end("shutdown");
  }

  kill(reason: EndReason = "killed"): void {
    this.killAll(reason);
  }

  report(report: ChildReport): void {
    this.tell(stamped(report, this.services.now));
  }

  /** A cell of this supervisor broke: a fault of caraway, which ends the supervisor. */
  fault(error: unknown): void {
    this.killAll({ error: new InternalConsistencyError("CW-INT-001", `the supervisor ${this.path} broke one of its own rules: ${error instanceof Error ? error.message : String(error)}`, { where: { actor: this.path }, cause: error }) });
  }

  launchChild(cell: ChildCell, incarnation: number): void {
    const number = cell.renew(incarnation);
    const { ref, prepared, input } = cell;
    const { body } = prepared;
    if (body.kind !== "supervisor") {
      const made = makeWorker(this.services, prepared, input, body, ref, number, () => offspringOf(this.services, ref.path));
      this.begin(cell, made.actor, number, () => made.launch());
    } else {
      const { supervisor: handle } = ref;
      if (!(handle instanceof SupervisorHandle)) throw new TypeError(`${ref.path} has no handle`);
      const actor = new SupervisorActor(this.services, body.supervisor, ref.path, handle, ref, ref, number);
      this.begin(cell, actor, number, () => actor.launch());
    }
  }

  private begin(cell: ChildCell, actor: Incarnation & Receiver, incarnation: number, launch: () => void): void {
    cell.actor = actor;
    cell.ref.attach(incarnation, actor);
    launch();
  }

  private tell(message: Carried<"supervisor", "child reports" | "retries of starts" | "administration">): void {
    this.services.dispatcher.tellControl(this.cell, message);
  }

  private performers(): Performers<SupervisorEffect, SupervisorCell> {
    const { services } = this;
    const { dispatcher } = services;
    const start = ({ type, key }: { readonly type: "child.start" | "child.stop"; readonly key: number }): void => this.entries.get(key)?.tell({ type });
    return {
      "child.start": start,
      "child.stop": start,
      "child.delay": ({ key, token, failures }) => {
        const entry = this.entries.get(key);
        entry?.tell({ type: "child.delay", token, ms: delayOf(entry.prepared, failures, services.ports.random.next()) });
      },
      "retry.post": ({ key, token }) => dispatcher.tell(this.cell, { type: "child.due", key, token, at: services.now }),
      "child.retire": ({ key, removed, gaveUp }) => {
        const entry = this.entries.get(key);
        entry?.retire();
        if (removed || gaveUp) this.drop(key, gaveUp);
      },
      "children.kill": () => this.killAll("killed"),
      "call.reply": ({ call, answer }) => this.administration.reply(call, answer),
      "event.announce": ({ event }) => {
        const { at, supervisor } = { at: services.now, supervisor: this.path };
        const id = this.entries.get(event.key)?.name ?? event.id;
        const report = { ...event, id, at, supervisor };
        services.reports.next(report);
        this.face.reports.next(report);
        this.ref?.announcements.next(report);
      },
      "supervisor.announce": ({ outcome, reason }) => {
        if (outcome === "ended") {
          this.finish(reason);
          return;
        }
        this.ref?.opened();
        this.host.reportStarted(this.cell.incarnation);
      },
    };
  }

  /** All at once, the newest first; it has ended when this returns. */
  private killAll(reason: EndReason): void {
    if (this.over) return;
    this.over = true;
    for (const entry of [...this.entries].reverse()) {
      entry.actor?.kill();
      entry.ref.end("killed");
      entry.tell({ type: "child.kill" });
    }
    this.entries.clear();
    if (!this.cell.crashed) this.tell({ type: "supervisor.kill", at: this.services.now });
    this.close(reason);
  }

  private finish(reason: EndReason): void {
    if (this.over) return;
    this.over = true;
    for (const { key } of [...this.entries]) this.drop(key, false);
    this.close(reason);
  }

  private close(reason: EndReason): void {
    this.administration.close();
    this.face.attach(undefined);
    this.ref?.detach(reason);
    this.host.reportEnded(this.cell.incarnation, reason);
  }
}

/** A child's report with its time. Written out: see `edit` of `supervision.ts`. */
function stamped(report: ChildReport, at: number): Carried<"supervisor", "child reports" | "retries of starts"> {
  const { key } = report;
  switch (report.type) {
    case "child.started":
      return { type: report.type, key, incarnation: report.incarnation, at };
    case "child.ended":
      return { type: report.type, key, incarnation: report.incarnation, reason: report.reason, at };
    case "child.due":
      return { type: report.type, key, token: report.token, at };
    case "child.ignored":
      return { type: report.type, key, at };
    case "child.start-failed":
    case "child.stopped":
      return { type: report.type, key, reason: report.reason, at };
  }
}

/** Where the children of a running function live: nobody restarts them. */
export function offspringOf(services: Services, path: string): Offspring {
  let ended: () => void = () => undefined;
  const whenEnded = new Promise<void>((resolve) => (ended = resolve));
  const handle = new SupervisorHandle(path, () => whenEnded.then(() => "shutdown" as const), () => false);
  const actor = new SupervisorActor(services, childless, path, handle, { reportStarted: nobody, reportIgnored: nobody, reportEnded: ended });
  actor.launch();
  return {
    family: actor,
    start: (spec) => handle.start(spec),
    kill: () => actor.kill(),
    stop: () => {
      actor.stop();
      return whenEnded;
    },
  };
}

const nobody = (): void => undefined;
