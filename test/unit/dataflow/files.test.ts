import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { app, AUTO_LOGNAME, bashApp, type DataFile, DataFlowKernel, directory, file, glob, optional, sh } from "#internal/index";
import { held, knock, Latch } from "./latch.js";
import { rejection, sharedKernel, thrown } from "./shared-kernel.js";
import { onManagers, testExecutor } from "./test-executor.js";

/** Shipped functions name what is defined in their own file. */
const knockAt = knock;

const shared = sharedKernel();
const identity = app((x: unknown) => x);

/** What is in a directory, hidden names of attempts included. */
const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path).sort() : []);

/** What an attempt leaves under private names is removed in a moment. */
async function emptied(path: string): Promise<void> {
  for (const end = Date.now() + 5000; namesIn(path).length > 0 && Date.now() < end; ) await new Promise((resolve) => setImmediate(resolve));
  expect(namesIn(path)).toEqual([]);
}

describe("declared outputs", () => {
  it("are an array: the body gets the files in it, the future has their futures in it", async () => {
    const outputs = [1, 2, 3].map((n) => file(shared.path(`array/${n}.txt`)));
    const write = app(async (text: string, { outputs: files }: { outputs: readonly DataFile[] }) => {
      const { writeFile: put } = await import("node:fs/promises");
      await Promise.all(files.map((one, i) => put(one.path, `${text} ${i}`)));
      return files.length;
    }, { outputs });
    const future = write("file");
    expect((await Promise.all(future.outputs)).map((one) => one.path)).toEqual(outputs.map((one) => one.path));
    expect(outputs.map((one) => readFileSync(one.path, "utf8"))).toEqual(["file 0", "file 1", "file 2"]);
    expect(await future).toBe(3);
  });

  it("are a record, or what a function of the arguments gives", async () => {
    const copy = app(async (input: DataFile, { outputs }: { outputs: { readonly copy: DataFile } }) => {
      const { copyFile } = await import("node:fs/promises");
      await copyFile(input.path, outputs.copy.path);
    }, { outputs: (input: DataFile) => ({ copy: file(join(dirname(input.path), `${input.stem}.copy${input.ext}`)) }) });
    await writeFile(shared.path("original.txt"), "content");
    const future = copy(file(shared.path("original.txt")));
    expect((await future.outputs.copy).name).toBe("original.copy.txt");
    expect(readFileSync(shared.path("original.copy.txt"), "utf8")).toBe("content");
  });

  it("have their directories made", async () => {
    const touch = bashApp(({ outputs }: { outputs: { readonly deep: DataFile } }) => sh`touch ${outputs.deep}`, { outputs: { deep: file(shared.path("a/b/c/deep.txt")) } });
    await touch();
    expect(existsSync(shared.path("a/b/c/deep.txt"))).toBe(true);
  });

  it("have a private name beside their own while the attempt runs, with the same ending", async () => {
    const gate = new Latch();
    const out = shared.path("private/result.tar.gz");
    const slow = app(async (latch: string, { outputs }: { outputs: { readonly out: DataFile } }) => {
      const { writeFileSync } = await import("node:fs");
      writeFileSync(outputs.out.path, "half");
      await (await knockAt(latch, outputs.out.path)).opened;
      return outputs.out.path;
    }, { outputs: { out: file(out) }, using: { knockAt } });
    const future = slow(gate.name);
    await gate.arrived();
    const [hidden = ""] = gate.arrivals;
    expect([dirname(hidden), hidden.endsWith("result.tar.gz"), hidden === out, existsSync(out)]).toEqual([dirname(out), true, false, false]);
    gate.open();
    await future;
    expect(namesIn(dirname(out))).toEqual(["result.tar.gz"]);
    gate.close();
  });

  it("that do not exist in the end are MissingOutputs, naming them, and none is published", async () => {
    const half = bashApp(({ outputs }: { outputs: { readonly one: DataFile; readonly two: DataFile } }) => sh`echo 1 > ${outputs.one}`, { outputs: { one: file(shared.path("half/one.txt")), two: file(shared.path("half/two.txt")) } });
    const future = half();
    expect(await rejection(future)).toMatchObject({ name: "MissingOutputs", code: "CW-APP-003", where: { task: future.id, app: "half", attempt: 1 }, evidence: { missing: [shared.path("half/two.txt")] } });
    expect(existsSync(shared.path("half/one.txt"))).toBe(false);
    await emptied(shared.path("half"));
  });

  it("of an attempt that failed are never seen, and the next attempt's are its own", async () => {
    const out = shared.path("retried/out.txt");
    const second = app(async ({ outputs }: { outputs: { readonly out: DataFile } }) => {
      const { writeFileSync, existsSync: there } = await import("node:fs");
      const { task } = await import("caraway/task");
      const clean = !there(outputs.out.path);
      writeFileSync(outputs.out.path, `attempt ${task.attempt} ${clean}`);
      if (task.attempt === 1) throw new Error("after writing");
    }, { retries: 1, outputs: { out: file(out) } });
    await second();
    expect(readFileSync(out, "utf8")).toBe("attempt 2 true");
    expect(namesIn(dirname(out))).toEqual(["out.txt"]);
  });

  it("of an attempt that missed them are tried again", async () => {
    const second = bashApp((log: string, { outputs }: { outputs: { readonly out: DataFile } }) => sh`echo x >> ${log}; if test $(wc -l < ${log}) -ge 2; then touch ${outputs.out}; fi`, { retries: 1, outputs: { out: file(shared.path("second/out.txt")) } });
    const future = second(shared.path("second.log"));
    expect(await future).toBe(0);
    expect(future.attempts.map(({ error }) => error.name)).toEqual(["MissingOutputs"]);
  });

  it("of a killed attempt are removed", async () => {
    const out = shared.path("killed/out.txt");
    const loop = app(async ({ outputs }: { outputs: { readonly out: DataFile } }) => {
      (await import("node:fs")).writeFileSync(outputs.out.path, "half");
      for (;;);
    }, { walltime: 500, outputs: { out: file(out) } });
    expect((await rejection(loop())).name).toBe("AppTimeout");
    expect(existsSync(out)).toBe(false);
    await emptied(dirname(out));
  });

  it("replace what had their name", async () => {
    const out = shared.path("replaced.txt");
    await writeFile(out, "old");
    await bashApp(({ outputs }: { outputs: readonly [DataFile] }) => sh`echo new > ${outputs[0]}`, { outputs: [file(out)] as const })();
    expect(readFileSync(out, "utf8")).toBe("new\n");
  });

  it("whose place is taken by a directory are told, and are not tried again", async () => {
    await mkdir(shared.path("is-a-directory"), { recursive: true });
    const write = bashApp(({ outputs }: { outputs: readonly [DataFile] }) => sh`echo x > ${outputs[0]}`, { retries: 3, outputs: [file(shared.path("is-a-directory"))] as const });
    const future = write();
    expect(await rejection(future)).toMatchObject({ name: "MissingOutputs", evidence: { directories: [shared.path("is-a-directory")] } });
    expect(future.attempt).toBe(1);
  });

  it("that cannot be are refused: twice the same, no files, a function that throws", async () => {
    const one = file(shared.path("twice.txt"));
    const twice = app(() => 1 as unknown, { outputs: { a: one, b: one } });
    expect(await rejection(twice())).toMatchObject({ name: "InvalidOption", code: "CW-APP-011", message: expect.stringContaining("twice") });
    const strings = app((_files: unknown) => 1, { outputs: ["no file"] as never });
    expect(await rejection((strings as unknown as () => PromiseLike<unknown>)())).toMatchObject({ name: "InvalidOption" });
    const mine = new Error("outputs of mine");
    const throws = app((_: unknown) => 1, {
      outputs: (): { out: DataFile } => {
        throw mine;
      },
    });
    expect(await rejection((throws as unknown as () => PromiseLike<unknown>)())).toBe(mine);
  });

  it("whose directory cannot be made fail the task", async () => {
    await writeFile(shared.path("a-file"), "");
    const below = bashApp(({ outputs }: { outputs: readonly [DataFile] }) => sh`touch ${outputs[0]}`, { outputs: [file(shared.path("a-file/below.txt"))] as const });
    expect(await rejection(below())).toMatchObject({ name: "InvalidOption", where: { file: shared.path("a-file") } });
  });
});

describe("files as arguments", () => {
  const sort = bashApp((input: DataFile, { outputs }: { outputs: { readonly sorted: DataFile } }) => sh`sort ${input} > ${outputs.sorted}`, {
    outputs: (input: DataFile) => ({ sorted: file(join(dirname(input.path), `${input.stem}.sorted.txt`)) }),
  });

  it("are files in the body, and paths in a command", async () => {
    await writeFile(shared.path("words.txt"), "b\na\n");
    await sort(file(shared.path("words.txt")));
    expect(readFileSync(shared.path("words.sorted.txt"), "utf8")).toBe("a\nb\n");
  });

  it("may be futures of files: a pipeline, in functions and commands", async () => {
    await writeFile(shared.path("pipe.txt"), "3\n1\n2\n");
    const first = app(async (input: DataFile) => (await import("node:fs/promises")).readFile(input.path, "utf8").then((text) => text.split("\n")[0]));
    expect(await first(sort(file(shared.path("pipe.txt"))).outputs.sorted)).toBe("1");
    const cat = bashApp((...inputs: DataFile[]) => sh`cat ${inputs}`, { returns: "lines" });
    expect(await cat(sort(file(shared.path("pipe.txt"))).outputs.sorted, file(shared.path("words.txt")))).toEqual(["1", "2", "3", "b", "a"]);
  });

  it("may be asked for their names by a function of outputs, before they exist", async () => {
    await writeFile(shared.path("chain.txt"), "2\n1\n");
    const once = sort(file(shared.path("chain.txt")));
    const twice = sort(once.outputs.sorted);
    expect((await twice.outputs.sorted).name).toBe("chain.sorted.sorted.txt");
  });

  it("given in `inputs` are in the last argument of the body, and are waited for", async () => {
    const gate = new Latch();
    await writeFile(shared.path("inputs.txt"), "x");
    const read = app(async ({ inputs }: { inputs: readonly DataFile[] }) => (await import("node:fs")).readFileSync(inputs[0]?.path ?? "", "utf8"), { inputs: [file(shared.path("inputs.txt"))] });
    expect(await read()).toBe("x");
    const path = held(gate.name, shared.path("inputs.txt"));
    const later = app((x: unknown, { inputs }: { inputs: readonly DataFile[] }) => [x, inputs.map((one) => one.name)], { inputs: [sort(file(shared.path("words.txt"))).outputs.sorted] });
    const future = later(identity(1));
    expect(await future).toEqual([1, ["words.sorted.txt"]]);
    gate.open();
    await path;
    gate.close();
  });

  it("arrive as files again in results, errors and nested values", async () => {
    const back = app((given: { one: DataFile }) => given.one);
    const same = await back({ one: file(shared.path("x.txt")) });
    expect(same.path).toBe(shared.path("x.txt"));
    expect(same.stem).toBe("x");
  });
});

describe("stdout and stderr", () => {
  const speak = app((text: string) => {
    console.log(`out ${text}`);
    console.error(`err ${text}`);
  });
  const shout = bashApp((text: string) => sh`echo ${text}; echo err ${text} >&2`);

  it("go to the files that are asked for, of function and bash apps", async () => {
    const [out, err] = [shared.path("speak.out"), shared.path("speak.err")];
    const future = speak.with({ stdout: out, stderr: err })("a");
    expect([future.stdout, future.stderr]).toEqual([out, err]);
    await future;
    expect([readFileSync(out, "utf8"), readFileSync(err, "utf8")]).toEqual(["out a\n", "err a\n"]);
    await shout.with({ stdout: shared.path("shout.out"), stderr: shared.path("shout.err") })("b");
    expect([readFileSync(shared.path("shout.out"), "utf8"), readFileSync(shared.path("shout.err"), "utf8")]).toEqual(["b\n", "err b\n"]);
  });

  it("are appended to, unless they are to be truncated or given as a file", async () => {
    for (const [name, option, expected] of [
      ["append.out", shared.path("append.out"), "1\n2\n"],
      ["mode.out", { path: shared.path("mode.out"), mode: "append" as const }, "1\n2\n"],
      ["truncate.out", { path: shared.path("truncate.out"), mode: "truncate" as const }, "2\n"],
      ["file.out", file(shared.path("file.out")), "2\n"],
    ] as const) {
      await shout.with({ stdout: option })("1");
      await shout.with({ stdout: option })("2");
      expect(readFileSync(shared.path(name), "utf8")).toBe(expected);
    }
  });

  it("may be the same file", async () => {
    const both = shared.path("both.log");
    await shout.with({ stdout: both, stderr: both })("x");
    expect(readFileSync(both, "utf8").split("\n").sort()).toEqual(["", "err x", "x"]);
  });

  it("are named by the run, task and app with AUTO_LOGNAME", async () => {
    const future = shout.with({ stdout: AUTO_LOGNAME, stderr: AUTO_LOGNAME, label: "my label" })("auto");
    const pattern = new RegExp(`runinfo/\\d{3}/task_logs/0000/task_${String(future.id).padStart(4, "0")}_shout_my-label\\.(stdout|stderr)$`);
    expect(future.stdout).toMatch(pattern);
    expect(future.stderr).toMatch(pattern);
    await future;
    expect([readFileSync(future.stdout ?? "", "utf8"), readFileSync(future.stderr ?? "", "utf8")]).toEqual(["auto\n", "err auto\n"]);
  });

  it("with AUTO_LOGNAME differ for every task, also in a loop", async () => {
    const futures = Array.from({ length: 5 }, (_, i) => shout.with({ stdout: AUTO_LOGNAME })(`${i}`));
    await Promise.all(futures);
    expect(new Set(futures.map((future) => future.stdout)).size).toBe(5);
    expect(futures.map((future) => readFileSync(future.stdout ?? "", "utf8"))).toEqual([0, 1, 2, 3, 4].map((i) => `${i}\n`));
  });

  it("hold what is written after the last await, and what asynchronous parts write", async () => {
    const out = shared.path("async.out");
    const slow = app(async () => {
      console.log("one");
      await new Promise((resolve) => setImmediate(resolve));
      process.stdout.write("two");
    }, { stdout: out });
    await slow();
    expect(readFileSync(out, "utf8")).toBe("one\ntwo");
  });

  it.each([["a function app", speak], ["a bash app", shout]] as const)("that cannot be opened are BadStdStreamFile, for %s", async (_, which) => {
    await mkdir(shared.path("occupied"), { recursive: true });
    for (const bad of [shared.path("occupied"), shared.path("no/such/directory/x.out")]) {
      const future = which.with({ stdout: bad, retries: 2 })("x");
      const error = await rejection(future);
      expect(error).toMatchObject({ name: "BadStdStreamFile", code: "CW-APP-005", where: { file: bad, task: future.id } });
      expect(error["hint"]).not.toBe("");
      expect(future.attempt).toBeLessThanOrEqual(1);
    }
    expect(await identity("others go on")).toBe("others go on");
  });
});

describe("run directories", () => {
  // Managers are started from files in it.
  it.skipIf(onManagers)("are numbered, and made only when something is written", async () => {
    const runDir = shared.path("numbered");
    const kernel = () => new DataFlowKernel({ executors: [testExecutor({ maxThreads: 1 })], runDir });
    const first = await kernel().start();
    await identity.on(first)(1);
    expect(existsSync(runDir)).toBe(false);
    const echo = bashApp(() => sh`echo x`, { stdout: AUTO_LOGNAME });
    await echo.on(first)();
    await first.close();
    const second = await kernel().start();
    await echo.on(second)();
    await second.close();
    expect(namesIn(runDir)).toEqual(["000", "001"]);
  });
});

it("what comes later says so", async () => {
  expect(thrown(() => glob("*.txt"))).toMatchObject({ name: "NotYetSupported", code: "CW-CONF-002" });
  expect(thrown(() => directory("/tmp"))).toMatchObject({ name: "NotYetSupported" });
  expect(thrown(() => optional("x"))).toMatchObject({ name: "NotYetSupported" });
  const remote = bashApp((input: DataFile) => sh`cat ${input}`);
  expect(await rejection(remote(file("https://example.org/x.txt")))).toMatchObject({ name: "NotYetSupported" });
  const output = app((_: unknown) => 1, { outputs: { out: file("s3://bucket/x") } });
  expect(await rejection((output as unknown as () => PromiseLike<unknown>)())).toMatchObject({ name: "NotYetSupported" });
});
