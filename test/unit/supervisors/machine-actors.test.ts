import { describe, expect, it } from "vitest";
import { setup } from "xstate";
import type { ChartSelf } from "#internal/supervisors/types";
import { Lab, refOf } from "./lab.js";

type Message = { readonly type: "order"; readonly id: number } | { readonly type: "count" } | { readonly type: "stuck" } | { readonly type: "close" };
type Effect = { readonly type: "save"; readonly id: number } | { readonly type: "reply"; readonly answer: unknown } | { readonly type: "closed" };

const clerk = setup({ types: { context: {} as { orders: number }, events: {} as Message, emitted: {} as Effect, input: {} as { orders: number } | undefined } });
const clerkMachine = clerk.createMachine({
  id: "clerk",
  context: ({ input }) => ({ orders: input?.orders ?? 0 }),
  initial: "open",
  states: {
    open: {
      tags: ["open"],
      on: {
        order: { actions: [clerk.assign({ orders: ({ context }) => context.orders + 1 }), clerk.emit(({ event }) => ({ type: "save", id: event.type === "order" ? event.id : 0 }))] },
        count: { actions: clerk.emit(({ context }) => ({ type: "reply", answer: context.orders })) },
        close: { target: "closed", actions: clerk.emit({ type: "closed" }) },
      },
    },
    closed: { type: "final" },
  },
});

const office = async (effects: Record<string, (effect: never, self: ChartSelf) => unknown> = {}, more = {}) => {
  const lab = new Lab();
  const top = await lab.supervise({ intensity: 5, children: [{ id: "clerk", machine: clerkMachine, effects, ...more }] });
  return { lab, top, ref: refOf(top, "clerk") };
};

describe("a chart as a child", () => {
  it("takes messages, performs effects, announces them, and answers", async () => {
    const saved: number[] = [];
    const { lab, ref } = await office({ save: async ({ id }: { id: number }) => void saved.push(id) }, { input: { orders: 40 } });
    const events: unknown[] = [];
    ref.events$.subscribe((event) => events.push(event));
    ref.tell({ type: "order", id: 7 });
    ref.tell({ type: "order", id: 8 });
    expect(await lab.settled(ref.ask({ type: "count" }))).toBe(42);
    expect([saved, events]).toEqual([[7, 8], [{ type: "save", id: 7 }, { type: "save", id: 8 }]]);
  });

  it("shows its state after every message", async () => {
    const { lab, ref } = await office();
    const seen: unknown[] = [];
    ref.snapshot$.subscribe((snapshot) => seen.push(snapshot));
    ref.tell({ type: "order", id: 1 });
    await lab.ports.settle();
    expect(seen).toEqual([0, 1].map((orders) => ({ status: "running", incarnation: 1, state: "open", tags: ["open"], context: { orders } })));
  });

  it("ends normally in its final state, and a permanent one begins anew", async () => {
    const { lab, ref } = await office({}, { restart: "transient" });
    ref.tell({ type: "close" });
    await lab.ports.settle();
    expect(await ref.ended).toBe("normal");
    const permanent = await office();
    permanent.ref.tell({ type: "order", id: 1 });
    permanent.ref.tell({ type: "close" });
    expect(await permanent.lab.settled(permanent.ref.ask({ type: "count" }))).toBe(0);
    expect(permanent.ref.incarnation).toBe(2);
  });

  it.each([
    ["an effect that throws", { save: () => { throw new Error("disk full"); } }, /disk full/],
    ["an effect that rejects", { save: async () => { throw new Error("disk full"); } }, /disk full/],
    ["a message it does not speak of", {}, /no answer to "stuck"/],
  ])("ends with an error at %s", async (_what, effects, message) => {
    const { lab, ref } = await office(effects, { restart: "temporary" });
    ref.tell({ type: "order", id: 1 });
    await lab.ports.settle();
    if (Object.keys(effects).length === 0) ref.tell({ type: "stuck" });
    await lab.ports.settle();
    expect(await ref.ended).toMatchObject({ error: { message: expect.stringMatching(message) as string } });
  });

  it("ends with an error when it is told something that is no message", async () => {
    const { lab, ref } = await office({}, { restart: "temporary" });
    ref.tell("hello");
    await lab.ports.settle();
    expect(await ref.ended).toMatchObject({ error: { name: "TypeError" } });
  });

  it("has one message at a time: those that wait are bounded, and survive a restart", async () => {
    const { lab, ref } = await office({ save: ({ id }: { id: number }) => { if (id === 13) throw new Error("unlucky"); } }, { mailbox: 3 });
    for (const id of [13, 1, 2, 3]) ref.tell({ type: "order", id });
    await lab.ports.settle();
    expect(lab.system.counts.deadLetters).toBe(1);
    expect(await lab.settled(ref.ask({ type: "count" }))).toBe(2);
    expect(ref.incarnation).toBe(2);
  });

  it("may exit from an effect, and is not asked when it is stopped", async () => {
    const { lab, top, ref } = await office({ save: (_effect: never, self) => self.exit({ shutdown: "enough" }) }, { restart: "transient" });
    ref.tell({ type: "order", id: 1 });
    await lab.ports.settle();
    expect(await ref.ended).toEqual({ shutdown: "enough" });
    const again = await lab.settled(top.restart("clerk"));
    await lab.settled(top.stop("clerk"));
    expect(await again?.ended).toBe("shutdown");
  });

  it("takes 20,000 messages in order", async () => {
    const saved: number[] = [];
    const { lab, ref } = await office({ save: ({ id }: { id: number }) => void saved.push(id) }, { mailbox: 20_000 });
    for (let id = 0; id < 20_000; id++) ref.tell({ type: "order", id });
    await lab.ports.settle();
    expect(saved).toEqual(Array.from({ length: 20_000 }, (_, id) => id));
  });
});
