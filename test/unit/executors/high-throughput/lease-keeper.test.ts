import { expect, test } from "vitest";
import { Dispatcher } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import { LeaseKeeper } from "#internal/executors/high-throughput/manager/lease-keeper";
import { PausablePorts } from "#internal/testing/pausable-ports";

function kept(idle = false) {
  const sim = simulatedPorts(1);
  const ports = new PausablePorts(sim);
  const told: string[] = [];
  const keeper = new LeaseKeeper("m", new Dispatcher(ports), { leaseMs: 1000, graceMs: 500 }, { idle: () => idle, starts: (allowed) => told.push(allowed ? "start" : "hold"), kill: () => told.push("kill"), over: () => told.push("over"), crashed: (error) => told.push(String(error)) });
  return { sim, ports, told, keeper };
}

test("nothing begins after half a lease without proof, nothing runs after a whole one, and nothing is kept after the grace", () => {
  const { sim, told } = kept();
  sim.runFor(499);
  expect(told).toEqual([]);
  sim.runFor(2);
  expect(told).toEqual(["hold"]);
  sim.runFor(500);
  expect(told).toEqual(["hold", "kill"]);
  sim.runFor(600);
  expect(told).toEqual(["hold", "kill", "over"]);
});

test("who has nothing to tell ends when the lease does", () => {
  const { sim, told, keeper } = kept(true);
  keeper.renew(0);
  sim.runFor(990);
  expect(told).toEqual(["hold"]);
  sim.runFor(20);
  expect(told).toEqual(["hold", "over"]);
  sim.runFor(2000);
  expect(told).toEqual(["hold", "over"]);
});

test("who was never answered ends when the grace is over, also with nothing to tell", () => {
  const { sim, told } = kept(true);
  sim.runFor(1490);
  expect(told).toEqual(["hold", "kill"]);
  sim.runFor(20);
  expect(told).toEqual(["hold", "kill", "over"]);
});

test("who learns in one turn that the lease wanes, and that it does not, goes on", () => {
  const { sim, ports, told, keeper } = kept();
  keeper.renew(1);
  sim.runFor(400);
  ports.pause();
  sim.runFor(110);
  ports.resume();
  keeper.check();
  keeper.renew(350);
  sim.runFor(0);
  expect(told).toEqual(["hold", "start"]);
  sim.runFor(330);
  expect(keeper.mayStart).toBe(true);
  sim.runFor(20);
  expect(told).toEqual(["hold", "start", "hold"]);
});

test("an answer proves what was known when its question was sent, not when it came", () => {
  const { sim, told, keeper } = kept();
  sim.runFor(450);
  keeper.renew(100);
  sim.runFor(140);
  expect(told).toEqual([]);
  sim.runFor(20);
  expect(told).toEqual(["hold"]);
  keeper.renew(90);
  sim.runFor(1);
  expect(told, "older than what is known").toEqual(["hold"]);
  keeper.renew(600);
  sim.runFor(1);
  expect(told).toEqual(["hold", "start"]);
});

test("a process that stood still looks at the time before it begins anything", () => {
  const { sim, ports, told, keeper } = kept();
  ports.pause();
  sim.runFor(800);
  ports.resume();
  keeper.check();
  keeper.check();
  expect(keeper.mayStart).toBe(true);
  sim.runFor(0);
  expect(told).toEqual(["hold"]);
  sim.runFor(250);
  expect(told).toEqual(["hold", "kill"]);
});
