import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RealClock } from "#internal/actors/real-ports";
import { TimerQueue } from "#internal/actors/timer-queue";

const drain = (queue: TimerQueue, now = Infinity): void => {
  for (let timer = queue.take(now); timer !== undefined; timer = queue.take(now)) timer.fire();
};

describe("a timer queue", () => {
  it("gives timers in the order of their times, equal ones in the order they were set, without the cancelled ones", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ due: fc.integer({ min: 0, max: 20 }), cancel: fc.boolean() }), { maxLength: 300 }), (given) => {
        const queue = new TimerQueue();
        const fired: number[] = [];
        const timers = given.map(({ due }, i) => queue.add(due, () => fired.push(i)));
        given.forEach(({ cancel }, i) => cancel && timers[i]?.cancel());
        const expected = given.map(({ due, cancel }, i) => ({ due, cancel, i })).filter(({ cancel }) => !cancel).sort((a, b) => a.due - b.due || a.i - b.i).map(({ i }) => i);
        expect(queue.size).toBe(expected.length);
        drain(queue);
        expect(fired).toEqual(expected);
        expect(queue.size).toBe(0);
      }),
    );
  });

  it("keeps timers that are not due", () => {
    const queue = new TimerQueue();
    queue.add(5, () => undefined);
    expect(queue.take(4)).toBeUndefined();
    expect(queue.nextDue).toBe(5);
    expect(queue.take(5)?.due).toBe(5);
    expect(queue.nextDue).toBeUndefined();
  });

  it("forgets cancelled timers, however many come and go", () => {
    const queue = new TimerQueue();
    queue.add(1e9, () => undefined);
    for (let i = 0; i < 100_000; i++) queue.add(1e6 + i, () => undefined).cancel();
    expect(queue.size).toBe(1);
    expect((queue as unknown as { heap: unknown[] }).heap.length).toBeLessThan(200);
  });

  it("may be cancelled after it fired, to no effect", () => {
    const queue = new TimerQueue();
    const timer = queue.add(1, () => undefined);
    drain(queue);
    timer.cancel();
    queue.add(2, () => undefined);
    expect(queue.size).toBe(1);
  });

  it("refuses a time that is no number", () => {
    expect(() => new TimerQueue().add(NaN, () => undefined)).toThrow(RangeError);
  });

  it("takes 100,000 pending timers in its stride", () => {
    const queue = new TimerQueue();
    let last = -1;
    let count = 0;
    const before = performance.now();
    for (let i = 0; i < 100_000; i++) {
      const due = (i * 7919) % 100_003;
      queue.add(due, () => {
        if (due < last) throw new Error("out of order");
        last = due;
        count++;
      });
    }
    drain(queue);
    expect(count).toBe(100_000);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe("the real clock", () => {
  it("fires by its single timeout, in order, never early", async () => {
    const clock = new RealClock();
    const began = clock.now();
    const fired: (readonly [string, number])[] = [];
    await new Promise<void>((resolve) => {
      const keepAlive = setInterval(() => undefined, 1000);
      clock.after(12, () => {
        fired.push(["last", clock.now() - began]);
        clearInterval(keepAlive);
        resolve();
      });
      clock.after(6, () => fired.push(["middle", clock.now() - began]));
      clock.after(6, () => fired.push(["cancelled", 0])).cancel();
      clock.after(0, () => {
        fired.push(["first", clock.now() - began]);
        clock.after(1, () => fired.push(["inner", clock.now() - began]));
      });
    });
    const names = fired.map(([name]) => name);
    expect(names.filter((name) => name !== "inner")).toEqual(["first", "middle", "last"]);
    expect(names.indexOf("inner")).toBeGreaterThan(names.indexOf("first"));
    for (const [name, least] of [["middle", 6], ["last", 12]] as const) expect(fired.find(([n]) => n === name)?.[1]).toBeGreaterThanOrEqual(least);
  });

  it("goes on after a timer that throws", async () => {
    const script = `
      import { RealClock } from ${JSON.stringify(new URL("../../../dist/actors/real-ports.js", import.meta.url).href)};
      const clock = new RealClock();
      process.on("uncaughtException", (error) => console.log("caught", error.message));
      clock.after(1, () => { throw new Error("planned"); });
      clock.after(1, () => console.log("second"));
      clock.after(5, () => { console.log("third"); clearInterval(alive); });
      const alive = setInterval(() => undefined, 1000);`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stdout.trim().split("\n")).toEqual(["caught planned", "second", "third"]);
  });

  it("does not keep the program alive", () => {
    const script = `import { RealClock } from ${JSON.stringify(new URL("../../../dist/actors/real-ports.js", import.meta.url).href)}; new RealClock().after(60_000, () => undefined);`;
    const { status, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
    expect([status, signal]).toEqual([0, null]);
  });

  it("waits for a time beyond the longest timeout without firing", async () => {
    const clock = new RealClock();
    let fired = false;
    const timer = clock.after(2 ** 33, () => (fired = true));
    await new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve)));
    expect(fired).toBe(false);
    timer.cancel();
  });
});
