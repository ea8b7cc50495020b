import { expect, test } from "vitest";
import { app, DataFlowKernel, InternalConsistencyError, threadPool } from "caraway";

/** Makes the next effect of a kind throw: a fault of the runtime itself. */
function plant(cell: { kind: { perform: object } }, effect: string): void {
  Object.assign(cell.kind.perform, {
    [effect]: () => {
      throw new Error(`planted in ${effect}`);
    },
  });
}

const kernelOf = (threads: number) => new DataFlowKernel({ executors: [threadPool({ maxThreads: threads })] }).start();

test("a pool that breaks is replaced by its supervisor, and every unfinished task runs again, once, uncharged", async () => {
  const kernel = await kernelOf(2);
  try {
    const slow = app((x: number) => new Promise<number>((resolve) => setTimeout(() => resolve(x), 100))).on(kernel);
    const futures = [1, 2, 3, 4, 5].map((x) => slow(x));
    await futures[0];
    const pool = kernel.table.executors.get("threads") as unknown as { cell: { kind: { perform: object } }; offer(): void };
    plant(pool.cell, "work.send");
    pool.offer();
    expect(await Promise.all(futures)).toEqual([1, 2, 3, 4, 5]);
    expect(kernel.table.executors.get("threads")).not.toBe(pool);
    for (const future of futures) {
      expect(future.attempts.length).toBeLessThanOrEqual(1);
      expect(future.attempts.every((attempt) => attempt.charge === "none")).toBe(true);
    }
  } finally {
    await kernel.close();
  }
});

test("the crash of the kernel ends the root: open futures reject with InternalConsistencyError, executors stop, close tells", async () => {
  const kernel = await kernelOf(1);
  const future = app(() => new Promise<void>(() => undefined)).on(kernel)();
  plant(kernel.life.cell, "tasks.watch");
  await expect(kernel.close()).rejects.toThrow("planted in tasks.watch");
  await expect(future).rejects.toBeInstanceOf(InternalConsistencyError);
  expect(kernel.tree().filter(({ path }) => path.startsWith("caraway/"))).toEqual([]);
});

test("the tree names every supervisor, the kernel, executors and threads with their states", async () => {
  const kernel = await kernelOf(1);
  await app(() => 1).on(kernel)();
  expect(kernel.tree()).toEqual(expect.arrayContaining([
    { path: "caraway/root/kernel", state: "running" },
    { path: "caraway/root/executors/threads/pool", state: "running" },
    { path: "kernel/kernel", state: "running" },
    { path: "executor/threads", state: "running" },
  ]));
  await kernel.close();
});
