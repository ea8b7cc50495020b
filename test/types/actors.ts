import { expectTypeOf } from "vitest";
import { createActorSystem, type ActorRef, type ChildSpec } from "#internal/actors-entry";
import type { Block, BlockNode, DataFlowKernel } from "#internal/index";

declare const kernel: DataFlowKernel;
const module = new URL("file:///far.js");

export async function blocksArePlacesForActors(): Promise<void> {
  const block = await kernel.block("cluster", { timeout: "1m" });
  expectTypeOf(block).toEqualTypeOf<Block>();
  expectTypeOf(kernel.blocks()).toEqualTypeOf<Block[]>();
  expectTypeOf(block.nodes).toEqualTypeOf<readonly BlockNode[]>();
  expectTypeOf(block.state).toEqualTypeOf<"running" | "draining" | "ended">();
  const supervisor = await createActorSystem({ name: "s" }).supervise({});
  expectTypeOf(await supervisor.start({ id: "far", on: block, module, restart: "transient" })).toEqualTypeOf<ActorRef | undefined>();
  for (const node of block.nodes) await supervisor.start({ id: node.id, on: node, module });
}

export const bad: ChildSpec[] = [
  // @ts-expect-error the id of a block is no block
  { id: "far", on: "block-1", module },
  // @ts-expect-error nor is what only looks like one
  { id: "far", on: { id: "block-1", executor: "cluster" }, module },
];
