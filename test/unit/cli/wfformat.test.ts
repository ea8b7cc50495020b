import { existsSync, readdirSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { ReplayResult } from "#internal/cli/wfformat";
import { caraway, scratch } from "./terminal.js";
import { documentOf, forkJoin } from "./wfformat-documents.js";

async function withDocument(document: unknown): Promise<string> {
  const path = join(await scratch(), "flow.json");
  await writeFile(path, JSON.stringify(document));
  return path;
}

describe("caraway run --wfformat", () => {
  it("replays the graph with its files, finds every constraint kept, and compares the time with what no schedule beats", async () => {
    const { code, out } = await caraway(["run", "--json", "--wfformat", await withDocument(forkJoin(6, 2)), "--scale", "0.02", "--threads", "3"]);
    const result = JSON.parse(out) as ReplayResult;
    expect(code).toBe(0);
    expect(result).toMatchObject({ name: "sketch", tasks: 8, constraints: 12, files: 14, threads: 3, scale: 0.02, violations: [] });
    expect(result.criticalPathMs).toBeCloseTo(120);
    expect(result.listScheduleMs).toBeCloseTo(160);
    expect(result.makespanMs).toBeGreaterThanOrEqual(result.listScheduleMs);
    expect(result.ratio).toBeCloseTo(result.makespanMs / result.lowerBoundMs);
  });

  it("prints it as a table", async () => {
    const { code, out, err } = await caraway(["run", "--no-progress", "--wfformat", await withDocument(forkJoin(2)), "--scale", "0.001"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^sketch: 4 tasks, 6 files, \d+ threads?, times × 0\.001\n {2}makespan .* × the lower bound\n {2}list schedule .*\n {2}lower bound .*\n {2}all 4 order constraints held, all files were there\n$/);
  });

  it("leaves no file behind", async () => {
    const document = await withDocument(forkJoin(2));
    const temporary = await scratch();
    vi.stubEnv("TMPDIR", temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await caraway(["run", "--json", "--wfformat", document, "--scale", "0"])).code).toBe(0);
    expect((await readdir(temporary)).filter((name) => name.startsWith("caraway-replay-"))).toEqual([]);
  });

  it("hands a task that reads and writes the same file no input that is not there", async () => {
    const document = documentOf({ first: { outputFiles: ["log"] }, other: { parents: ["first"], inputFiles: ["log", "own"], outputFiles: ["own"] } });
    const { out } = await caraway(["run", "--json", "--wfformat", await withDocument(document), "--scale", "0.001"]);
    expect((JSON.parse(out) as ReplayResult).violations).toEqual([]);
  });

  it("refuses a file that is not there, and one that is no such document, as wrong use", async () => {
    expect(await caraway(["run", "--wfformat", "nowhere.json"], await scratch())).toMatchObject({ code: 2, err: expect.stringMatching(/CW-DATA-003 .*nowhere\.json cannot be read/) as string });
    expect(await caraway(["run", "--wfformat", await withDocument({ schemaVersion: "1.3" })])).toMatchObject({ code: 2, err: expect.stringContaining('schemaVersion must be "1.5", but is "1.3"') as string });
  });
});

const recorded = process.env["CARAWAY_WFINSTANCES"] ?? fileURLToPath(new URL("../../../../shared/data/wfinstances", import.meta.url));
const documents = existsSync(recorded) ? readdirSync(recorded).filter((name) => name.endsWith(".json")).map((name) => join(recorded, name)) : [];

describe.skipIf(documents.length === 0)("recorded executions (in the directory that CARAWAY_WFINSTANCES names)", () => {
  it.each(documents.map((path) => [basename(path), path]))("keeps every order constraint of %s", async (_, path) => {
    const { code, out } = await caraway(["run", "--json", "--wfformat", path, "--scale", "0.0005", "--threads", "4"]);
    const { violations, tasks, constraints } = JSON.parse(out) as ReplayResult;
    expect({ code, violations }).toEqual({ code: 0, violations: [] });
    expect(constraints).toBeGreaterThanOrEqual(tasks - 1);
  });
});
