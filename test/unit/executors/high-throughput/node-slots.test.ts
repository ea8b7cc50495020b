import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { app, bashApp, sh } from "#internal/index";
import { BoundedLog } from "#internal/executors/thread-pool/bounded-log";
import { allowedCores, checkAffinity, coresOf, parseCores } from "#internal/executors/high-throughput/manager/affinity";
import { AcceleratorLeases } from "#internal/executors/high-throughput/manager/slots";
import { label, withCluster } from "../../../faults/high-throughput/cluster.js";
import { Latch } from "../../dataflow/latch.js";
import { thrown } from "../../dataflow/shared-kernel.js";

const cores8 = [0, 1, 2, 3, 4, 5, 6, 7];

describe("the cores of each worker", () => {
  test.each([
    ["block", 3, [[0, 1], [2, 3], [4, 5]]],
    ["block-reverse", 3, [[6, 7], [4, 5], [2, 3]]],
    ["alternating", 3, [[0, 3], [1, 4], [2, 5]]],
    ["list:0,4:1-3:7", 3, [[0, 4], [1, 2, 3], [7]]],
    ["none", 2, [undefined, undefined]],
  ] as const)("%s", (affinity, workers, expected) => {
    expect(Array.from({ length: workers }, (_, worker) => coresOf(affinity, worker, workers, cores8))).toEqual(expected);
  });

  test("are shared where there are more workers than cores", () => {
    expect([0, 1, 2, 3].map((worker) => coresOf("block", worker, 4, [5, 9]))).toEqual([[5], [9], [5], [9]]);
  });

  test("are read as the system writes them", () => {
    expect(parseCores("0-2,7,9-10")).toEqual([0, 1, 2, 7, 9, 10]);
    expect(allowedCores("Name:\tnode\nCpus_allowed_list:\t1,4-5\n")).toEqual([1, 4, 5]);
  });

  test("that a node does not have, or that are too few, are refused by name", () => {
    expect(thrown(() => checkAffinity("list:0:1", 3, [0, 1])).message).toContain("it names the cores of 2 workers, and there are 3");
    expect(thrown(() => checkAffinity("list:0:77", 2, [0, 1])).message).toContain("the cores 77 are not among those that it may use");
    checkAffinity("list:1:0", 2, [0, 1]);
  });
});

describe("accelerators", () => {
  test("go to the task of the worker whose they are; to more where it asks for more; and no two tasks have the same", () => {
    const leases = new AcceleratorLeases(["a", "b", "c", "d"]);
    expect(leases.take(1, 0, undefined)).toEqual(["a"]);
    expect(leases.take(2, 2, 2)).toEqual(["c", "b"]);
    expect(leases.take(3, 1, undefined)).toEqual(["d"]);
    leases.free(2);
    expect(leases.take(4, 2, undefined)).toEqual(["c"]);
    expect(leases.take(5, 3, 0)).toEqual([]);
    expect(leases.take(1, 0, undefined)).toEqual(["a"]);
  });
});

const place = () => ({ rank: process.env["CARAWAY_WORKER_RANK"], count: process.env["CARAWAY_WORKER_COUNT"], block: process.env["CARAWAY_BLOCK"], manager: process.env["CARAWAY_MANAGER"], gpu: process.env["CUDA_VISIBLE_DEVICES"] });
const whereHeld = app(async (latch: string) => {
  const { connect } = await import("node:net");
  const { readFileSync: read } = await import("node:fs");
  await new Promise((resolve, reject) => connect(latch, function (this: import("node:net").Socket) { this.write("here"); }).on("close", resolve).on("error", reject).resume());
  const cores = /Cpus_allowed_list:\s*(\S+)/.exec(read("/proc/self/status", "utf8"))?.[1];
  return { rank: process.env["CARAWAY_WORKER_RANK"], count: process.env["CARAWAY_WORKER_COUNT"], block: process.env["CARAWAY_BLOCK"], manager: process.env["CARAWAY_MANAGER"], gpu: process.env["CUDA_VISIBLE_DEVICES"], cores };
});
const shellPlace = bashApp(() => sh`echo "$CARAWAY_WORKER_RANK $CARAWAY_WORKER_COUNT $CARAWAY_BLOCK $CARAWAY_MANAGER"; grep Cpus_allowed_list /proc/self/status`, { returns: "lines" });

test("tasks see which worker of which manager they have, on threads too", async () => {
  await withCluster({ maxWorkersPerNode: 1 }, async ({ kernel, manned, workingAt }) => {
    await manned();
    const [uid] = workingAt();
    expect(await app(place).on(kernel)()).toMatchObject({ rank: "0", count: "1", block: "block-1", manager: uid });
    expect((await shellPlace.on(kernel)())[0]).toBe(`0 1 block-1 ${uid ?? ""}`);
  });
});

test.skipIf(allowedCores().length < 2)("two workers have different cores and accelerators, and so have commands", async () => {
  const latch = new Latch();
  await withCluster({ isolation: "process", maxWorkersPerNode: 2, cpuAffinity: "block-reverse", availableAccelerators: ["x", "y"] }, async ({ kernel, manned }) => {
    await manned();
    const both = [whereHeld.on(kernel)(latch.name), whereHeld.on(kernel)(latch.name)];
    await latch.arrived(2);
    latch.open();
    const seen = (await Promise.all(both)).sort((a, b) => Number(a.rank) - Number(b.rank));
    const cores = allowedCores();
    expect(seen.map(({ rank, count, gpu }) => ({ rank, count, gpu }))).toEqual([{ rank: "0", count: "2", gpu: "x" }, { rank: "1", count: "2", gpu: "y" }]);
    expect(seen.map((one) => parseCores(one.cores ?? ""))).toEqual([0, 1].map((worker) => coresOf("block-reverse", worker, 2, cores)));
    const [first = "", mask = ""] = await shellPlace.on(kernel)();
    expect(parseCores(mask.split(/\s+/)[1] ?? "")).toEqual(coresOf("block-reverse", Number(first[0]), 2, cores));
    const two = app(() => process.env["CUDA_VISIBLE_DEVICES"]).with({ resources: { gpus: 2, cores: 2 } }).on(kernel);
    expect((await two())?.split(",").sort()).toEqual(["x", "y"]);
  });
  latch.close();
});

describe("what tasks print", () => {
  test("without a file for it, goes to the log of its worker below its block, however much it is; lines of workerInit run before", async () => {
    await withCluster({ maxWorkersPerNode: 1, provider: { workerInit: "export FROM_INIT=yes" } }, async ({ kernel, manned, run, workingAt }) => {
      await manned();
      const print = app((lines: number) => {
        for (let i = 0; i < lines; i++) console.log(`${i} ${"x".repeat(1000)}`);
        console.error(`the end, ${process.env["FROM_INIT"] ?? "no"}`);
        return lines;
      });
      expect(await print.on(kernel)(20_000)).toBe(20_000);
      const directory = join(run, label, "blocks", "block-1", workingAt()[0] ?? "");
      expect(readdirSync(directory).sort()).toEqual(["worker-0.log", "worker-0.log.1"]);
      const text = readFileSync(join(directory, "worker-0.log"), "utf8");
      expect(text).toMatch(/^\[\d+ bytes before were dropped\]/);
      expect(text.endsWith("the end, yes\n")).toBe(true);
      expect(readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)).toBeLessThan(9 * 2 ** 20);
    });
  });

  test("is bounded in its log, which keeps the newest and says how much it has not", () => {
    const directory = mkdtempSync(join(tmpdir(), "caraway-log-"));
    const path = join(directory, "a", "worker.log");
    const log = new BoundedLog(path, 1000);
    expect(existsSync(path)).toBe(false);
    for (let i = 0; i < 100; i++) log.write(`line ${i} ${"x".repeat(40)}\n`);
    log.close();
    const [now, before] = [readFileSync(path, "utf8"), readFileSync(`${path}.1`, "utf8")];
    expect(now.length + before.length).toBeLessThanOrEqual(1000 + 60);
    expect(now).toContain("line 99");
    expect(log.dropped).toBeGreaterThan(3000);
    expect(now).toContain(`[${log.dropped} bytes before were dropped]`);
    log.write("y".repeat(5000));
    log.close();
    expect(statSync(path).size).toBeLessThanOrEqual(560);
    // A log that cannot be written is no reason for anything to fail.
    const nowhere = new BoundedLog(join(path, "log"), 1000);
    nowhere.write("lost");
    expect(nowhere.dropped).toBe(4);
    rmSync(directory, { recursive: true });
  });
});

