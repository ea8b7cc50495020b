import { Dispatcher } from "#internal/actors/dispatcher";
import type { ControlCodec } from "#internal/actors/links/control";
import { promisesTurn, simulatedPorts } from "#internal/actors/simulated-ports";
import type { Answer, RunnableApp, Work, WorkFailure, WorkListener } from "#internal/executors/executor";
import { decode, encode } from "#internal/serialization/index";
import { describeViolation, InvariantChecker, type Act, type Entry } from "#internal/testing/index";
import { commandOf, scriptedResult } from "#internal/testing/script";
import { SimulatedCluster, type ClusterOptions } from "#internal/testing/simulated-cluster";
import type { SimulatedManager } from "#internal/testing/simulated-manager";

const mostEvents = 400_000;

export type Fault =
  | { readonly do: "cut"; readonly which: number; readonly ms: number }
  | { readonly do: "freeze"; readonly which: number; readonly ms: number }
  | { readonly do: "crash"; readonly which: number; readonly ms: number }
  | { readonly do: "drain"; readonly which: number; readonly ms: number }
  | { readonly do: "partition"; readonly which: number; readonly towards: "head" | "manager" | "both"; readonly ms: number }
  | { readonly do: "crash-interchange" }
  | { readonly do: "stall-interchange"; readonly ms: number }
  | { readonly do: "busy-head"; readonly ms: number }
  | { readonly do: "kill-worker"; readonly which: number; readonly lane: number };

export interface Planned {
  readonly at: number;
  readonly act: Act;
  readonly shell: boolean;
  readonly priority: number | undefined;
  readonly walltime: number;
  /** So many milliseconds after that it is cancelled. */
  readonly cancel: number | undefined;
}

export interface Weather {
  readonly seed: number;
  readonly cluster: Partial<ClusterOptions>;
  readonly tasks: readonly Planned[];
  readonly faults: readonly (Fault & { readonly at: number })[];
}

/** What the world of a task knows of it. */
class Task implements Work {
  place: unknown;
  attempt = 0;
  outcomes: string[] = [];
  value: unknown;
  isHeld = false;
  waitsForRelease = false;
  cancelAsked = false;
  cancelDone = 0;
  losses: string[] = [];

  constructor(
    readonly taskId: number,
    readonly app: RunnableApp,
    readonly planned: Planned,
  ) {}

  get priority(): number | undefined {
    return this.planned.priority;
  }

  get walltime(): number {
    return this.planned.walltime;
  }

  get script() {
    return { key: `k${this.taskId}`, acts: [this.planned.act] };
  }

  get isOver(): boolean {
    return this.outcomes.length > 0;
  }

  argumentsFor = () => [encode(this.script, "a script")];
  shellFor = () => (this.planned.shell ? { command: commandOf(this.script, []), strict: true, capture: true } : undefined);
  settingFor = () => undefined;
}

/** Tasks at a simulated cluster while all goes wrong that can, with a kernel that only retries what was lost. What must never happen is looked for at every step. */
export class ClusterWorld {
  readonly sim;
  readonly cluster: SimulatedCluster;
  readonly tasks: Task[] = [];
  readonly wrongs: string[] = [];
  /** An interchange that stands still holds nobody for lost meanwhile. */
  readonly checker = new InvariantChecker({ grace: 30_000, slack: 500 });
  readonly trace: Entry[] = [];
  private readonly app: RunnableApp = { key: 1, name: "scripted", code: { kind: "module", url: "", name: "" }, expected: -1 };
  private readonly running = new Map<number, Map<string, number>>();
  private readonly begun = new Set<string>();

  constructor(
    readonly weather: Weather,
    codec: ControlCodec,
  ) {
    const { seed, cluster } = weather;
    this.sim = simulatedPorts(seed);
    const dispatcher = new Dispatcher(this.sim);
    const take = (entry: Entry): void => {
      this.trace.push(entry);
      this.checker.feed(entry);
    };
    dispatcher.transitions$.subscribe(take);
    this.cluster = new SimulatedCluster(cluster, {
      ports: this.sim, codec, dispatcher, listener: this.listener(), label: "far", seed,
      probe: (probe) => {
        this.trace.push(probe);
        if (probe.probe === "manager.lost") this.lost(probe.manager);
        else if (probe.probe === "code.started") this.started(probe.task, probe.attempt, probe.worker);
        else if (probe.probe === "code.ended") this.running.get(probe.task)?.delete(probe.worker);
      },
    });
  }

  async run(): Promise<void> {
    const { sim, weather, cluster } = this;
    const starting = cluster.start();
    for (const planned of weather.tasks) sim.clock.after(planned.at, () => this.submit(planned));
    for (const fault of weather.faults) sim.clock.after(fault.at, () => this.disturb(fault));
    await this.pass(1);
    await starting;
    const last = Math.max(0, ...weather.tasks.map(({ at }) => at), ...weather.faults.map(({ at }) => at + 10));
    await this.pass(last);
    cluster.heal();
    await this.pass(60_000);
    this.check();
    const open = this.tasks.filter(({ isOver }) => !isOver);
    if (open.length > 0) throw this.fault(`${open.length} of ${this.tasks.length} tasks have not ended a minute after the last fault: ${JSON.stringify(open.map(({ taskId, attempt, place }) => [taskId, attempt, (place as { state?: { name: string } } | undefined)?.state?.name]))}; ${JSON.stringify(cluster.interchange?.status())}; ${JSON.stringify(cluster.interchange?.tree())}`);
    const stopped = cluster.frontEnd.stop(undefined);
    await this.pass(30_000);
    await stopped;
    this.check();
    const status = cluster.frontEnd.status();
    if (status.out !== 0 || status.queued !== 0 || status.zombies !== 0) throw this.fault(`all is over, and the front end says ${JSON.stringify(status)}`);
  }

  /** As `settleFor`, with an end to it where time does not pass. */
  private async pass(ms: number): Promise<void> {
    const { sim } = this;
    let over = false;
    sim.clock.after(ms, () => (over = true));
    for (let events = 0; !over; events++) {
      sim.step();
      if (events > mostEvents) throw this.fault(`it does not come to rest: ${JSON.stringify(this.trace.slice(-6))}`);
      await promisesTurn();
    }
  }

  check(): void {
    const wrongs = [...this.wrongs, ...this.cluster.wrongs];
    if (wrongs.length > 0) throw this.fault(wrongs.join("; "));
    const { violation } = this.checker;
    if (violation !== undefined) throw this.fault(describeViolation(violation));
    for (const link of this.cluster.links) if (link.destroyed !== undefined) throw this.fault(`a link was destroyed: ${link.destroyed}`);
  }

  private fault(what: string): Error {
    return new Error(`seed ${this.weather.seed}: ${what}`);
  }

  private submit(planned: Planned): void {
    const task = new Task(this.tasks.length + 1, this.app, planned);
    this.tasks.push(task);
    this.dispatch(task);
    if (planned.cancel !== undefined) this.sim.clock.after(planned.cancel, () => this.cancel(task));
  }

  private dispatch(task: Task): void {
    if (task.cancelAsked) {
      task.outcomes.push("revoked");
      return;
    }
    this.cluster.frontEnd.submit(task, ++task.attempt);
  }

  private cancel(task: Task): void {
    if (task.isOver || task.waitsForRelease) return;
    task.cancelAsked = true;
    this.cluster.frontEnd.cancel(task, task.attempt, "cancelled", () => task.cancelDone++);
  }

  private listener(): WorkListener {
    const of = (work: Pick<Work, "taskId">): Task => this.tasks[work.taskId - 1] as Task;
    const end = (task: Task, attempt: number, what: string): void => {
      if (attempt !== task.attempt || task.isOver) this.wrongs.push(`task ${task.taskId} is at attempt ${task.attempt}${task.isOver ? ` and over (${task.outcomes.join()})` : ""}, and attempt ${attempt} ended: ${what}`);
      task.outcomes.push(what);
    };
    return {
      sent: () => undefined,
      started: () => undefined,
      requeued: () => undefined,
      news: () => undefined,
      answered: (work, attempt, answer) => {
        const task = of(work);
        end(task, attempt, "answered");
        this.compare(task, answer);
      },
      revoked: (work, attempt) => {
        end(of(work), attempt, "revoked");
        if (!of(work).cancelAsked) this.wrongs.push(`task ${work.taskId} was revoked, and nobody had asked for that`);
      },
      failed: (work, attempt, failure) => this.failed(of(work), attempt, failure, end),
      released: (work, attempt) => {
        const task = of(work);
        if (attempt !== task.attempt || !task.isHeld) this.wrongs.push(`task ${task.taskId} was released without being held`);
        task.isHeld = false;
        if (task.waitsForRelease) {
          task.waitsForRelease = false;
          this.dispatch(task);
        }
      },
    };
  }

  private failed(task: Task, attempt: number, { error, charge, held }: WorkFailure, end: (task: Task, attempt: number, what: string) => void): void {
    task.isHeld = held;
    if (attempt !== task.attempt || task.isOver) this.wrongs.push(`task ${task.taskId} is at attempt ${task.attempt}, and attempt ${attempt} failed: ${error.message}`);
    if (charge === "app") {
      end(task, attempt, error.name);
      return;
    }
    task.losses.push(`${charge}: ${error.message}`);
    this.blame(task, attempt, error, charge);
    if (held) task.waitsForRelease = true;
    else this.dispatch(task);
  }

  /** Blame is for what could have been running; and nothing of a drained block is lost. */
  private blame(task: Task, attempt: number, error: Error, charge: string): void {
    const { evidence = {}, code } = error as { evidence?: Record<string, unknown>; code?: string };
    if (code === "CW-INT-001") this.wrongs.push(`task ${task.taskId}: ${error.message}`);
    const manager = evidence["manager"] as string | undefined;
    if (manager === undefined) return;
    if (this.cluster.drained.has(manager) && ["silent", "disconnected", "replaced"].includes(String(evidence["loss"]))) this.wrongs.push(`task ${task.taskId} was lost with ${manager}, whose block had been drained`);
    const began = this.begun.has(`${task.taskId}#${attempt}`);
    if (charge === "lost" && !began && evidence["mayHaveRun"] !== true && attempt <= 10) this.wrongs.push(`task ${task.taskId} was charged for the loss of ${manager}, where it cannot have begun`);
    if (began && charge === "none" && evidence["mayHaveRun"] === true) this.wrongs.push(`task ${task.taskId} may have run at ${manager}, and was not charged`);
  }

  private compare(task: Task, answer: Answer): void {
    const { act, shell } = task.planned;
    const wanted = scriptedResult(task.script.key, []);
    const value = "shell" in answer ? (answer.shell.code === 0 ? JSON.parse(answer.shell.stdout ?? "null") : undefined) : answer.ok ? decode(answer.value) : undefined;
    const fine = act.do === "return" || act.do === "native" || (act.do === "cooperate" && value !== undefined) ? JSON.stringify(value) === JSON.stringify(wanted) : value === undefined;
    if (!fine && !shell) this.wrongs.push(`task ${task.taskId} (${act.do}) gave ${JSON.stringify(value)}`);
  }

  // What is seen of user code

  private managerOf(worker: string): SimulatedManager | undefined {
    const uid = worker.startsWith("command ") ? worker.slice(8).split(".").slice(0, -2).join(".") : worker.slice(0, worker.indexOf("/"));
    return this.cluster.managers.find((manager) => manager.uid === uid);
  }

  private started(id: number, attempt: number, worker: string): void {
    const token = `${id}#${attempt}`;
    const task = this.tasks[id - 1] as Task;
    const manager = this.managerOf(worker);
    const where = manager?.uid ?? worker;
    if (this.begun.has(token)) this.wrongs.push(`attempt ${attempt} of task ${id} began a second time, on ${worker}`);
    this.begun.add(token);
    if (task.isOver && attempt === task.attempt && !this.cluster.lost.has(where) && task.cancelDone > 0) this.wrongs.push(`task ${id} began on ${worker} after its cancellation was confirmed`);
    const running = this.running.get(id) ?? new Map<string, number>();
    this.running.set(id, running);
    for (const [other, number] of running) this.wrongs.push(`attempt ${attempt} of task ${id} began on ${worker} while attempt ${number} ran on ${other}`);
    running.set(worker, attempt);
    // A process that stood still does not know better in its first moments.
    const { leaseMs } = this.cluster.options;
    if (this.cluster.lost.has(where) && manager !== undefined && this.sim.clock.now() - manager.ports.resumedAt > leaseMs / 10) this.wrongs.push(`attempt ${attempt} of task ${id} began on ${worker}, whose manager had been held for lost`);
    const end = manager?.endsAt;
    if (task.walltime > 0 && end !== undefined && this.sim.clock.now() + task.walltime > end + 50) this.wrongs.push(`task ${id} with a walltime of ${task.walltime} ms began on ${worker} ${end - this.sim.clock.now()} ms before the end of its block`);
  }

  private lost(manager: string): void {
    this.cluster.lost.add(manager);
    for (const workers of this.running.values()) for (const worker of workers.keys()) if (this.managerOf(worker)?.uid === manager) workers.delete(worker);
  }

  // What goes wrong

  private disturb(fault: Fault): void {
    const { cluster } = this;
    if (fault.do === "crash-interchange") cluster.crashInterchange();
    else if (fault.do === "stall-interchange") this.pause(cluster.interchangePorts, fault.ms);
    else if (fault.do === "busy-head") this.pause(cluster.headPorts, fault.ms);
    else {
      const { alive } = cluster;
      const manager = alive[fault.which % alive.length];
      if (manager !== undefined) this.harm(manager, fault);
    }
  }

  private harm(manager: SimulatedManager, fault: Extract<Fault, { which: number }>): void {
    switch (fault.do) {
      case "kill-worker": manager.host.killWorker(fault.lane); return;
      case "cut": manager.cutLink(); return;
      case "crash": manager.crash(); return;
      case "drain": this.cluster.drain(manager.block); return;
      case "freeze": this.pause(manager.ports, fault.ms); return;
      case "partition":
        manager.partition(fault.towards);
        this.sim.clock.after(fault.ms, () => manager.heal());
    }
  }

  private pause(ports: { pause(): void; resume(): void }, ms: number): void {
    ports.pause();
    this.sim.clock.after(ms, () => ports.resume());
  }
}
