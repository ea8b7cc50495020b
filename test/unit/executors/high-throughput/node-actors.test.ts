import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataFlowKernel, highThroughput, type Block, type BlockNode } from "#internal/index";
import { createActorSystem } from "#internal/supervisors/system";
import { elsewhere, moduleOf } from "../../supervisors/elsewhere.js";

const directory = mkdtempSync(join(tmpdir(), "caraway-"));
const kernel = new DataFlowKernel({ runDir: directory, executors: [highThroughput({ label: "nodes", maxWorkersPerNode: 1 })] });
let block: Block;
beforeAll(async () => {
  await kernel.start();
  block = await kernel.block();
}, 20_000);
afterAll(async () => {
  await kernel.close();
  rmSync(directory, { recursive: true });
});

elsewhere({ where: "on a block", on: () => block, sharesMemory: false });

describe("a message to a node", () => {
  it("is refused where it shares memory: that does not reach so far", async () => {
    const system = createActorSystem({ name: "nodes" });
    const top = await system.supervise({}, "top");
    const ref = await top.start({ id: "a", on: block, module: moduleOf("clerk.mjs") });
    await expect(ref?.ask({ type: "count", said: new SharedArrayBuffer(4) })).rejects.toMatchObject({ reason: "uncloneable" });
    expect(await ref?.ask({ type: "count" })).toBe(1);
    await system.stop();
  });
});

describe("the blocks of a kernel", () => {
  it("have nodes, and an actor may be started on one of them", async () => {
    const system = createActorSystem({ name: "nodes" });
    const top = await system.supervise({}, "top");
    const [node] = block.nodes;
    const ref = await top.start({ id: "a", on: node as BlockNode, module: moduleOf("clerk.mjs") });
    expect(await ref?.ask({ type: "where from" })).toMatchObject({ block: "block-1", manager: node?.id });
    expect([node?.rank, node?.block, node?.workers, node?.running]).toEqual([0, "block-1", 1, true]);
    await system.stop();
  });

  it("are named by executor, and what is none is told apart", async () => {
    expect(kernel.blocks()).toEqual([block]);
    expect(kernel.blocks("nodes")).toEqual([block]);
    expect([block.id, block.executor, block.state, block.nodes.length]).toEqual(["block-1", "nodes", "running", 1]);
    expect(() => kernel.blocks("other")).toThrow(/there is no executor "other"; there are "nodes"/);
    await expect(kernel.block("nodes", { timeout: "soon" })).rejects.toMatchObject({ code: "CW-APP-011" });
    await expect(kernel.block()).resolves.toBe(block);
  });
});
