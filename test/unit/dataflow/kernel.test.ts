import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { app, clear, type Config, DataFlowKernel, dfk, joinApp, load, mpi, threadPool, withKernel } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, thrown } from "./shared-kernel.js";

const square = app((x: number) => x * x);
const identity = app((x: unknown) => x);
const small: Config = { executors: [threadPool({ maxThreads: 1 })] };
const here = process.cwd();

afterEach(async () => {
  process.chdir(here);
  delete process.env["CARAWAY_PROFILE"];
  try {
    await dfk().close({ mode: "cancel" });
  } catch (error) {
    expect(error).toMatchObject({ name: "NoDataFlowKernelError" });
  }
});

/** A working directory with these files in it. */
async function inDirectory(files: Record<string, string>, run: () => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "caraway-kernel-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  process.chdir(directory);
  try {
    await run();
  } finally {
    process.chdir(here);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Opens the writing end of a named pipe once somebody is reading it, who is held until it is closed. */
async function openOnceRead(pipe: string): Promise<number> {
  for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setImmediate(resolve))) {
    try {
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO" || Date.now() > end) throw error;
    }
  }
}

describe("withKernel", () => {
  it("gives what its body gives, with a kernel that is the default one meanwhile", async () => {
    const value = await withKernel(small, async (kernel) => {
      expect(dfk()).toBe(kernel);
      return square(5);
    });
    expect(value).toBe(25);
    expect(thrown(() => dfk()).name).toBe("NoDataFlowKernelError");
  });

  it("waits for work that the body left behind", async () => {
    let left: { state: string } | undefined;
    await withKernel(small, () => void (left = square(square(3))));
    expect(left?.state).toBe("done");
  });

  it("cancels what is open when the body throws, closes, and throws what the body threw", async () => {
    const gate = new Latch();
    const mine = new Error("the body");
    let open: { state: string } | undefined;
    let kernel: DataFlowKernel | undefined;
    const error = await rejection(withKernel(small, async (running) => {
      kernel = running;
      open = held(gate.name);
      await gate.arrived();
      throw mine;
    }));
    expect(error).toBe(mine);
    expect(open?.state).toBe("cancelled");
    expect(kernel?.health().state).toBe("closed");
    gate.close();
  });

  it("needs a body", async () => {
    expect(await rejection(withKernel(small, undefined as never))).toMatchObject({ name: "ConfigurationError" });
  });

  it("without a configuration uses this machine's cores", async () => {
    await inDirectory({}, async () => {
      await withKernel(async (kernel) => {
        expect([...kernel.executors.keys()]).toEqual(["threads"]);
        expect(await square(2)).toBe(4);
      });
    });
  });
});

describe("load", () => {
  it("makes the default kernel, which app calls and dfk() find", async () => {
    const kernel = await load(small);
    expect(dfk()).toBe(kernel);
    expect(await square(3)).toBe(9);
    await kernel.close();
    expect(thrown(() => dfk())).toMatchObject({ name: "NoDataFlowKernelError", code: "CW-CONF-003" });
  });

  it("a second time is a ConfigurationError, and the first goes on", async () => {
    const kernel = await load(small);
    expect(await rejection(load(small))).toMatchObject({ name: "ConfigurationError", code: "CW-CONF-001" });
    expect(await square(3)).toBe(9);
    const replacement = await load(small, { replace: true });
    expect(kernel.health().state).toBe("closed");
    expect(dfk()).toBe(replacement);
    await replacement.close();
  });

  it("is forgotten by clear(), and goes on running", async () => {
    const kernel = await load(small);
    clear();
    expect(thrown(() => square(1)).name).toBe("NoDataFlowKernelError");
    expect(await square.on(kernel)(2)).toBe(4);
    await kernel.close();
  });

  it("leaves the configuration it was given unchanged, which may be used again", async () => {
    const config = Object.freeze({ executors: Object.freeze([threadPool({ maxThreads: 1 })]), retries: Object.freeze({ app: 1 }) }) satisfies Config;
    const before = JSON.stringify(config);
    for (let i = 0; i < 2; i++) {
      const kernel = await load(config);
      expect(await square(i)).toBe(i * i);
      await kernel.close();
    }
    expect(JSON.stringify(config)).toBe(before);
  });

  it.each([
    ["an unknown key", { executer: [] }, "CW-CONF-001", "executors"],
    ["two executors of one label", { executors: [threadPool(), threadPool()] }, "CW-CONF-001", "threads"],
    ["a value of a wrong type", { retries: "many" }, "CW-CONF-001", "retries"],
    ["a descriptor that was not called", { executors: [threadPool] }, "CW-CONF-001", "threadPool"],
    ["what is not built yet", { executors: [mpi()] }, "CW-CONF-002", "mpi"],
    ["no object", 3, "CW-CONF-001", "configuration"],
  ])("rejects %s, and leaves no kernel loaded", async (_, config, code, word) => {
    const error = await rejection(load(config as never));
    expect(error["code"]).toBe(code);
    expect(`${error.message} ${JSON.stringify(error["evidence"])}`).toContain(word);
    expect(error["hint"]).not.toBe("");
    expect(thrown(() => dfk()).name).toBe("NoDataFlowKernelError");
    expect(await rejection(new DataFlowKernel(config as never).start())).toMatchObject({ code });
  });

  it("finds the configuration of the working directory, and its profiles", async () => {
    const text = `export default { retries: 1, executors: [{ kind: "thread-pool", label: "from-file", maxThreads: 1 }], profiles: { big: { retries: 7 } } };`;
    await inDirectory({ "caraway.config.mjs": text }, async () => {
      const kernel = await load();
      expect([...kernel.executors.keys()]).toEqual(["from-file"]);
      expect(kernel.config.retries.app).toBe(1);
      await kernel.close();
      const named = await load(undefined, { profile: "big" });
      expect(named.config.retries.app).toBe(7);
      await named.close();
      process.env["CARAWAY_PROFILE"] = "big";
      const chosen = await load();
      expect(chosen.config.retries.app).toBe(7);
      await chosen.close();
      expect(await rejection(load(undefined, { profile: "bgi" }))).toMatchObject({ name: "ConfigurationError", hint: expect.stringContaining("big") });
    });
  });

  it("rejects a configuration file that is wrong, naming it", async () => {
    await inDirectory({ "caraway.config.json": `{ "executors": [], ` }, async () => {
      expect(await rejection(load())).toMatchObject({ name: "ConfigurationError", where: { file: expect.stringContaining("caraway.config.json") } });
    });
  });
});

describe("a kernel of one's own", () => {
  it("is used through `on`, beside the default one and others", async () => {
    const [one, two] = await Promise.all([new DataFlowKernel({ executors: [threadPool({ label: "one", maxThreads: 1 })] }).start(), new DataFlowKernel({ executors: [threadPool({ label: "two", maxThreads: 1 })] }).start()]);
    const [a, b] = [square.on(one)(2), square.on(two)(3)];
    expect(await Promise.all([a, b])).toEqual([4, 9]);
    expect([one.summary().tasks, two.summary().tasks]).toEqual([1, 1]);
    expect(await identity.on(two)(a)).toBe(4);
    expect(thrown(() => square(1)).name).toBe("NoDataFlowKernelError");
    await Promise.all([one.close(), two.close()]);
  });

  it("owns what is called in the bodies it runs", async () => {
    const kernel = await new DataFlowKernel(small).start();
    const sync = joinApp((x: number) => square(x));
    const later = joinApp(async (x: number) => {
      await Promise.resolve();
      return [square(x)];
    });
    expect(await sync.on(kernel)(3)).toBe(9);
    expect(await later.on(kernel)(4)).toEqual([16]);
    expect(kernel.summary().counts.done).toBe(4);
    await kernel.close();
  });

  it("that was not started says so, and may be started but once", async () => {
    const kernel = new DataFlowKernel(small);
    expect(thrown(() => square.on(kernel)(1))).toMatchObject({ name: "KernelClosed", hint: expect.stringContaining("start") });
    expect(await Promise.all([kernel.start(), kernel.start()])).toEqual([kernel, kernel]);
    expect(kernel.executors.size).toBe(1);
    await kernel.close();
    await new DataFlowKernel(small).close();
  });

  it("is closed at the end of a block by `await using`, by its exitMode", async () => {
    const gate = new Latch();
    const kernel = await new DataFlowKernel({ ...small, exitMode: "cancel" }).start();
    const future = held.on(kernel)(gate.name);
    await gate.arrived();
    await kernel[Symbol.asyncDispose]();
    expect(future.state).toBe("cancelled");
    expect(kernel.health().state).toBe("closed");
    gate.close();
  });
});

describe("close", () => {
  it("waits for open work, and takes no more", async () => {
    const gate = new Latch();
    const kernel = await load(small);
    const open = held(gate.name, "finished");
    const dependent = identity(open);
    await gate.arrived();
    const closing = kernel.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(thrown(() => square(1))).toMatchObject({ name: "KernelClosed", code: "CW-KERN-001" });
    gate.open();
    await closing;
    expect(await dependent).toBe("finished");
    expect(thrown(() => square.on(kernel)(1))).toMatchObject({ name: "KernelClosed" });
    gate.close();
  });

  it("cancels open work in the mode cancel", async () => {
    const gate = new Latch();
    const kernel = await load(small);
    const open = held(gate.name);
    const queued = square(2);
    const dependent = identity([open, queued]);
    await gate.arrived();
    await kernel.close({ mode: "cancel" });
    expect([open.state, queued.state, dependent.state].every((state) => ["cancelled", "dependency-failed"].includes(state))).toBe(true);
    expect(await rejection(open)).toMatchObject({ name: "TaskCancelled", message: expect.stringContaining("closed") });
    gate.close();
  });

  it("cancels what is left at its time limit, and resolves", async () => {
    const gate = new Latch();
    const kernel = await load(small);
    const open = held(gate.name);
    await gate.arrived();
    await kernel.close({ timeout: 20 });
    expect(open.state).toBe("cancelled");
    gate.close();
  });

  it("that waits can be given a time limit by another call, and the soonest counts", async () => {
    const gate = new Latch();
    const kernel = await load(small);
    const open = held(gate.name);
    await gate.arrived();
    const waiting = kernel.close();
    await Promise.all([waiting, kernel.close({ timeout: "1h" }), kernel.close({ timeout: 20 }), kernel.close({ timeout: "2h" })]);
    expect(open.state).toBe("cancelled");
    gate.close();
  });

  it("that waits can be made to cancel by another call", async () => {
    const gate = new Latch();
    const kernel = await load(small);
    const open = held(gate.name);
    await gate.arrived();
    const waiting = kernel.close();
    await kernel.close({ mode: "cancel" });
    await waiting;
    expect(open.state).toBe("cancelled");
    gate.close();
  });

  it("while work is open in a native call that cannot be ended rejects, naming it", async () => {
    const kernel = await load(small);
    const directory = await mkdtemp(join(tmpdir(), "caraway-stuck-"));
    const pipe = join(directory, "pipe");
    execFileSync("mkfifo", [pipe]);
    const stuck = app(async function stuck(path: string) {
      return (await import("node:fs")).readFileSync(path, "utf8");
    });
    const future = stuck(pipe);
    const writer = await openOnceRead(pipe);
    const error = await rejection(kernel.close({ mode: "cancel" }));
    closeSync(writer);
    expect(error).toMatchObject({ name: "WaitTimeout", code: "CW-KERN-002" });
    expect(JSON.stringify([error.message, error["evidence"]])).toContain(`stuck (task ${future.id}`);
    expect(future.state).toBe("cancelled");
    await rm(directory, { recursive: true });
  });

  it("refuses what it does not know, and what is not built yet; the kernel goes on", async () => {
    const kernel = await load(small);
    expect(await rejection(kernel.close({ mode: "detach" as never }))).toMatchObject({ name: "NotYetSupported", code: "CW-CONF-002" });
    expect(await rejection(kernel.flush())).toMatchObject({ name: "NotYetSupported" });
    for (const wrong of [{ mode: "now" }, { timeout: "soon" }, { timeuot: 1 }]) expect(await rejection(kernel.close(wrong as never))).toMatchObject({ name: "InvalidOption", code: "CW-APP-011" });
    expect(await square(3)).toBe(9);
  });

  it("again does nothing", async () => {
    const kernel = await load(small);
    await Promise.all([kernel.close(), kernel.close()]);
    await kernel.close();
    expect(kernel.health().state).toBe("closed");
  });

  it("leaves finished tasks to be looked at", async () => {
    const kernel = await load(small);
    const future = square(6);
    await kernel.close();
    expect(await future).toBe(36);
    expect(kernel.task(future.id)?.state).toBe("done");
    expect(kernel.summary().counts.done).toBe(1);
    expect(kernel.why(future.id).sentence).toContain("is done");
  });

  it("ends the stream of events", async () => {
    const kernel = await load(small);
    const states: string[] = [];
    const completed = new Promise<void>((resolve) => kernel.events$.subscribe({ next: (event) => event.type === "kernel.state" && states.push(event.state), complete: resolve }));
    await kernel.close();
    await completed;
    expect(states).toEqual(["draining", "closing", "closed"]);
  });
});

describe("executors at run time", () => {
  it("are added and removed while work goes on", async () => {
    const gate = new Latch();
    const kernel = await load({ executors: [threadPool({ label: "first", maxThreads: 1 })] });
    const there = app(async () => (await import("node:worker_threads")).threadId);
    const open = held(gate.name, "kept");
    await gate.arrived();
    await kernel.addExecutor(threadPool({ label: "second", maxThreads: 1 }));
    expect([...kernel.executors.keys()].sort()).toEqual(["first", "second"]);
    const second = there.with({ executors: "second" })();
    expect(await second).toBeGreaterThan(0);
    const removing = kernel.removeExecutor("first");
    expect((await rejection(there.with({ executors: ["first"] })())).name).toBe("UnknownExecutor");
    gate.open();
    await removing;
    expect(await open).toBe("kept");
    expect([...kernel.executors.keys()]).toEqual(["second"]);
    expect(await square(2)).toBe(4);
    gate.close();
  });

  it("are refused where the label is taken, not there, or the descriptor is wrong", async () => {
    const kernel = await load(small);
    expect(await rejection(kernel.addExecutor(threadPool()))).toMatchObject({ name: "ConfigurationError", where: { executor: "threads" } });
    expect(await rejection(kernel.removeExecutor("nobody"))).toMatchObject({ name: "UnknownExecutor", code: "CW-EXEC-004" });
    expect(await rejection(kernel.addExecutor({ kind: "thread-pool", label: "x", maxThreads: 0 }))).toMatchObject({ name: "ConfigurationError" });
    expect(await rejection(kernel.addExecutor(mpi()))).toMatchObject({ name: "NotYetSupported" });
    expect(await square(3)).toBe(9);
  });

  it("run the apps that name them, or whose predicate accepts them", async () => {
    const kernel = await load({ executors: [threadPool({ label: "a", maxThreads: 1 }), threadPool({ label: "b", maxThreads: 1, env: { CARAWAY_POOL: "b" } })] });
    const pool = app(() => process.env["CARAWAY_POOL"] ?? "a");
    expect(await Promise.all([pool.with({ executors: "a" })(), pool.with({ executors: ["b"] })(), pool.with({ executors: (label) => label === "b" })()])).toEqual(["a", "b", "b"]);
    expect(await Promise.all([...Array(20).keys()].map(() => pool.with({ executors: "all" })())).then((used) => new Set(used).size)).toBe(2);
    expect(kernel.executors.get("b")).toMatchObject({ label: "b", state: "running" });
  });
});

describe("threads", () => {
  it("are at most maxThreads, and work at once", async () => {
    const gate = new Latch();
    const kernel = await load({ executors: [threadPool({ maxThreads: 3 })] });
    const open = Array.from({ length: 5 }, () => held(gate.name));
    await gate.arrived(3);
    expect(kernel.executors.get("threads")).toMatchObject({ workers: 3, busy: 3 });
    expect(kernel.tasks({ state: ["ready", "waiting"] })).toHaveLength(2);
    gate.open();
    await Promise.all(open);
    expect(kernel.executors.get("threads")?.workers).toBe(3);
    gate.close();
  });

  it("share one process", async () => {
    await load({ executors: [threadPool({ maxThreads: 2 })] });
    const pid = app(() => process.pid);
    expect(new Set(await pid.map([...Array(20).keys()] as never[]))).toEqual(new Set([process.pid]));
  });

  it("survive a task that fails: others go on working", async () => {
    const kernel = await load({ executors: [threadPool({ maxThreads: 1 })] });
    const failing = app(() => {
      throw new Error("lazy");
    });
    const bad = failing();
    const good = square(4);
    expect(await good).toBe(16);
    expect((await rejection(bad)).message).toBe("lazy");
    expect(kernel.executors.get("threads")).toMatchObject({ lost: 0 });
  });
});
