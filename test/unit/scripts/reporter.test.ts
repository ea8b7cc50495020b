import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Runs test files in a project of their own, with the reporters of this one. */
async function lastLineOf(files: Readonly<Record<string, string>>): Promise<{ code: number; last: string | undefined }> {
  const project = await mkdtemp(join(tmpdir(), "caraway-reporter-"));
  onTestFinished(() => rm(project, { recursive: true, force: true }));
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  for (const [file, text] of Object.entries(files)) await writeFile(join(project, file), `import { it, describe, expect } from "vitest";\n${text}`);
  const words = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", project, "--reporter", "default", "--reporter", join(root, "test/reporter.ts")];
  return new Promise((done) => {
    execFile(process.execPath, words, { cwd: project, env: { ...process.env, VITEST: "", NO_COLOR: "1" } }, (error, out) => done({ code: error === null ? 0 : 1, last: out.trimEnd().split("\n").at(-1) }));
  });
}

it("ends with the counts of tests alone on the last line", async () => {
  const files = { "a.test.ts": 'it("a", () => {}); it("b", () => {}); it.skip("c", () => {}); it.todo("d"); describe.skip("s", () => { it("e", () => {}); });' };
  expect(await lastLineOf(files)).toEqual({ code: 0, last: "2 passed, 0 failed, 3 skipped" });
});

it("counts failed tests, files that cannot be loaded, suites that break and errors outside of tests", async () => {
  const files = {
    "a.test.ts": 'it("a", () => {}); it("b", () => { expect(1).toBe(2); });',
    "broken.test.ts": 'throw new Error("cannot be loaded");',
    "suite.test.ts": 'describe("s", () => { throw new Error("breaks"); });',
    "late.test.ts": 'it("l", async () => { void Promise.reject(new Error("late")); await new Promise((done) => setImmediate(done)); });',
  };
  const { code, last } = await lastLineOf(files);
  expect(code).toBe(1);
  expect(last).toBe("2 passed, 4 failed, 0 skipped");
});
