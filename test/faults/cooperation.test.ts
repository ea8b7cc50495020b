import { describe, expect, test } from "vitest";
import { app } from "caraway";
import { firstReport, isolations, withPool } from "./kernels.js";

/** Ends by itself when asked to. */
const willing = app(async () => {
  const { task } = await import("caraway/task");
  const { signal } = task;
  task.report({ thread: (await import("node:worker_threads")).threadId });
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => {
      task.report({ reason: (signal.reason as Error).message });
      resolve();
    });
  });
  return "tidied";
});

/** Reads the signal, and does nothing about it. */
const unwilling = app(async () => {
  const { task } = await import("caraway/task");
  task.report(task.signal.aborted);
  for (;;);
});

const threadOf = app(async () => (await import("node:worker_threads")).threadId);

describe.each(isolations)("isolation %s", (isolation) => {
  test("a task that watches its signal is given time to end by itself when cancelled, and keeps its worker", async () => {
    await withPool({ maxThreads: 1, isolation, killGrace: "30s" }, async (kernel) => {
      const future = willing.on(kernel)();
      const late: unknown[] = [];
      kernel.events$.subscribe((event) => {
        if (event.type === "task.late-error") late.push(event);
      });
      const { thread } = (await firstReport(future)) as { thread: number };
      expect(await future.cancel("enough")).toBe("running");
      await expect(future).rejects.toMatchObject({ name: "TaskCancelled" });
      expect(await threadOf.on(kernel)()).toBe(thread);
      expect(late).toEqual([]);
    });
  });

  test("the walltime asks a watching task to end before it ends it", async () => {
    await withPool({ maxThreads: 1, isolation, killGrace: "30s" }, async (kernel) => {
      const future = willing.with({ walltime: 2000 }).on(kernel)();
      const { thread } = (await firstReport(future)) as { thread: number };
      await expect(future).rejects.toMatchObject({ name: "AppTimeout" });
      expect(await threadOf.on(kernel)()).toBe(thread);
    });
  });

  test("a task that watches its signal and does not end is ended by force after the grace", async () => {
    await withPool({ maxThreads: 1, isolation, killGrace: 100 }, async (kernel) => {
      const future = unwilling.on(kernel)();
      await firstReport(future);
      const began = performance.now();
      await future.cancel();
      expect(performance.now() - began).toBeGreaterThan(90);
      expect(await threadOf.on(kernel)()).toBeGreaterThan(0);
    });
  });
});
