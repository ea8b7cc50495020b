import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { processesWith, until } from "../unit/executors/shell/observe.js";
import { isolations } from "./kernels.js";

const path = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const { VITEST: _, ...environment } = process.env;

interface Left {
  readonly resources: readonly string[];
  readonly threads: number;
  readonly files: number;
  readonly children: readonly string[];
  readonly temporary: readonly string[];
  readonly shells: number;
}

test.each(isolations)("after close no handle, thread, child or file is left (%s), however often", (isolation) => {
  const mark = `clean-${process.pid}-${isolation}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, [path("whole-life.mjs"), isolation], { encoding: "utf8", env: { ...environment, MARK: mark }, timeout: 60_000 });
  expect(status, stderr).toBe(0);
  const { before, first, last } = JSON.parse(stdout) as { before: readonly string[]; first: Left; last: Left };
  expect(last).toEqual({ ...first, resources: before, children: [], temporary: [], shells: 0 });
  expect(processesWith(mark)).toEqual([]);
});

test.each([...isolations, "managers"])("an idle kernel does not keep its program alive, open work does (%s)", async (isolation) => {
  for (const [work, said] of [["", "exit\n"], ["work", "done 700\nexit\n"]] as const) {
    const mark = `idle-${process.pid}-${isolation}-${work}`;
    const child = spawn(process.execPath, [path("idle.mjs"), isolation, work], { env: { ...environment, MARK: mark, RUN_DIR: join(tmpdir(), mark) }, stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(stdout).toBe(said);
    // Managers whose program ended without a word end with their lease.
    await until("nothing is left of it", () => processesWith(mark).length === 0);
    rmSync(join(tmpdir(), mark), { recursive: true, force: true });
  }
});
