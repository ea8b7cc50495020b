// Heap held by one idle chart actor under its supervisor, among few and among 100,000 that live.
import { setImmediate as turn } from "node:timers/promises";
import { createActorSystem } from "caraway/actors";
import { assign, createActor, setup } from "xstate";
import { runFigure } from "./harness.mjs";

const counter = setup({
  types: { context: /** @type {{ n: number }} */ ({}), events: /** @type {{ type: "add" }} */ ({}) },
}).createMachine({ id: "counter", context: { n: 0 }, on: { add: { actions: assign({ n: ({ context }) => context.n + 1 }) } } });

async function held() {
  if (globalThis.gc === undefined) throw new Error("this figure needs --expose-gc");
  for (let i = 0; i < 4; i++) {
    void globalThis.gc();
    await turn();
  }
  return process.memoryUsage().heapUsed;
}

/** Bytes each of `count`, after some that are there before. @param {number} count @param {(count: number) => Promise<unknown>} make */
async function weigh(count, make) {
  await make(2_000);
  const before = await held();
  await make(count);
  return ((await held()) - before) / count;
}

/** @type {Record<string, (count: number) => Promise<number>>} */
const contenders = {
  async caraway(count) {
    const supervisor = await createActorSystem({ name: "bench" }).supervise({ strategy: "simple_one_for_one", child: { machine: counter, restart: "temporary" } });
    return weigh(count, (n) => Promise.all(Array.from({ length: n }, () => supervisor.start({}))));
  },
  /** Actors without a parent: one that keeps so many takes minutes to make them. */
  async xstate(count) {
    const kept = /** @type {unknown[]} */ ([]);
    const bytes = await weigh(count, async (n) => {
      for (let i = 0; i < n; i++) kept.push(createActor(counter).start());
    });
    return kept.length > 0 ? bytes : 0;
  },
};

await runFigure({
  name: "idle-actors",
  title: "Heap of an idle chart actor",
  metrics: [{ key: "bytes", label: "bytes each", better: "lower" }],
  rounds: 3,
  execArgv: ["--expose-gc"],
  cases: () => Object.keys(contenders).flatMap((contender) => [20_000, 100_000].map((count) => ({ contender, variant: `${String(count / 1000)},000`, count }))),
  async measure({ contender, count }) {
    return { bytes: await /** @type {(count: number) => Promise<number>} */ (contenders[contender])(count) };
  },
});
