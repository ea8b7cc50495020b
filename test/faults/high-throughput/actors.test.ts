import { expect, test } from "vitest";
import type { Block } from "#internal/index";
import { createActorSystem, type ActorSystem } from "#internal/supervisors/system";
import type { ActorRef, ChildSpec, DeadLetter, EndReason, Supervisor } from "#internal/supervisors/types";
import { label, timed, withCluster, type Cluster, type ClusterOptions } from "./cluster.js";

const moduleOf = (name: string): URL => new URL(`../../unit/supervisors/modules/${name}`, import.meta.url);

interface Far {
  readonly cluster: Cluster;
  readonly block: Block;
  readonly system: ActorSystem;
  readonly top: Supervisor;
  readonly letters: DeadLetter[];
  start(id: string, more?: Partial<ChildSpec>, name?: string): Promise<ActorRef>;
}

/** A supervisor in a system of its own, and a block for its children. */
async function withFar(options: ClusterOptions, body: (far: Far) => Promise<void>): Promise<void> {
  await withCluster(options, async (cluster) => {
    const block = await cluster.kernel.block(label);
    const system = createActorSystem({ name: "far" });
    const letters: DeadLetter[] = [];
    system.deadLetters$.subscribe((letter) => letters.push(letter));
    const top = await system.supervise({ intensity: 5 }, "top");
    const start = async (id: string, more: Partial<ChildSpec> = {}, name = "clerk.mjs"): Promise<ActorRef> => {
      const ref = await top.start({ id, on: block, module: moduleOf(name), restart: "temporary", ...more });
      if (ref === undefined) throw new Error("ignored");
      return ref;
    };
    try {
      await body({ cluster, block, system, top, letters, start });
    } finally {
      await system.stop();
    }
  });
}

test("an actor on a block is told, asked, watched, restarted and stopped like any other", async () => {
  await withFar({}, async ({ block, system, top, start, letters }) => {
    const ref = await start("a", { restart: "transient", input: { of: "a" } });
    for (let i = 0; i < 3000; i++) ref.tell({ type: "where" });
    expect(await ref.ask({ type: "count" })).toBe(3001);
    expect(await ref.ask({ type: "where" })).toMatchObject({ path: "far/top/a", id: "a", incarnation: 1, input: { of: "a" } });
    const events: unknown[] = [];
    ref.events$.subscribe((event) => events.push(event));
    ref.tell({ type: "announce", event: { n: 1 } });
    const first = new Promise<EndReason>((resolve) => void system.watch(ref, resolve));
    await expect(ref.ask({ type: "fail" })).rejects.toMatchObject({ reason: "crashed", cause: { message: "planned", code: "PLANNED" } });
    expect(await first).toMatchObject({ error: { message: "planned" } });
    expect(await ref.ask({ type: "where" })).toMatchObject({ incarnation: 2 });
    expect(system.lookup("far/top/a")).toBe(ref);
    expect(system.tree().children[0]?.children).toMatchObject([{ path: "far/top/a", state: "running", incarnation: 2 }]);
    await top.stop("a");
    expect(await ref.ended).toBe("shutdown");
    expect(events).toMatchObject([{ n: 1 }, { stopping: { error: {} } }, { stopping: "shutdown" }]);
    expect(letters).toEqual([]);
    expect(block).toMatchObject({ id: "block-1", executor: label, state: "running", nodes: [{ rank: 0, block: "block-1", running: true }] });
  });
});

test("what an actor on a block is started with decides how that fails: a module that is missing, one that throws, one that gives nothing to start", async () => {
  await withFar({}, async ({ start }) => {
    await timed("a missing module is told of", 5000, () => expect(start("a", {}, "there-is-none.mjs")).rejects.toMatchObject({ cause: { reason: "module_not_found" } }));
    await expect(start("b", {}, "broken.mjs")).rejects.toMatchObject({ cause: { reason: "module_failed" } });
    await expect(start("c", {}, "no-default.mjs")).rejects.toMatchObject({ cause: { reason: "invalid_module" } });
    await expect(start("d", {}, "fails.mjs")).rejects.toThrow(/refused the start of "d": no start/);
  });
});
