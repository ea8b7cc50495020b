import { pino } from "pino";
import { expect, test } from "vitest";
import { app, threadPool, withKernel } from "caraway";

test("the user's logger gets retries, failures and what tasks log at their own level, each with its task", async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  await withKernel({ executors: [threadPool({ maxThreads: 1 })], retries: 1, logger }, async () => {
    const speaks = app(async (taskModule: string) => {
      const { task } = (await import(taskModule)) as typeof import("caraway/task");
      task.log.warn({ rows: 3 }, "half full");
      throw new RangeError("too few");
    });
    await speaks(import.meta.resolve("caraway/task")).catch(() => undefined);
  });
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, rows: 3, task: 1, attempt: 1, msg: "half full" }));
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, task: 1, msg: "a task is tried again" }));
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, task: 1, state: "failed", err: expect.objectContaining({ type: "RangeError" }) as unknown }));
});
