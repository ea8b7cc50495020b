import type { Ports, Random, Timer } from "../actors/ports.js";
import { decode, encode, encodeThrown, type Encoded } from "../serialization/index.js";
import { DeserializationError } from "../errors/index.js";
import type { Claims } from "../executors/thread-pool/claims.js";
import { taskStride, verdict, type AnswerFrame, type HeadMessage, type TaskFrame, type WorkerMessage } from "../executors/thread-pool/frames.js";
import type { ThreadEnd } from "../state-machines/thread.js";
import { within, type HostConduct } from "./faults.js";
import type { ProbeSink } from "./probes.js";
import { actOf, scriptedError, scriptedResult, type Act, type Script } from "./script.js";

interface Queued {
  readonly slot: number;
  readonly task: number;
  readonly attempt: number;
  readonly app: number;
  readonly args: readonly Encoded[];
}

/** What a simulated worker lives in. */
export interface WorkerSurroundings {
  readonly ports: Ports;
  readonly random: Random;
  readonly conduct: HostConduct;
  readonly claims: Claims;
  readonly name: string;
  readonly probe: ProbeSink;
  post(message: AnswerFrame | WorkerMessage): void;
  exited(end: ThreadEnd): void;
}

const silent: ThreadEnd = { code: 1 };

/** A worker thread as data: it claims, runs one scripted task at a time, answers in frames, and dies in every way a thread can. */
export class SimulatedWorker {
  private readonly inbox: Queued[] = [];
  private readonly apps = new Set<number>();
  private readonly timers = new Set<Timer>();
  private current: { readonly task: Queued; readonly act: Act; readonly startedAt: number } | undefined;
  private out: AnswerFrame = [];
  private ready = false;
  private ended = false;
  /** Told to end inside a native call: ends when that returns. */
  private doomed: ThreadEnd | undefined;

  constructor(private readonly around: WorkerSurroundings) {
    const { conduct, random } = around;
    this.after(within(conduct.start, random), () => {
      if (random.next() < conduct.failStart) return this.exit({ code: 1, error: new Error("it could not start") });
      this.ready = true;
      around.post({ t: "ready", thread: 1 });
      if (random.next() < conduct.death) this.after(random.next() * conduct.deathWithin, () => this.terminate({ code: 1, error: new Error("it died by itself") }));
      this.drain();
    });
  }

  private get isBusy(): boolean {
    return this.current !== undefined || this.ended;
  }

  receive(message: TaskFrame | HeadMessage): void {
    if (this.ended) return;
    if (!Array.isArray(message)) return this.obey(message);
    for (let i = 0; i < message.length; i += taskStride) {
      this.inbox.push({ slot: message[i] as number, task: message[i + 1] as number, attempt: message[i + 2] as number, app: message[i + 3] as number, args: message[i + 4] as readonly Encoded[] });
    }
    if (this.ready) this.drain();
  }

  kill(): void {
    if (this.ended) return;
    this.after(within(this.around.conduct.kill, this.around.random), () => this.terminate(silent));
  }

  /** Ends at once, unless a native call runs. */
  terminate(end: ThreadEnd): void {
    if (this.ended || this.doomed !== undefined) return;
    if (this.current?.act.do === "native") this.doomed = end;
    else this.exit(end);
  }

  /** Ends at once, also inside a native call: its process has died. */
  perish(end: ThreadEnd): void {
    if (!this.ended) this.exit(end);
  }

  private after(ms: number, run: () => void): void {
    const timer = this.around.ports.clock.after(ms, () => {
      this.timers.delete(timer);
      run();
    });
    this.timers.add(timer);
  }

  private obey(message: HeadMessage): void {
    if (message.t === "define") {
      this.apps.add(message.app);
      return;
    }
    const { current } = this;
    if (current?.act.do !== "cooperate" || current.task.task !== message.task || current.task.attempt !== message.attempt || current.act.yields < 0) return;
    this.after(current.act.yields, () => {
      if (this.current !== current) return;
      this.fail(current.task, scriptedError("it was asked to stop", current.task.task, current.task.attempt));
      this.drain();
    });
  }

  /** Runs what is queued until something takes time. */
  private drain(): void {
    if (this.isBusy) return;
    const { ports, claims, probe, name } = this.around;
    for (let task = this.inbox.shift(); task !== undefined; task = this.inbox.shift()) {
      const now = ports.clock.now();
      if (!claims.start(task.slot, now)) {
        this.push(task, verdict.skipped, undefined, 0);
        continue;
      }
      const act = this.actFor(task);
      this.current = { task, act, startedAt: now };
      probe({ probe: "code.started", task: task.task, attempt: task.attempt, worker: name, at: now });
      if (act.do === "cooperate") claims.cooperate();
      if (act.do === "hang") return;
      const { current } = this;
      if (act.ms === 0) this.finish(act);
      else this.after(act.ms, () => current === this.current && (this.finish(act), this.drain()));
      if (this.isBusy) return;
    }
    this.flush();
  }

  private actFor(task: Queued): Act {
    if (!this.apps.has(task.app)) throw new DeserializationError("CW-DATA-002", `worker ${this.around.name} was never told of app ${task.app}`);
    return actOf(decode(task.args[0]) as Script, task.attempt);
  }

  /** The act's time is over. */
  private finish(act: Act): void {
    const { task } = this.current as { task: Queued };
    if (act.do === "throw") this.fail(task, scriptedError(act.message, task.task, task.attempt));
    else if (act.do === "exit") this.exit({ code: act.code });
    else if (act.do === "die") this.exit({ code: 1, error: new Error("it died under its task") });
    else if (act.do === "exhaust") this.exit({ code: 1, error: Object.assign(new Error("out of memory"), { code: "ERR_WORKER_OUT_OF_MEMORY" }) });
    else this.succeed(task);
  }

  private succeed(task: Queued): void {
    const [script, ...inputs] = task.args.map(decode) as [Script, ...unknown[]];
    this.end(task, verdict.value, encode(scriptedResult(script.key, inputs), "a result"));
  }

  private fail(task: Queued, error: Error): void {
    const { probe, ports } = this.around;
    probe({ probe: "code.threw", task: task.task, attempt: task.attempt, error, at: ports.clock.now() });
    this.end(task, verdict.thrown, encodeThrown(error, "an error"));
  }

  private end(task: Queued, how: number, payload: Encoded): void {
    const { claims, ports } = this.around;
    const ms = ports.clock.now() - (this.current?.startedAt ?? 0);
    this.tellEnded();
    this.current = undefined;
    if (this.doomed !== undefined) {
      // The call returned, and the thread ends before its next line.
      this.exit(this.doomed);
      return;
    }
    claims.end(task.slot);
    this.push(task, how, payload, ms);
    this.after(within(this.around.conduct.flush, this.around.random), () => this.flush());
  }

  private tellEnded(): void {
    const { current } = this;
    const { ports, probe, name } = this.around;
    if (current !== undefined) probe({ probe: "code.ended", task: current.task.task, attempt: current.task.attempt, worker: name, at: ports.clock.now() });
  }

  private push(task: Queued, how: number, payload: Encoded, ms: number): void {
    this.out.push(task.slot, task.task, task.attempt, how, payload, ms);
  }

  private flush(): void {
    // A synchronous call holds up what is to be sent, too.
    if (this.ended || this.out.length === 0 || this.current?.act.do === "native") return;
    const { out } = this;
    this.out = [];
    this.around.post(out);
  }

  /** Nothing of it runs from here on; what it has posted still arrives. */
  private exit(end: ThreadEnd): void {
    this.tellEnded();
    this.current = undefined;
    this.ended = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    this.around.exited(end);
  }
}
