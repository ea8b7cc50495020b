import { expect, test } from "vitest";
import { Dispatcher } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import { PoolProcess } from "#internal/executors/thread-pool/pool-process";
import { stateOf } from "#internal/executors/thread-pool/process-state";
import type { ThreadEnd } from "#internal/state-machines/thread";
import { alive, until } from "../shell/observe.js";

/** A process of a pool whose time is simulated: much of it may pass before anything that the process does is seen. */
async function started() {
  const sim = simulatedPorts(1);
  const ends: ThreadEnd[] = [];
  let gone = 0;
  const made = new PoolProcess({
    setup: { label: "p", block: undefined, resourceLimits: undefined, env: undefined, typescript: undefined, logs: undefined, token: "pool-process-test" },
    watch: { dispatcher: new Dispatcher(sim), leaseMs: 1200 },
    patience: 500,
    spawned: () => undefined,
    gone: () => gone++,
  });
  await made.ready;
  const lane = made.open(0, { answers: () => undefined, message: () => undefined, exited: (end) => ends.push(end) });
  sim.runFor(0);
  return { sim, made, lane, ends, pid: made.pid ?? 0, gone: () => gone };
}

test("a process that stands still is killed with its lease, and its lanes are told what was seen of it", async () => {
  const { sim, made, ends, pid } = await started();
  process.kill(pid, "SIGSTOP");
  await until("it is stopped", () => stateOf(pid)?.startsWith("T") === true);
  sim.runFor(1201);
  await until("its end is told", () => ends.length > 0);
  expect(ends).toMatchObject([{ host: true, signal: "SIGKILL", pid, silence: { pid, silentMs: 1200, state: "T (stopped)" } }]);
  expect(alive(pid)).toBe(false);
  await made.close();
});

test("a process that its kernel does not let end counts as ended, once, and nobody waits for it any longer", async () => {
  const { sim, made, lane, ends, pid, gone } = await started();
  process.kill(pid, "SIGSTOP");
  // In one turn: that it has ended cannot be seen meanwhile.
  sim.runFor(1201 + 10_000);
  await Promise.resolve();
  expect(ends).toMatchObject([{ host: true, code: null, silence: { pid } }]);
  expect(ends[0]?.signal).toBeUndefined();
  expect([made.gone, lane.ended, gone()]).toEqual([true, true, 1]);
  await made.close();
  await until("it has ended after all", () => !alive(pid));
  sim.runFor(60_000);
  expect([ends.length, gone()]).toEqual([1, 1]);
});

test("the kernel's word for a process is told with its meaning, and nothing where there is no such process", () => {
  expect(stateOf(process.pid)).toMatch(/^[RS] \((running|waiting)\)$/);
  expect(stateOf(2 ** 30)).toBeUndefined();
});
