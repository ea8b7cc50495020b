import { Cell } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import type { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { BadFrame, BadStateException, WaitTimeout } from "../../errors/index.js";
import type { AttemptMessage } from "../../state-machines/attempt.js";
import { executorMachine, type ExecutorContext, type ExecutorEffect, type ExecutorInput, type ExecutorMessage } from "../../state-machines/executor.js";
import type { ActorPlaces, Executor, ExecutorPart, ExecutorStatus, Needs, Work, WorkFailure, WorkListener } from "../executor.js";
import { readNews } from "./contents.js";
import { misfit, needsInWords, type NodeLimits } from "./fit.js";
import { lossOf } from "./losses.js";
import { outcome, OutcomeRecords, readAnswer, readFailure, readLoss } from "./records.js";
import { Outbound, type InterchangeWay } from "./outbound.js";
import type { Token } from "./protocol.js";
import { RemoteAttempt, type RemoteAttemptKind } from "./remote-attempt.js";
import { remoteAttemptKind } from "./remote-attempt-kind.js";

export interface FrontEndOptions {
  readonly label: string;
  readonly incarnation: number;
  /** The workers that blocks are expected to have, until they have registered. */
  readonly expectedWorkers: number;
  readonly ownsProcesses: boolean;
  /** What no node of it can have more of. */
  readonly limits?: NodeLimits;
}

/** That is watched where it runs. */
const withoutWalltime = { walltime: 0 };

/** What ends with the executor, and has to end before it. */
export interface FrontEndParts {
  /** There is work. */
  offered(): void;
  /** How blocks and managers stand, for whoever asks where an attempt is. */
  describe(): string;
  tree(): readonly { path: string; state: string }[];
  readonly actors?: ActorPlaces;
  /** Ends blocks, managers and the interchange. */
  stop(): Promise<void>;
}

const executorChart = compile<ExecutorContext, ExecutorMessage, ExecutorEffect, ExecutorInput>(executorMachine);

const sent: AttemptMessage = { type: "attempt.sent", far: true };
const unclaimed: AttemptMessage = { type: "attempt.unclaimed", far: true };

/** The high-throughput executor, from the kernel's side: an attempt is a cell here, bytes on the way, and settled exactly once whatever becomes of managers, blocks and interchanges. */
export class FrontEnd implements Executor {
  /** Set by whoever puts the executor together. */
  parts: readonly ExecutorPart[] = [];
  readonly label: string;
  readonly ownsProcesses: boolean;
  readonly cell: Cell<ExecutorContext, ExecutorMessage, ExecutorEffect>;
  workers = 0;
  private readonly attempts = new Map<number, RemoteAttempt>();
  /** Over for the kernel, and still held by a worker that does not end. */
  private readonly held = new Map<number, RemoteAttempt>();
  private readonly attemptKind: RemoteAttemptKind;
  private readonly outbound: Outbound;
  /** What is to be joined. */
  private joining: InterchangeWay | undefined;
  private out = 0;
  private lost = 0;
  private startWait: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  private stopWait: (() => void)[] = [];
  private unclean: Error | undefined;

  constructor(
    readonly options: FrontEndOptions,
    readonly dispatcher: Dispatcher,
    private readonly listener: WorkListener,
    private readonly around: FrontEndParts,
    private readonly broken: (error: unknown) => void,
  ) {
    this.label = options.label;
    this.ownsProcesses = options.ownsProcesses;
    this.attemptKind = remoteAttemptKind(this, listener);
    this.outbound = new Outbound(dispatcher.ports.scheduler, () => around.offered(), (attempt, error) => this.tell(attempt, { type: "attempt.refused", error }));
    this.cell = new Cell({ name: "executor", chart: executorChart, perform: this.performers(), crashed: (_: unknown, error: unknown) => this.broken(error) }, options.label, options.incarnation);
    dispatcher.start(this.cell, { label: options.label });
  }

  get capacity(): number {
    return Math.max(1, this.workers, this.options.expectedWorkers);
  }

  get load(): number {
    return this.attempts.size;
  }

  get accepts(): boolean {
    return this.cell.is("accepting") && !this.cell.crashed;
  }

  get places(): ActorPlaces | undefined {
    return this.around.actors;
  }

  fits(needs: Needs): string | undefined {
    return misfit(this.label, needs, this.options.limits ?? { cores: Infinity, memory: Infinity, gpus: Infinity });
  }

  start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => (this.startWait = { resolve, reject }));
    this.dispatcher.tell(this.cell, { type: "executor.started" });
    return started;
  }

  submit(work: Work, number: number): void {
    const attempt = new RemoteAttempt(this.attemptKind, work, number);
    work.place = attempt;
    this.attempts.set(work.taskId, attempt);
    // Walltime is measured where it runs.
    this.dispatcher.start(attempt, withoutWalltime);
    if (!this.cell.is("accepting")) this.tell(attempt, { type: "attempt.refused", error: this.refusal() });
    else this.outbound.send(attempt);
  }

  cancel(work: Work, number: number, why: "cancelled" | "closing", done: () => void): void {
    const attempt = work.place;
    if (!(attempt instanceof RemoteAttempt) || attempt.number !== number || attempt.is("final")) {
      done();
      return;
    }
    (attempt.onEnd ??= []).push(done);
    // Until the interchange has answered it may be on its way to a manager.
    if (this.outbound.isConnected) {
      this.outbound.flush();
      this.tell(attempt, sent);
    }
    this.tell(attempt, { type: "attempt.cancel", why });
  }

  drain(): Promise<void> {
    if (!this.cell.is("accepting")) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => this.stopWait.push(resolve));
    this.dispatcher.tell(this.cell, { type: "executor.drain" });
    return stopped;
  }

  async stop(timeoutMs: number | undefined): Promise<void> {
    if (this.cell.is("final") || this.cell.crashed) {
      for (const attempt of this.attempts.values()) this.tell(attempt, { type: "attempt.lost", loss: this.goneWith(attempt) });
      await this.around.stop();
      return;
    }
    const stopped = new Promise<"stopped">((resolve) => this.stopWait.push(() => resolve("stopped")));
    this.dispatcher.tell(this.cell, { type: "executor.stop" });
    let timer: Timer | undefined;
    const late = new Promise<"late">((resolve) => {
      if (timeoutMs !== undefined) timer = this.dispatcher.ports.clock.after(timeoutMs, () => resolve("late"));
    });
    const end = await Promise.race([stopped, late]);
    timer?.cancel();
    if (end === "late") throw new WaitTimeout("CW-KERN-002", `the executor "${this.label}" did not stop within ${timeoutMs} ms`, { where: { executor: this.label }, evidence: { tree: this.tree() } });
    if (this.unclean !== undefined) throw this.unclean;
  }

  status(): ExecutorStatus {
    return { label: this.label, state: this.cell.state.name, workers: this.workers, busy: Math.min(this.workers, this.out), queued: this.load - this.out, out: this.out, zombies: this.held.size, lost: this.lost };
  }

  tree(): readonly { path: string; state: string }[] {
    return [{ path: this.cell.path, state: this.cell.state.name }, ...this.around.tree(), ...[...this.attempts.values()].map((a) => ({ path: `${a.path}.${a.number}`, state: a.state.name }))];
  }

  explain(work: Work, number: number): string | undefined {
    const attempt = work.place;
    if (!(attempt instanceof RemoteAttempt) || attempt.number !== number) return undefined;
    const needs = work.needsFor?.(number);
    if (attempt.is("queued")) return `attempt ${number} waits for a manager of "${this.label}"${needs === undefined ? "" : ` that has ${needsInWords(needs)} free`}: ${this.around.describe()}`;
    return `attempt ${number} is ${attempt.state.name} at a manager of "${this.label}"`;
  }

  /** What it failed for, where it did. */
  get failure(): Error | undefined {
    const { reason } = this.cell.context;
    return reason instanceof Error ? reason : undefined;
  }

  /** It cannot go on: whatever waits is told why. */
  fail(error: unknown): void {
    if (!this.cell.is("final")) this.dispatcher.tell(this.cell, { type: "executor.failed", error });
  }

  // The interchange

  /** An interchange is there. It is joined once all that the one before has told is taken: what waits in mailboxes says what is out. */
  connect(way: InterchangeWay): void {
    this.joining = way;
    this.dispatcher.tell(this.cell, { type: "work.offered" });
  }

  /** It is told all that the one before it was told, and who may still be at work for that. */
  private join(way: InterchangeWay): void {
    this.joining = undefined;
    this.outbound.connect(way);
    const out: Token[] = [...this.held.values()].map(({ work, number }) => [work.taskId, number]);
    for (const attempt of this.attempts.values()) {
      if (attempt.is("out")) out.push([attempt.work.taskId, attempt.number]);
      else if (attempt.is("queued")) this.outbound.write(attempt);
    }
    this.outbound.flush();
    this.outbound.expect(out, this.needsOf(out));
    for (const attempt of this.attempts.values()) if (attempt.is("recalled")) this.outbound.cancel(attempt);
  }

  private needsOf(tokens: readonly Token[]): (readonly [number, Needs])[] {
    return tokens.flatMap(([task, number]) => {
      const needs = this.attempts.get(task)?.work.needsFor?.(number);
      return needs === undefined ? [] : [[task, needs] as const];
    });
  }

  disconnect(): void {
    this.joining = undefined;
    this.outbound.disconnect();
  }

  /** Records of outcomes from the interchange. */
  outcomes(records: Uint8Array): void {
    const each = new OutcomeRecords(records);
    while (each.next()) {
      try {
        this.outcome(each);
      } catch (error) {
        this.unreadable(each, error);
      }
    }
  }

  /** What a manager told is not what managers tell: the attempt ends with that, and nothing else does. */
  private unreadable({ task, attempt: number }: OutcomeRecords, cause: unknown): void {
    const attempt = this.attempts.get(task);
    if (attempt?.number !== number || attempt.is("final")) return;
    const error = new BadFrame("CW-LINK-003", `what a manager told of ${attempt.work.app.name} (task ${task}, attempt ${number}) is not valid: ${(cause as Error).message}`, { where: { task, attempt: number, executor: this.label }, cause });
    this.lost++;
    this.tell(attempt, { type: "attempt.lost", loss: { error, charge: "lost", held: false } satisfies WorkFailure });
  }

  /** News are worth less than what they would break. */
  news(bytes: Uint8Array): void {
    let read: ReturnType<typeof readNews>;
    try {
      read = readNews(bytes);
    } catch {
      return;
    }
    this.listener.news(read.task, read.attempt, read.news);
  }

  private outcome(record: OutcomeRecords): void {
    const { task, attempt: number, kind } = record;
    if (kind === outcome.released) {
      this.release(task, number);
      return;
    }
    const attempt = this.attempts.get(task);
    if (attempt?.number !== number) {
      // It is over, and its manager is too: nothing holds it any more.
      if (kind === outcome.lost || kind === outcome.revoked) this.release(task, number);
      return;
    }
    switch (kind) {
      case outcome.sent:
        this.tell(attempt, sent);
        if (attempt.is("queued")) this.listener.sent(attempt.work, number);
        return;
      case outcome.started: this.tell(attempt, { type: "attempt.started", elapsed: record.ms }); return;
      case outcome.requeued: this.tell(attempt, unclaimed); return;
      case outcome.failed: {
        const failure = readFailure(record);
        this.tell(attempt, failure.held ? { type: "attempt.haunted", loss: failure } : { type: "attempt.lost", loss: failure });
        return;
      }
      case outcome.revoked: this.revoked(attempt); return;
      case outcome.lost:
        this.lost++;
        this.tell(attempt, { type: "attempt.lost", loss: lossOf(attempt.work, number, this.label, readLoss(record)) });
        return;
      default: this.tell(attempt, { type: "attempt.answered", answer: readAnswer(record) });
    }
  }

  /** It was taken back before it began, or ended where it ran: for this side, or because its manager's lease was over. */
  private revoked(attempt: RemoteAttempt): void {
    if (attempt.state.name === "revoking") this.tell(attempt, { type: "claim.revoked" });
    else this.tell(attempt, { type: "attempt.lost", loss: this.goneWith(attempt) });
  }

  private goneWith({ work, number }: RemoteAttempt): WorkFailure {
    return lossOf(work, number, this.label, { manager: "", host: "", block: "", loss: "left", silentMs: 0, suspect: false });
  }

  private release(task: number, number: number): void {
    const attempt = this.held.get(task) ?? this.attempts.get(task);
    if (attempt?.number !== number) return;
    attempt.freed = true;
    if (this.held.delete(task)) this.listener.released(attempt.work, number);
  }

  private tell(attempt: RemoteAttempt, message: AttemptMessage): void {
    this.dispatcher.tell(attempt, message);
  }

  /** @internal */
  finish(attempt: RemoteAttempt): void {
    const { work } = attempt;
    if (this.attempts.get(work.taskId) === attempt) this.attempts.delete(work.taskId);
    if (work.place === attempt) work.place = undefined;
    for (const done of attempt.onEnd ?? []) done();
    attempt.onEnd = undefined;
    this.checkFinished();
  }

  private checkFinished(): void {
    if (this.attempts.size === 0 && this.cell.state.name === "draining") this.dispatcher.tell(this.cell, { type: "work.finished" });
  }

  private refusal(): unknown {
    return this.cell.context.reason ?? new BadStateException("CW-EXEC-002", `the executor "${this.label}" is ${this.cell.state.name} and takes no more work`, { where: { executor: this.label } });
  }

  private performers(): Cell<ExecutorContext, ExecutorMessage, ExecutorEffect>["kind"]["perform"] {
    return {
      "work.send": () => (this.joining === undefined ? this.outbound.flush() : this.join(this.joining)),
      "work.refuse": ({ error }: { error: unknown }) => this.refuseAll(error),
      "work.watch": () => this.checkFinished(),
      "work.cancel": () => {
        for (const { work, number } of [...this.attempts.values()]) this.cancel(work, number, "closing", () => undefined);
      },
      "workers.stop": () => void this.stopParts(),
      "executor.announce": ({ outcome: what }: { outcome: "started" | "stopped" | "failed" }) => this.announce(what),
    };
  }

  private refuseAll(error: unknown): void {
    for (const attempt of [...this.attempts.values()]) {
      if (attempt.is("queued")) this.tell(attempt, { type: "attempt.refused", error });
      else this.tell(attempt, { type: "attempt.lost", loss: { error: error as Error, charge: "app", held: false } satisfies WorkFailure });
    }
  }

  private async stopParts(): Promise<void> {
    try {
      await this.around.stop();
    } catch (error) {
      this.unclean = error as Error;
    }
    for (const attempt of [...this.attempts.values()]) this.tell(attempt, { type: "attempt.lost", loss: this.goneWith(attempt) });
    if (!this.cell.is("final") && !this.cell.crashed) this.dispatcher.tell(this.cell, { type: "workers.gone" });
  }

  private announce(what: "started" | "stopped" | "failed"): void {
    if (what === "started") {
      this.startWait?.resolve();
      return;
    }
    if (what === "failed") this.startWait?.reject(this.cell.context.reason);
    for (const done of this.stopWait.splice(0)) done();
  }

  /** @internal An attempt is out at a manager now, or not any more. */
  moved(wasOut: boolean, isOut: boolean): void {
    if (wasOut !== isOut) this.out += wasOut ? -1 : 1;
  }

  /** @internal Takes it back, or has it ended where it runs. */
  recall(attempt: RemoteAttempt): void {
    this.outbound.cancel(attempt);
  }

  /** @internal */
  mourn(attempt: RemoteAttempt, failure: WorkFailure | undefined, why: string | undefined, held: boolean): void {
    this.finish(attempt);
    if (why === "cancelled" || why === "closing") {
      this.listener.revoked(attempt.work, attempt.number);
      return;
    }
    const stillHeld = held && !attempt.freed;
    if (stillHeld) this.held.set(attempt.work.taskId, attempt);
    this.listener.failed(attempt.work, attempt.number, { ...(failure ?? this.goneWith(attempt)), held: stillHeld });
  }
}
