import { Cell } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import type { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import type { Silence } from "../../state-machines/thread.js";
import { workerProcessMachine, type WorkerProcessContext, type WorkerProcessEffect, type WorkerProcessInput, type WorkerProcessMessage } from "../../state-machines/worker-process.js";

export interface WatchTerms {
  readonly dispatcher: Dispatcher;
  /** Milliseconds without a sign after which a process stands still. */
  readonly leaseMs: number;
}

export interface WatchEvents {
  /** It has not been heard for a while: it is to answer. */
  ask(): void;
  kill(silence: Pick<Silence, "silentMs" | "since">): void;
  /** It was killed, and does not end. */
  forsake(): void;
  crashed(error: unknown): void;
}

const chart = compile<WorkerProcessContext, WorkerProcessMessage, WorkerProcessEffect, WorkerProcessInput>(workerProcessMachine);

/** So often in its lease a process says that it is there, and is looked at. */
const perLease = 6;
/** A process that boots has nothing that could say so. */
const leastBootMs = 60_000;
/** What was killed has ended by then, unless its kernel holds it. */
const dyingMs = 10_000;

/** How often a process with this lease says that it is there, in milliseconds. */
export const beatOf = (leaseMs: number): number => Math.max(1, leaseMs / perLease);

/** The pool's side of the lease of one process: hears its signs, and measures its silence as far as this thread could have heard it. */
export class ProcessWatch {
  private readonly cell: Cell<WorkerProcessContext, WorkerProcessMessage, WorkerProcessEffect>;
  private readonly dispatcher: Dispatcher;
  private readonly lookMs: number;
  private heardAt: number;
  /** Milliseconds since then in which this thread stood still, or was busy: silence in them proves nothing. */
  private deafMs = 0;
  private timer: Timer | undefined;

  constructor(label: string, { dispatcher, leaseMs }: WatchTerms, private readonly events: WatchEvents) {
    this.dispatcher = dispatcher;
    this.lookMs = beatOf(leaseMs);
    this.heardAt = this.now;
    this.cell = new Cell(
      {
        name: "worker-process",
        chart,
        perform: {
          "silence.await": ({ ms }) => this.await(ms),
          "sign.ask": () => events.ask(),
          "process.kill": () => events.kill({ silentMs: Math.round(this.quiet), since: this.dispatcher.ports.clock.wall() - (this.now - this.heardAt) }),
          "exit.await": ({ ms }) => this.awaitExit(ms),
          "process.forsake": () => events.forsake(),
          "timer.cancel": () => this.timer?.cancel(),
        },
        crashed: (_: unknown, error: unknown) => events.crashed(error),
      },
      `${label}/${dispatcher.ports.ids.number("worker-process")}`,
    );
    dispatcher.start(this.cell, { boot: Math.max(leastBootMs, leaseMs), waning: leaseMs / 2, term: leaseMs, dying: dyingMs });
  }

  /** Something has come from it. */
  heard(): void {
    this.heardAt = this.now;
    this.deafMs = 0;
    if (!this.cell.is("present")) this.dispatcher.tellControl(this.cell, { type: "sign.heard" });
  }

  /** It has ended. */
  ended(): void {
    this.dispatcher.tellControl(this.cell, { type: "process.exited" });
  }

  /** Looks now and then: of the time since the last look as much counts as had been planned, and none where this thread was away for longer than a beat. */
  private await(ms: number): void {
    this.timer?.cancel();
    const from = this.now;
    // Times are rounded: never so soon that none passes.
    const planned = from + Math.max(1, Math.min(this.lookMs, ms - this.quiet));
    const timer = this.dispatcher.ports.clock.after(planned - from, () => {
      const { now } = this;
      this.deafMs += now - Math.max(this.heardAt, now - planned > this.lookMs ? from : Math.min(planned, now));
      if (this.quiet < ms) this.await(ms);
      // What has arrived meanwhile is heard first.
      else this.dispatcher.ports.scheduler.later(() => {
        if (this.timer === timer && !this.cell.is("final")) this.judge(ms);
      });
    });
    this.timer = timer;
  }

  private judge(ms: number): void {
    if (this.quiet < ms) this.await(ms);
    else this.dispatcher.tellControl(this.cell, { type: "silence.due" });
  }

  private awaitExit(ms: number): void {
    this.timer?.cancel();
    this.timer = this.dispatcher.ports.clock.after(ms, () => this.dispatcher.tellControl(this.cell, { type: "exit.overdue" }));
  }

  /** For how long it has said nothing, as far as this thread could have heard it. */
  private get quiet(): number {
    return this.now - this.heardAt - this.deafMs;
  }

  private get now(): number {
    return this.dispatcher.ports.clock.now();
  }
}
