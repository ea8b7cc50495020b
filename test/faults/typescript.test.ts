import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { app, appsFrom } from "caraway";
import { isolations, withPool } from "./kernels.js";

const program = fileURLToPath(new URL("./fixtures/typescript/program.ts", import.meta.url));
const { VITEST: _, ...environment } = process.env;

test.each([
  ["tsx", ["npx", "tsx", program]],
  ["node --import tsx", [process.execPath, "--import", "tsx", program]],
])("task modules of TypeScript run in workers of a program run by %s", (_how, [command = "", ...args]) => {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8", env: environment, timeout: 60_000 });
  expect({ stdout, status }, stderr).toEqual({ stdout: "thread 1.5 Half 2.5 7\nprocess 1.5 Half 2.5 7\n", status: 0 });
}, 90_000);

describe.each(isolations)("isolation %s", (isolation) => {
  test("task modules of TypeScript run in workers of a program run by vitest", async () => {
    await withPool({ maxThreads: 1, isolation }, async (kernel) => {
      const { inUnits } = appsFrom<typeof import("./fixtures/typescript/tasks.js")>(new URL("./fixtures/typescript/tasks.ts", import.meta.url));
      expect(await inUnits.on(kernel)(3)).toBe("1.5 Half");
      const shipped = app(async (x: number) => {
        const { halve } = await import("./fixtures/typescript/units.js");
        return halve(x);
      });
      expect(await shipped.on(kernel)(5)).toBe(2.5);
    });
  });

  test("a module that is missing, or has no such function, fails its task by name", async () => {
    await withPool({ maxThreads: 1, isolation }, async (kernel) => {
      const nowhere = appsFrom<{ lost: () => void }>(new URL("./fixtures/typescript/nowhere.ts", import.meta.url));
      await expect(nowhere.lost.on(kernel)()).rejects.toMatchObject({ name: "AppNotFound", code: "CW-APP-008" });
      const tasks = appsFrom<{ inUnit: () => void }>(new URL("./fixtures/typescript/tasks.ts", import.meta.url));
      await expect(tasks.inUnit.on(kernel)()).rejects.toMatchObject({ name: "AppNotFound", evidence: { exports: ["inUnits"] }, hint: expect.stringContaining("inUnits") as string });
    });
  });
});
