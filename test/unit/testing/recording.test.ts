import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { app, DataFlowKernel, threadPool } from "#internal/index";
import { describeVerdict, Recording, recordTransitions, verifyRecording, type Entry, type RunFacts } from "#internal/testing/index";
import { recordedValue } from "#internal/testing/recorded-value";
import { failed, ForgedRun, dispatch, settle } from "./forged-run.js";

async function place(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "caraway-recording-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "deeper", "run.ndjson");
}

async function written(entries: readonly Entry[], facts?: RunFacts): Promise<string> {
  const path = await place();
  const recording = new Recording(path, facts);
  for (const entry of entries) recording.take(entry);
  recording.end();
  return path;
}

test("a run that is recorded and read again breaks no rule, and is whole", { timeout: 30_000 }, async () => {
  const path = await place();
  const kernel = new DataFlowKernel({ executors: [threadPool({ label: "threads", maxThreads: 1 })], retries: 1 });
  const recording = recordTransitions(kernel, path);
  await kernel.start();
  const double = app((n: number) => n * 2, { cache: true }).on(kernel);
  const fail = app(() => { throw new Error("no"); }).on(kernel);
  expect(await double(double(2))).toBe(8);
  expect(await double(2)).toBe(4);
  await expect(fail()).rejects.toThrow("no");
  await kernel.close();
  recording.end();
  const verdict = await verifyRecording(path);
  expect(describeVerdict(verdict)).toMatch(/: \d+ steps, no rule is broken$/);
  expect(verdict.whole).toBe(true);
  expect(verdict.entries).toBeGreaterThan(30);
});

describe("a recording tells what its run broke, with the story of that alone", () => {
  test("by its steps", async () => {
    const run = new ForgedRun().whole(1).whole(2);
    run.task(1).move("dependency.settled", "waiting");
    const { violation } = await verifyRecording(await written(run.entries));
    expect(violation).toMatchObject({ invariant: "S1", involved: ["task/1", "attempt/1"] });
    expect(violation?.story.map((entry) => ("id" in entry ? entry.id : 0))).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  test("by what must hold at the end", async () => {
    const run = new ForgedRun();
    run.attempt(1).start("queued");
    expect((await verifyRecording(await written(run.entries))).violation?.invariant).toBe("R1");
  });

  test("by what is known of its tasks", async () => {
    const run = new ForgedRun();
    run.begin(1).move(failed(1), "live.ready", dispatch(2)).move("task.cancel", "cancelled", settle("cancelled"));
    expect((await verifyRecording(await written(run.entries, { budget: () => ({ retries: 0, lost: 3 }) }))).violation?.invariant).toBe("S5 budget");
    expect((await verifyRecording(await written(run.entries, { budget: () => ({ retries: Infinity, lost: 3 }) }))).violation).toBeUndefined();
    expect((await verifyRecording(await written(new ForgedRun().whole(1).entries, { counts: () => ({ done: 2 }) }))).violation?.invariant).toBe("S10");
  });

  test("by what a memo was asked for, known only when it was", async () => {
    const run = new ForgedRun().whole(1, "given");
    run.task(2).start("memo").move({ type: "memo.hit", value: "given" }, "memoized", settle("memoized"));
    expect((await verifyRecording(await written(run.entries, { memoKey: () => "key" }))).violation).toBeUndefined();
    expect((await verifyRecording(await written(run.entries, { memoKey: (task) => `key ${task}` }))).violation?.invariant).toBe("S9");
  });

  test("by a fault of caraway that nobody caught", async () => {
    expect((await verifyRecording(await written([{ probe: "process.fault", message: "TypeError: no", own: true, at: 1 }]))).violation).toMatchObject({ invariant: "S33", story: [{ message: "TypeError: no" }] });
    expect((await verifyRecording(await written([{ probe: "process.fault", message: "Error: the user's", own: false, at: 1 }]))).violation).toBeUndefined();
  });
});

test("of a run that was killed all that came is checked, but not what must hold at the end", async () => {
  const run = new ForgedRun().whole(1);
  run.attempt(2).start("queued");
  const path = await written(run.entries);
  const { length } = await readFile(path);
  await truncate(path, length - 5);
  expect(await verifyRecording(path)).toMatchObject({ whole: false, violation: undefined, entries: run.entries.length });
  expect(describeVerdict(await verifyRecording(path))).toContain("stops before the end of the run");
});

describe("what is no recording is refused by name", () => {
  const refused = async (text: string): Promise<string> => {
    const path = `${await mkdtemp(join(tmpdir(), "caraway-recording-"))}/x`;
    await writeFile(path, text);
    return verifyRecording(path).then(() => "", (error: unknown) => {
      const { code, message } = error as { code: string; message: string };
      return `${code} ${message.slice(message.indexOf("read: ") + 6)}`;
    });
  };

  test.each([
    ["", "CW-DATA-004 it is empty"],
    ["hello\n", /^CW-DATA-004 line 1 is not JSON/],
    ["7\n", "CW-DATA-004 line 1 is not an object"],
    ['{"a":1}\n', "CW-DATA-004 its first line does not say that it is a recording"],
    ['{"recording":"caraway","version":2}\n', "CW-DATA-004 it is of version 2, and this caraway reads version 1"],
    ['{"recording":"caraway","version":1}\n{"outc\n{"fact":"end"}\n', /^CW-DATA-004 line 2 is not JSON/],
  ])("%j", async (text, said) => {
    if (typeof said === "string") expect(await refused(text)).toBe(said);
    else expect(await refused(text)).toMatch(said);
  });

  test("a file that is not there", async () => {
    await expect(verifyRecording("/nowhere/at/all")).rejects.toThrow(/ENOENT/);
  });
});

test("a recording that could not be written says so at its end", async () => {
  const path = await place();
  const recording = new Recording(path);
  (recording as unknown as { file: number }).file = 999_999;
  expect(() => recording.end()).toThrow(/EBADF/);
});

test("recorded values are JSON, are cut where they are large, and stay equal or unequal", async () => {
  const cycle: Record<string, unknown> = { a: 1 };
  cycle["self"] = cycle;
  const error = Object.assign(new TypeError("no", { cause: new Error("why") }), { code: "E", evidence: { n: Infinity } });
  expect(recordedValue({ cycle, error, f: expect, n: [NaN, -0, 1n, undefined, Symbol("s")], m: new Map([[1, new Set([2])]]), d: new Date(5), gone: undefined })).toEqual({
    cycle: { a: 1, self: { $cycle: true } },
    error: { $error: "TypeError", message: "no", code: "E", evidence: { n: { $number: "Infinity" } }, cause: { $error: "Error", message: "why" } },
    f: { $function: expect.any(String) as string },
    n: [{ $number: "NaN" }, { $number: "-0" }, { $bigint: "1" }, null, { $symbol: "Symbol(s)" }],
    m: { $map: [[1, { $set: [2] }]] },
    d: { $date: 5 },
  });
  expect(recordedValue(Buffer.from("abc"))).toEqual(recordedValue(new Uint8Array([97, 98, 99])));
  expect(recordedValue(Buffer.from("abc"))).not.toEqual(recordedValue(Buffer.from("abd")));
  expect(JSON.stringify(recordedValue("x".repeat(100_000))).length).toBeLessThan(3000);
  let deep: unknown = 1;
  for (let i = 0; i < 100; i++) deep = [deep];
  expect(JSON.stringify(recordedValue(deep))).toContain("$deep");
});

test("lines are on disk soon, also where the run does not end", async () => {
  const path = await place();
  const recording = new Recording(path);
  for (const entry of new ForgedRun().whole(1).entries) recording.take(entry);
  recording.flush();
  await appendFile(path, "");
  expect((await readFile(path, "utf8")).trim().split("\n").length).toBe(recording.lines);
  recording.end();
  recording.end();
  recording.take(new ForgedRun().whole(1).entries[0] as Entry);
  expect((await readFile(path, "utf8")).trim().split("\n").at(-1)).toBe('{"fact":"end"}');
});
