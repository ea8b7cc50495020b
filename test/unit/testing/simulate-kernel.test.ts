import { describe, expect, test } from "vitest";
import { describeEntry, plain, runWorkload, scriptedApp, simulateKernel, type Workload } from "#internal/testing/index";

const workload: Workload = {
  tasks: [
    { ...plain, name: "a", key: "a", acts: [{ do: "throw", ms: 1.5, message: "a!" }, { do: "return", ms: 2 }], retries: 2, backoff: 3 },
    { ...plain, name: "b", key: "b", needs: ["a"], acts: [{ do: "native", ms: 70 }, { do: "return", ms: 1 }], walltime: 10, retries: 1 },
    { ...plain, name: "c", key: "c", kind: "command", acts: [{ do: "return", ms: 20 }] },
    { ...plain, name: "d", key: "d", kind: "join", needs: ["c"], inner: [{ ...plain, name: "d.0", key: "d.0" }, { ...plain, name: "d.1", key: "d.1", acts: [{ do: "exit", ms: 1, code: 2 }], retries: 1 }] },
    ...Array.from({ length: 12 }, (_, i) => ({ ...plain, name: `e${i}`, key: `e${i % 4}`, cache: i % 2 === 0, acts: [{ do: "return" as const, ms: 0.5 }] })),
  ],
  executors: [{ label: "left", maxThreads: 2, minThreads: 1, conduct: { death: 0.5, deathWithin: 60, way: [0, 2], duplicate: 0.3 } }, { label: "right", maxThreads: 1, minThreads: 0, conduct: {} }],
  disturbances: [{ at: 12, do: "cancel", task: "e7", twice: true }, { at: 30, do: "kill", executor: "left", lane: 0 }],
  busy: { likely: 0.3, pause: [0, 2] },
};

const traceOf = async (seed: number): Promise<string[]> => (await runWorkload(workload, seed)).trace.map(describeEntry);

describe("a simulated kernel", () => {
  test("does the same again with the same seed, step by step", async () => {
    const first = await traceOf(42);
    expect(first.length).toBeGreaterThan(150);
    expect(await traceOf(42)).toEqual(first);
  });

  test("does otherwise with another seed", async () => {
    expect(await traceOf(43)).not.toEqual(await traceOf(42));
  });

  test("takes no time of this world, and says so where nothing is left to happen", async () => {
    const sim = await simulateKernel({ seed: 1 });
    const began = performance.now();
    const future = scriptedApp().on(sim.kernel)({ key: "long", acts: [{ do: "return", ms: 600_000 }] });
    expect(await sim.until(future, 700_000)).toMatchObject({ v: expect.any(String) as string });
    expect(performance.now() - began).toBeLessThan(60_000);
    await sim.until(sim.kernel.close());
    await sim.settle();
    await expect(sim.until(new Promise(() => undefined))).rejects.toThrow("nothing is left to happen");
  });

  test("has the checker attached, with its facts", async () => {
    const sim = await simulateKernel({ seed: 1 });
    const future = scriptedApp().with({ priority: 3, retries: 2 }).on(sim.kernel)({ key: "a", acts: [] });
    await sim.until(future);
    sim.checker?.feed({ probe: "future.settled", task: future.id, succeeded: true, value: "another", at: 0 });
    expect(sim.checker?.violation?.invariant).toBe("S2");
    expect(() => sim.checker?.assert()).toThrow("S2 is broken");
    await sim.until(sim.kernel.close());
  });
});
