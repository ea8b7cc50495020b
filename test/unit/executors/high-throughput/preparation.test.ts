import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { KeyStore } from "#internal/actors/links/keys";
import { app, DataFlowKernel, highThroughput, local } from "#internal/index";

/** One block's key is there for a moment only: the interchange, in its own thread, cannot read it. */
function lostKey(): void {
  const { create: real } = KeyStore.prototype as { create: KeyStore["create"] };
  vi.spyOn(KeyStore.prototype, "create").mockImplementationOnce(async function (this: KeyStore, identity) {
    const made = await real.call(this, identity);
    rmSync(made.path);
    return made;
  });
}

it.each([
  ["written", () => vi.spyOn(KeyStore.prototype, "create").mockRejectedValueOnce(new Error("no space left on device")), "no space left on device"],
  ["read by the interchange", lostKey, "block-1.key"],
] as const)("a block whose key cannot be %s is told of, and the task runs on the next", async (_, breaks, words) => {
  const runDir = mkdtempSync(join(tmpdir(), "caraway-preparation-"));
  breaks();
  const kernel = new DataFlowKernel({ runDir, strategyPeriod: "200ms", executors: [highThroughput({ label: "far", maxWorkersPerNode: 1, provider: local({ statusInterval: "100ms" }) })] });
  const troubles: unknown[] = [];
  kernel.events$.subscribe((event) => event.type === "executor.trouble" && troubles.push(event.error));
  await kernel.start();
  expect(await app((x: number) => x + 1).on(kernel)(1)).toBe(2);
  expect(troubles[0]).toMatchObject({ code: "CW-BLOCK-002", message: expect.stringContaining(words), where: { executor: "far", block: "block-1" } });
  await kernel.close();
  rmSync(runDir, { recursive: true, force: true });
});
