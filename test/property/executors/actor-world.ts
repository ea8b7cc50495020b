import { Dispatcher } from "#internal/actors/dispatcher";
import type { ControlCodec } from "#internal/actors/links/control";
import type { Ports } from "#internal/actors/ports";
import { promisesTurn, simulatedPorts } from "#internal/actors/simulated-ports";
import type { Block, WorkListener } from "#internal/executors/executor";
import { createActorSystem } from "#internal/supervisors/system";
import type { ActorRef, EndReason, RestartKind, Self } from "#internal/supervisors/types";
import { describeViolation, InvariantChecker } from "#internal/testing/index";
import type { PausablePorts } from "#internal/testing/pausable-ports";
import { SimulatedCluster, type ClusterOptions } from "#internal/testing/simulated-cluster";
import type { Fault } from "./cluster-world.js";

export interface ActorWeather {
  readonly seed: number;
  readonly cluster: Partial<ClusterOptions>;
  readonly actors: number;
  readonly restart: RestartKind;
  /** When each message is told, or asked. */
  readonly messages: readonly { readonly at: number; readonly to: number; readonly asks: boolean; readonly fails: boolean }[];
  readonly faults: readonly (Fault & { readonly at: number })[];
}

interface Handled {
  readonly n: number;
  readonly at: number;
  /** Which of all actors that ever began. */
  readonly life: number;
}

/** What one actor lives through, seen from both sides. */
class Subject {
  readonly told: number[] = [];
  readonly handled: Handled[] = [];
  readonly letters = new Set<number>();
  readonly announced: number[] = [];
  readonly answers = new Map<number, unknown>();
  readonly lives: { readonly from: number; to: number; readonly incarnation: number }[] = [];
  readonly notices: { readonly incarnation: number; readonly reason: EndReason }[] = [];
  ref: ActorRef | undefined;

  constructor(readonly id: string) {}
}

interface Message {
  readonly n: number;
  readonly fails: boolean;
}

const mostEvents = 400_000;
const module = new URL("file:///counter.mjs");
const thawMs = 20;
const nobody = (): void => undefined;
const listener: WorkListener = { sent: nobody, started: nobody, requeued: nobody, answered: nobody, failed: nobody, revoked: nobody, released: nobody, news: nobody };

/** Actors on the nodes of a simulated cluster, while all goes wrong that can. */
export class ActorWorld {
  readonly sim;
  readonly cluster: SimulatedCluster;
  readonly subjects: Subject[];
  readonly checker = new InvariantChecker({ grace: 30_000, slack: 500 });
  private readonly system;
  private readonly byPath = new Map<string, Subject>();
  private last = 0;

  constructor(
    readonly weather: ActorWeather,
    codec: ControlCodec,
  ) {
    const { seed, cluster, actors } = weather;
    this.sim = simulatedPorts(seed);
    const dispatcher = new Dispatcher(this.sim);
    dispatcher.transitions$.subscribe((entry) => this.checker.feed(entry));
    this.system = createActorSystem({ name: "sim", dispatcher });
    this.subjects = Array.from({ length: actors }, (_, i) => new Subject(`a${i}`));
    this.cluster = new SimulatedCluster(cluster, { ports: this.sim, codec, dispatcher, listener, label: "far", seed, modules: new Map([[module.href, (thread: Ports, process: PausablePorts) => (self: Self<Message>) => this.counter(self, thread, process)]]) });
    this.system.deadLetters$.subscribe(({ to, message }) => {
      if (typeof message === "object" && message !== null && "n" in message) this.byPath.get(to)?.letters.add(message.n as number);
    });
  }

  /** What runs on the nodes: it works by itself, too. What it does in the moment in which its machine is thawed nobody can keep it from. */
  private counter(self: Self<Message>, thread: Ports, process: PausablePorts): void {
    const subject = this.byPath.get(self.ref.path) as Subject;
    const life = subject.lives.length;
    const lived = { from: this.sim.clock.now(), to: this.sim.clock.now(), incarnation: self.incarnation };
    subject.lives.push(lived);
    const work = (): void => {
      if (this.sim.clock.now() - process.resumedAt > thawMs) lived.to = this.sim.clock.now();
      thread.clock.after(20, work);
    };
    work();
    self.receive(({ n, fails }, reply) => {
      lived.to = this.sim.clock.now();
      subject.handled.push({ n, at: lived.to, life });
      self.emit(n);
      if (fails) throw new Error("planned");
      reply(n);
    });
  }

  async run(): Promise<void> {
    const { sim, weather, cluster } = this;
    const starting = cluster.start();
    let block: Block | undefined;
    void cluster.actors.block(Infinity).then((one) => (block = one));
    await this.pass(2000);
    await starting;
    if (block === undefined) throw this.fault("no block came");
    await this.populate(block);
    for (const { at, to, asks, fails } of weather.messages) sim.clock.after(at, () => this.send(this.subjects[to % this.subjects.length] as Subject, asks, fails));
    for (const fault of weather.faults) sim.clock.after(fault.at, () => this.disturb(fault));
    await this.pass(Math.max(0, ...weather.messages.map(({ at }) => at), ...weather.faults.map(({ at }) => at)) + 10);
    cluster.heal();
    await this.pass(20_000);
    this.check();
    await this.end();
  }

  private async populate(block: Block): Promise<void> {
    let top: Awaited<ReturnType<typeof this.system.supervise>> | undefined;
    void this.system.supervise({ intensity: 1000, period: 1 }, "top").then((one) => (top = one));
    await this.pass(1);
    for (const subject of this.subjects) {
      this.byPath.set(`sim/top/${subject.id}`, subject);
      void top?.start({ id: subject.id, on: block, module, restart: this.weather.restart, startTimeout: "infinity" }).then((ref) => (subject.ref = ref));
    }
    await this.pass(500);
    for (const subject of this.subjects) {
      const { ref } = subject;
      if (ref === undefined) throw this.fault(`${subject.id} did not start`);
      ref.events$.subscribe((n) => subject.announced.push(n as number));
      this.watch(subject, ref);
    }
  }

  /** One notice for each incarnation: after each, the next is watched that is there then. */
  private watch(subject: Subject, ref: ActorRef): void {
    const { incarnation } = ref;
    this.system.watch(ref, (reason) => {
      subject.notices.push({ incarnation, reason });
      const again = (): void => {
        if (ref.incarnation > incarnation) this.watch(subject, ref);
        else this.sim.clock.after(1, again);
      };
      if (this.weather.restart === "permanent") again();
    });
  }

  private send(subject: Subject, asks: boolean, fails: boolean): void {
    const n = ++this.last;
    subject.told.push(n);
    const message: Message = { n, fails };
    if (!asks) {
      subject.ref?.tell(message);
      return;
    }
    subject.answers.set(n, "open");
    const settle = (answer: unknown): void => {
      if (subject.answers.get(n) !== "open") throw this.fault(`the question ${n} was settled twice`);
      subject.answers.set(n, answer);
    };
    subject.ref?.ask(message, { timeout: "1h" }).then(settle, (error: unknown) => settle({ error }));
  }

  private async pass(ms: number): Promise<void> {
    const { sim } = this;
    let over = false;
    sim.clock.after(ms, () => (over = true));
    for (let events = 0; !over; events++) {
      sim.step();
      if (events > mostEvents) throw this.fault("it does not come to rest");
      await promisesTurn();
    }
  }

  private disturb(fault: Fault): void {
    const { cluster } = this;
    if (fault.do === "crash-interchange") cluster.crashInterchange();
    else if (fault.do === "stall-interchange") this.pause(cluster.interchangePorts, fault.ms);
    else if (fault.do === "busy-head") this.pause(cluster.headPorts, fault.ms);
    else if (fault.do !== "kill-worker") {
      const manager = cluster.alive[fault.which % cluster.alive.length];
      if (manager === undefined) return;
      if (fault.do === "cut") manager.cutLink();
      else if (fault.do === "crash") manager.crash();
      else if (fault.do === "drain") cluster.drain(manager.block);
      else if (fault.do === "freeze") this.pause(manager.ports, fault.ms);
      else {
        manager.partition(fault.towards);
        // Both sides learn that the link is gone, and cannot make another.
        if (fault.which % 2 === 1) manager.cutLink();
        this.sim.clock.after(fault.ms, () => manager.heal());
      }
    }
  }

  private pause(ports: { pause(): void; resume(): void }, ms: number): void {
    ports.pause();
    this.sim.clock.after(ms, () => ports.resume());
  }

  private check(): void {
    const { violation } = this.checker;
    if (violation !== undefined) throw this.fault(describeViolation(violation));
    if (this.cluster.wrongs.length > 0) throw this.fault(this.cluster.wrongs.join("; "));
    for (const link of this.cluster.links) if (link.destroyed !== undefined) throw this.fault(`a link was destroyed: ${link.destroyed}`);
    for (const subject of this.subjects) this.judge(subject);
  }

  private judge({ id, told, handled, letters, announced, answers, lives, notices, ref }: Subject): void {
    const wrong = (what: string): Error => this.fault(`${id}: ${what}`);
    handled.forEach(({ n }, i) => {
      const before = handled[i - 1];
      if (before !== undefined && before.n >= n) throw wrong(`${n} was handled after ${before.n}`);
    });
    const seen = new Set(handled.map(({ n }) => n));
    const missing = told.filter((n) => !seen.has(n) && !letters.has(n) && !isRefused(answers.get(n)));
    if (missing.length > 0) throw wrong(`${missing.length} messages went nowhere: ${missing.slice(0, 5).join(", ")}; ${JSON.stringify(this.cluster.actors.tree())}`);
    announced.forEach((n, i) => {
      if (i > 0 && n <= (announced[i - 1] as number)) throw wrong(`${n} was announced after ${announced[i - 1]}`);
    });
    for (const [n, answer] of answers) {
      if (answer === "open") throw wrong(`the question ${n} has no answer`);
      if (typeof answer === "number" && answer !== n) throw wrong(`the question ${n} was answered with ${answer}`);
    }
    for (const [i, { from }] of lives.entries()) {
      const before = lives[i - 1];
      if (before !== undefined && before.to > from) throw wrong(`incarnation ${before.incarnation} was at work at ${before.to}, after the next had begun at ${from}`);
    }
    const incarnations = notices.map(({ incarnation }) => incarnation);
    if (new Set(incarnations).size !== incarnations.length) throw wrong(`an incarnation has ended twice: ${incarnations.join(", ")}`);
    const ended = (ref?.incarnation ?? 0) - (ref?.alive === true ? 1 : 0);
    if (this.weather.restart === "permanent" && (ref?.alive !== true || (ended > 0 && incarnations.at(-1) !== ended))) throw wrong(`it is at incarnation ${ref?.incarnation}, alive ${ref?.alive}, and these have been told to have ended: ${incarnations.join(", ")}`);
  }

  private async end(): Promise<void> {
    let stopped = false;
    void this.system.stop().then(() => (stopped = true));
    await this.pass(8000);
    if (!stopped) throw this.fault("its system does not stop");
    const left = this.cluster.alive.flatMap(({ manager }) => manager.actors.tree());
    if (left.length > 0) throw this.fault(`actors are left at managers: ${JSON.stringify(left)}`);
    if (this.cluster.actors.load > 0) throw this.fault(`actors are left: ${JSON.stringify(this.cluster.actors.tree())}`);
    const over = this.cluster.frontEnd.stop(undefined);
    await this.pass(2000);
    await over;
  }

  private fault(what: string): Error {
    return new Error(`seed ${this.weather.seed}: ${what}`);
  }
}

const isRefused = (answer: unknown): boolean => typeof answer === "object" && answer !== null && "error" in answer;
