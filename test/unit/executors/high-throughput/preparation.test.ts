import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { KeyStore } from "#internal/actors/links/keys";
import { app, DataFlowKernel, highThroughput, local } from "#internal/index";

it("a block whose key cannot be written is told of, and the task runs on the next", async () => {
  const runDir = mkdtempSync(join(tmpdir(), "caraway-preparation-"));
  vi.spyOn(KeyStore.prototype, "create").mockRejectedValueOnce(new Error("no space left on device"));
  const kernel = new DataFlowKernel({ runDir, strategyPeriod: "200ms", executors: [highThroughput({ label: "far", maxWorkersPerNode: 1, provider: local({ statusInterval: "100ms" }) })] });
  const troubles: unknown[] = [];
  kernel.events$.subscribe((event) => event.type === "executor.trouble" && troubles.push(event.error));
  await kernel.start();
  expect(await app((x: number) => x + 1).on(kernel)(1)).toBe(2);
  expect(troubles[0]).toMatchObject({ code: "CW-BLOCK-002", message: expect.stringContaining("no space left on device"), where: { executor: "far", block: "block-1" } });
  await kernel.close();
  rmSync(runDir, { recursive: true, force: true });
});
