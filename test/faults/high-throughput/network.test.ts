import { expect, test } from "vitest";
import { app, type AppFuture } from "#internal/index";
import type { Direction } from "#internal/testing/fault-proxy";
import { held, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, timed, withProxy, type Cluster } from "./cluster.js";

const square = app((x: number) => x * x);
const squares = Array.from({ length: 300 }, (_, i) => i * i);
const all = ({ kernel }: Cluster): AppFuture<number>[] => squares.map((_, i) => square.on(kernel)(i));
const losses = (futures: readonly AppFuture<unknown>[]) => futures.flatMap(({ attempts }) => attempts.map(({ charge, error }) => [charge, error.name]));

/** Two tasks that run at the manager, and more that wait. */
async function underWay(cluster: Cluster, latch: Latch): Promise<readonly [AppFuture<unknown>[], AppFuture<number>[]]> {
  const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
  await latch.arrived(2);
  return [running, all(cluster)];
}

test("F7: links that are cut again and again are made anew; nothing is lost and nothing charged", async () => {
  const latch = new Latch();
  await withProxy({}, async (cluster, proxy) => {
    const before = await cluster.manned();
    const [running, waiting] = await underWay(cluster, latch);
    for (const how of ["reset", "end", "reset"] as const) {
      const connections = proxy.counts.connections;
      await timed(`a link that was cut (${how}) is there again`, 3000, async () => {
        proxy.cut(how);
        await until("the manager is back", () => proxy.counts.connections > connections && (cluster.kernel.executors.get(label)?.workers ?? 0) === 2);
      });
    }
    latch.open();
    expect(await Promise.all(running)).toEqual(["a", "b"]);
    expect(await Promise.all(waiting)).toEqual(squares);
    // However long it took: that their manager lives can be seen.
    expect(losses([...running, ...waiting])).toEqual([]);
    expect(await cluster.manned()).toEqual(before);
  });
  latch.close();
});

test("F9: a half-open link ends with the lease on both sides; its tasks are done over the next", async () => {
  const latch = new Latch();
  await withProxy({ lostGrace: "20s" }, async (cluster, proxy) => {
    const before = await cluster.manned();
    const [running, waiting] = await underWay(cluster, latch);
    await timed(`all is done after a link was half-open (lease ${leaseMs} ms)`, leaseMs + 10_000, async () => {
      proxy.halfOpen();
      await until("an attempt is lost", () => losses(running).length > 0, leaseMs + 5000);
      latch.open();
      expect(await Promise.all(running)).toEqual(["a", "b"]);
      expect(await Promise.all(waiting)).toEqual(squares);
    });
    // Whichever side notices first: the lease is the same.
    expect(losses(running).map(([, name]) => name)).toEqual(["ManagerLost", "ManagerLost"]);
    tells(running[0]?.attempts[0]?.error, "CW-EXEC-006", /was silent for \d+ ms|heard nothing of its head/, "block-1", "heartbeatThreshold");
    // The process is the same: it was its link that had gone.
    expect(await cluster.manned()).toEqual(before);
    // What the proxy still holds of the old one.
    proxy.cut();
    await until("the manager is back", () => proxy.open === 1);
  });
  latch.close();
});

test.for(["both", "to-target", "to-client"] as const satisfies readonly Direction[])("F5, F6: a partition (%s) that is healed within the lease has no effect", async (direction) => {
  const latch = new Latch();
  await withProxy({}, async (cluster, proxy) => {
    await cluster.manned();
    const [running, waiting] = await underWay(cluster, latch);
    proxy.partition(direction);
    latch.open();
    await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
    await timed(`all is done after a short partition (${direction})`, 8000, async () => {
      proxy.heal();
      expect(await Promise.all(running)).toEqual(["a", "b"]);
      expect(await Promise.all(waiting)).toEqual(squares);
    });
    expect(losses([...running, ...waiting])).toEqual([]);
  });
  latch.close();
});

test.for(["both", "to-target", "to-client"] as const satisfies readonly Direction[])("F5, F6: a partition (%s) that outlasts the lease has its tasks done again; what comes late is fenced", async (direction) => {
  const latch = new Latch();
  await withProxy({ lostGrace: "20s" }, async (cluster, proxy) => {
    await cluster.manned();
    const [running, waiting] = await underWay(cluster, latch);
    await timed(`a partition (${direction}) is noticed (lease ${leaseMs} ms)`, leaseMs + 5000, async () => {
      proxy.partition(direction);
      await until("attempts are lost", () => losses(running).length === 2, leaseMs + 5000);
    });
    latch.open();
    await timed(`all is done after a long partition (${direction}) was healed`, 10_000, async () => {
      proxy.heal();
      expect(await Promise.all(running)).toEqual(["a", "b"]);
      expect(await Promise.all(waiting)).toEqual(squares);
    });
    expect(losses(running).map(([, name]) => name)).toEqual(["ManagerLost", "ManagerLost"]);
  });
  latch.close();
});

test("F7: 5 % loss and 200 ms of jitter make it slow, and nothing else: no manager is lost, every result is right", async () => {
  await withProxy({ heartbeatThreshold: "4s" }, async (cluster, proxy) => {
    await cluster.manned();
    proxy.faults = { jitter: 200, loss: 0.05 };
    const futures: AppFuture<number>[] = [];
    await timed("five rounds of 300 tasks through loss and jitter", 40_000, async () => {
      for (let round = 0; round < 5; round++) {
        const some = all(cluster);
        futures.push(...some);
        expect(await Promise.all(some)).toEqual(squares);
      }
    });
    expect(losses(futures)).toEqual([]);
    expect(cluster.kernel.executors.get(label)).toMatchObject({ lost: 0 });
    proxy.faults = {};
  });
});

test("F10: a bit that is turned on the way ends the link, and never makes a wrong value", async () => {
  await withProxy({}, async (cluster, proxy) => {
    await cluster.manned();
    for (const direction of ["to-target", "to-client"] as const) {
      const { connections } = proxy.counts;
      await timed(`all is done after a bit was turned (${direction})`, 8000, async () => {
        proxy.flipNext(direction);
        expect(await Promise.all(all(cluster))).toEqual(squares);
      });
      expect(proxy.counts.connections).toBeGreaterThan(connections);
    }
    expect(proxy.counts.flipped).toBe(2);
  });
});
