import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { app, bashApp, sh } from "#internal/index";
import { task } from "#internal/task";
import { rejection, sharedKernel, thrown } from "./shared-kernel.js";
import { onManagers } from "./test-executor.js";

const shared = sharedKernel();

describe("caraway/task", () => {
  it("tells a function its task, attempt and host, also after awaits", async () => {
    const tell = app(async () => {
      const { task: own } = await import("caraway/task");
      const first = [own.id, own.attempt];
      await new Promise((resolve) => setImmediate(resolve));
      return { first, id: own.id, attempt: own.attempt, host: own.host, block: own.block, aborted: own.signal.aborted };
    });
    const future = tell();
    expect(await future).toEqual({ first: [future.id, 1], id: future.id, attempt: 1, host: hostname(), block: onManagers ? "block-1" : undefined, aborted: false });
  });

  it("tells each attempt its number", async () => {
    const second = app(async () => {
      const { task: own } = await import("caraway/task");
      if (own.attempt === 1) throw new Error("once more");
      return own.attempt;
    }, { retries: 1 });
    expect(await second()).toBe(2);
  });

  it("sends reports to the future, in order, before the result is there", async () => {
    const reports = app(async (n: number) => {
      const { task: own } = await import("caraway/task");
      for (let i = 0; i < n; i++) own.report({ i, list: [i] });
      return "done";
    });
    const future = reports(5);
    const seen: unknown[] = [];
    const completed = new Promise<void>((resolve) => future.reports$.subscribe({ next: (value) => seen.push(value), complete: resolve }));
    await Promise.all([future, completed]);
    expect(seen).toEqual([0, 1, 2, 3, 4].map((i) => ({ i, list: [i] })));
  });

  it("refuses a report that cannot travel, in the task", async () => {
    const wrong = app(async () => {
      const { task: own } = await import("caraway/task");
      own.report(() => 1);
    });
    expect(await rejection(wrong())).toMatchObject({ name: "SerializationError", code: "CW-DATA-001" });
  });

  it("tells how far it is, and logs lines that are collected with the task", async () => {
    const talks = app(async () => {
      const { task: own } = await import("caraway/task");
      own.progress(0.5, "half");
      own.log.info({ rows: 3 }, "read");
    });
    const events: Record<string, unknown>[] = [];
    const subscription = shared.kernel.events$.subscribe((event) => {
      if (event.type === "task.progress" || event.type === "task.log") events.push(event);
    });
    const future = talks();
    await future;
    subscription.unsubscribe();
    expect(events[0]).toEqual({ type: "task.progress", task: future.id, attempt: 1, fraction: 0.5, note: "half" });
    expect(JSON.parse(events[1]?.["line"] as string)).toMatchObject({ msg: "read", rows: 3, task: future.id, attempt: 1 });
  });

  it("keeps apart the tasks that one worker runs one after the other", async () => {
    const tell = app(async () => (await import("caraway/task")).task.id);
    const futures = Array.from({ length: 50 }, () => tell());
    expect(await Promise.all(futures)).toEqual(futures.map((future) => future.id));
  });

  it("says of what comes later that it is not built yet", () => {
    expect(thrown(() => task.checkpoint({}))).toMatchObject({ name: "NotYetSupported", code: "CW-CONF-002" });
    expect(thrown(() => task.restored)).toMatchObject({ name: "NotYetSupported" });
  });

  it("outside of a task is an error that says so", async () => {
    for (const use of [() => task.id, () => task.signal, () => task.log, () => { task.report(1); }, () => { task.progress(1); }]) {
      expect(thrown(use)).toMatchObject({ name: "NoDataFlowKernelError", code: "CW-CONF-003", message: expect.stringContaining("outside of a task") });
    }
    const body = bashApp(() => sh`echo ${task.id}`);
    expect((await rejection(body())).message).toContain("outside of a task");
  });
});
