import { describe, expect, it } from "vitest";
import { channels, routes, type Channel } from "#internal/actors/channels";
import { compile, type Typed } from "#internal/actors/compile";
import { Dispatcher } from "#internal/actors/dispatcher";
import { controlCodec } from "#internal/actors/links/control";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import { LeaseKeeper } from "#internal/executors/high-throughput/manager/lease-keeper";
import { charts } from "#internal/state-machines/index";
import { simulate } from "#internal/supervisors/simulation";
import type { ToConsumer } from "#internal/state-machines/work-pulling";
import { consumeWork } from "#internal/supervisors/work-pulling/consumer";
import type { ActorRef, Self } from "#internal/supervisors/types";
import { plain, runWorkload, type Workload } from "#internal/testing/index";
import { PausablePorts } from "#internal/testing/pausable-ports";
import { SimulatedCluster } from "#internal/testing/simulated-cluster";
import { Desk } from "../executors/high-throughput/desk.js";
import { Farm } from "../executors/blocks/farm.js";
import { Yard } from "../supervisors/work-pulling/yard.js";

const table = routes as Readonly<Record<string, Readonly<Record<string, keyof typeof channels>>>>;
const outsiders = ["program", "actor", "host", "disk", "clock", "peer"];

/** Hears every message of a dispatcher, and what of it no channel declares. */
class Listener {
  readonly undeclared = new Set<string>();
  readonly heard = new Set<string>();
  /** Channels with a part that sent by them; `outside` is whoever is no chart. */
  static readonly senders = new Set<string>();
  private readonly kinds = new Map<number, string>();

  constructor(dispatcher: Dispatcher) {
    for (const lane of ["tell", "tellControl"] as const) {
      const original = dispatcher[lane].bind(dispatcher) as (cell: unknown, message: Typed) => void;
      Object.assign(dispatcher, {
        [lane]: (cell: { readonly kind: { readonly name: string } }, message: Typed) => {
          this.lane(cell.kind.name, message.type, lane === "tell" ? "work" : "control");
          original(cell, message);
        },
      });
    }
    dispatcher.transitions$.subscribe(({ seq, cause, kind, message }) => {
      this.kinds.set(seq, kind);
      if (message.type !== "xstate.init") this.sender(kind, message.type, this.kinds.get(cause));
    });
  }

  private lane(to: string, type: string, lane: "work" | "control"): void {
    const channel = this.channel(to, type);
    if (channel !== undefined && channel.lane !== "both" && channel.lane !== lane) this.undeclared.add(`${type} to ${to} goes by the ${lane} lane`);
  }

  private sender(to: string, type: string, from: string | undefined): void {
    const channel = this.channel(to, type);
    if (channel === undefined) return;
    this.heard.add(`${to}: ${type}`);
    const parts = channel.from as readonly string[];
    Listener.senders.add(`${String(table[to]?.[type])}: ${from ?? "outside"}`);
    if (from === undefined ? !parts.some((part) => outsiders.includes(part)) : from in table && !parts.includes(from)) this.undeclared.add(`${type} to ${to} comes from ${from ?? "outside"}`);
  }

  private channel(to: string, type: string): Channel | undefined {
    const name = table[to]?.[type];
    // What breaks a cell on purpose is no message of caraway.
    if (name === undefined && to in table && !type.startsWith("planted.")) this.undeclared.add(`${type} to ${to} has no channel`);
    return name === undefined ? undefined : channels[name];
  }
}

const workload: Workload = {
  tasks: [
    { ...plain, name: "a", key: "a", acts: [{ do: "throw", ms: 1.5, message: "a!" }, { do: "return", ms: 2 }], retries: 2, backoff: 3 },
    { ...plain, name: "b", key: "b", needs: ["a"], acts: [{ do: "native", ms: 70 }, { do: "return", ms: 1 }], walltime: 10, retries: 1 },
    { ...plain, name: "c", key: "c", kind: "command", acts: [{ do: "return", ms: 20 }] },
    { ...plain, name: "d", key: "d", kind: "join", needs: ["c"], inner: [{ ...plain, name: "d.0", key: "d.0" }, { ...plain, name: "d.1", key: "d.1", acts: [{ do: "exit", ms: 1, code: 2 }], retries: 1 }] },
    { ...plain, name: "f", key: "f", acts: [{ do: "throw", ms: 1, message: "f!" }] },
    { ...plain, name: "g", key: "g", needs: ["f"] },
    ...Array.from({ length: 12 }, (_, i) => ({ ...plain, name: `e${i}`, key: `e${i % 4}`, cache: i % 2 === 0, acts: [{ do: "return" as const, ms: 0.5 }] })),
  ],
  executors: [{ label: "left", maxThreads: 2, minThreads: 1, conduct: { death: 0.5, deathWithin: 60, way: [0, 2], duplicate: 0.3 } }, { label: "right", maxThreads: 1, minThreads: 0, conduct: {} }],
  disturbances: [{ at: 3, do: "cancel", task: "e3", twice: false }, { at: 12, do: "cancel", task: "e7", twice: true }, { at: 30, do: "kill", executor: "left", lane: 0 }],
  busy: { likely: 0.3, pause: [0, 2] },
};

/** The same with what goes wrong with whole executors, and a close in the middle. */
const rough = (seed: number): Workload => ({
  ...workload,
  tasks: [...workload.tasks, ...Array.from({ length: 10 }, (_, i) => ({ ...plain, name: `h${i}`, key: `h${i}`, at: i * 5, acts: [{ do: "return" as const, ms: 8 }], needs: i > 6 ? ["c"] : [] })), { ...plain, name: "j", key: "j", kind: "join", at: 20, inner: [{ ...plain, name: "j.0", key: "j.0", acts: [{ do: "return", ms: 90 }] }] }],
  disturbances: [
    { at: 2, do: "cancel", task: "b", twice: false },
    { at: 9 + seed, do: "break", executor: "left" },
    { at: 21, do: "kill-process", executor: "left" },
    { at: 26, do: "cancel", task: "j", twice: false },
    { at: 33, do: "remove", executor: "right" },
    ...(seed % 2 === 0 ? [{ at: 45, do: "close", mode: "cancel", timeout: 40 } as const] : []),
  ],
});

describe("the declared channels", () => {
  it("carry each message of each chart, and nothing that no chart takes", () => {
    expect(Object.keys(table).sort()).toEqual(Object.keys(charts).sort());
    for (const [name, machine] of Object.entries(charts)) {
      const taken = new Set([...compile<object, Typed, Typed, unknown>(machine).states.values()].flatMap(({ plans }) => [...plans.keys()]));
      expect(Object.keys(table[name] ?? {}).sort(), name).toEqual([...taken].sort());
    }
  });

  it("lead to the chart whose messages they carry, and none is empty", () => {
    const used = new Set<string>();
    for (const [chart, byType] of Object.entries(table)) {
      for (const name of Object.values(byType)) {
        expect(channels[name].to, name).toBe(chart);
        used.add(name);
      }
    }
    expect([...used].sort()).toEqual(Object.keys(channels).sort());
  });

  it("are those of a simulated kernel whose workers die: no message comes from elsewhere or by another lane", { timeout: 60_000 }, async () => {
    const heard = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      let listener: Listener | undefined;
      await runWorkload(seed % 2 === 0 ? workload : rough((seed + 1) / 2), seed, { prepare: ({ kernel }) => (listener = new Listener(kernel.dispatcher)) });
      expect([...(listener?.undeclared ?? ["(no listener)"])], `seed ${seed}`).toEqual([]);
      for (const one of listener?.heard ?? []) heard.add(one);
    }
    expect(heard.size).toBeGreaterThan(30);
  });

  it("are those of supervisors whose children break, back off, hang and are administered", async () => {
    const sim = simulate(5);
    const listener = new Listener(sim.system.dispatcher);
    const child = { run: (self: Self<string>) => self.receive((text) => { if (text === "die") throw new Error("broken"); }) };
    const top = await sim.until(sim.system.supervise({ intensity: 50, strategy: "rest_for_one", children: [{ id: "a", ...child, backoff: { min: 10, max: 50 } }, { id: "b", ...child, shutdown: 20 }, { id: "s", supervisor: { children: [{ id: "c", ...child }] } }] }, "top"));
    let starts = 0;
    await sim.until(top.start({ id: "stubborn", run: (self: Self<string>) => { if (++starts === 2) throw new Error("not yet"); self.receive(() => { throw new Error("broken"); }); } }));
    for (const id of ["a", "b", "stubborn"]) (sim.system.lookup(`simulation/top/${id}`) as ActorRef).tell("die");
    await sim.settle();
    await sim.until(top.start({ id: "late", run: () => new Promise(() => undefined), startTimeout: 30, restart: "temporary" }).catch(() => undefined));
    await sim.until(top.start({ id: "none", run: () => "ignore" }));
    for (const call of [() => top.stop("b"), () => top.restart("b"), () => top.stop("b"), () => top.delete("b")]) await sim.until<unknown>(call());
    sim.chaos({ within: "1s", crashes: 3, actors: () => top.children().map(({ ref }) => ref).filter((ref) => typeof ref === "object") });
    await sim.settle();
    await sim.until(sim.system.stop());
    expect([...listener.undeclared]).toEqual([]);
    expect(listener.heard.size).toBeGreaterThan(15);
  });

  it("are those of work pulling over a bad link", async () => {
    const yard = new Yard(4, { patience: 2 });
    const listener = new Listener(yard.system.dispatcher);
    const dying = yard.hire({ faults: { loss: 0.3 }, credit: 2, takes: () => 30 });
    yard.hire({ faults: { loss: 0.3, duplication: 0.3, reordering: 0.3 }, credit: 3, takes: () => 5 });
    yard.ports.clock.after(100, () => dying.die());
    const top = yard.system.supervise({ children: [{ id: "actor", run: (self: Self<ToConsumer>) => void consumeWork(self, (job) => Number(job) * 2, { credit: 1 }) }] }, "top");
    await yard.ports.settleFor(0);
    yard.producer.attach((await top).children()[0]?.ref as ActorRef);
    const offers = Array.from({ length: 20 }, (_, n) => yard.producer.offer(n));
    await yard.answers(offers);
    const closed = yard.producer.close();
    await yard.ports.settle();
    await closed;
    expect([...listener.undeclared]).toEqual([]);
    expect(listener.heard.size).toBeGreaterThanOrEqual(11);
  });

  it("are those of blocks of a scheduler that loses, refuses and ends jobs", async () => {
    const listeners: Listener[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      const farm = new Farm({ seed, options: { maxBlocks: 3, minBlocks: 0, strategy: "auto-scale", maxIdleTime: 2000 }, conduct: { refuse: 0.1, loseReply: 0.2, loseRequest: 0.1, queryFails: 0.2, omit: 0.2, dieAtOnce: 0.1, preempt: 0.2, requeue: 0.2, hold: 0.1 } });
      listeners.push(new Listener(farm.dispatcher));
      farm.blocks.start();
      farm.load(4);
      await farm.pass(30_000);
      farm.load(0);
      await farm.pass(30_000);
      const closed = farm.blocks.close(60_000).catch(() => undefined);
      await farm.pass(90_000);
      await closed;
    }
    expect(listeners.flatMap(({ undeclared }) => [...undeclared])).toEqual([]);
    expect(new Set(listeners.flatMap(({ heard }) => [...heard])).size).toBeGreaterThan(18);
  });

  it("are those of an interchange that follows another, and of its managers", async () => {
    const desk = new Desk({ epoch: 2, leaseMs: 1000, awaited: ["block-1", "block-2"].map((block) => ({ uid: `${block}.0`, block, host: "here" })) });
    const listener = new Listener(desk.dispatcher);
    const early = desk.manager();
    desk.interchange.expect([]);
    desk.pass(600);
    early.alive();
    desk.pass(600);
    desk.interchange.drain("block-1");
    desk.interchange.resume("block-1");
    early.cut();
    early.register();
    const other = desk.manager({ block: "block-2", drainMs: 10 });
    desk.pass(20);
    const lost = desk.manager({ block: "block-3" });
    lost.cut();
    desk.pass(200);
    const stopped = desk.interchange.stop(100);
    desk.settle();
    for (const one of [early, other]) one.leave();
    await stopped;
    expect([...listener.undeclared]).toEqual([]);
    expect(listener.heard.size).toBeGreaterThan(15);
  });

  it("are those of a cluster whose managers are cut off, stand still and are drained", async () => {
    const sim = simulatedPorts(3);
    const listeners: Listener[] = [];
    const dispatcher = new Dispatcher(sim);
    const nothing = (): undefined => undefined;
    const cluster = new SimulatedCluster({ managers: 3 }, { ports: sim, codec: await controlCodec(), dispatcher, label: "far", seed: 3, made: (one) => listeners.push(new Listener(one)), listener: { sent: nothing, started: nothing, requeued: nothing, answered: nothing, failed: nothing, revoked: nothing, released: nothing, news: nothing } });
    const pass = (ms: number): Promise<void> => sim.settleFor(ms);
    const starting = cluster.start();
    await pass(500);
    await starting;
    const [cut, still, drained] = cluster.managers;
    cut?.cutLink();
    still?.partition("both");
    cluster.drain(drained?.block ?? "");
    await pass(5000);
    cluster.heal();
    cluster.alive[0]?.freeze();
    cluster.crashInterchange();
    await pass(2000);
    cluster.heal();
    cluster.alive[1]?.manager.stop();
    await pass(5000);
    const stopped = cluster.frontEnd.stop(undefined);
    await pass(5000);
    await stopped;
    // A process that stood still until its lease was about to wane, and finds the proof that it has not.
    const ports = new PausablePorts(sim);
    const late = new Dispatcher(ports);
    listeners.push(new Listener(late));
    const keeper = new LeaseKeeper("m", late, { leaseMs: 1000, graceMs: 1000 }, { idle: () => false, starts: nothing, kill: nothing, over: nothing, crashed: nothing });
    ports.pause();
    await pass(600);
    ports.resume();
    keeper.check();
    keeper.renew(sim.clock.now() - 400);
    await pass(0);
    keeper.stop();
    expect([...new Set(listeners.flatMap(({ undeclared }) => [...undeclared]))]).toEqual([]);
    expect(new Set(listeners.flatMap(({ heard }) => [...heard])).size).toBeGreaterThan(25);
  });

  it("have no part among their senders that was not seen to send", () => {
    const declared = Object.entries<Channel>(channels).flatMap(([name, { from }]) => from.filter((part) => part in table).map((part) => `${name}: ${part}`));
    expect(declared.filter((one) => !Listener.senders.has(one))).toEqual([]);
  });
});
