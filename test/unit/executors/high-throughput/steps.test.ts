import { expect, test } from "vitest";
import type { TransitionRecord } from "#internal/actors/dispatcher";
import { Dispatcher } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import { StepReporter, type Steps } from "#internal/executors/high-throughput/interchange/step-reporter";
import { RelayedSteps } from "#internal/executors/high-throughput/relayed-steps";
import { app, DataFlowKernel, highThroughput, local } from "#internal/index";

const step = (seq: number, more: Partial<TransitionRecord> = {}): TransitionRecord => ({ seq, cause: 0, at: seq, kind: "manager", id: "far/block-1/0", incarnation: 1, to: "active", final: false, message: { type: "manager.heard" }, effects: [], outcome: "moved", ...more });

test("the steps of managers, which the interchange's thread takes, are in the kernel's stream, in the kernel's time", { timeout: 60_000 }, async () => {
  const kernel = new DataFlowKernel({ executors: [highThroughput({ label: "far", maxWorkersPerNode: 1, provider: local({ initBlocks: 1 }) })] });
  const seen: TransitionRecord[] = [];
  kernel.dispatcher.transitions$.subscribe((record) => seen.push(record));
  const from = performance.now();
  await kernel.start();
  expect(await app((n: number) => n + 1).on(kernel)(1)).toBe(2);
  await kernel.close();
  const managers = seen.filter(({ kind }) => kind === "manager");
  expect(managers.map(({ to }) => to).filter((to, i, all) => to !== all[i - 1])).toEqual(["registering", "active", "stopping", "gone"]);
  expect(new Set(managers.map(({ id }) => id))).toEqual(new Set(["far/block-1/0"]));
  const interchange = seen.filter(({ kind, outcome }) => kind === "interchange" && outcome !== "ignored");
  expect(interchange.map(({ id, to }) => [id, to])).toEqual(["serving", "stopping", "gone"].map((state) => ["far", state]));
  for (const { at } of managers) expect(at > from && at < performance.now()).toBe(true);
});

/** A dispatcher whose stream is fed by hand. */
function reporting(): { dispatcher: Dispatcher; ports: ReturnType<typeof simulatedPorts>; reporter: StepReporter; told: Steps[] } {
  const ports = simulatedPorts(1);
  const dispatcher = new Dispatcher(ports);
  const told: Steps[] = [];
  return { dispatcher, ports, reporter: new StepReporter(dispatcher, (steps) => told.push(steps)), told };
}

test("steps are told in batches, only while somebody looks", () => {
  const { dispatcher, ports, reporter, told } = reporting();
  dispatcher.relay(step(1));
  reporter.observe(true, 100);
  dispatcher.relay(step(2));
  dispatcher.relay(step(3));
  ports.run();
  expect(told.map(({ records }) => records.map(({ seq, at }) => [seq, at]))).toEqual([[[2, 102], [3, 103]]]);
  reporter.observe(false, 100);
  dispatcher.relay(step(4));
  ports.run();
  expect(told).toHaveLength(1);
});

test("when there are too many steps, the oldest are dropped, and counted", () => {
  const { dispatcher, reporter, told } = reporting();
  reporter.observe(true, 0);
  for (let seq = 1; seq <= 5000; seq++) dispatcher.relay(step(seq));
  reporter.flush();
  expect(told[0]?.records[0]?.seq).toBe(905);
  expect(told[0]).toMatchObject({ dropped: 904 });
  const relayed = new RelayedSteps(dispatcher);
  relayed.take(told[0] as Steps);
  expect(relayed.dropped).toBe(904);
});

test("what an interchange knew of managers ends with it, as it does itself", () => {
  const dispatcher = new Dispatcher(simulatedPorts(1));
  const seen: TransitionRecord[] = [];
  dispatcher.transitions$.subscribe((record) => seen.push(record));
  const relayed = new RelayedSteps(dispatcher);
  relayed.take({ records: [step(1), step(2, { id: "far/block-2/0" }), step(3, { id: "far/block-2/0", to: "lost", final: true }), step(4, { kind: "interchange", id: "far", to: "serving" })], dropped: 0 });
  relayed.ended();
  relayed.ended();
  expect(seen.slice(4).map(({ id, from, to, final, message }) => [id, from, to, final, message.type])).toEqual([["far/block-1/0", "active", "gone", true, "interchange.lost"], ["far", "serving", "gone", true, "interchange.lost"]]);
});

test("a dispatcher tells whether anybody looks, when that changes and where it is so already", () => {
  const dispatcher = new Dispatcher(simulatedPorts(1));
  const told: boolean[] = [];
  const end = dispatcher.whenObserved((on) => told.push(on));
  const first = dispatcher.transitions$.subscribe(() => undefined);
  const second = dispatcher.transitions$.subscribe(() => undefined);
  dispatcher.whenObserved((on) => told.push(on))();
  first.unsubscribe();
  second.unsubscribe();
  end();
  dispatcher.transitions$.subscribe(() => undefined);
  expect(told).toEqual([true, true, false]);
});
