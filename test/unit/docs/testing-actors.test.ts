import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { simulate, type ActorRef, type Self } from "caraway/actors";

type ToTill = { readonly type: "pay"; readonly id: number; readonly sum: number } | { readonly type: "total" };

const till = (self: Self<ToTill>): void => {
  const paid = new Map<number, number>();
  self.receive((message, reply) => {
    if (message.type === "pay") paid.set(message.id, message.sum);
    reply([...paid.values()].reduce((sum, one) => sum + one, 0));
  });
};

const found = (ref: ActorRef | undefined): ActorRef => {
  if (ref === undefined) throw new Error("there is no such actor");
  return ref;
};

describe("docs/testing-actors.md", () => {
  it("holds: payments over a bad link count once, and crashes show what is lost", async () => {
    const sim = simulate(7);
    const shop = await sim.until(sim.system.supervise({ intensity: 10, children: [{ id: "till", run: till }] }, "shop"));
    expect(shop.path).toBe("simulation/shop");
    const here = found(sim.system.lookup("simulation/shop/till"));

    const { ref, link } = sim.connect(here, { loss: 0.3, duplication: 0.2, reordering: 0.3, hold: 50, delay: [1, 20] });
    sim.at("300ms", () => link.partition("both"));
    sim.at("900ms", () => link.partition("none"));

    const pay = async (id: number): Promise<void> => {
      for (;;) {
        const answer = await ref.ask({ type: "pay", id, sum: 10 }, { timeout: "200ms" }).catch(() => undefined);
        if (answer !== undefined) return;
      }
    };
    await sim.until(Promise.all(Array.from({ length: 20 }, (_, id) => pay(id))));
    expect(await sim.until(here.ask({ type: "total" }))).toBe(200);

    await sim.settle(); // doubled payments that are late arrive now
    sim.crash(here);
    await sim.settle();
    expect([here.alive, here.incarnation]).toEqual([true, 2]);
    expect(await sim.until(here.ask({ type: "total" }))).toBe(0); // it keeps its state nowhere: now you know

    sim.chaos({ within: "10s", crashes: 5, actors: () => [here], cuts: 3, links: [link] });
    await sim.settle();
    expect(here.incarnation).toBe(7);
  });

  it("holds: the same seed gives the same trace", async () => {
    const run = async (seed: number): Promise<readonly string[]> => {
      const sim = simulate(seed);
      const lines = sim.trace();
      const shop = await sim.until(sim.system.supervise({ children: [{ id: "till", run: till }] }, "shop"));
      sim.chaos({ within: "1s", crashes: 1, actors: () => shop.children().map((child) => child.ref).filter((ref) => typeof ref === "object") });
      await sim.settle();
      return lines;
    };
    expect(await run(3)).toEqual(await run(3));
  });

  it("shows the code that is run here, and no other", async () => {
    const page = await readFile("docs/testing-actors.md", "utf8");
    const source = (await readFile("test/unit/docs/testing-actors.test.ts", "utf8")).split("\n").map((line) => line.trim());
    const shown = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].flatMap(([, code = ""]) => code.split("\n")).map((line) => line.trim()).filter((line) => line !== "");
    const known = new Set([...source, 'import { simulate, type Self } from "caraway/actors";', 'const here = sim.system.lookup("simulation/shop/till");']);
    expect(shown.length).toBeGreaterThan(30);
    expect(shown.filter((line) => !known.has(line))).toEqual([]);
  });
});
