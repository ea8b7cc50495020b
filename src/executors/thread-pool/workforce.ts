import { compile } from "../../actors/compile.js";
import { BadStateException } from "../../errors/index.js";
import type { StopReason } from "../../state-machines/attempt.js";
import { threadMachine, type ThreadContext, type ThreadEffect, type ThreadEnd, type ThreadInput, type ThreadMessage } from "../../state-machines/thread.js";
import type { ExecutorStatus } from "../executor.js";
import type { Attempt } from "./attempt.js";
import { describeEnd, type Loss } from "./failures.js";
import type { LaneLink } from "./host.js";
import { Lane, Thread, type ThreadKind } from "./lane.js";
import type { ThreadPool } from "./pool.js";

const threadChart = compile<ThreadContext, ThreadMessage, ThreadEffect, ThreadInput>(threadMachine);

/** How soon it is looked again whether an attempt that is to be stopped runs, in milliseconds. */
const lookAgain = 1;
/** So long the process of a worker has to say what runs there, in milliseconds. */
const answerLimit = 1000;

/** So many threads in a row that end before they have begun any work make the pool fail. */
const startsAllowed = 3;

const addressOf = ({ label, incarnation = 1 }: { readonly label: string; readonly incarnation?: number }): string => (incarnation === 1 ? label : `${label}#${incarnation}`);

/** The threads of a pool: opened on demand, replaced when they end, settled by their claim words, counted when they do not end. */
export class Workforce {
  readonly lanes: Lane[];
  /** Tasks out at workers, shell commands included. */
  out = 0;
  lateAnswers = 0;
  private readonly kind: ThreadKind;
  private readonly zombies = new Set<Thread>();
  private failedStarts = 0;
  private lost = 0;
  /** No thread is opened any more, and those that are there are told to end. */
  stopping = false;

  constructor(private readonly pool: ThreadPool) {
    this.lanes = Array.from({ length: pool.options.maxThreads }, (_, index) => new Lane(index));
    this.kind = this.makeKind();
  }

  /** Opens threads until so many lanes have one. With `free`, only lanes with nothing on them count as having room. */
  openAtLeast(wanted: number, whereFree = false): void {
    if (this.stopping) return;
    let open = 0;
    for (const { thread, isFree } of this.lanes) if (thread !== undefined && (!whereFree || isFree)) open++;
    for (const lane of this.lanes) {
      if (open >= wanted) return;
      if (lane.thread !== undefined) continue;
      this.open(lane);
      open++;
    }
  }

  /** Every lane has a thread that takes work. */
  get isComplete(): boolean {
    return this.lanes.every(({ thread }) => thread?.is("open") === true);
  }

  private open(lane: Lane): void {
    const { dispatcher, host, options } = this.pool;
    lane.reset();
    const thread = new Thread(this.kind, lane, addressOf(options), ++lane.incarnations);
    lane.thread = thread;
    dispatcher.start(thread, { lane: lane.index, patience: options.patience });
    thread.link = host.open(lane.index, {
      answers: (frame) => this.pool.answers(thread, frame),
      message: (message) => {
        if (message.t === "ready") dispatcher.tell(thread, { type: "thread.ready" });
        else this.pool.message(message);
      },
      exited: (end) => dispatcher.tell(thread, { type: "thread.exited", end }),
    });
  }

  /** A frame has gone out. */
  sent(lane: Lane, entries: number): void {
    const { thread } = lane;
    this.out += entries / 6;
    if (thread?.state.name === "idle") this.pool.dispatcher.tell(thread, { type: "work.sent" });
  }

  /** Ends an attempt's user code: by its abort signal where it watches that, else by ending its worker. */
  stopFor(attempt: Attempt, why: StopReason): void {
    const { lane } = attempt;
    if (attempt.shell) {
      lane?.shell?.kill();
      return;
    }
    const thread = lane?.thread;
    const link = thread?.link;
    if (thread === undefined || link === undefined || thread.slots[attempt.slot] !== attempt) return;
    if (link.running()?.slot !== attempt.slot) {
      // It has ended and its answer is on its way; or it has claimed its slot this moment, and tells so next.
      attempt.timer = this.pool.dispatcher.ports.clock.after(lookAgain, () => {
        if (!attempt.is("final")) this.stopFor(attempt, why);
      });
      return;
    }
    let decided = false;
    const decide = (): void => {
      if (decided) return;
      decided = true;
      attempt.timer?.cancel();
      if (attempt.is("final") || thread.slots[attempt.slot] !== attempt) return;
      // Another task may run there by now, which nobody wants to stop.
      if (link.running()?.slot === attempt.slot) this.stopSlot(thread, link, attempt, why);
      else this.stopFor(attempt, why);
    };
    // What runs, and whether it watches its signal, may be news that is under way.
    link.refresh(decide);
    if (!decided) attempt.timer = this.pool.dispatcher.ports.clock.after(answerLimit, decide);
  }

  private stopSlot(thread: Thread, link: LaneLink, attempt: Attempt, why: StopReason): void {
    if (!link.cooperates) {
      this.kill(thread, attempt);
      return;
    }
    link.tell({ t: "abort", task: attempt.work.taskId, attempt: attempt.number, reason: why === "walltime" ? "the walltime is over" : "the task was cancelled" });
    attempt.timer = this.pool.dispatcher.ports.clock.after(this.pool.options.killGrace, () => {
      if (!attempt.is("final") && thread.slots[attempt.slot] === attempt) this.kill(thread, attempt);
    });
  }

  private kill(thread: Thread, attempt: Attempt): void {
    thread.stoppedFor = attempt;
    this.pool.dispatcher.tellControl(thread, { type: "thread.stop" });
  }

  stopAll(): void {
    this.stopping = true;
    for (const { thread, shell } of this.lanes) {
      shell?.kill();
      if (thread !== undefined && !thread.is("final")) this.pool.dispatcher.tell(thread, { type: "thread.stop" });
    }
    this.checkGone();
  }

  /** What is out at workers, and what zombies hold. */
  *attempts(): Generator<Attempt> {
    for (const { thread, shellAttempt } of this.lanes) {
      if (shellAttempt !== undefined) yield shellAttempt;
      if (thread !== undefined) for (const [, attempt] of thread.attempts()) yield attempt;
    }
  }

  /** An attempt, or a command, is over. */
  attemptEnded(): void {
    if (this.stopping) this.checkGone();
  }

  status(): Pick<ExecutorStatus, "workers" | "busy" | "out" | "zombies" | "lost"> {
    return {
      workers: this.lanes.filter((lane) => lane.thread !== undefined || lane.shell !== undefined).length,
      busy: this.lanes.filter((lane) => !lane.isFree).length,
      out: this.out,
      zombies: this.zombies.size,
      lost: this.lost,
    };
  }

  tree(): { path: string; state: string }[] {
    const threads = [...this.lanes.flatMap((lane) => (lane.thread === undefined ? [] : [lane.thread])), ...this.zombies];
    return threads.map((thread) => ({ path: `${thread.path}#${thread.incarnation}`, state: thread.state.name }));
  }

  describeZombies(): string[] {
    return [...this.zombies].map((thread) => `worker ${thread.id} under ${thread.stoppedFor === undefined ? "an unknown task" : `${thread.stoppedFor.work.app.name} (task ${thread.stoppedFor.work.taskId}, attempt ${thread.stoppedFor.number})`}`);
  }

  private makeKind(): ThreadKind {
    const { dispatcher } = this.pool;
    return {
      name: "thread",
      chart: threadChart,
      perform: {
        "lane.open": () => {
          if (this.zombies.size === 0) dispatcher.tell(this.pool.cell, { type: "workers.complete" });
          this.pool.offer();
        },
        "thread.kill": (_, thread) => thread.link?.kill(),
        "timer.start": ({ ms }, thread) => {
          thread.timer = dispatcher.ports.clock.after(ms, () => dispatcher.tell(thread, { type: "patience.expired" }));
        },
        "timer.cancel": (_, thread) => thread.timer?.cancel(),
        "lane.vacate": ({ end, started }, thread) => this.vacate(thread, end, started),
        "lane.haunt": (_, thread) => this.haunt(thread),
        "zombie.bury": (_, thread) => this.bury(thread),
      },
      crashed: (_thread, error) => this.pool.broken(error),
    };
  }

  /** Settles what was out at a thread that has ended, by its claim words. */
  private vacate(thread: Thread, end: ThreadEnd | undefined, started: boolean): void {
    const { dispatcher } = this.pool;
    const { lane } = thread;
    const link = thread.link as LaneLink;
    const byItself = thread.stoppedFor === undefined && end?.onAccountOfAnother !== true && !this.stopping;
    if (byItself) this.lost++;
    let awaited = this.pool.queue.peek() !== undefined;
    for (const [slot, attempt] of thread.attempts()) {
      this.out--;
      const fate = link.fate(slot);
      if (fate === "unclaimed") awaited = true;
      else this.worked(thread);
      const bystander = this.stopping || end?.onAccountOfAnother === true || this.isBystander(thread, attempt);
      if (fate === "unclaimed") dispatcher.tell(attempt, { type: "attempt.unclaimed" });
      else dispatcher.tell(attempt, { type: "attempt.lost", loss: { end, fate, bystander } satisfies Loss });
    }
    lane.reset();
    if (this.stopping) this.checkGone();
    else if (!started || (byItself && awaited && !thread.worked)) this.startFailed(end, started);
    this.pool.offer();
  }

  /** The thread does not end: what it has not claimed is taken back, what it runs settles as held. */
  private haunt(thread: Thread): void {
    const { dispatcher } = this.pool;
    this.zombies.add(thread);
    for (const [slot, attempt] of thread.attempts()) {
      this.out--;
      thread.link?.revoke(slot, (revoked) => {
        if (revoked) dispatcher.tell(attempt, { type: "attempt.unclaimed" });
        else this.possess(thread, slot, attempt);
      });
    }
    thread.lane.reset();
    dispatcher.tell(this.pool.cell, { type: "workers.missing" });
    if (this.stopping) this.checkGone();
    this.pool.offer();
  }

  /** What a zombie had claimed: its code has ended (and the answer is not waited for), or holds it until the zombie ends. */
  private possess(thread: Thread, slot: number, attempt: Attempt): void {
    const { dispatcher } = this.pool;
    const fate = thread.link?.fate(slot) ?? "started";
    const loss: Loss = { end: thread.context.end, fate, bystander: this.isBystander(thread, attempt) };
    if (fate === "ended" || thread.is("final")) {
      dispatcher.tell(attempt, { type: "attempt.lost", loss });
      return;
    }
    thread.held.push(attempt);
    dispatcher.tell(attempt, { type: "attempt.haunted", loss });
  }

  /** Its worker was stopped for another reason than this attempt. */
  private isBystander(thread: Thread, attempt: Attempt): boolean {
    return thread.stoppedFor === undefined ? this.stopping : thread.stoppedFor !== attempt;
  }

  private bury(thread: Thread): void {
    this.zombies.delete(thread);
    for (const attempt of thread.held) {
      attempt.freed = true;
      // One that has not told yet how it ended will tell that it is not held.
      if (attempt.is("final")) this.pool.listener.released(attempt.work, attempt.number);
    }
    if (this.zombies.size === 0) this.pool.dispatcher.tell(this.pool.cell, { type: "workers.complete" });
    if (this.stopping) this.checkGone();
  }

  /** It has claimed work: threads do start here. */
  worked(thread: Thread): void {
    thread.worked = true;
    this.failedStarts = 0;
  }

  private startFailed(end: ThreadEnd | undefined, wasReady: boolean): void {
    const { dispatcher, cell, label } = this.pool;
    if (++this.failedStarts < startsAllowed) {
      dispatcher.tell(cell, { type: "workers.missing" });
      return;
    }
    const error = new BadStateException("CW-EXEC-002", `the workers of "${label}" end before they ${wasReady ? "have begun any work" : "are ready"}: ${describeEnd(end)}`, { where: { executor: label }, evidence: { attempts: this.failedStarts, exitCode: end?.code }, cause: end?.error, hint: "Check resourceLimits, execArgv and NODE_OPTIONS." });
    dispatcher.tell(cell, { type: "executor.failed", error });
  }

  private checkGone(): void {
    if (this.pool.load > 0 || !this.lanes.every((lane) => lane.thread === undefined && lane.shell === undefined)) return;
    this.pool.gone();
  }
}
