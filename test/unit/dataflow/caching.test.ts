import { existsSync, readFileSync } from "node:fs";
import { rm, stat, utimes, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { app, appsFrom, bashApp, type DataFile, DataFlowKernel, file, joinApp, sh } from "#internal/index";
import { held, Latch } from "./latch.js";
import { rejection, sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

const shared = sharedKernel();

/** A value that no two executions share. */
const unique = app(function unique(..._: unknown[]) {
  return `${process.pid} ${Math.random()} ${process.hrtime.bigint()}`;
}, { cache: true });

describe("a cached app", () => {
  it("answers an equal call with the same value, without running", async () => {
    const first = unique("same");
    const value = await first;
    const second = unique("same");
    expect(await second).toBe(value);
    expect([first.state, second.state, second.attempt]).toEqual(["done", "memoized", 0]);
  });

  it("runs for other arguments, and tells -0, 0, \"0\", null and undefined apart", async () => {
    const values = await Promise.all([0, -0, "0", null, undefined, false, 0n, [0], { 0: 0 }].map((x) => unique(x)));
    expect(new Set(values).size).toBe(values.length);
  });

  it("knows equal values of any shape, whatever the order of their properties", async () => {
    const shape = (flip: boolean) => (flip ? { b: [1, new Map([["k", 2]])], a: Buffer.from("x") } : { a: Buffer.from("x"), b: [1, new Map([["k", 2]])] });
    expect(await unique(shape(false))).toBe(await unique(shape(true)));
    expect(await unique({ a: 1, b: 2 })).not.toBe(await unique({ a: 2, b: 1 }));
  });

  it("looks at the values of futures, not at who made them", async () => {
    const identity = app((x: number) => x);
    expect(await unique(identity(5))).toBe(await unique(5));
  });

  it("is not mixed up with another of other source or other `using`", async () => {
    const withN = (n: number) => app(() => `${n} ${Math.random()}`, { cache: true, using: { n } });
    const [a, b] = await Promise.all([withN(1)(), withN(2)()]);
    expect(a).not.toBe(b);
    expect(await withN(1)()).toBe(a);
  });

  it("misses where nobody asked for a cache", async () => {
    const plain = unique.with({ cache: false });
    expect(await plain("p")).not.toBe(await plain("p"));
  });

  it("does not count streams, labels, priorities, walltimes and executors", async () => {
    const value = await unique("options");
    const other = unique.with({ label: "x", priority: 1, walltime: "1m", executors: "threads", stdout: shared.path("cached.out"), retries: 2 })("options");
    expect(await other).toBe(value);
    expect(existsSync(shared.path("cached.out"))).toBe(false);
  });

  it("counts the environment, unless it is ignored", async () => {
    const value = await unique("env");
    expect(await unique.with({ env: { X: "1" } })("env")).not.toBe(value);
    expect(await unique.with({ env: { X: "1" }, cacheIgnore: ["env"] })("env")).toBe(value);
  });

  it("leaves out the arguments that cacheIgnore names, by name or by position", async () => {
    const named = app((data: number, seed: number) => `${data} ${seed} ${Math.random()}`, { cache: true, cacheIgnore: ["seed"] });
    expect(await named(1, 2)).toBe(await named(1, 3));
    expect(await named(1, 2)).not.toBe(await named(2, 2));
    const placed = unique.with({ cacheIgnore: [1] });
    expect(await placed("a", 1)).toBe(await placed("a", 2));
  });

  it("gives a failure again as the identical error; without the cache it is another", async () => {
    const failing = app((x: number): number => {
      throw new Error(`failed ${x} ${Math.random()}`);
    }, { cache: true });
    const error = await rejection(failing(1));
    expect(await rejection(failing(1))).toBe(error);
    expect(await rejection(failing.with({ cache: false })(1))).not.toBe(error);
  });

  it("does not remember that a call was cancelled or ran out of time", async () => {
    const gate = new Latch();
    const waits = held.with({ cache: true });
    const first = waits(gate.name, "again");
    await gate.arrived();
    await first.cancel();
    const second = waits(gate.name, "again");
    await gate.arrived(2);
    gate.open();
    expect(await second).toBe("again");
    gate.close();
    const slow = app((ms: number) => {
      const end = Date.now() + ms;
      while (Date.now() < end);
      return "in time";
    }, { cache: true });
    expect((await rejection(slow.with({ walltime: 100 })(1000))).name).toBe("AppTimeout");
    expect(await slow(1000)).toBe("in time");
  });
});

describe("equal calls in flight", () => {
  it("share one execution", async () => {
    const gate = new Latch();
    const waits = held.with({ cache: true });
    const calls = Array.from({ length: 5 }, () => waits(gate.name, "one execution"));
    await gate.arrived();
    gate.open();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => "one execution"));
    expect(gate.arrivals).toHaveLength(1);
    expect(calls.map((call) => call.state)).toEqual(["done", "memoized", "memoized", "memoized", "memoized"]);
    gate.close();
  });

  it("go on by themselves where the one that ran is cancelled: one of the others runs", async () => {
    const gate = new Latch();
    const waits = held.with({ cache: true });
    const calls = Array.from({ length: 3 }, () => waits(gate.name, "survives"));
    await gate.arrived();
    await calls[0]?.cancel();
    await gate.arrived(2);
    gate.open();
    expect(await Promise.all(calls.slice(1))).toEqual(["survives", "survives"]);
    expect(gate.arrivals).toHaveLength(2);
    gate.close();
  });

  it("share its failure, too", async () => {
    const failing = app(async (x: number): Promise<number> => {
      throw new Error(`shared ${x}`);
    }, { cache: true });
    const errors = await Promise.all([failing(1), failing(1)].map((call) => rejection(call)));
    expect(errors[0]).toBe(errors[1]);
  });
});

describe("cached calls with files", () => {
  const write = app(async (text: string, { outputs }: { outputs: { readonly out: { readonly path: string } } }) => {
    await (await import("node:fs/promises")).writeFile(outputs.out.path, text);
    return Math.random();
  }, { cache: true, outputs: { out: file("unused") } });

  it("write nothing again while their outputs are as they were", async () => {
    const out = shared.path("cached-output.txt");
    const call = write.with({ outputs: { out: file(out) } });
    const value = await call("text");
    const { mtimeMs, ino } = await stat(out);
    expect(await call("text")).toBe(value);
    expect(await stat(out)).toMatchObject({ mtimeMs, ino });
  });

  it("run again where an output is gone or was changed", async () => {
    const out = shared.path("lost-output.txt");
    const call = write.with({ outputs: { out: file(out) } });
    const value = await call("text");
    await rm(out);
    const second = await call("text");
    expect(second).not.toBe(value);
    expect(readFileSync(out, "utf8")).toBe("text");
    await writeFile(out, "somebody else's");
    expect(await call("text")).not.toBe(second);
    expect(readFileSync(out, "utf8")).toBe("text");
  });

  it("are others for other output names", async () => {
    const call = (name: string) => write.with({ outputs: { out: file(shared.path(name)) } })("text");
    expect(await call("one.txt")).not.toBe(await call("two.txt"));
  });

  it("run again where an input file has changed", async () => {
    const input = shared.path("input.txt");
    await writeFile(input, "one");
    const read = app(async (given: DataFile) => (await import("node:fs/promises")).readFile(given.path, "utf8"), { cache: true });
    expect(await read(file(input))).toBe("one");
    expect((await shared.kernel.task(read(file(input)).id)?.settled)).toBe("memoized");
    await writeFile(input, "two");
    await utimes(input, new Date(), new Date(Date.now() + 5000));
    expect(await read(file(input))).toBe("two");
    const nested = app(async (given: { files: DataFile[] }) => (await import("node:fs/promises")).readFile(given.files[0]?.path ?? "", "utf8"), { cache: true });
    expect(await nested({ files: [file(input)] })).toBe("two");
    await writeFile(input, "three");
    expect(await nested({ files: [file(input)] })).toBe("three");
  });

  it("run again where a file in `inputs` has changed", async () => {
    const input = shared.path("declared-input.txt");
    await writeFile(input, "one");
    const read = app(async ({ inputs }: { inputs: readonly DataFile[] }) => (await import("node:fs/promises")).readFile(inputs[0]?.path ?? "", "utf8"), { cache: true, inputs: [file(input)] });
    expect(await read()).toBe("one");
    await writeFile(input, "other");
    expect(await read()).toBe("other");
  });
});

describe("other cached apps", () => {
  it("bash apps: neither body nor command runs a second time", async () => {
    let bodies = 0;
    const stamp = bashApp((x: number) => (bodies++, sh`echo ${x} $RANDOM$RANDOM`), { cache: true, returns: "stdout" });
    const first = await stamp(1);
    expect(await stamp(1)).toBe(first);
    expect(bodies).toBe(1);
    expect(await stamp(2)).not.toBe(first);
  });

  it("join apps: what the body returned is remembered", async () => {
    let bodies = 0;
    const join = joinApp((x: string) => (bodies++, [unique.with({ cache: false })(x)]), { cache: true });
    const first = await join("j");
    expect(await join("j")).toEqual(first);
    expect(bodies).toBe(1);
  });

  it("closures made at one place are told apart: what they enclose cannot be seen", async () => {
    const make = (word: string) => bashApp(() => sh`echo ${word}`, { cache: true, returns: "stdout" });
    expect(await make("one")()).toBe("one\n");
    expect(await make("two")()).toBe("two\n");
  });

  it("apps of a module: the module's text counts", async () => {
    const path = shared.path("cached.mjs");
    await writeFile(path, "export const value = () => Math.random();\n");
    const cached = appsFrom<{ value(): number }>(pathToFileURL(path), { cache: true });
    const first = await cached.value();
    expect(await cached.value()).toBe(first);
    await writeFile(path, "export const value = () => Math.random(); // changed\n");
    const again = cached.value();
    await again;
    expect(again.state).toBe("done");
  });
});

it("a kernel with `cache: false` remembers nothing", async () => {
  const kernel = await new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })], cache: false }).start();
  const call = unique.on(kernel);
  expect(await call("off")).not.toBe(await call("off"));
  await kernel.close();
});
