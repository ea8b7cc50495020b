import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { app, bashApp, sh, type AppFuture, type CarawayError } from "#internal/index";
import { held, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { label, leaseMs, tells, tellTime, timed, type Cluster } from "./cluster.js";
import { whyNone, withNodes, type Nodes } from "./namespaces.js";

const why = whyNone();
const square = app((x: number) => x * x);
const squares = Array.from({ length: 300 }, (_, i) => i * i);
const all = ({ kernel }: Cluster): AppFuture<number>[] => squares.map((_, i) => square.on(kernel)(i));
const losses = (futures: readonly AppFuture<unknown>[]) => futures.flatMap(({ attempts }) => attempts.map(({ attempt, charge, error }) => [attempt, charge, error.name]));

/** What breaks the way between a node and the program, and mends it. */
const ways: readonly { readonly what: string; readonly breaks: (nodes: Nodes, node: number) => void; readonly heals: (nodes: Nodes, node: number) => void }[] = [
  { what: "a link that is down", breaks: (nodes, node) => nodes.linkDown(node), heals: (nodes, node) => nodes.linkUp(node) },
  { what: "packets to the node are lost", breaks: (nodes, node) => nodes.cut(node, "to-node"), heals: (nodes, node) => nodes.heal(node, "to-node") },
  { what: "packets to the program are lost", breaks: (nodes, node) => nodes.cut(node, "to-head"), heals: (nodes, node) => nodes.heal(node, "to-head") },
  { what: "packets are lost both ways", breaks: (nodes, node) => nodes.cut(node, "both"), heals: (nodes, node) => nodes.heal(node, "both") },
];

/** Writes the time into a file of its attempt again and again: so long it lived. The second attempt ends at once. */
const ticks = bashApp(
  (directory: string) => sh`
    if mkdir ${`${directory}/first`} 2>/dev/null; then
      while :; do date +%s%3N >> ${`${directory}/first/ticks`}; sleep 0.02; done
    fi
    date +%s%3N > ${`${directory}/second`}`,
  { retries: { lost: 2 } },
);

describe.skipIf(why !== undefined)(why ?? "a network that breaks between machines", () => {
  test.for(ways.map((way) => [way.what, way] as const))("F5, F6: %s, and is healed within the lease: no effect", async ([what, { breaks, heals }]) => {
    const latch = new Latch();
    await withNodes({}, async (cluster, nodes) => {
      const before = await cluster.manned();
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const waiting = all(cluster);
      breaks(nodes, 1);
      latch.open();
      await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
      await timed(`all is done after ${what}, for a third of the lease`, 8000, async () => {
        heals(nodes, 1);
        expect(await Promise.all(running)).toEqual(["a", "b"]);
        expect(await Promise.all(waiting)).toEqual(squares);
      });
      expect(losses([...running, ...waiting])).toEqual([]);
      expect(cluster.kernel.executors.get(label)).toMatchObject({ lost: 0 });
      expect(await cluster.manned()).toEqual(before);
    });
    latch.close();
  });

  test.for(ways.map((way) => [way.what, way] as const))("F5, F6: %s, for longer than the lease: its task runs elsewhere, never at both for long, and it is taken back when it is healed", async ([what, { breaks, heals }]) => {
    await withNodes({ nodes: 2, maxWorkersPerNode: 1, lostGrace: "20s" }, async (cluster, nodes) => {
      const before = await cluster.manned(2);
      const work = join(cluster.directory, "work");
      mkdirSync(work);
      const future = ticks.on(cluster.kernel)(work);
      await until("the first attempt runs", () => readdirSync(work).includes("first") && readdirSync(join(work, "first")).length > 0);
      const node = nodeOf(nodes, "CARAWAY_TASK=");
      const began = performance.now();
      breaks(nodes, node);
      await timed(`its task is done elsewhere: ${what} (lease ${leaseMs} ms)`, leaseMs + 5000, async () => future);
      tells(future.attempts[0]?.error, "CW-EXEC-006", /was silent for \d+ ms|heard nothing of its head/, "block-", "heartbeatThreshold");
      // By who says so: the head, by its silence, or the manager, when it could be heard.
      const { loss, silentMs } = evidenceOf(future);
      if (loss === "silent") expect(silentMs).toBeGreaterThanOrEqual(leaseMs - 1);
      else expect(loss).toBe("ended-there");
      // Whatever the manager heard: it has ended what it ran by the time it was given to another.
      await until("the first attempt has ended", () => last(work) < Date.now() - 500);
      tellTime(`both attempts lived at once: ${what}`, Math.max(0, last(work) - Number(readFileSync(join(work, "second"), "utf8"))), leaseMs);
      await timed(`all workers are there again after ${Math.round((performance.now() - began) / 1000)} s: ${what}`, 10_000, async () => {
        heals(nodes, node);
        await until("both managers are there", () => cluster.kernel.executors.get(label)?.workers === 2, 10_000);
      });
      const more = all(cluster);
      expect(await Promise.all(more)).toEqual(squares);
      expect(losses([future])).toEqual([[1, "lost", "ManagerLost"]]);
      expect(losses(more)).toEqual([]);
      expect(await cluster.manned(2)).toEqual(before);
    });
  });

  test("F5: the program's own link is down for longer than the lease: all its managers are lost, and all are taken back", async () => {
    const latch = new Latch();
    await withNodes({ nodes: 2, maxWorkersPerNode: 1, lostGrace: "20s" }, async (cluster, nodes) => {
      const before = await cluster.manned(2);
      const running = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const waiting = all(cluster);
      nodes.linkDown("head");
      await timed(`the loss of both managers is noticed (lease ${leaseMs} ms)`, leaseMs + 5000, async () => until("both attempts are lost", () => losses(running).length === 2, leaseMs + 5000));
      latch.open();
      await timed("all is done after the program's link was up again", 10_000, async () => {
        nodes.linkUp("head");
        expect(await Promise.all(running)).toEqual(["a", "b"]);
        expect(await Promise.all(waiting)).toEqual(squares);
      });
      expect(losses(running)).toEqual([[1, "lost", "ManagerLost"], [1, "lost", "ManagerLost"]]);
      expect(losses(waiting).filter(([, charge]) => charge !== "none")).toEqual([]);
      await until("both managers are there", () => cluster.kernel.executors.get(label)?.workers === 2, 10_000);
      expect(await cluster.manned(2)).toEqual(before);
    });
    latch.close();
  });

  test("F2, F5: a node that vanishes without a word is noticed by its lease, no sooner; nobody else is held for lost", async () => {
    const latch = new Latch();
    // As of a scheduler that does not know yet: the job seems to go on.
    await withNodes({ nodes: 2, maxWorkersPerNode: 1, whenOver: "exec sleep 1000" }, async (cluster, nodes) => {
      await cluster.manned(2);
      const both = [held.on(cluster.kernel)(latch.name, "a"), held.on(cluster.kernel)(latch.name, "b")];
      await latch.arrived(2);
      const load = all(cluster);
      await timed(`a node that has vanished is noticed (lease ${leaseMs} ms)`, leaseMs + 5000, async () => {
        nodes.linkDown(1);
        for (const pid of nodes.processes(1)) process.kill(pid, "SIGKILL");
        await until("its task has lost an attempt", () => losses(both).length > 0, leaseMs + 5000);
      });
      const [lost] = both.filter(({ attempts }) => attempts.length > 0);
      tells(lost?.attempts[0]?.error, "CW-EXEC-006", /was silent for \d+ ms/, "block-", "heartbeatThreshold");
      expect(evidenceOf(lost as AppFuture<unknown>)).toMatchObject({ loss: "silent" });
      expect(evidenceOf(lost as AppFuture<unknown>).silentMs).toBeGreaterThanOrEqual(leaseMs - 1);
      latch.open();
      await timed("all is done after a node has vanished", 10_000, async () => {
        expect(await Promise.all(both)).toEqual(["a", "b"]);
        expect(await Promise.all(load)).toEqual(squares);
      });
      expect(losses(both)).toEqual([[1, "lost", "ManagerLost"]]);
      expect(losses(load).filter(([, charge]) => charge !== "none")).toEqual([]);
    });
    latch.close();
  });

  test("F35: a manager whose words never reach the program is told of, with the address it tried", async () => {
    await withNodes({ registrationTimeout: 2500, prepare: (nodes) => nodes.cut(1, "to-node") }, async ({ kernel }, nodes) => {
      const diagnosed = new Promise<CarawayError>((resolve) => {
        kernel.events$.subscribe((event) => {
          if (event.type === "executor.trouble") resolve(event.error);
        });
      });
      const future = square.on(kernel)(7);
      const error = await timed("a block behind a firewall is diagnosed (registrationTimeout 2500 ms)", 10_000, () => diagnosed);
      tells(error, "CW-BLOCK-", "block-1", nodes.head, "CW-LINK-001");
      nodes.heal(1, "to-node");
      await timed("its task is done once the way is free", 20_000, async () => expect(await future).toBe(49));
    });
  });
});

/** Of a process that may end meanwhile. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}

/** The node that a process with such a variable is on. */
function nodeOf(nodes: Nodes, variable: string): number {
  const has = (pid: number): boolean => environmentOf(pid).split("\0").some((word) => word.startsWith(variable));
  const found = [1, 2].find((node) => nodes.processes(node).some(has));
  if (found === undefined) throw new Error(`no node has a process with ${variable}`);
  return found;
}

/** When the first attempt lived last. */
const last = (work: string): number => Number(readFileSync(join(work, "first", "ticks"), "utf8").trim().split("\n").at(-1));

const evidenceOf = (future: AppFuture<unknown>) => (future.attempts[0]?.error as CarawayError).evidence as { readonly loss: string; readonly silentMs: number };
