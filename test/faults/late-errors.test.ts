import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { app, DataFlowKernel, threadPool, type KernelEvent } from "caraway";
import { until } from "../unit/executors/shell/observe.js";
import { isolations } from "./kernels.js";

type LateError = Extract<KernelEvent, { type: "task.late-error" }>;

const plain = app((x: number) => x + 1);

const thrower = app(() => {
  setTimeout(() => {
    throw new RangeError("thrown late");
  }, 1);
  return "ended";
});

const rejecter = app(() => {
  setTimeout(() => void Promise.reject(new TypeError("rejected late")), 1);
  return "ended";
});

const forgetful = app(() => {
  const left = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    throw new Error("left behind");
  };
  void left();
  return "ended";
});

const leaver = app(() => {
  setTimeout(() => process.exit(5), 1);
  return "ended";
});

const stringThrower = app(() => {
  setTimeout(() => {
    throw "a text";
  }, 1);
  return "ended";
});

const own = app(async (how: "throw" | "reject" | "emit") => {
  const { EventEmitter } = await import("node:events");
  const never = new Promise<string>(() => undefined);
  if (how === "reject") void Promise.reject(new Error("its own: reject"));
  else if (how === "emit") setTimeout(() => new EventEmitter().emit("error", new Error("its own: emit")), 1);
  else {
    setTimeout(() => {
      throw new Error("its own: throw");
    }, 1);
  }
  return never;
});

const noisy = app((word: string) => {
  console.log("said", word);
  console.error("complained", word);
  process.stdout.write(Buffer.from(`raw ${word}\n`));
  setTimeout(() => console.log("later", word), 5);
  return word;
});

describe.each(isolations)("isolation %s", (isolation) => {
  let kernel: DataFlowKernel;
  const late: LateError[] = [];
  const directory = mkdtempSync(join(tmpdir(), "late-"));
  beforeAll(async () => {
    kernel = await new DataFlowKernel({ executors: [threadPool({ maxThreads: 1, isolation })] }).start();
    kernel.events$.subscribe((event) => {
      if (event.type === "task.late-error") late.push(event);
    });
  });
  afterAll(async () => {
    await kernel.close();
    rmSync(directory, { recursive: true });
  });

  test.each([
    ["an error thrown", thrower, { name: "RangeError", message: "thrown late" }],
    ["a promise rejected", rejecter, { name: "TypeError", message: "rejected late" }],
    ["an async function that fails", forgetful, { message: "left behind" }],
    ["process.exit called", leaver, { name: "AppExit", evidence: { exitCode: 5 } }],
    ["a text thrown", stringThrower, { name: "ForeignThrow" }],
  ])("%s after the end of a task is told of under that task, and harms no other", async (_, guilty, error) => {
    const future = guilty.on(kernel)();
    const next = Array.from({ length: 20 }, (__, i) => plain.on(kernel)(i));
    expect(await future).toBe("ended");
    await until("it is told of", () => late.some(({ task }) => task === future.id));
    expect(await Promise.all(next)).toEqual(next.map((___, i) => i + 1));
    expect(late.find(({ task }) => task === future.id)).toMatchObject({ attempt: 1, error });
    expect(future.state).toBe("done");
    for (const other of next) expect(other.attempt).toBe(1);
  });

  test.each(["throw", "reject", "emit"] as const)("an error nobody caught fails the task that is running (%s)", async (how) => {
    await expect(own.on(kernel)(how)).rejects.toThrow(`its own: ${how}`);
    expect(await plain.on(kernel)(1)).toBe(2);
  });

  test("what a task prints goes to its own files, also from timers after its end, and to no other's", async () => {
    const paths = ["one", "two"].map((word) => ({ word, stdout: join(directory, `${word}.out`), stderr: join(directory, `${word}.err`) }));
    await Promise.all(paths.map(({ word, stdout, stderr }) => noisy.with({ stdout, stderr }).on(kernel)(word)));
    for (const { word, stdout, stderr } of paths) {
      await until("the timer has printed", () => readFileSync(stdout, "utf8").includes("later"));
      expect(readFileSync(stdout, "utf8")).toBe(`said ${word}\nraw ${word}\nlater ${word}\n`);
      expect(readFileSync(stderr, "utf8")).toBe(`complained ${word}\n`);
    }
  });
});
