// Actors: told, asked, made and ended, by the second; beside xstate's, with an EventEmitter and a bare MessagePort as limits.
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { createActorSystem } from "caraway/actors";
import { assign, createActor, setup } from "xstate";
import { runFigure } from "./harness.mjs";

/** @typedef {{ contender: string, variant: string, count: number }} Case */
/** @typedef {{ ms: number, cpu: number }} Span milliseconds that passed, and that the threads of this process worked */

/** Starts both clocks; what it gives reads them. */
function watch() {
  const start = performance.now();
  const before = process.cpuUsage();
  return () => {
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    return { ms, cpu: (user + system) / 1000 };
  };
}

const counter = setup({
  types: { context: /** @type {{ n: number }} */ ({}), events: /** @type {{ type: "add" }} */ ({}) },
}).createMachine({ id: "counter", context: { n: 0 }, on: { add: { actions: assign({ n: ({ context }) => context.n + 1 }) } } });

/**
 * Children of one parent that keeps them all, each by its name. A small family before takes the time in which the code of either is still interpreted.
 * @param {(count: number) => Promise<[Span, Span]> | [Span, Span]} family @param {number} count @param {0 | 1} which made, or ended
 */
async function warmed(family, count, which) {
  for (let i = 0; i < 8; i++) await family(500);
  return (await family(count))[which];
}

/** Of a supervisor's dynamic children. @param {number} count @returns {Promise<[Span, Span]>} */
async function carawayChildren(count) {
  const system = createActorSystem({ name: "bench" });
  const supervisor = await system.supervise({ strategy: "simple_one_for_one", child: { machine: counter, restart: "temporary" } });
  const making = watch();
  await Promise.all(Array.from({ length: count }, () => supervisor.start({})));
  const made = making();
  const ending = watch();
  await supervisor.shutdown();
  const ended = ending();
  await system.stop();
  return [made, ended];
}

/** With ids: without, each child takes the place of the one before it in the parent's snapshot, which then knows, and stops, one alone. @param {number} count @returns {[Span, Span]} */
function xstateChildren(count) {
  const parenting = setup({ types: { events: /** @type {{ type: "go", id: string }} */ ({}) }, actors: { counter } });
  const parent = createActor(parenting.createMachine({ on: { go: { actions: parenting.spawnChild("counter", { id: ({ event }) => event.id }) } } })).start();
  const making = watch();
  for (let i = 0; i < count; i++) parent.send({ type: "go", id: `counter-${String(i)}` });
  const made = making();
  if (Object.keys(parent.getSnapshot().children).length !== count) throw new Error("the parent has lost children");
  const ending = watch();
  parent.stop();
  return [made, ending()];
}

/** Tells a chart or a function so often, a thousand a turn, until all is handled. @param {import("caraway/actors").ChildSpec} spec @param {number} count */
async function carawayTold(spec, count) {
  const system = createActorSystem({ name: "bench" });
  const supervisor = await system.supervise({});
  const actor = /** @type {import("caraway/actors").ActorRef} */ (await supervisor.start(spec));
  const tell = async (/** @type {number} */ n) => {
    for (let i = 0; i < n; i++) {
      actor.tell({ type: "add" });
      if (i % 1000 === 999) await turn();
    }
    await actor.ask({ type: "count" }, { timeout: "60s" }).catch(() => undefined);
  };
  await tell(20_000);
  const read = watch();
  await tell(count);
  const span = read();
  await system.stop();
  return span;
}

const counting = (/** @type {import("caraway/actors").Self} */ self) => {
  let n = 0;
  self.receive((message, reply) => {
    n++;
    if (/** @type {{ type: string }} */ (message).type === "count") reply(n);
  });
};
const asked = setup({ types: { context: /** @type {{ n: number }} */ ({}), events: /** @type {{ type: "add" } | { type: "count" }} */ ({}), emitted: /** @type {{ type: "reply", answer: number }} */ ({}) } });
const answering = asked.createMachine({ id: "answering", context: { n: 0 }, initial: "on", states: { on: { on: { add: { actions: asked.assign({ n: ({ context }) => context.n + 1 }) }, count: { actions: asked.emit(({ context }) => ({ type: "reply", answer: context.n })) } } } } });

/** @param {number} count */
async function carawayAsked(count) {
  const system = createActorSystem({ name: "bench" });
  const actor = /** @type {import("caraway/actors").ActorRef} */ (await (await system.supervise({})).start({ id: "asked", run: counting }));
  const ask = async (/** @type {number} */ n) => {
    for (let i = 0; i < n; i += 100) await Promise.all(Array.from({ length: 100 }, () => actor.ask({ type: "count" })));
  };
  await ask(5_000);
  const read = watch();
  await ask(count);
  const span = read();
  await system.stop();
  return span;
}

/** @param {number} count */
async function portTold(count) {
  const { port1, port2 } = new MessageChannel();
  let got = 0;
  /** @type {() => void} */
  let done = () => undefined;
  port2.on("message", () => {
    if (++got === count) done();
  });
  const all = new Promise((resolve) => (done = () => resolve(undefined)));
  const read = watch();
  for (let i = 0; i < count; i++) port1.postMessage({ type: "add" });
  await all;
  const span = read();
  port1.close();
  return span;
}

/** @param {number} count */
function emitterTold(count) {
  const emitter = new EventEmitter();
  let n = 0;
  emitter.on("add", () => n++);
  const read = watch();
  for (let i = 0; i < count; i++) emitter.emit("add");
  return read();
}

/** @param {number} count */
function xstateTold(count) {
  const actor = createActor(counter).start();
  for (let i = 0; i < 20_000; i++) actor.send({ type: "add" });
  const read = watch();
  for (let i = 0; i < count; i++) actor.send({ type: "add" });
  return read();
}

/** A failing actor, until its next incarnation runs. @param {number} count */
async function carawayRestarts(count) {
  const system = createActorSystem({ name: "bench" });
  const supervisor = await system.supervise({ intensity: count + 1, period: "1h" });
  const failing = /** @type {import("caraway/actors").ActorRef} */ (await supervisor.start({ id: "failing", run: (self) => self.receive((_message, reply) => (reply(1), Promise.reject(new Error("on purpose")))) }));
  const read = watch();
  for (let i = 0; i < count; i++) await failing.ask({ type: "fail" });
  const span = read();
  await system.stop();
  return span;
}

const module = new URL("./workers/counting-actor.mjs", import.meta.url);

/** The time for `count` of what the variant is. @type {Record<string, Record<string, (count: number) => Span | Promise<Span>>>} */
const measured = {
  "told, a chart": { caraway: (n) => carawayTold({ id: "chart", machine: answering }, n), xstate: xstateTold },
  "told, a function": { caraway: (n) => carawayTold({ id: "run", run: counting }, n), EventEmitter: emitterTold },
  "told, across threads": { caraway: (n) => carawayTold({ id: "far", on: "thread", module }, n), MessagePort: portTold },
  "asked": { caraway: carawayAsked },
  "restarted": { caraway: carawayRestarts },
  "4,000 made": { caraway: (n) => warmed(carawayChildren, n, 0), xstate: (n) => warmed(xstateChildren, n, 0) },
  "4,000 ended": { caraway: (n) => warmed(carawayChildren, n, 1), xstate: (n) => warmed(xstateChildren, n, 1) },
  "100,000 made": { caraway: (n) => warmed(carawayChildren, n, 0) },
  "100,000 ended": { caraway: (n) => warmed(carawayChildren, n, 1) },
};
/** @type {Record<string, number>} */
const counts = { "told, a chart": 1_000_000, "told, a function": 1_000_000, "4,000 made": 4_000, "4,000 ended": 4_000, "100,000 made": 100_000, "100,000 ended": 100_000, restarted: 2_000, asked: 50_000 };

await runFigure({
  name: "actors",
  title: "Actors",
  metrics: [
    { key: "perSecond", label: "a second", better: "higher" },
    { key: "perCpuSecond", label: "a second of processor time", better: "higher" },
  ],
  notes: ["processor time is that of all threads of the process: what others take of the machine hardly shows in it"],
  rounds: 3,
  limits: ["EventEmitter", "MessagePort"],
  cases: () => Object.entries(measured).flatMap(([variant, contenders]) => Object.keys(contenders).map((contender) => ({ contender, variant, count: counts[variant] ?? 200_000 }))),
  async measure({ contender, variant, count }) {
    const { ms, cpu } = await /** @type {(count: number) => Span | Promise<Span>} */ (measured[variant]?.[contender])(count);
    return { perSecond: (count / ms) * 1000, perCpuSecond: (count / cpu) * 1000 };
  },
});
