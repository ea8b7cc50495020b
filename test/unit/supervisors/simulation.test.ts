import { describe, expect, it } from "vitest";
import { AskTimeout } from "#internal/errors/index";
import { simulate, type Simulation } from "#internal/supervisors/simulation";
import type { ActorRef, Self } from "#internal/supervisors/types";
import { refOf } from "./lab.js";

const counter = (self: Self<{ readonly type: "add" } | { readonly type: "count" }>): void => {
  let count = 0;
  self.receive((message, reply) => {
    if (message.type === "add") count++;
    else reply(count);
  });
};

const world = async (seed = 1) => {
  const sim = simulate(seed, "here");
  const there = sim.createSystem("there");
  const top = await sim.until(there.supervise({ intensity: 100, children: [{ id: "counter", run: counter }] }, "top"));
  return { sim, there, top, ref: refOf(top, "counter") };
};

const count = (sim: Simulation, ref: ActorRef): Promise<unknown> => sim.until(ref.ask({ type: "count" }));

describe("a simulation", () => {
  it("moves by steps, by time, and until something has come about, and not by itself", async () => {
    const { sim, ref } = await world();
    ref.tell({ type: "add" });
    const [asked] = [ref.ask({ type: "count" })];
    let answer: unknown;
    void asked.then((value) => (answer = value));
    await new Promise((resolve) => void setImmediate(resolve));
    expect(answer).toBeUndefined();
    let steps = 0;
    while (answer === undefined && (await sim.step())) steps++;
    expect([answer, steps > 0, sim.now]).toEqual([1, true, 0]);
    const done: number[] = [];
    for (const ms of [10, 20, 30]) sim.at(ms, () => done.push(ms));
    await sim.advance("20ms");
    expect([done, sim.now]).toEqual([[10, 20], 20]);
    await sim.settle();
    expect([done, sim.now, await sim.step()]).toEqual([[10, 20, 30], 30, false]);
  });

  it("says with its seed that what is waited for can never come", async () => {
    const sim = simulate(77);
    await expect(sim.until(new Promise(() => undefined))).rejects.toThrow(/nothing is left to happen at 0 ms of the simulation with seed 77/);
  });

  it("says with its seed that it does not come to rest", async () => {
    const sim = simulate(78);
    const again = (): void => sim.at(1, again);
    again();
    await expect(sim.settle(100)).rejects.toThrow(/seed 78 has not come to rest after 100 events/);
  });

  const story = async (seed: number): Promise<readonly string[]> => {
    const { sim, there, ref, top } = await world(seed);
    const lines = sim.trace();
    const { ref: far, link } = sim.connect(ref, { loss: 0.2, duplication: 0.2, reordering: 0.3, hold: 20, delay: [1, 9] });
    sim.chaos({ within: "1s", crashes: 3, actors: () => [refOf(top, "counter")], cuts: 2, links: [link], cutFor: "100ms" });
    for (let n = 0; n < 20; n++) sim.at(n * 40, () => far.tell({ type: "add" }));
    for (let n = 0; n < 5; n++) sim.at(n * 200, () => void far.ask({ type: "count" }, { timeout: "50ms" }).catch(() => undefined));
    await sim.settle();
    await sim.until(there.stop());
    return lines;
  };

  it("has the same trace for the same seed, and another for another", async () => {
    const [one, same, other] = [await story(5), await story(5), await story(6)];
    expect(one.length).toBeGreaterThan(30);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it("traces messages, steps and dead letters", async () => {
    const { sim, there, ref } = await world();
    const lines = sim.trace();
    ref.tell({ type: "add" });
    await sim.until(there.stop());
    ref.tell({ type: "add" });
    expect(lines).toContain("0 there/top/counter is told add");
    expect(lines).toContain("0 child there/top/counter#1 running -> stopping on child.stop: actor.stop, timer.start");
    expect(lines.at(-1)).toBe("0 dead letter to there/top/counter: add (ended)");
  });
});

describe("a ref over a simulated link", () => {
  it("tells and asks, without faults in order, and knows the actor's path and end", async () => {
    const { sim, there, ref } = await world();
    const { ref: far, link } = sim.connect(ref, { delay: [5, 5] });
    far.tell({ type: "add" });
    far.tell({ type: "add" });
    expect(await count(sim, far)).toBe(2);
    expect([sim.now, far.path, far.id, far.alive, link.counts.delivered]).toEqual([10, "there/top/counter", "counter", true, 4]);
    const ends: unknown[] = [];
    sim.system.watch(far, (reason) => ends.push(reason));
    await sim.until(there.stop());
    await sim.settle();
    expect([ends, await far.ended]).toEqual([["shutdown"], "shutdown"]);
  });

  it("loses, doubles and is cut as its faults say", async () => {
    const { sim, ref } = await world(3);
    const lossy = sim.connect(ref, { loss: 1 });
    lossy.ref.tell({ type: "add" });
    await expect(sim.until(lossy.ref.ask({ type: "count" }, { timeout: "1s" }))).rejects.toThrow(AskTimeout);
    expect(await count(sim, ref)).toBe(0);
    const doubling = sim.connect(ref, { duplication: 1 });
    doubling.ref.tell({ type: "add" });
    expect(await count(sim, doubling.ref)).toBe(2);
    doubling.link.partition("left");
    await expect(sim.until(doubling.ref.ask({ type: "count" }, { timeout: "1s" }))).rejects.toThrow(/did not answer over its link/);
    doubling.link.partition("none");
    expect(await count(sim, doubling.ref)).toBe(2);
  });

  it("carries copies, and refuses what cannot be copied", async () => {
    const { sim, top } = await world();
    const seen: { type: string; list?: number[]; who?: ActorRef }[] = [];
    const echo = await sim.until(top.start({ id: "echo", run: (self: Self<(typeof seen)[number]>) => self.receive((message, reply) => { seen.push(message); reply(message.type === "bad" ? () => undefined : message); }) }));
    const { ref } = sim.connect(echo as ActorRef);
    const message = { type: "list", list: [1], who: echo as ActorRef };
    const answered = sim.until(ref.ask(message));
    message.list.push(2);
    expect(await answered).toEqual({ type: "list", list: [1], who: echo });
    expect([seen[0]?.list, seen[0]?.who === echo]).toEqual([[1], true]);
    expect(() => ref.tell({ type: "f", f: () => undefined })).toThrow(/uncloneable/);
    await expect(sim.until(ref.ask({ type: "f", f: () => undefined }))).rejects.toThrow(/uncloneable/);
    await expect(sim.until(ref.ask({ type: "bad" }))).rejects.toThrow(/uncloneable/);
    expect(sim.system.counts.deadLetters).toBe(2);
  });

  it("passes on that the actor refused", async () => {
    const { sim, there, ref } = await world();
    const { ref: far } = sim.connect(ref);
    await sim.until(there.stop());
    await expect(sim.until(far.ask({ type: "count" }))).rejects.toMatchObject({ reason: "noproc" });
  });
});

describe("a simulated crash", () => {
  it("ends the incarnation at once, without clean-ups, and is restarted as any other", async () => {
    const { sim, top } = await world();
    const stopped: unknown[] = [];
    const ref = (await sim.until(top.start({ id: "a", run: (self: Self<never>) => self.onStop((reason) => void stopped.push(reason)) }))) as ActorRef;
    const ends: unknown[] = [];
    sim.system.watch(ref, (reason) => ends.push(reason));
    sim.crash(ref);
    expect(ref.alive).toBe(false);
    await sim.settle();
    const error = new Error("power cut");
    sim.system.watch(ref, (reason) => ends.push(reason));
    sim.crash(ref, error);
    await sim.settle();
    expect([ends, stopped, ref.incarnation, ref.alive]).toEqual([["killed", { error }], [], 3, true]);
  });

  it("of a supervisor takes its children along", async () => {
    const { sim, top } = await world();
    const inner = (await sim.until(top.start({ id: "inner", supervisor: { children: [{ id: "kid", run: () => undefined }] } }))) as ActorRef;
    const kid = inner.supervisor?.children()[0]?.ref as ActorRef;
    sim.crash(inner);
    await sim.settle();
    expect([await kid.ended, inner.incarnation, inner.supervisor?.count().active]).toEqual(["killed", 2, 1]);
  });

  it("comes as often as chaos says, and no more, to those that run", async () => {
    const { sim, ref } = await world();
    const incarnations: number[] = [];
    sim.chaos({ within: "10s", crashes: 7, actors: () => [ref] });
    sim.system.watch(ref, () => undefined);
    await sim.settle();
    incarnations.push(ref.incarnation);
    expect([incarnations, sim.now <= 10_000]).toEqual([[8], true]);
  });
});

describe("a simulation refuses by name", () => {
  it.each([
    ["invalid_faults", { loss: 2 }], ["invalid_faults", { duplication: -1 }], ["invalid_faults", { reordering: NaN }], ["invalid_faults", { hold: -1 }], ["invalid_faults", { delay: [5, 1] }], ["invalid_faults", { los: 1 }],
  ])("%s: %o", (reason, faults) => {
    expect(() => simulate(1).link(faults as never)).toThrow(expect.objectContaining({ reason }) as Error);
  });

  it("a seed that is none, times that are none, chaos that is none, refs that are none", async () => {
    const reasonOf = (call: () => unknown): unknown => {
      try {
        return call();
      } catch (error) {
        return (error as { reason?: unknown }).reason;
      }
    };
    const sim = simulate(1);
    expect(reasonOf(() => simulate(0.5))).toBe("invalid_seed");
    expect(reasonOf(() => sim.at("soon", () => undefined))).toBe("invalid_time");
    expect(reasonOf(() => sim.chaos({ within: "1s", crashes: -1 }))).toBe("invalid_chaos");
    expect(reasonOf(() => sim.connect({} as ActorRef))).toBe("invalid_ref");
    expect(reasonOf(() => sim.crash({} as ActorRef))).toBe("invalid_ref");
    await expect(sim.advance("later")).rejects.toMatchObject({ reason: "invalid_time" });
  });
});
