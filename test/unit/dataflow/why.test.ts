import { afterEach, describe, expect, it } from "vitest";
import { app, bashApp, joinApp, sh } from "#internal/index";
import { held, knock, Latch } from "./latch.js";
import { sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

/** Shipped functions name what is defined in their own file. */
const knockAt = knock;

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 1 })] });
const identity = app((x: unknown) => x);
const why = (future: { readonly id: number }) => shared.kernel.why(future.id);

let gate = new Latch();
afterEach(async () => {
  gate.open();
  await shared.kernel.settled();
  gate.close();
  gate = new Latch();
});

describe("why", () => {
  it("a task waits: for which dependencies, in which states, and what it comes down to", async () => {
    const root = held(gate.name);
    const middle = identity(root);
    const other = identity(root);
    const end = identity([middle, other, 1]);
    await gate.arrived();
    const { sentence, evidence } = why(end);
    expect(sentence).toMatch(new RegExp(`^task ${end.id} \\(identity\\) has waited for .* for 2 of the 2 things it depends on: task ${middle.id} \\(identity\\), waiting; task ${other.id} \\(identity\\), waiting\\. It comes down to task ${root.id} \\(held\\), which is (running|dispatched), for .*worker threads/0`));
    expect(evidence).toMatchObject({ task: end.id, state: "waiting", waitingFor: [{ task: middle.id, app: "identity", state: "waiting" }, { task: other.id }], root: { task: root.id, app: "held" }, path: [middle.id, root.id] });
    expect(evidence["inStateMs"]).toBeGreaterThanOrEqual(0);
  });

  it("a task waits for a promise of the program", async () => {
    let settle: (value: number) => void = () => undefined;
    const future = identity(new Promise<number>((resolve) => (settle = resolve)));
    expect(why(future).sentence).toContain("a promise. It goes on when a promise of the program settles");
    settle(1);
    await future;
  });

  it("a task waits in the queue: for a worker, with how many are busy", async () => {
    const first = held(gate.name);
    await gate.arrived();
    const queued = held(gate.name);
    await new Promise((resolve) => setImmediate(resolve));
    expect(why(queued).sentence).toMatch(/is ready, for .*: attempt 1 waits for a worker of "threads" \(1 of 1 busy/);
    expect(why(queued).evidence).toMatchObject({ executor: "threads", explanation: expect.stringContaining("waits for a worker") });
    expect(why(first).sentence).toMatch(/is (dispatched|running), for .*on worker threads\/0/);
  });

  it("a task runs: since when, until when at the latest, and how far it says it is", async () => {
    const reporting = app(async (latch: string) => {
      const { task } = await import("caraway/task");
      task.progress(0.25, "a quarter");
      await (await knockAt(latch, "here")).opened;
    }, { walltime: "1m", using: { knockAt } });
    const future = reporting(gate.name);
    await gate.arrived();
    const { sentence, evidence } = why(future);
    expect(sentence).toContain("it reported 25 % (a quarter)");
    expect(sentence).toContain("at the latest at its walltime of 60.0 s");
    expect(evidence).toMatchObject({ progress: { fraction: 0.25, note: "a quarter" } });
  });

  it("a task is between attempts: which error, and when the next begins", async () => {
    const failing = app(() => {
      throw new Error("try again later");
    }, { retries: { app: 1, backoff: "1h" } });
    const future = failing();
    await new Promise<void>((resolve) => future.states$.subscribe((state) => state === "backing-off" && resolve()));
    const { sentence, evidence } = why(future);
    expect(sentence).toMatch(/waits (60\.0|59\.\d) min more before attempt 2, since attempt 1 failed: Error: try again later/);
    expect(evidence["dueInMs"]).toBeGreaterThan(3_500_000);
    await future.cancel();
  });

  it("a join app joins: which futures, and what they come down to", async () => {
    const join = joinApp((latch: string) => [held(latch), identity(1)]);
    const future = join(gate.name);
    await gate.arrived();
    const { sentence, evidence } = why(future);
    expect(sentence).toMatch(/has waited for .* for [12] of the 2 futures its body returned: task \d+ \(held\)/);
    expect(evidence).toMatchObject({ state: "joining", root: { app: "held" } });
  });

  it("an equal call follows another", async () => {
    const cached = held.with({ cache: true });
    const leader = cached(gate.name, "same");
    await gate.arrived();
    const follower = cached(gate.name, "same");
    await new Promise((resolve) => setImmediate(resolve));
    const { sentence } = why(follower);
    expect(sentence).toContain("for an equal call to end, whose result it shares");
    expect(sentence).toContain(`It comes down to task ${leader.id} (held)`);
  });

  it("a bash app is composed: its body has not returned", async () => {
    let compose: (command: string) => void = () => undefined;
    const slow = bashApp(() => new Promise<string>((resolve) => (compose = resolve)));
    const future = slow();
    await new Promise((resolve) => setImmediate(resolve));
    expect(why(future).sentence).toContain("the body that composes its command has not returned");
    compose("true");
    expect(await future).toBe(0);
  });

  it("a task has ended: how, and with which error", async () => {
    const done = identity(1);
    const failed = app(() => {
      throw new RangeError("broken");
    })();
    const skipped = identity(failed);
    const cached = identity.with({ cache: true });
    await cached("x");
    const hit = cached("x");
    const cancelled = bashApp(() => sh`sleep 100`)();
    await Promise.all([done.settled, failed.settled, skipped.settled, hit.settled]);
    await cancelled.cancel("not needed");
    expect([done, failed, skipped, hit, cancelled].map((future) => why(future).sentence.replace(/^task \d+ \(\S+\) /, "").replace(/, [\d.]+ m?s ago/, ""))).toEqual([
      "is done",
      "failed: RangeError: broken",
      expect.stringMatching(/^was not run: DependencyError: .*RangeError: broken/),
      "was answered from the cache",
      expect.stringMatching(/^was cancelled: TaskCancelled: .*not needed/),
    ]);
    expect(why(failed).evidence["error"]).toMatchObject({ name: "RangeError" });
  });

  it("there is no such task", () => {
    expect(shared.kernel.why(0).sentence).toContain("there is no task 0");
    expect(shared.kernel.why(1e9).sentence).toMatch(/there is no task 1000000000: the last one is \d+/);
    expect(shared.kernel.why(Number.NaN).sentence).toContain("there is no task NaN");
  });
});

describe("tree and health", () => {
  it("show every actor with its state: the kernel, executors, threads, attempts and open tasks", async () => {
    const open = held(gate.name);
    const waits = identity(open);
    await gate.arrived();
    const states = new Map(shared.kernel.tree().map(({ path, state }) => [path, state]));
    expect(states.get("kernel/kernel")).toBe("running");
    expect(states.get("executor/threads")).toBe("running");
    expect([...states].some(([path, state]) => path.startsWith("thread/threads/0") && state === "busy")).toBe(true);
    expect(states.get(`task/${waits.id}`)).toBe("waiting");
    expect([...states.keys()].some((path) => path.startsWith(`attempt/${open.id}`))).toBe(true);
  });

  it("tell whether all is well", async () => {
    const open = held(gate.name);
    await gate.arrived();
    expect(shared.kernel.health()).toMatchObject({ state: "running", healthy: true, open: 1, crashed: 0, executors: [{ label: "threads", state: "running", busy: 1, zombies: 0 }] });
    gate.open();
    await open;
    expect(shared.kernel.health().open).toBe(0);
  });
});
