import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { app, highThroughput, slurm, withKernel, type SlurmOptions } from "#internal/index";
import { jobDirectory, seen } from "../unit/providers/jobs.js";
import { noSlurm } from "./slurm-host.js";

const why = noSlurm();

/** The ids of what is left of the jobs of an executor. */
const jobsOf = (label: string): string[] => execFileSync("squeue", ["--noheader", "--format=%i %j"], { encoding: "utf8" }).split("\n").flatMap((line) => (line.includes(`caraway.${label}.`) ? [line.split(" ")[0] ?? ""] : []));

const executor = (label: string, options: SlurmOptions) => highThroughput({ label, address: "127.0.0.1", maxWorkersPerNode: 1, provider: slurm({ exclusive: false, coresPerNode: 1, statusInterval: "500ms", ...options }) });

describe.skipIf(why !== undefined)(why ?? "blocks as jobs of a real Slurm", () => {
  it("run tasks on each of their nodes, and end with the kernel", async () => {
    const meet = app(async (directory: string) => {
      const { readdirSync, writeFileSync: write } = await import("node:fs");
      const name = (await import("node:os")).hostname();
      write(`${directory}/${name}`, "");
      while (readdirSync(directory).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      return name;
    });
    const place = jobDirectory();
    const hosts = await withKernel({ runDir: jobDirectory(), executors: [executor("two-nodes", { nodesPerBlock: 2 })] }, () => Promise.all([meet(place), meet(place)]));
    expect(hosts.sort()).toEqual([expect.stringMatching(/^n[1-4]$/), expect.stringMatching(/^n[1-4]$/)]);
    expect(hosts[0]).not.toBe(hosts[1]);
    await seen("the end of the job", () => jobsOf("two-nodes").length === 0 || undefined);
  });

  it("are replaced when an administrator ends them, and their tasks run again", async () => {
    const directory = jobDirectory();
    const patient = app(async (path: string, gate: string) => {
      const { existsSync: exists, appendFileSync } = await import("node:fs");
      appendFileSync(path, "started\n");
      while (!exists(gate)) await new Promise((resolve) => setTimeout(resolve, 20));
      return "done";
    });
    const [started, gate] = [join(directory, "started"), join(directory, "gate")];
    await withKernel({ runDir: directory, strategyPeriod: "200ms", executors: [executor("replaced", {})] }, async () => {
      const result = patient(started, gate);
      await seen("the task at work", () => existsSync(started) || undefined);
      execFileSync("scancel", jobsOf("replaced"));
      await seen("the task at work again", () => readFileSync(started, "utf8") === "started\nstarted\n" || undefined);
      writeFileSync(gate, "");
      expect(await result).toBe("done");
      expect(result.attempts).toHaveLength(1);
      expect(result.attempts[0]?.charge).not.toBe("app");
    });
    await seen("the end of the job", () => jobsOf("replaced").length === 0 || undefined);
  });
});
