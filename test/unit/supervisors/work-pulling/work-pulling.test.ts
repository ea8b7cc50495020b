import { describe, expect, it } from "vitest";
import type { ToConsumer } from "#internal/state-machines/work-pulling";
import { simulate } from "#internal/supervisors/simulation";
import type { ActorRef, Self } from "#internal/supervisors/types";
import { consumeWork, type WorkConsumer } from "#internal/supervisors/work-pulling/consumer";
import { createWorkProducer } from "#internal/supervisors/work-pulling/producer";
import { Yard } from "./yard.js";

const reasonOf = (cause: unknown): unknown => (cause as { readonly reason?: string }).reason;
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("a work producer", () => {
  it("confirms each job with the answer of the consumer that processed it", async () => {
    const yard = new Yard(1);
    yard.hire();
    yard.hire();
    const answers = await yard.answers(numbers(50).map((n) => yard.producer.offer(n)));
    expect(answers).toEqual(numbers(50).map((n) => n * 2));
    expect(yard.hands.map(({ processed }) => processed.length)).toEqual([25, 25]);
    expect(yard.producer.counts).toEqual({ waiting: 0, unconfirmed: 0, consumers: 2 });
  });

  it("keeps jobs until there is a consumer, and is silent when there is nothing to do", async () => {
    const yard = new Yard(1);
    const waiting = yard.producer.offer(21);
    await yard.ports.settle();
    expect(yard.producer.counts.waiting).toBe(1);
    yard.hire();
    expect(await yard.answers([waiting])).toEqual([42]);
    expect(yard.ports.pending).toBe(0);
  });

  it("gives out no more than a consumer has credit for, and the oldest first", async () => {
    const yard = new Yard(1);
    const hand = yard.hire({ credit: 3, takes: () => 1_000_000 });
    for (const n of numbers(10)) void yard.producer.offer(n, { token: `t${n}` }).catch(() => undefined);
    await yard.ports.settleFor(50);
    expect([yard.producer.counts, hand.began, hand.consumer.counts]).toEqual([{ waiting: 7, unconfirmed: 3, consumers: 1 }, ["t0"], { waiting: 2, active: 1 }]);
  });

  it("prefers the consumer that has the most credit left", async () => {
    const yard = new Yard(1);
    const slow = yard.hire({ credit: 4, takes: () => 1000 });
    const quick = yard.hire({ credit: 4, takes: () => 1 });
    await yard.answers(numbers(40).map((n) => yard.producer.offer(n)));
    expect(quick.processed.length).toBeGreaterThan(30);
    expect(slow.processed.length + quick.processed.length).toBe(40);
  });

  it("rejects a job's offer with what its processing threw, and does not give it to another", async () => {
    const yard = new Yard(1);
    yard.hire({ answer: (n) => { if (n === 1) throw new RangeError("not one"); return n; } });
    yard.hire();
    const answers = await yard.answers(numbers(2).map((n) => yard.producer.offer(n)));
    expect([answers.some((one) => one instanceof RangeError || one === 2), yard.hands.flatMap(({ began }) => began).length]).toEqual([true, 2]);
  });

  it("gives the unconfirmed jobs of a consumer that ends to the others, in the order of their age", async () => {
    const yard = new Yard(1);
    const dying = yard.hire({ credit: 4, takes: () => 1000 });
    const offers = numbers(8).map((n) => yard.producer.offer(n, { token: `t${n}` }));
    await yard.ports.settleFor(10);
    dying.die();
    const heir = yard.hire({ credit: 8 });
    expect(await yard.answers(offers)).toEqual(numbers(8).map((n) => n * 2));
    expect(heir.began).toEqual(numbers(8).map((n) => `t${n}`));
  });

  it("takes the same token for the same job while that is under way", async () => {
    const yard = new Yard(1);
    const hand = yard.hire();
    const [one, two] = [yard.producer.offer(1, { token: "same" }), yard.producer.offer(1, { token: "same" })];
    expect(await yard.answers([one, two])).toEqual([2, 2]);
    expect(hand.began).toEqual(["same"]);
  });

  it("refuses a job more than it may keep, or drops the oldest, as its policy says", async () => {
    const refusing = new Yard(1, { capacity: 2 });
    expect(await refusing.answers(numbers(4).map((n) => Promise.race([refusing.producer.offer(n), refusing.ports.settleFor(9).then(() => "kept")])))).toEqual(["kept", "kept", "queue_full", "queue_full"]);
    const dropping = new Yard(1, { capacity: 2, whenFull: "drop_oldest" });
    expect(await dropping.answers(numbers(4).map((n) => Promise.race([dropping.producer.offer(n), dropping.ports.settleFor(9).then(() => "kept")])))).toEqual(["dropped", "dropped", "kept", "kept"]);
  });

  it("lets those who wait for room in by their order, and refuses none of them", async () => {
    const yard = new Yard(3, { capacity: 2 });
    const order: number[] = [];
    const all = numbers(30).map(async (n) => {
      await yard.producer.ready();
      order.push(n);
      return yard.producer.offer(n);
    });
    yard.hire({ credit: 2 });
    expect(await yard.answers(all)).toEqual(numbers(30).map((n) => n * 2));
    expect(order).toEqual(numbers(30));
  });

  it("refuses a job as poison that was lost with more consumers than it may be", async () => {
    const yard = new Yard(1, { lost: 2 });
    const offer = yard.producer.offer(7);
    const ends = offer.catch((error: unknown) => error);
    for (const _ of numbers(3)) {
      const hand = yard.hire({ takes: () => 1000 });
      await yard.ports.settleFor(10);
      hand.die();
      await yard.ports.settleFor(10);
    }
    expect(await ends).toMatchObject({ reason: "poisoned", evidence: { losses: 3 } });
  });

  it("gives up a consumer that is cut off, when it has patience for so many tries, and takes it back when it answers", async () => {
    const yard = new Yard(1, { patience: 3 });
    const cut = yard.hire({ credit: 2, takes: () => 30 });
    const offers = numbers(4).map((n) => yard.producer.offer(n));
    await yard.ports.settleFor(10);
    cut.link.partition("both");
    yard.hire({ credit: 2 });
    await yard.ports.settleFor(5000);
    const before = yard.producer.counts;
    cut.link.partition("none");
    expect([before.unconfirmed, await yard.answers(offers)]).toEqual([0, [0, 2, 4, 6]]);
    const more = numbers(4).map((n) => yard.producer.offer(n));
    await yard.answers(more);
    expect(cut.processed.length).toBeGreaterThanOrEqual(4);
    expect([...yard.settled.values()]).toEqual(Array(8).fill(1));
  });

  it("does not have a job processed twice by a consumer that was given up while it processed it", async () => {
    const yard = new Yard(1, { patience: 2 });
    const only = yard.hire({ credit: 2, takes: () => 700 });
    const offers = numbers(3).map((n) => yard.producer.offer(n));
    await yard.ports.settleFor(10);
    only.link.partition("both");
    await yard.ports.settleFor(5000);
    only.link.partition("none");
    expect(await yard.answers(offers)).toEqual([0, 2, 4]);
    expect(new Set(only.began).size).toBe(only.began.length);
  });

  it("closes when all is confirmed, and refuses what is offered then", async () => {
    const yard = new Yard(1);
    yard.hire();
    const offers = numbers(5).map((n) => yard.producer.offer(n));
    const closed = yard.producer.close();
    const late = yard.producer.offer(9);
    expect(await yard.answers([...offers, late])).toEqual([0, 2, 4, 6, 8, "closed"]);
    await closed;
    expect(await yard.answers([yard.producer.offer(9), yard.producer.ready()])).toEqual(["closed", undefined]);
  });

  it("refuses all it has when it is to close at once", async () => {
    const yard = new Yard(1);
    yard.hire({ credit: 2, takes: () => 1000 });
    const offers = numbers(5).map((n) => yard.producer.offer(n));
    await yard.ports.settleFor(10);
    const closed = yard.producer.close({ mode: "cancel" });
    expect(await yard.answers(offers)).toEqual(Array(5).fill("closed"));
    await closed;
    expect(yard.ports.pending).toBe(0);
  });

  it("tells of a job that its link cannot carry, and of an answer, and goes on", async () => {
    const { system, ports } = simulate(1, "yard");
    const producer = createWorkProducer({ system });
    let toConsumer: (message: never) => void = () => undefined;
    let toProducer: (message: never) => void = () => undefined;
    const carry = (handler: () => (message: never) => void) => (message: unknown) => {
      const copy = structuredClone(message);
      ports.scheduler.soon(() => handler()(copy as never));
    };
    consumeWork({ post: carry(() => toProducer), onMessage: (handler) => void (toConsumer = handler), onClose: () => undefined }, (job) => (job === "closure" ? () => undefined : job), { system });
    producer.attach({ post: carry(() => toConsumer), onMessage: (handler) => void (toProducer = handler), onClose: () => undefined });
    const offers = ["fine", () => undefined, "closure", "also fine"].map((job) => producer.offer(job).catch((error: unknown) => (error as Error).message));
    await ports.settle();
    expect(await Promise.all(offers)).toEqual(["fine", expect.stringMatching(/^the job cannot be carried to a consumer: DataCloneError/), expect.stringMatching(/^the answer of a job cannot be carried to its producer: DataCloneError/), "also fine"]);
  });
});

describe("an actor that consumes", () => {
  const office = async (options: { readonly lost?: number } = {}) => {
    const { system, ports } = simulate(1, "yard");
    const producer = createWorkProducer<string>({ system, ...options });
    const consumers: WorkConsumer[] = [];
    const run = (self: Self<ToConsumer>): void => {
      consumers.push(consumeWork(self, (job) => {
        if (job === "deadly") self.exit({ error: new Error("deadly") });
        return `${self.ref.id}.${self.incarnation}: ${String(job)}`;
      }, { credit: 2 }));
    };
    const starting = system.supervise({ intensity: 10, children: [{ id: "a", run }, { id: "b", run }] }, "top");
    await ports.settle();
    const top = await starting;
    const refs = top.children().map(({ ref }) => ref).filter((ref) => typeof ref === "object");
    for (const ref of refs.reverse()) producer.attach(ref);
    return { system, ports, producer, top, refs, consumers };
  };

  it("is told its jobs, and goes on in its next incarnation", async () => {
    const { ports, producer } = await office({ lost: 0 });
    const offers = ["one", "deadly", "two", "three"].map((job) => producer.offer(job).catch(reasonOf));
    await ports.settle();
    const [one, deadly, two, three] = await Promise.all(offers);
    expect([deadly, one, two, three].map((text) => String(text).replace(/^[ab]\.\d/, "x"))).toEqual(["poisoned", "x: one", "x: two", "x: three"]);
    expect(producer.counts).toEqual({ waiting: 0, unconfirmed: 0, consumers: 2 });
  });

  it("that is put off before its restart is a consumer again when it runs, and no sooner", async () => {
    const { system, ports } = simulate(1, "yard");
    const producer = createWorkProducer<string>({ system });
    const run = (self: Self<ToConsumer>): void => void consumeWork(self, (job) => {
      if (job === "deadly" && self.incarnation === 1) self.exit({ error: new Error("deadly") });
      return `${self.incarnation}: ${String(job)}`;
    });
    const starting = system.supervise({ children: [{ id: "a", run, backoff: { min: "10s", max: "10s", jitter: 0 } }] }, "top");
    await ports.settle();
    const [child] = (await starting).children();
    producer.attach(child?.ref as ActorRef);
    const offer = producer.offer("deadly");
    await ports.settleFor(5000);
    expect(producer.counts).toEqual({ waiting: 1, unconfirmed: 0, consumers: 0 });
    await ports.settle();
    expect([await offer, ports.clock.now(), system.counts.deadLetters]).toEqual(["2: deadly", 10_000, 0]);
  });

  it("that ends for good is a consumer no more, and its jobs go to the others", async () => {
    const { ports, producer, top } = await office();
    const stop = top.stop("a");
    await ports.settle();
    await stop;
    const offers = ["one", "two", "three"].map((job) => producer.offer(job));
    await ports.settle();
    expect([await Promise.all(offers), producer.counts.consumers]).toEqual([["b.1: one", "b.1: two", "b.1: three"], 1]);
  });

  it("can be detached", async () => {
    const { ports, producer, refs } = await office();
    const [a] = refs;
    if (a !== undefined) producer.attach(a)();
    await ports.settle();
    expect(producer.counts.consumers).toBe(1);
  });
});

describe("work pulling refuses by name", () => {
  it.each([
    ["invalid_capacity", { capacity: 0 }], ["invalid_whenFull", { whenFull: "explode" }], ["invalid_lost", { lost: -1 }], ["invalid_patience", { patience: 0 }], ["invalid_resend", { resend: "soon" }],
    ["invalid_longestResend", { resend: 10, longestResend: 5 }], ["invalid_epoch", { epoch: 0 }], ["invalid_name", { name: "" }], ["invalid_option", { capasity: 5 }],
  ])("%s of a producer", (reason, options) => {
    expect(() => createWorkProducer(options as never)).toThrow(expect.objectContaining({ name: "SupervisionError", reason }) as Error);
  });

  it.each([["invalid_credit", { credit: 0 }], ["invalid_credit", { credit: 2, concurrency: 3 }], ["invalid_concurrency", { concurrency: 0.5 }], ["invalid_remember", { remember: -1 }], ["invalid_option", { credits: 5 }]])("%s of a consumer", (reason, options) => {
    const port = { post: () => undefined, onMessage: () => undefined, onClose: () => undefined };
    expect(() => consumeWork(port, () => 1, options as never)).toThrow(expect.objectContaining({ name: "SupervisionError", reason }) as Error);
    expect(() => consumeWork(port, 7 as never)).toThrow(expect.objectContaining({ reason: "invalid_process" }) as Error);
  });
});
