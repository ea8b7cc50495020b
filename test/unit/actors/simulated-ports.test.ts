import { describe, expect, it } from "vitest";
import { simulatedPorts } from "#internal/actors/simulated-ports";

describe("simulated ports", () => {
  it("fire timers in the order of their times, equal ones in the order they were set", () => {
    const ports = simulatedPorts(1);
    const seen: string[] = [];
    for (const [name, ms] of [["c", 30], ["a", 10], ["b1", 20], ["b2", 20]] as const) ports.clock.after(ms, () => seen.push(`${name}@${ports.clock.now()}`));
    ports.run();
    expect(seen).toEqual(["a@10", "b1@20", "b2@20", "c@30"]);
  });

  it("put a timer that is set in a timer into its place", () => {
    const ports = simulatedPorts(1);
    const seen: string[] = [];
    ports.clock.after(10, () => {
      seen.push("first");
      ports.clock.after(5, () => seen.push(`inner@${ports.clock.now()}`));
      ports.clock.after(0, () => seen.push(`at once@${ports.clock.now()}`));
    });
    ports.clock.after(20, () => seen.push("last"));
    ports.run();
    expect(seen).toEqual(["first", "at once@10", "inner@15", "last"]);
  });

  it("never let time pass a due timer", () => {
    const ports = simulatedPorts(1);
    const seen: number[] = [];
    const again = (): void => {
      seen.push(ports.clock.now());
      if (seen.length < 5) ports.clock.after(3, again);
    };
    ports.clock.after(3, again);
    ports.runFor(10);
    expect(seen).toEqual([3, 6, 9]);
    expect(ports.clock.now()).toBe(10);
    ports.runFor(2);
    expect(seen).toEqual([3, 6, 9, 12]);
  });

  it("run turns before timers that are due, and what is put off after them", () => {
    const ports = simulatedPorts(1);
    const seen: string[] = [];
    ports.clock.after(0, () => seen.push("timer"));
    ports.scheduler.later(() => seen.push("later"));
    ports.scheduler.soon(() => {
      seen.push("soon");
      ports.scheduler.soon(() => seen.push("soon again"));
    });
    expect(ports.pending).toBe(3);
    ports.run();
    expect(seen).toEqual(["soon", "soon again", "timer", "later"]);
    expect(ports.pending).toBe(0);
  });

  it("do not fire a cancelled timer, nor count it as pending", () => {
    const ports = simulatedPorts(1);
    let fired = false;
    const timer = ports.clock.after(5, () => (fired = true));
    timer.cancel();
    timer.cancel();
    expect(ports.pending).toBe(0);
    ports.run();
    expect(fired).toBe(false);
    expect(ports.clock.now()).toBe(0);
  });

  it("step one event at a time and say when none is left", () => {
    const ports = simulatedPorts(1);
    ports.clock.after(1, () => undefined);
    expect(ports.step()).toBe(true);
    expect(ports.step()).toBe(false);
  });

  it("give the same numbers, ids and tokens for the same seed, and others for another", () => {
    const draw = (seed: number) => {
      const { random, ids } = simulatedPorts(seed);
      return [random.next(), random.next(), ids.next("task"), ids.next("task"), ids.next("block"), ids.token()];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).slice(2, 5)).toEqual(["task-1", "task-2", "block-1"]);
  });

  it("draw numbers that are spread over [0, 1)", () => {
    const { random } = simulatedPorts(3);
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) tenths[Math.floor(random.next() * 10)] = (tenths[Math.floor(random.next() * 10)] ?? 0) + 1;
    expect(Math.min(...tenths)).toBeGreaterThan(500);
  });

  it("settle code that awaits between events", async () => {
    const ports = simulatedPorts(1);
    const seen: number[] = [];
    const wait = (ms: number) => new Promise<void>((resolve) => void ports.clock.after(ms, resolve));
    const work = (async () => {
      for (const ms of [5, 10]) {
        await wait(ms);
        seen.push(ports.clock.now());
      }
    })();
    await ports.settle();
    await work;
    expect(seen).toEqual([5, 15]);
  });

  it("say so when a simulation never comes to rest", () => {
    const ports = simulatedPorts(9);
    const forever = (): void => ports.scheduler.later(forever);
    forever();
    expect(() => ports.run(1000)).toThrow(/seed 9 .* 1000 events/);
  });
});
