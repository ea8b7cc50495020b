import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { app, bashApp, sh } from "caraway";
import { withPool } from "./kernels.js";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "cwd-")));
afterAll(() => rmSync(directory, { recursive: true }));

const whereAmI = app((x: number) => `${x} ${process.cwd()}`);

test("function tasks have directories of their own in a process of one worker, each its own whatever the order", async () => {
  await withPool({ maxThreads: 1, isolation: "process" }, async (kernel) => {
    const calls = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? whereAmI.with({ cwd: directory }) : whereAmI).on(kernel)(i));
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => `${i} ${i % 3 === 0 ? directory : process.cwd()}`));
  });
});

test("a directory that does not exist fails the task that asks for it, and no other", async () => {
  await withPool({ maxThreads: 1, isolation: "process" }, async (kernel) => {
    const missing = join(directory, "missing");
    const calls = [whereAmI.on(kernel)(1), whereAmI.with({ cwd: missing }).on(kernel)(2), whereAmI.on(kernel)(3)] as const;
    await expect(calls[1]).rejects.toMatchObject({ name: "InvalidOption", code: "CW-APP-011", evidence: { cwd: missing } });
    expect(await Promise.all([calls[0], calls[2]])).toEqual([`1 ${process.cwd()}`, `3 ${process.cwd()}`]);
  });
});

test.each([
  { maxThreads: 2, isolation: "process" },
  { maxThreads: 1, isolation: "thread" },
] as const)("a directory for a function is refused where workers share one: %o", async (pool) => {
  await withPool(pool, async (kernel) => {
    await expect(whereAmI.with({ cwd: directory }).on(kernel)(1)).rejects.toMatchObject({ name: "UnsupportedFeature", code: "CW-EXEC-005" });
    expect(await bashApp(() => sh`pwd`, { cwd: directory, returns: "lines" }).on(kernel)()).toEqual([directory]);
  });
});
