import { expect, test } from "vitest";
import { app } from "#internal/index";
import { held, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { interchanges, label, leaseMs, tells, timed, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);
const count = 300;
const squares = Array.from({ length: count }, (_, i) => i * i);

test("F3: an interchange that ends while tasks run and wait is followed by another at the same port; nobody is charged", async () => {
  const latch = new Latch();
  await withCluster({}, async ({ kernel, manned, killInterchange }) => {
    const before = await manned();
    const running = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    const waiting = squares.map((_, i) => square.on(kernel)(i));
    const [first] = interchanges().slice(-1);
    const troubles: unknown[] = [];
    kernel.events$.subscribe((event) => {
      if (event.type === "executor.trouble") troubles.push(event.error);
    });
    await timed("tasks run again after the interchange ended", 8000, async () => {
      await killInterchange();
      latch.open();
      expect(await Promise.all(running)).toEqual(["a", "b"]);
      expect(await Promise.all(waiting)).toEqual(squares);
    });
    const [second] = interchanges().slice(-1);
    expect(second).toMatchObject({ epoch: (first?.epoch ?? 0) + 1, port: first?.port });
    expect([...running, ...waiting].flatMap(({ attempts }) => attempts)).toEqual([]);
    expect(await manned()).toEqual(before);
    expect(kernel.executors.get(label)).toMatchObject({ state: "running", lost: 0, workers: 2 });
    expect(troubles).toHaveLength(1);
    tells(troubles[0], "CW-EXEC-008", 'the interchange of "cluster" ended', '"epoch":1', "register again");
  });
  latch.close();
});

test("F3: results that were done while there was no interchange are told to the next", async () => {
  const latch = new Latch();
  await withCluster({}, async ({ kernel, manned, killInterchange }) => {
    await manned();
    const running = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    const ended = killInterchange();
    latch.open();
    await ended;
    await timed("results arrive after the interchange ended", 8000, async () => expect(await Promise.all(running)).toEqual(["a", "b"]));
    expect(running.flatMap(({ attempts }) => attempts)).toEqual([]);
  });
  latch.close();
});

test("F3: interchanges that end one after another under load lose no task and answer none twice", async () => {
  await withCluster({ provider: { initBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned, killInterchange }) => {
    await manned(2);
    const all: PromiseLike<number>[] = [];
    for (let round = 0; round < 2; round++) {
      const some = squares.map((_, i) => square.on(kernel)(i));
      all.push(...some);
      await some[round * 50];
      await killInterchange();
      await until("there is another", () => interchanges().length > 0 && kernel.executors.get(label)?.state === "running");
    }
    await timed("all is done after two interchanges ended", 15_000, async () => expect(await Promise.all(all)).toEqual([...squares, ...squares]));
  });
});

test("F4: a program that is busy for longer than the lease loses no manager: the interchange keeps the leases in its own thread", async () => {
  const latch = new Latch();
  await withCluster({}, async ({ kernel, manned }) => {
    const before = await manned();
    const running = [held.on(kernel)(latch.name, "a"), held.on(kernel)(latch.name, "b")];
    await latch.arrived(2);
    const until = performance.now() + leaseMs * 2;
    while (performance.now() < until);
    latch.open();
    await timed(`all is done after ${leaseMs * 2} ms in which the program did nothing else`, 5000, async () => {
      expect(await Promise.all(running)).toEqual(["a", "b"]);
      expect(await Promise.all(squares.map((_, i) => square.on(kernel)(i)))).toEqual(squares);
    });
    expect(running.flatMap(({ attempts }) => attempts)).toEqual([]);
    expect(await manned()).toEqual(before);
    expect(kernel.executors.get(label)).toMatchObject({ lost: 0 });
  });
  latch.close();
});
