import { existsSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { app, bashApp, DataFlowKernel, file, joinApp, sh } from "#internal/index";
import { held, knock, Latch } from "./latch.js";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

/** Shipped functions name what is defined in their own file. */
const knockAt = knock;

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 1 })] });
const identity = app((x: unknown) => x);

let latches: Latch[] = [];
const latch = (): Latch => {
  const made = new Latch();
  latches.push(made);
  return made;
};
afterEach(() => {
  for (const one of latches) {
    one.open();
    one.close();
  }
  latches = [];
});

describe("cancel", () => {
  it("of a task that waits for a dependency answers `waiting`, and it never runs", async () => {
    const gate = latch();
    const first = held(gate.name, 1);
    const second = identity(first);
    expect(await second.cancel("not needed")).toBe("waiting");
    expect(await rejection(second)).toMatchObject({ name: "TaskCancelled", code: "CW-TASK-003", message: expect.stringContaining("not needed"), evidence: { foundIn: "waiting" } });
    await gate.arrived();
    gate.open();
    expect(await first).toBe(1);
    expect(second.attempt).toBe(0);
  });

  it("of a task in the queue takes it out, and others go on", async () => {
    const gate = latch();
    const running = held(gate.name, "ran");
    await gate.arrived();
    const queued = held(gate.name, "never", "queued");
    const next = identity("next");
    expect(["waiting", "ready"]).toContain(await queued.cancel());
    gate.open();
    expect(await Promise.all([running, next])).toEqual(["ran", "next"]);
    expect(gate.arrivals).toEqual(["somebody"]);
    expect(queued.state).toBe("cancelled");
  });

  it("of a running task kills it, even in an endless loop", async () => {
    const gate = latch();
    const loop = app(async function loop(name: string) {
      await knockAt(name, "looping");
      for (;;);
    }, { using: { knockAt } });
    const future = loop(gate.name);
    await gate.arrived();
    expect(["dispatched", "running"]).toContain(await future.cancel());
    expect(future.state).toBe("cancelled");
    expect(await identity("the worker was replaced")).toBe("the worker was replaced");
  });

  it("of a shell command ends it", async () => {
    const marker = shared.path("shell-ran-on");
    const started = shared.path("shell-started");
    const command = bashApp(() => sh`mkfifo ${started}.fifo; touch ${started}; read x < ${started}.fifo; touch ${marker}`);
    const future = command();
    for (const end = Date.now() + 10_000; !existsSync(started) && Date.now() < end; ) await new Promise((resolve) => setImmediate(resolve));
    expect(await future.cancel()).toBe("running");
    expect(future.state).toBe("cancelled");
    expect(existsSync(marker)).toBe(false);
  });

  it("of a task between attempts ends it without another", async () => {
    const failing = app(() => {
      throw new Error("again");
    }, { retries: { app: 5, backoff: "1h" } });
    const future = failing();
    await new Promise<void>((resolve) => future.states$.subscribe((state) => state === "backing-off" && resolve()));
    expect(await future.cancel()).toBe("backing-off");
    expect([future.state, future.attempt]).toEqual(["cancelled", 1]);
  });

  it("of a join app that waits for its futures cancels what it had submitted", async () => {
    const gate = latch();
    const blocker = held(gate.name);
    await gate.arrived();
    let inner: PromiseLike<unknown> & { state: string } = blocker;
    const outer = joinApp(() => (inner = identity(identity("inner"))));
    const future = outer();
    await new Promise<void>((resolve) => future.states$.subscribe((state) => state === "joining" && resolve()));
    expect(await future.cancel()).toBe("joining");
    expect(await rejection(inner)).toMatchObject({ name: "TaskCancelled" });
    expect(blocker.state).not.toBe("cancelled");
  });

  it("of a join app whose body is under way cancels also what that submits later", async () => {
    let goOn: () => void = () => undefined;
    let later: (PromiseLike<unknown> & { state: string }) | undefined;
    const running = new Promise<void>((begun) => {
      const outer = joinApp(async () => {
        await new Promise<void>((resolve) => {
          goOn = resolve;
          begun();
        });
        later = identity("later");
        return later;
      });
      void outer().settled.then(() => undefined);
    });
    await running;
    const [future] = shared.kernel.tasks({ state: ["running", "dispatched"], app: "outer" });
    await future?.cancel();
    goOn();
    while (later === undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(await rejection(later)).toMatchObject({ name: "TaskCancelled" });
  });

  it("of an equal call that shares another's execution leaves the other alone", async () => {
    const gate = latch();
    const cached = held.with({ cache: true });
    const leader = cached(gate.name, "shared");
    await gate.arrived();
    const follower = cached(gate.name, "shared");
    expect(await follower.cancel()).toMatch(/waiting|memo/);
    gate.open();
    expect(await leader).toBe("shared");
    expect(follower.state).toBe("cancelled");
  });

  it("of a task that has ended changes nothing and answers how it ended", async () => {
    const done = identity(1);
    await done;
    expect(await done.cancel()).toBe("done");
    expect(await done).toBe(1);
    const failed = app(() => {
      throw new Error("x");
    })();
    await failed.settled;
    expect(await failed.cancel()).toBe("failed");
  });

  it("twice is once", async () => {
    const gate = latch();
    const future = held(gate.name);
    await gate.arrived();
    const [first, second] = await Promise.all([future.cancel("one"), future.cancel("two")]);
    expect([first, second].every((found) => found === "running" || found === "dispatched")).toBe(true);
    expect((await rejection(future)).message).toContain("one");
    expect(await future.cancel()).toBe("cancelled");
  });

  it("never leads to a retry", async () => {
    const gate = latch();
    const future = held.with({ retries: 5 })(gate.name);
    await gate.arrived();
    await future.cancel();
    expect([future.state, future.attempt, future.attempts.length]).toEqual(["cancelled", 1, 0]);
  });

  it("reaches what depends on it as a DependencyError whose cause is the cancellation", async () => {
    const gate = latch();
    const future = held(gate.name);
    const dependent = identity(future);
    await gate.arrived();
    await future.cancel("stop");
    expect(await rejection(dependent)).toMatchObject({ name: "DependencyError", cause: { name: "TaskCancelled" } });
  });

  it("leaves no output under its final name", async () => {
    const gate = latch();
    const out = shared.path("cancelled-output.txt");
    const write = app(async (name: string, { outputs }: { outputs: { file: { path: string } } }) => {
      const { writeFileSync } = await import("node:fs");
      writeFileSync(outputs.file.path, "half");
      await knockAt(name, "written");
      await new Promise(() => undefined);
    }, { outputs: { file: file(out) }, using: { knockAt } });
    const future = write(gate.name);
    await gate.arrived();
    await future.cancel();
    expect(existsSync(out)).toBe(false);
    expect(await rejection(future.outputs.file)).toMatchObject({ name: "TaskCancelled" });
  });
});

describe("a signal", () => {
  it("cancels the calls that were given it", async () => {
    const gate = latch();
    const aborter = new AbortController();
    const future = held.with({ signal: aborter.signal })(gate.name);
    await gate.arrived();
    aborter.abort(new Error("the user went home"));
    expect(await rejection(future)).toMatchObject({ name: "TaskCancelled", message: expect.stringContaining("the user went home") });
  });

  it("that was aborted before cancels at once", async () => {
    const future = identity.with({ signal: AbortSignal.abort() })(1);
    expect(await rejection(future)).toMatchObject({ name: "TaskCancelled" });
  });

  it("is not listened to once the task has ended", async () => {
    const aborter = new AbortController();
    const future = identity.with({ signal: aborter.signal })(1);
    await future;
    aborter.abort();
    expect(future.state).toBe("done");
  });
});

describe("a cooperative task", () => {
  it("sees its signal aborted, and is given time to end by itself", async () => {
    const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1, killGrace: "20s" })] }).start();
    const gate = latch();
    const note = shared.path("ended-by-itself");
    const careful = app(async (name: string, path: string) => {
      const { task } = await import("caraway/task");
      const { writeFileSync } = await import("node:fs");
      const aborted = new Promise<void>((resolve) => task.signal.addEventListener("abort", () => resolve()));
      await knockAt(name, "listening");
      await aborted;
      writeFileSync(path, "tidy");
    }, { using: { knockAt } });
    // Each began to listen a moment before: that may be news still under way.
    for (let i = 1; i <= 10; i++) {
      const future = careful.on(kernel)(gate.name, `${note}-${i}`);
      await gate.arrived(i);
      await future.cancel();
      expect(future.state).toBe("cancelled");
      expect(existsSync(`${note}-${i}`)).toBe(true);
    }
    await kernel.close();
  });
});
