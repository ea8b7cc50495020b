import { expect, test } from "vitest";
import { Dispatcher } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import { beatOf, ProcessWatch } from "#internal/executors/thread-pool/process-watch";
import { PausablePorts } from "#internal/testing/pausable-ports";

const leaseMs = 1200;
const beatMs = beatOf(leaseMs);

/** A pool that can stand still, and a process that says that it is there until it stands still. */
function watched() {
  const sim = simulatedPorts(1);
  const pool = new PausablePorts(sim);
  const told: string[] = [];
  const silences: number[] = [];
  const tell = (what: string) => told.push(`${what} ${sim.clock.now()}`);
  const watch = new ProcessWatch("p", { dispatcher: new Dispatcher(pool), leaseMs }, {
    ask: () => tell("ask"),
    kill: ({ silentMs, since }) => {
      tell("kill");
      silences.push(silentMs, since - sim.clock.wall() + sim.clock.now());
    },
    forsake: () => tell("forsake"),
    crashed: (error) => told.push(String(error)),
  });
  let speaks = true;
  // What arrives is read after the timers of its turn.
  const say = (): void => pool.scheduler.later(() => pool.scheduler.later(() => watch.heard()));
  const beat = (): void => {
    if (speaks) say();
    sim.clock.after(beatMs, beat);
  };
  return { sim, pool, told, silences, watch, say, beat, stop: () => (speaks = false), go: () => (speaks = true) };
}

test("a process that says nothing is asked after half its lease, and killed when that is over", () => {
  const { sim, told, silences, beat, stop } = watched();
  beat();
  sim.runFor(10_000);
  expect(told).toEqual([]);
  stop();
  sim.runFor(leaseMs - 2 * beatMs);
  expect(told).toEqual([`ask ${10_000 + leaseMs / 2}`]);
  sim.runFor(3 * beatMs);
  expect(told.slice(1)).toEqual([`kill ${10_000 + leaseMs}`]);
  expect(silences).toEqual([leaseMs, 10_000]);
});

test("a sign just before the lease is over costs nothing, and the next lease is a whole one", () => {
  const { sim, told, say } = watched();
  say();
  sim.runFor(leaseMs - 1);
  say();
  sim.runFor(leaseMs - 1);
  expect(told.filter((what) => what.startsWith("kill"))).toEqual([]);
  sim.runFor(2);
  expect(told.at(-1)).toBe(`kill ${2 * leaseMs - 1}`);
});

test("what lies unread when the lease is over is heard before it is judged", () => {
  const { sim, told, say, watch } = watched();
  say();
  sim.runFor(leaseMs - 0.5);
  sim.clock.after(0.5, () => watch.heard());
  sim.runFor(leaseMs);
  expect(told, "and its next lease is like any other").toEqual([`ask ${leaseMs / 2}`, `ask ${leaseMs + leaseMs / 2}`]);
});

test("a pool that stands still, whenever and for however long, holds that against no process", () => {
  for (let at = 0; at < 2 * leaseMs; at += 37) {
    for (const ms of [beatMs / 2, beatMs, 1.1 * beatMs, leaseMs - 1, leaseMs, 10 * leaseMs]) {
      const { sim, pool, told, beat } = watched();
      beat();
      sim.runFor(5000 + at);
      pool.pause();
      sim.runFor(ms);
      pool.resume();
      sim.runFor(5 * leaseMs);
      expect(told.filter((what) => what.startsWith("kill")), `a pause at ${at} for ${ms}`).toEqual([]);
    }
  }
});

test("both stand still: the process has its whole lease from when the pool can hear again", () => {
  const { sim, pool, told, say, beat, stop, go } = watched();
  beat();
  // A moment after its last sign, and after a look.
  sim.runFor(5001);
  stop();
  pool.pause();
  sim.runFor(20 * leaseMs);
  pool.resume();
  sim.runFor(leaseMs - 10);
  say();
  go();
  sim.runFor(2 * leaseMs);
  expect(told.filter((what) => what.startsWith("kill"))).toEqual([]);
  stop();
  sim.runFor(leaseMs + 2 * beatMs);
  expect(told.filter((what) => what.startsWith("kill"))).toHaveLength(1);
});

test("a pool that is busy for half a beat again and again still notices a process that stands still", () => {
  const { sim, pool, told, beat, stop } = watched();
  beat();
  sim.runFor(1000);
  stop();
  const until = sim.clock.now() + 2 * leaseMs;
  while (sim.clock.now() < until) {
    pool.pause();
    sim.runFor(beatMs / 2);
    pool.resume();
    sim.runFor(1);
  }
  expect(told.filter((what) => what.startsWith("kill"))).toHaveLength(1);
});

test("a process that never says anything has a minute to boot", () => {
  const { sim, told } = watched();
  sim.runFor(59_900);
  expect(told).toEqual([]);
  sim.runFor(200);
  expect(told).toEqual(["kill 60000"]);
});

test("one that is killed and does not end is given up; what comes of it later is late", () => {
  const { sim, told, say, watch } = watched();
  say();
  sim.runFor(leaseMs);
  say();
  sim.runFor(10_000);
  expect(told.slice(-2)).toEqual([`kill ${leaseMs}`, `forsake ${leaseMs + 10_000}`]);
  watch.ended();
  say();
  sim.runFor(100_000);
  expect(told).toHaveLength(3);
});

test("nothing is left to wait for when it has ended", () => {
  for (const silentMs of [0, 1, 0.6 * leaseMs, leaseMs - 0.1]) {
    const { sim, told, say, watch } = watched();
    say();
    sim.runFor(silentMs);
    watch.ended();
    sim.run();
    expect(told.filter((what) => !what.startsWith("ask"))).toEqual([]);
    expect(sim.clock.now()).toBeLessThanOrEqual(leaseMs);
  }
});
