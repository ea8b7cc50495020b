import { Cell } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import type { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { BadFrame, BadStateException, InternalConsistencyError, WaitTimeout } from "../../errors/index.js";
import { attemptMachine, type AttemptContext, type AttemptEffect, type AttemptInput, type AttemptMessage } from "../../state-machines/attempt.js";
import { executorMachine, type ExecutorContext, type ExecutorEffect, type ExecutorInput, type ExecutorMessage } from "../../state-machines/executor.js";
import type { Answer, Executor, ExecutorPart, ExecutorStatus, Needs, RunnableApp, Work, WorkFailure, WorkListener } from "../executor.js";
import { ByteWriter } from "./bytes.js";
import { readNews, writeDefinition } from "./contents.js";
import { misfit, needsInWords, type NodeLimits } from "./fit.js";
import { lossOf } from "./losses.js";
import { outcome, OutcomeRecords, readAnswer, readFailure, readLoss, writeTask } from "./records.js";
import type { Token } from "./protocol.js";
import { RemoteAttempt, type RemoteAttemptKind } from "./remote-attempt.js";

export interface FrontEndOptions {
  readonly label: string;
  readonly incarnation: number;
  /** The workers that blocks are expected to have, until they have registered. */
  readonly expectedWorkers: number;
  readonly ownsProcesses: boolean;
  /** What no node of it can have more of. */
  readonly limits?: NodeLimits;
}

/** The way to the interchange, while there is one. */
export interface InterchangeWay {
  submit(records: Uint8Array<ArrayBuffer>): void;
  define(app: number, bytes: Uint8Array): void;
  cancel(task: number, attempt: number): void;
  expect(tokens: readonly Token[], needs: readonly (readonly [task: number, needs: Needs])[]): void;
}

/** What ends with the executor, and has to end before it. */
export interface FrontEndParts {
  /** There is work. */
  offered(): void;
  /** How blocks and managers stand, for whoever asks where an attempt is. */
  describe(): string;
  tree(): readonly { path: string; state: string }[];
  /** Ends blocks, managers and the interchange. */
  stop(): Promise<void>;
}

const executorChart = compile<ExecutorContext, ExecutorMessage, ExecutorEffect, ExecutorInput>(executorMachine);
const attemptChart = compile<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput>(attemptMachine);

const sent: AttemptMessage = { type: "attempt.sent", far: true };

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
  private readonly apps = new Map<number, Uint8Array>();
  private readonly attemptKind: RemoteAttemptKind;
  private readonly writer = new ByteWriter(64 * 1024);
  private way: InterchangeWay | undefined;
  private flushing = false;
  private out = 0;
  private lost = 0;
  private startWait: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  private stopWait: (() => void)[] = [];
  private unclean: unknown;

  constructor(
    readonly options: FrontEndOptions,
    readonly dispatcher: Dispatcher,
    private readonly listener: WorkListener,
    private readonly around: FrontEndParts,
    private readonly broken: (error: unknown) => void,
  ) {
    this.label = options.label;
    this.ownsProcesses = options.ownsProcesses;
    this.attemptKind = this.makeAttemptKind();
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
    this.dispatcher.start(attempt, { taskId: work.taskId, attempt: number, walltime: 0 });
    if (!this.cell.is("accepting")) this.tell(attempt, { type: "attempt.refused", error: this.refusal() });
    else this.send(attempt);
  }

  cancel(work: Work, number: number, why: "cancelled" | "closing", done: () => void): void {
    const attempt = work.place;
    if (!(attempt instanceof RemoteAttempt) || attempt.number !== number || attempt.is("final")) {
      done();
      return;
    }
    (attempt.onEnd ??= []).push(done);
    // Until the interchange has answered it may be on its way to a manager.
    if (!attempt.isOut && this.way !== undefined) {
      this.flush();
      attempt.isOut = true;
      this.tell(attempt, sent);
    }
    attempt.isRecalled = true;
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

  /** An interchange is there: it is told all that the one before it was told, and who may still be at work for that. */
  connect(way: InterchangeWay): void {
    this.way = way;
    this.writer.length = 0;
    for (const [app, bytes] of this.apps) way.define(app, bytes);
    const out: Token[] = [...this.held.values()].map(({ work, number }) => [work.taskId, number]);
    for (const attempt of this.attempts.values()) {
      if (attempt.is("final")) continue;
      if (attempt.isOut) out.push([attempt.work.taskId, attempt.number]);
      else this.write(attempt);
    }
    this.flush();
    way.expect(out, this.needsOf(out));
    for (const { isRecalled, isOut, work, number } of this.attempts.values()) if (isRecalled && isOut) way.cancel(work.taskId, number);
  }

  private needsOf(tokens: readonly Token[]): (readonly [number, Needs])[] {
    return tokens.flatMap(([task, number]) => {
      const needs = this.attempts.get(task)?.work.needsFor?.(number);
      return needs === undefined ? [] : [[task, needs] as const];
    });
  }

  disconnect(): void {
    this.way = undefined;
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
        if (attempt.isOut) return;
        attempt.isOut = true;
        this.tell(attempt, sent);
        this.listener.sent(attempt.work, number);
        return;
      case outcome.started: this.tell(attempt, { type: "attempt.started", elapsed: record.ms }); return;
      case outcome.requeued:
        // One that was taken back may be sent again before the interchange hears of that.
        if (attempt.isRecalled) return;
        attempt.isOut = false;
        this.tell(attempt, { type: "attempt.unclaimed" });
        return;
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

  private send(attempt: RemoteAttempt): void {
    this.define(attempt.work.app);
    if (this.way !== undefined) this.write(attempt);
    if (this.flushing) return;
    this.flushing = true;
    this.around.offered();
    this.dispatcher.ports.scheduler.soon(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private write(attempt: RemoteAttempt): void {
    try {
      writeTask(this.writer, attempt.work, attempt.number);
    } catch (error) {
      this.tell(attempt, { type: "attempt.refused", error });
    }
    if (this.writer.length > 1024 * 1024) this.flush();
  }

  private define(app: RunnableApp): void {
    if (this.apps.has(app.key)) return;
    const bytes = writeDefinition(app);
    this.apps.set(app.key, bytes);
    this.way?.define(app.key, bytes);
  }

  private flush(): void {
    if (this.writer.length > 0 && this.way !== undefined) this.way.submit(this.writer.take());
  }

  private finish(attempt: RemoteAttempt): void {
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
      "work.send": () => this.flush(),
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
      this.unclean = error;
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

  private makeAttemptKind(): RemoteAttemptKind {
    const { listener } = this;
    const cancel = (_: unknown, { work, number }: RemoteAttempt): void => this.way?.cancel(work.taskId, number);
    const nothing = (): void => undefined;
    return {
      name: "attempt",
      chart: attemptChart,
      perform: {
        "attempt.report": ({ outcome: what }, a) => {
          if (what === "revoked") this.finish(a);
          listener[what](a.work, a.number);
        },
        "attempt.deliver": ({ answer }, a) => {
          this.finish(a);
          listener.answered(a.work, a.number, answer as Answer);
        },
        "attempt.mourn": ({ loss, why, held }, a) => this.mourn(a, loss as WorkFailure | undefined, why, held),
        "attempt.refuse": ({ error }, a) => {
          this.finish(a);
          listener.failed(a.work, a.number, { error: error as Error, charge: "app", held: false });
        },
        "claim.revoke": cancel,
        "worker.stop": cancel,
        "work.requeue": nothing,
        "timer.start": nothing,
        "timer.cancel": nothing,
      },
      moved: (a, from) => {
        const was = from.tags.has("out");
        if (was !== a.is("out")) this.out += was ? -1 : 1;
      },
      crashed: (a, error) => {
        this.finish(a);
        listener.failed(a.work, a.number, { error: new InternalConsistencyError("CW-INT-001", `${a.path} broke: ${(error as Error).message}`, { cause: error, where: { task: a.work.taskId, attempt: a.number, executor: this.label } }), charge: "app", held: false });
      },
    };
  }

  private mourn(attempt: RemoteAttempt, failure: WorkFailure | undefined, why: string | undefined, held: boolean): void {
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
