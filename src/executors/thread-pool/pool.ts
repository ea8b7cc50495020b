import { Cell } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import type { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { BadStateException, PoolStartFailed, WaitTimeout } from "../../errors/index.js";
import { executorMachine, type ExecutorContext, type ExecutorEffect, type ExecutorInput, type ExecutorMessage } from "../../state-machines/executor.js";
import type { Answer, Executor, ExecutorStatus, Needs, Work, WorkListener, WorkNews } from "../executor.js";
import { decode, decodeThrown, type Encoded } from "../../serialization/index.js";
import { Attempt, type AttemptKind } from "./attempt.js";
import { attemptKind } from "./attempt-kind.js";
import type { Loss } from "./failures.js";
import { answerStride, verdict, type AnswerFrame, type WorkerMessage } from "./frames.js";
import type { LaneHost } from "./host.js";
import type { Thread } from "./lane.js";
import { WorkQueue } from "../work-queue.js";
import { Feeder } from "./feeder.js";
import { Workforce } from "./workforce.js";

export interface PoolOptions {
  readonly label: string;
  readonly maxThreads: number;
  readonly minThreads: number;
  /** What a task that reads `task.signal` is given to end by itself, in milliseconds. */
  readonly killGrace: number;
  /** How long a thread that was told to end may take, in milliseconds, before it counts as a zombie. */
  readonly patience: number;
  readonly ownsProcesses: boolean;
  /** How many pools of this label there have been, this one included: part of its threads' addresses from the second on. */
  readonly incarnation?: number;
}

const executorChart = compile<ExecutorContext, ExecutorMessage, ExecutorEffect, ExecutorInput>(executorMachine);

/** How often claim words are read while work is out, in milliseconds. */
const observeEvery = 5;

const offered: ExecutorMessage = { type: "work.offered" };

/** The thread-pool executor: takes attempts, keeps a window of them at each worker, and settles each exactly once. */
export class ThreadPool implements Executor {
  readonly label: string;
  readonly capacity: number;
  readonly ownsProcesses: boolean;
  readonly queue = new WorkQueue<Attempt>();
  readonly cell: Cell<ExecutorContext, ExecutorMessage, ExecutorEffect>;
  readonly workforce: Workforce;
  private readonly attemptKind: AttemptKind;
  private open = 0;
  private observer: Timer | undefined;
  private offering = false;
  private readonly feeder = new Feeder(this);
  private startWait: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  private stopWait: (() => void)[] = [];

  constructor(
    readonly options: PoolOptions,
    readonly host: LaneHost,
    readonly dispatcher: Dispatcher,
    readonly listener: WorkListener,
    /** Told when the pool broke one of its own rules: it has to be replaced. */
    readonly broken: (error: unknown) => void = () => undefined,
  ) {
    this.label = options.label;
    this.capacity = options.maxThreads;
    this.ownsProcesses = options.ownsProcesses;
    this.workforce = new Workforce(this);
    this.attemptKind = attemptKind(this);
    this.cell = new Cell(
      {
        name: "executor",
        chart: executorChart,
        perform: {
          "work.send": () => this.pump(),
          "work.refuse": ({ error }) => this.refuseAll(error),
          "work.watch": () => this.checkFinished(),
          "work.cancel": () => this.cancelAll(),
          "workers.stop": () => this.workforce.stopAll(),
          "executor.announce": ({ outcome }) => this.announce(outcome),
        },
        crashed: (_cell: unknown, error: unknown) => {
          this.broken(error);
          this.workforce.attemptEnded();
        },
      },
      options.label,
      options.incarnation,
    );
    dispatcher.start(this.cell, { label: options.label });
  }

  get load(): number {
    return this.open;
  }

  get accepts(): boolean {
    return this.cell.is("accepting") && !this.cell.crashed;
  }

  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => (this.startWait = { resolve, reject }));
    try {
      await this.host.start();
      this.workforce.openAtLeast(this.options.minThreads);
      this.dispatcher.tell(this.cell, { type: "executor.started" });
    } catch (cause) {
      this.dispatcher.tell(this.cell, { type: "executor.failed", error: cause instanceof PoolStartFailed ? cause : new PoolStartFailed("CW-EXEC-007", `the pool "${this.label}" could not start: ${(cause as Error).message}`, { where: { executor: this.label }, cause }) });
    }
    return started;
  }

  /** It has cores to give, one to each task, and nothing else. */
  fits({ cores = 1, ...others }: Needs): string | undefined {
    return cores <= 1 && Object.values(others).every((value) => value === undefined) ? undefined : `the thread pool "${this.label}" gives each task one core`;
  }

  submit(work: Work, number: number): void {
    const attempt = new Attempt(this.attemptKind, work, number, work.shellFor(number) !== undefined);
    work.place = attempt;
    this.open++;
    this.dispatcher.start(attempt, work);
    if (!this.cell.is("accepting")) {
      this.dispatcher.tell(attempt, { type: "attempt.refused", error: this.refusal() });
      return;
    }
    this.queue.push(attempt);
    this.offer();
  }

  cancel(work: Work, number: number, why: "cancelled" | "closing", done: () => void): void {
    const attempt = work.place;
    if (!(attempt instanceof Attempt) || attempt.number !== number) {
      done();
      return;
    }
    (attempt.onEnd ??= []).push(done);
    this.dispatcher.tell(attempt, { type: "attempt.cancel", why });
  }

  /** Takes work, and begins none of it until it is `resume`d. */
  hold(): void {
    this.feeder.takeBackAll();
    this.dispatcher.tellControl(this.cell, { type: "executor.hold" });
  }

  resume(): void {
    this.dispatcher.tellControl(this.cell, { type: "executor.resume" });
  }

  drain(): Promise<void> {
    if (!this.cell.is("accepting")) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => this.stopWait.push(resolve));
    this.dispatcher.tell(this.cell, { type: "executor.drain" });
    return stopped;
  }

  async stop(timeoutMs: number | undefined): Promise<void> {
    const stopped = new Promise<"stopped">((resolve) => this.stopWait.push(() => resolve("stopped")));
    if (this.cell.crashed || this.cell.is("final")) {
      for (const attempt of this.openAttempts()) if (attempt.is("queued")) this.abandon(attempt);
      this.workforce.stopAll();
    } else this.dispatcher.tell(this.cell, { type: "executor.stop" });
    let timer: Timer | undefined;
    const late = new Promise<"late">((resolve) => {
      if (timeoutMs !== undefined) timer = this.dispatcher.ports.clock.after(timeoutMs, () => resolve("late"));
    });
    const outcome = await Promise.race([stopped, late]);
    timer?.cancel();
    const zombies = this.workforce.describeZombies();
    if (outcome === "late" && zombies.length === 0) throw new WaitTimeout("CW-KERN-002", `the pool "${this.label}" did not stop within ${timeoutMs} ms`, { where: { executor: this.label }, evidence: { tree: this.tree() } });
    await this.host.close();
    if (zombies.length > 0) throw new WaitTimeout("CW-KERN-002", `${zombies.length} worker(s) of the pool "${this.label}" are inside native calls that cannot be ended: ${zombies.join("; ")}`, { where: { executor: this.label }, evidence: { zombies }, hint: "They end when their native call returns. Use isolation: \"process\" to be able to end such tasks." });
  }

  status(): ExecutorStatus {
    return { label: this.label, state: this.cell.state.name, queued: this.load - this.workforce.out, ...this.workforce.status() };
  }

  tree(): readonly { path: string; state: string }[] {
    return [{ path: this.cell.path, state: this.cell.state.name }, ...this.workforce.tree(), ...this.openAttempts().map((a) => ({ path: `${a.path}.${a.number}`, state: a.state.name }))];
  }

  explain(work: Work, number: number): string | undefined {
    const attempt = work.place;
    if (!(attempt instanceof Attempt) || attempt.number !== number) return undefined;
    const { busy, workers } = this.workforce.status();
    if (attempt.is("queued")) return `attempt ${number} waits for a worker of "${this.label}" (${busy} of ${this.capacity} busy, ${workers} started, ${this.queue.size} in the queue)`;
    if (attempt.lane?.isSpare(attempt) === true) return `attempt ${number} waits at worker ${this.label}/${attempt.lane.index} behind what runs there, and goes to the first worker that is free`;
    return `attempt ${number} is ${attempt.state.name} on worker ${this.label}/${attempt.lane?.index ?? "?"}`;
  }

  /** Says that there is work, or room: the queue is looked at once, after what is already under way. */
  offer(): void {
    if (this.offering || this.cell.state.name === "held") return;
    this.offering = true;
    this.dispatcher.tell(this.cell, offered);
  }

  /** Fills the windows of the lanes from the queue. */
  private pump(): void {
    this.offering = false;
    this.feeder.feedAll();
    if (this.workforce.out > 0) this.observe();
  }

  /** A frame of answers from a lane's thread. */
  answers(thread: Thread, frame: AnswerFrame): void {
    const { lane } = thread;
    if (lane.thread !== thread) return;
    if (!thread.worked) this.workforce.worked(thread);
    for (let i = 0; i < frame.length; i += answerStride) {
      const slot = frame[i] as number;
      const attempt = thread.slots[slot];
      const how = frame[i + 3] as number;
      if (how === verdict.skipped && lane.passedOver(slot, frame[i + 1] as number)) continue;
      if (attempt === undefined || attempt.work.taskId !== frame[i + 1] || attempt.number !== frame[i + 2] || (how === verdict.skipped && attempt.is("live"))) {
        this.workforce.lateAnswers++;
        continue;
      }
      lane.release(slot);
      this.workforce.out--;
      if (how === verdict.skipped) continue;
      const ms = frame[i + 5] as number;
      const { app } = attempt.work;
      app.expected = app.expected < 0 || ms > app.expected ? ms : app.expected * 0.9 + ms * 0.1;
      const payload = frame[i + 4] as Encoded;
      this.dispatcher.tell(attempt, { type: "attempt.answered", answer: (how === verdict.value ? { ok: true, value: payload, ms } : { ok: false, thrown: payload, ms }) satisfies Answer });
    }
    if (lane.count === 0) this.dispatcher.tell(thread, { type: "work.drained" });
    if (this.queue.size > 0 || (lane.count === 0 && this.feeder.hasSpares)) this.offer();
  }

  message(message: WorkerMessage): void {
    if (message.t === "ready" || message.t === "spawned") return;
    const news: WorkNews =
      message.t === "report" ? { kind: "report", value: decode(message.value) }
      : message.t === "progress" ? { kind: "progress", fraction: message.fraction, note: message.note }
      : message.t === "log" ? { kind: "log", line: message.line }
      : { kind: "late-error", error: decodeThrown(message.error) };
    this.listener.news(message.task, message.attempt, news);
  }

  /** Reads who runs what, so that starts are known soon after they happen also where no answer comes. */
  private observe(): void {
    if (this.observer !== undefined) return;
    this.observer = this.dispatcher.ports.clock.after(observeEvery, () => {
      this.observer = undefined;
      for (const { thread } of this.workforce.lanes) {
        const running = thread?.link?.running();
        const attempt = running === undefined ? undefined : thread?.slots[running.slot];
        if (running !== undefined && attempt?.state.name === "sent") this.dispatcher.tell(attempt, { type: "attempt.started", elapsed: running.elapsed });
      }
      if (this.workforce.out > 0) this.observe();
    });
  }

  /** @internal */
  finish(attempt: Attempt): void {
    this.open--;
    attempt.timer?.cancel();
    if (attempt.work.place === attempt) attempt.work.place = undefined;
    for (const done of attempt.onEnd?.splice(0) ?? []) done();
    this.checkFinished();
    this.workforce.attemptEnded();
  }

  /** @internal What its worker had not claimed waits again, where anything is sent still. */
  takeBack(attempt: Attempt): void {
    if (this.cell.crashed) this.abandon(attempt);
    else if (!this.accepts && this.cell.state.name !== "draining") this.dispatcher.tell(attempt, { type: "attempt.refused", error: this.refusal() });
    else {
      this.queue.putBack(attempt);
      this.offer();
    }
  }

  /** The pool broke: what it had not sent is not charged. */
  private abandon(attempt: Attempt): void {
    this.dispatcher.tell(attempt, { type: "attempt.lost", loss: { end: undefined, fate: "unclaimed", bystander: true } satisfies Loss });
  }

  /** No worker and no attempt is left. The cell says so, where it still can. */
  gone(): void {
    if (this.cell.crashed || this.cell.is("final")) this.announce("stopped");
    else this.dispatcher.tell(this.cell, { type: "workers.gone" });
  }

  private checkFinished(): void {
    if (this.open === 0 && this.cell.state.name === "draining") this.dispatcher.tell(this.cell, { type: "work.finished" });
  }

  private readonly openAttempts = (): Attempt[] => [...this.queue.values(), ...this.workforce.attempts()];

  private refusal(): unknown {
    return this.cell.context.reason ?? new BadStateException("CW-EXEC-002", `the executor "${this.label}" is ${this.cell.state.name} and takes no more work`, { where: { executor: this.label } });
  }

  private refuseAll(error: unknown): void {
    for (const attempt of this.queue.drain()) this.dispatcher.tell(attempt, { type: "attempt.refused", error });
  }

  private cancelAll(): void {
    for (const attempt of this.openAttempts()) this.dispatcher.tell(attempt, { type: "attempt.cancel", why: "closing" });
  }

  private announce(outcome: "started" | "stopped" | "failed"): void {
    if (outcome === "started") this.startWait?.resolve();
    else if (outcome === "failed") this.startWait?.reject(this.cell.context.reason);
    if (outcome === "started") return;
    this.observer?.cancel();
    for (const done of this.stopWait.splice(0)) done();
  }
}
