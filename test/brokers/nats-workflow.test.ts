import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { app, nats, type AppFuture, type CarawayError, type HighThroughputOptions } from "#internal/index";
import { held, Latch } from "../unit/dataflow/latch.js";
import { until } from "../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withCluster, type Cluster } from "../faults/high-throughput/cluster.js";
import { freePort, noNats, startCluster, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

const square = app((x: number) => x * x);
const digest = app((bytes: Uint8Array) => {
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) % 1_000_003;
  return sum;
});
const squares = Array.from({ length: 300 }, (_, i) => i * i);
const all = ({ kernel }: Cluster): AppFuture<number>[] => squares.map((_, i) => square.on(kernel)(i));
const losses = (futures: readonly AppFuture<unknown>[]) => futures.flatMap(({ attempts }) => attempts.map(({ charge, error }) => [charge, error.name]));
const bytesOf = (length: number, seed: number): Uint8Array => new Uint8Array(length).fill(seed & 255, length >> 1).fill(seed >> 8, 0, length >> 2);
const sumOf = (bytes: Uint8Array): number => {
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) % 1_000_003;
  return sum;
};

let servers: NatsServer[] = [];
const up = async (made: Promise<NatsServer> | Promise<NatsServer[]>): Promise<readonly NatsServer[]> => (servers = [await made].flat());
afterEach(async () => {
  await Promise.all(servers.map((server) => server.destroy()));
  servers = [];
});

const linked = (more: Partial<Parameters<typeof nats>[0]> = {}): Pick<HighThroughputOptions, "link"> => ({ link: nats({ servers: servers.map(({ url }) => url), ...more }) });

/** Tasks of many sizes, a few larger than any message may be. */
function ofManySizes({ kernel }: Cluster, count: number): { readonly futures: AppFuture<number>[]; readonly expected: number[] } {
  const loads = Array.from({ length: count }, (_, i) => bytesOf(i % 100 === 0 ? 3_000_000 : (i * 977) % 60_000, i));
  return { futures: loads.map((load) => digest.on(kernel)(load)), expected: loads.map(sumOf) };
}

describe.skipIf(why !== undefined)(why ?? "a workflow over a real NATS server", () => {
  beforeEach(() => up(startServer('authorization { user: me, password: "open sesame" }')));
  const credentials = { user: "me", password: "open sesame" };

  test("of some thousand tasks with large arguments has every result right, and leaves nothing", async () => {
    await withCluster(linked({ credentials }), async (cluster) => {
      await cluster.manned();
      await timed("3000 tasks with 90 MB of arguments, and 3000 without", 50_000, async () => {
        const { futures, expected } = ofManySizes(cluster, 1_500);
        expect(await Promise.all(futures)).toEqual(expected);
        for (let round = 0; round < 10; round++) expect(await Promise.all(all(cluster))).toEqual(squares);
        expect(losses(futures)).toEqual([]);
      });
    });
  });

  test("leaves nothing at the servers when it is over: no connection and nobody who listens", async () => {
    const http = await freePort();
    servers.push(await startServer(`http: "127.0.0.1:${http}"`));
    const count = async (): Promise<readonly number[]> => {
      const ask = async (what: string): Promise<Record<string, number>> => (await (await fetch(`http://127.0.0.1:${http}/${what}`)).json()) as Record<string, number>;
      return [(await ask("connz"))["num_connections"] ?? NaN, (await ask("subsz"))["num_subscriptions"] ?? NaN];
    };
    const before = await count();
    await withCluster(linked({ servers: servers[1]?.url ?? "" }), async (cluster) => {
      await cluster.manned();
      expect(await Promise.all(all(cluster))).toEqual(squares);
      const [connections = 0] = await count();
      expect(connections).toBeGreaterThanOrEqual(2);
    });
    expect(await count()).toEqual(before);
  });

  test("shows its login to nobody: not in the arguments, the environment or the setup of its managers", async () => {
    await withCluster(linked({ credentials }), async (cluster) => {
      await cluster.manned();
      const { execFileSync } = await import("node:child_process");
      const { readdirSync, readFileSync, statSync } = await import("node:fs");
      for (const pid of cluster.managers()) for (const where of ["cmdline", "environ"]) expect(readFileSync(`/proc/${pid}/${where}`, "latin1")).not.toContain("sesame");
      const holding = execFileSync("grep", ["-rl", "sesame", cluster.run], { encoding: "utf8" }).trim().split("\n");
      expect(holding).toEqual([`${cluster.run}/${label}/keys/nats.login`]);
      expect([statSync(holding[0] as string).mode & 0o777, statSync(`${cluster.run}/${label}/keys`).mode & 0o777, readdirSync(`${cluster.run}/${label}/blocks`).includes("block-1.json")]).toEqual([0o600, 0o700, true]);
    });
  });

  test("that is let in nowhere fails by name before anything runs", async () => {
    const start = withCluster(linked({ credentials: { user: "me", password: "wrong" } }), async (cluster) => {
      await square.on(cluster.kernel)(1);
    });
    const error = await start.then(() => undefined, (thrown: unknown) => thrown);
    tells(error, "CW-LINK-006", /does not let us in/, /127\.0\.0\.1:\d+/, "credentials");
    expect(JSON.stringify(error)).not.toContain("wrong");
  });

  test("has a manager that is killed replaced long before its lease is over", async () => {
    const latch = new Latch();
    await withCluster({ ...linked({ credentials }), heartbeatThreshold: "25s", provider: { maxBlocks: 2 } }, async (cluster) => {
      const [pid] = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      await timed("a manager that was killed is noticed", 10_000, async () => {
        process.kill(pid as number, "SIGKILL");
        await until("attempts are lost", () => losses(running).length === 2, 10_000);
      });
      latch.open();
      expect(await Promise.all(running)).toEqual(["a", "b"]);
    });
    latch.close();
  });

  test("goes on when its interchange was killed: managers come back with what they run, and nothing is charged", async () => {
    const latch = new Latch();
    await withCluster(linked({ credentials }), async (cluster) => {
      const before = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const waiting = all(cluster);
      await timed("all is done after the interchange was killed", 10_000, async () => {
        await cluster.killInterchange();
        latch.open();
        expect(await Promise.all(running)).toEqual(["a", "b"]);
        expect(await Promise.all(waiting)).toEqual(squares);
      });
      expect(losses([...running, ...waiting])).toEqual([]);
      expect(await cluster.manned()).toEqual(before);
    });
    latch.close();
  });

  test("has its servers back within the lease: nothing is lost, nothing charged", async () => {
    const latch = new Latch();
    await withCluster({ ...linked({ credentials }), heartbeatThreshold: "8s" }, async (cluster) => {
      const before = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const waiting = all(cluster);
      const [server] = servers as [NatsServer];
      await server.kill();
      latch.open();
      await new Promise((resolve) => setTimeout(resolve, leaseMs));
      await timed("all is done after the only server was away for a while", 10_000, async () => {
        await server.start();
        expect(await Promise.all(running)).toEqual(["a", "b"]);
        expect(await Promise.all(waiting)).toEqual(squares);
      });
      expect(losses([...running, ...waiting])).toEqual([]);
      expect(await cluster.manned()).toEqual(before);
    });
    latch.close();
  });

  test.for(["killed", "frozen"] as const)("has its servers back after the lease (%s): what ran is done again, at most that is charged", async (how) => {
    const latch = new Latch();
    await withCluster({ ...linked({ credentials }), lostGrace: "30s" }, async (cluster) => {
      const before = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const waiting = all(cluster);
      const [server] = servers as [NatsServer];
      if (how === "killed") await server.kill();
      else server.signal("SIGSTOP");
      await until("the lease is over", () => losses(running).length === 2, leaseMs + 10_000);
      latch.open();
      await timed(`all is done after the only server was ${how} for longer than the lease`, 20_000, async () => {
        if (how === "killed") await server.start();
        else server.signal("SIGCONT");
        expect(await Promise.all(running)).toEqual(["a", "b"]);
        expect(await Promise.all(waiting)).toEqual(squares);
      });
      expect(losses(running).map(([, name]) => name)).toEqual(["ManagerLost", "ManagerLost"]);
      expect(losses(waiting)).toEqual([]);
      expect(await cluster.manned()).toEqual(before);
    });
    latch.close();
  });

  test("whose servers stay away for longer than its patience fails by name", async () => {
    const latch = new Latch();
    await withCluster({ ...linked({ credentials, patience: "3s" }) }, async (cluster) => {
      await cluster.manned();
      const troubles: CarawayError[] = [];
      cluster.kernel.events$.subscribe((event) => {
        if (event.type === "executor.trouble") troubles.push(event.error);
      });
      const [server] = servers as [NatsServer];
      const running = held.on(cluster.kernel)(latch.name, "a");
      await latch.arrived(1);
      await server.kill();
      const error = await timed("a workflow without servers fails", 20_000, () => running.then(() => undefined, (thrown: unknown) => thrown));
      tells(error, "CW-LINK-006", /No NATS server can be used from here since \d{4}-.* \(\d+\.\d s\)/, server.url, "refused the connection");
      expect(troubles.map(({ code }) => code)).toContain("CW-LINK-006");
    });
    latch.close();
  });
});

describe.skipIf(why !== undefined)(why ?? "a workflow over a cluster of three NATS servers", () => {
  test("has every result right and nothing charged while one of them after the other is killed under load and comes back", async () => {
    await up(startCluster(3));
    await withCluster({ ...linked(), heartbeatThreshold: "6s", provider: { maxBlocks: 2, initBlocks: 2 } }, async (cluster) => {
      const before = await cluster.manned(2);
      const futures: AppFuture<number>[] = [];
      for (const server of servers) {
        const { futures: sized, expected } = ofManySizes(cluster, 500);
        const small = all(cluster);
        futures.push(...sized, ...small);
        await sized[5];
        await server.kill();
        await timed("800 tasks around the death of a server", 30_000, async () => {
          expect(await Promise.all(sized)).toEqual(expected);
          expect(await Promise.all(small)).toEqual(squares);
        });
        await server.start();
      }
      expect(losses(futures)).toEqual([]);
      expect(await cluster.manned(2)).toEqual(before);
    });
  });
});
