import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DataFlowKernel, highThroughput, nats, type Block, type HighThroughputOptions } from "#internal/index";
import type { EndReason } from "#internal/supervisors/types";
import { tells, timed } from "../faults/high-throughput/cluster.js";
import { endOf, errorOf, placeOf, withFar, type Far } from "../faults/high-throughput/far.js";
import { elsewhere } from "../unit/supervisors/elsewhere.js";
import { jetStream, noNats, startCluster, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

describe.skipIf(why !== undefined)(why ?? "actors over a real NATS server", () => {
  const directory = mkdtempSync(join(tmpdir(), "caraway-"));
  let server: NatsServer;
  let kernel: DataFlowKernel;
  let block: Block;
  beforeAll(async () => {
    server = await startServer();
    kernel = new DataFlowKernel({ runDir: directory, executors: [highThroughput({ label: "nodes", maxWorkersPerNode: 1, link: nats({ servers: server.url }) })] });
    await kernel.start();
    block = await kernel.block();
  });
  afterAll(async () => {
    await kernel.close();
    await server.destroy();
    rmSync(directory, { recursive: true });
  });

  elsewhere({ where: "on a block over NATS", on: () => block, sharesMemory: false });
});

describe.skipIf(why !== undefined).each([false, true])(why ?? "an actor on a block over real NATS servers that die (jetstream: %s)", (jetstream) => {
  let servers: NatsServer[] = [];
  const up = async (made: Promise<NatsServer> | Promise<NatsServer[]>): Promise<readonly NatsServer[]> => (servers = [await made].flat());
  const linked = (): Pick<HighThroughputOptions, "link" | "heartbeatThreshold"> => ({ link: nats({ servers: servers.map(({ url }) => url), jetstream }), heartbeatThreshold: "15s" });
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.destroy()));
    servers = [];
  });

  /** Thousands of things told, asked and announced, with something done in between: in order, once each. */
  async function through({ start, letters }: Far, harm: readonly (() => unknown)[]): Promise<void> {
    const ref = await start("a", { restart: "permanent" });
    const events: number[] = [];
    ref.events$.subscribe((event) => events.push((event as { readonly n: number }).n));
    const answers: Promise<unknown>[] = [];
    const sent = 2_000 * harm.length;
    for (let n = 1; n <= sent; n++) {
      if (n % 3 === 0) answers.push(ref.ask({ type: "count" }, { timeout: "60s" }));
      else ref.tell({ type: "announce", event: { n } });
      if (n % 2_000 === 700) await harm[(n - 700) / 2_000]?.();
      if (n % 50 === 0) await new Promise((resolve) => void setImmediate(resolve));
    }
    const expected = Array.from({ length: sent }, (_, i) => i + 1);
    await timed(`${sent} messages around ${harm.length} deaths of a server`, 30_000, async () => expect(await Promise.all(answers)).toEqual(expected.filter((n) => n % 3 === 0)));
    expect(await ref.ask({ type: "count" })).toBe(sent + 1);
    expect(events).toEqual(expected.filter((n) => n % 3 !== 0));
    expect([ref.incarnation, letters]).toEqual([1, []]);
  }

  test("is told, asked and heard in order, and once each, when the only server is killed and comes back", async () => {
    const [server] = (await up(startServer(jetStream))) as [NatsServer];
    const again = async (): Promise<void> => {
      await server.kill();
      await server.start();
    };
    await withFar(linked(), (far) => through(far, [again, again]));
  });

  test("is told, asked and heard in order, and once each, while each of three servers is killed and comes back", async () => {
    await up(startCluster(3, jetStream));
    const again = (server: NatsServer) => async (): Promise<void> => {
      await server.kill();
      await server.start();
    };
    await withFar(linked(), (far) => through(far, servers.map(again)));
  });

  test("has one end when its manager is killed, and is begun again on another block", async () => {
    await up(startServer(jetStream));
    await withFar({ ...linked(), provider: { initBlocks: 1, maxBlocks: 2 } }, async (far) => {
      const ref = await far.start("a", { restart: "permanent" });
      const before = await placeOf(ref);
      const notices: EndReason[] = [];
      far.system.watch(ref, (reason) => notices.push(reason));
      const end = endOf(far, ref);
      const error = await timed("the end of an actor whose manager was killed is told", 5_000, async () => {
        process.kill(before.pid, "SIGKILL");
        return errorOf(await end);
      });
      tells(error, "CW-SUP-004", "far/top/a", before.block, '"manager"', '"since"');
      const after = await timed("it is at work on another block", 15_000, () => placeOf(ref));
      expect([after.block === before.block, ref.incarnation, notices.length]).toEqual([false, 2, 1]);
    });
  });

  test("goes on when its interchange is killed and started again", async () => {
    await up(startServer(jetStream));
    await withFar(linked(), async ({ cluster, start, letters }) => {
      const ref = await start("a", { restart: "permanent" });
      for (let i = 0; i < 1000; i++) ref.tell({ type: "where" });
      await cluster.killInterchange();
      for (let i = 0; i < 1000; i++) ref.tell({ type: "where" });
      await timed("an actor has answered after its interchange was killed", 15_000, async () => expect(await ref.ask({ type: "count" }, { timeout: "20s" })).toBe(2001));
      expect([ref.incarnation, letters]).toEqual([1, []]);
    });
  });
});
