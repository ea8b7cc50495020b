import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { app, nats, type AppFuture, type CarawayError, type HighThroughputOptions } from "#internal/index";
import { startFaultProxy } from "#internal/testing/fault-proxy";
import { interchangeNews, tells, timed, withCluster, type Cluster } from "../faults/high-throughput/cluster.js";
import { held, Latch } from "../unit/dataflow/latch.js";
import { until } from "../unit/executors/shell/observe.js";
import { jetStream, noNats, startCluster, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

const digest = app((bytes: Uint8Array) => {
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) % 1_000_003;
  return sum;
});
const sumOf = (bytes: Uint8Array): number => {
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) % 1_000_003;
  return sum;
};
/** Tasks of many sizes, a few larger than any message may be. */
function someOf({ kernel }: Cluster, count: number): { readonly futures: AppFuture<number>[]; readonly expected: number[] } {
  const loads = Array.from({ length: count }, (_, i) => new Uint8Array(i % 100 === 0 ? 1_500_000 : (i * 977) % 40_000).fill(i & 255, i % 7));
  return { futures: loads.map((load) => digest.on(kernel)(load)), expected: loads.map(sumOf) };
}
const losses = (futures: readonly AppFuture<unknown>[]) => futures.flatMap(({ attempts }) => attempts.map(({ charge, error }) => [charge, error.name]));

let servers: NatsServer[] = [];
/** How often a manager has registered, in this test. */
let sessions = 0;
const count = ({ t }: { readonly t: string }): void => {
  if (t === "registered") sessions++;
};
beforeEach(() => {
  sessions = 0;
  interchangeNews.add(count);
});
afterEach(async () => {
  interchangeNews.delete(count);
  await Promise.all(servers.map((server) => server.destroy()));
  servers = [];
});
const linked = (more: Partial<Parameters<typeof nats>[0]> = {}): Pick<HighThroughputOptions, "link"> => ({ link: nats({ servers: servers.map(({ url }) => url), jetstream: true, ...more }) });

/** Servers that have just lost one of them may have to agree first who answers. */
async function streamsAt({ url }: NatsServer): Promise<unknown> {
  const client = await connect({ servers: url });
  try {
    for (let tries = 1; ; tries++) {
      const answer = (await client.request("$JS.API.STREAM.NAMES", "", { timeout: 3_000 }).catch((error: unknown) => (tries < 6 ? undefined : Promise.reject(error))))?.json<{ readonly error?: unknown; readonly streams?: unknown }>();
      if (answer !== undefined && answer.error === undefined) return answer.streams;
    }
  } finally {
    await client.close();
  }
}

describe.skipIf(why !== undefined)(why ?? "a workflow whose messages a real NATS server keeps", () => {
  beforeEach(async () => {
    servers = [await startServer(jetStream)];
  });

  test("goes on by the same session, and is charged nothing, when the server is killed under load and comes back; nothing is left there at the end", async () => {
    const [server] = servers as [NatsServer];
    await withCluster({ ...linked(), heartbeatThreshold: "8s", provider: { maxBlocks: 2, initBlocks: 2 } }, async (cluster) => {
      const before = await cluster.manned(2);
      for (let round = 0; round < 3; round++) {
        const { futures, expected } = someOf(cluster, 600);
        await futures[20];
        await server.kill();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await server.start();
        await timed("600 tasks around the death of the only server", 30_000, async () => expect(await Promise.all(futures)).toEqual(expected));
        expect(losses(futures)).toEqual([]);
      }
      expect([sessions, await cluster.manned(2)]).toEqual([2, before]);
    });
    expect(await streamsAt(server)).toBeNull();
  });

  test("goes on by the same session when everybody's way to the server is cut for half a lease", async () => {
    const [server] = servers as [NatsServer];
    const between = (port: number) => startFaultProxy({ target: { host: "127.0.0.1", port: server.settings.port }, seed: 11, port });
    let proxy = await between(0);
    await withCluster({ ...linked({ servers: proxy.address }), heartbeatThreshold: "8s" }, async (cluster) => {
      const before = await cluster.manned();
      const { futures, expected } = someOf(cluster, 600);
      await futures[20];
      const { port } = proxy;
      await proxy.close();
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      proxy = await between(port);
      await timed("600 tasks around half a lease without a server", 30_000, async () => expect(await Promise.all(futures)).toEqual(expected));
      expect([losses(futures), sessions, await cluster.manned()]).toEqual([[], 1, before]);
    });
    await proxy.close();
  });

  test("goes on when its interchange was killed: managers come back with what they run, and nothing is charged", async () => {
    const latch = new Latch();
    await withCluster({ ...linked(), heartbeatThreshold: "8s" }, async (cluster) => {
      const before = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const { futures, expected } = someOf(cluster, 100);
      await timed("all is done after the interchange was killed", 15_000, async () => {
        await cluster.killInterchange();
        latch.open();
        expect(await Promise.all(running)).toEqual(["a", "b"]);
        expect(await Promise.all(futures)).toEqual(expected);
      });
      expect([losses([...running, ...futures]), await cluster.manned()]).toEqual([[], before]);
    });
    latch.close();
  });

  test("has a manager that is killed replaced", async () => {
    const latch = new Latch();
    await withCluster({ ...linked(), provider: { maxBlocks: 2 } }, async (cluster) => {
      const [pid] = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      process.kill(pid as number, "SIGKILL");
      await timed("a manager that was killed is noticed", 10_000, () => until("attempts are lost", () => losses(running).length === 2, 10_000));
      latch.open();
      expect(await Promise.all(running)).toEqual(["a", "b"]);
    });
    latch.close();
  });

  test("fails by name before anything runs where the server has no JetStream", async () => {
    servers.push(await startServer());
    const start = withCluster(linked({ servers: servers[1]?.url ?? "" }), async (cluster) => {
      await cluster.manned();
    });
    tells((await start.then(() => undefined, (thrown: unknown) => thrown)) as CarawayError, "CW-LINK-007", /no JetStream/, /jetstream \{\}/);
  });
});

describe.skipIf(why !== undefined)(why ?? "a workflow whose messages a cluster of three NATS servers keeps", () => {
  test("goes on by the same sessions, and is charged nothing, while one of them after the other is killed under load and comes back", async () => {
    servers = await startCluster(3, jetStream);
    await withCluster({ ...linked(), heartbeatThreshold: "15s", provider: { maxBlocks: 2, initBlocks: 2 } }, async (cluster) => {
      const before = await cluster.manned(2);
      for (const server of servers) {
        const { futures, expected } = someOf(cluster, 500);
        await futures[20];
        await server.kill();
        await timed("500 tasks around the death of a server", 40_000, async () => expect(await Promise.all(futures)).toEqual(expected));
        expect(losses(futures)).toEqual([]);
        await server.start();
      }
      expect([sessions, await cluster.manned(2)]).toEqual([2, before]);
      expect(await streamsAt(servers[0] as NatsServer)).toHaveLength(1);
    });
    expect(await streamsAt(servers[0] as NatsServer)).toBeNull();
  }, 90_000);
});
