import { createSecretKey, randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SealedChannel, type ChannelWay } from "#internal/actors/links/nats/channel";
import { slots } from "#internal/actors/links/nats/keeping";
import { messages, Sealer } from "#internal/actors/links/nats/seal";

type Side = "left" | "right";
const other = (side: Side): Side => (side === "left" ? "right" : "left");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Servers that keep what lies in the slots of each way, and bring what they are let. */
class KeepingServers {
  readonly ends: Record<Side, SealedChannel>;
  readonly keys = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(32))] as const;
  readonly waiting: { readonly to: Side; readonly bytes: Uint8Array; readonly wasAsked: boolean }[] = [];
  readonly up: Record<Side, boolean> = { left: true, right: true };
  /** What becomes of what is published now. */
  isStoring = true;
  isBringing = true;
  answers = true;
  fetched = 0;
  readonly repeated: Record<Side, number> = { left: 0, right: 0 };
  private readonly stored: Record<Side, Map<number, Uint8Array>> = { left: new Map(), right: new Map() };
  private readonly said: Record<Side, Uint8Array[]> = { left: [], right: [] };

  constructor() {
    const [a, b] = this.keys;
    this.ends = { left: new SealedChannel(this.way("left"), { out: a, in: b }), right: new SealedChannel(this.way("right"), { out: b, in: a }) };
    for (const end of [this.ends.left, this.ends.right]) end.on("error", () => undefined);
  }

  bring(index = 0, keep = false): void {
    const one = this.waiting[index];
    if (!keep) this.waiting.splice(index, 1);
    if (one !== undefined && this.up[one.to]) this.ends[one.to].hear(one.bytes, one.wasAsked);
  }

  async settle(): Promise<void> {
    while (this.waiting.length > 0) {
      while (this.waiting.length > 0) this.bring();
      await turn();
    }
  }

  /** So many seconds, in which all is brought that comes. */
  async seconds(count: number): Promise<void> {
    for (let second = 0; second < count; second++) {
      for (const end of Object.values(this.ends)) end.speak();
      for (let quarter = 0; quarter < 4; quarter++) {
        await this.settle();
        vi.advanceTimersByTime(250);
        await this.settle();
      }
    }
  }

  comeBack(side: Side): void {
    this.up[side] = true;
    this.ends[side].speak(true);
  }

  forgetAll(): void {
    for (const side of ["left", "right"] as const) this.stored[side].clear();
  }

  private way(side: Side): ChannelWay {
    const isUp = (): boolean => this.up[side];
    return {
      get isUp() {
        return isUp();
      },
      keeps: true,
      window: 64 * 1024,
      mostBytes: 1_025,
      publish: (bytes, number = 0) => this.published(side, bytes, number),
      fetch: (number) => this.fetch(side, number),
      closed: () => undefined,
    };
  }

  private published(from: Side, bytes: Uint8Array, number: number): void {
    // A number is a nonce: what has it once is what has it ever.
    const before = this.said[from][number];
    if (before === undefined) this.said[from][number] = bytes;
    else {
      this.repeated[from]++;
      expect(Buffer.compare(before, bytes)).toBe(0);
    }
    if (this.isStoring) this.stored[from].set(number % slots, bytes);
    if (this.isBringing) this.waiting.push({ to: other(from), bytes, wasAsked: false });
  }

  private fetch(by: Side, number: number): void {
    this.fetched++;
    const bytes = this.stored[other(by)].get(number % slots);
    if (this.answers && bytes !== undefined) this.waiting.push({ to: by, bytes, wasAsked: true });
  }
}

const gathered = (end: SealedChannel): { text: () => string; bytes: number } => {
  const chunks: Buffer[] = [];
  const got = { text: () => Buffer.concat(chunks).toString(), bytes: 0 };
  end.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    got.bytes += chunk.length;
  });
  return got;
};
const failed = (end: SealedChannel): Promise<Error> => new Promise((resolve) => end.once("error", resolve));

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

describe("a session whose messages are kept", () => {
  it("gets from the servers what was lost on the way, also while its sender is away", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.write("one ");
    await servers.settle();
    servers.isBringing = false;
    for (let i = 0; i < 30; i++) left.write(`lost ${i} `);
    servers.isBringing = true;
    servers.up.left = false;
    await servers.seconds(4);
    expect([got.text(), servers.repeated.left]).toEqual([`one ${Array.from({ length: 30 }, (_, i) => `lost ${i} `).join("")}`, 0]);
  });

  it("asks at once for what is missing when something later comes, and for nothing where nothing is", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.write("one ");
    servers.waiting.length = 0;
    left.write("two");
    await servers.settle();
    expect([got.text(), servers.fetched]).toEqual(["one two", 1]);
    await servers.seconds(1);
    const { fetched } = servers;
    await servers.seconds(5);
    expect([servers.fetched - fetched, servers.repeated]).toEqual([0, { left: 0, right: 0 }]);
  });

  it("says again what neither came nor is kept", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    servers.isBringing = servers.isStoring = false;
    left.write("one ");
    servers.isBringing = servers.isStoring = true;
    left.write("two");
    await servers.settle();
    expect(got.text()).toBe("");
    await servers.seconds(1);
    expect([got.text(), servers.repeated.left > 0]).toEqual(["one two", true]);
  });

  it("goes on when the servers have lost all that they kept, and when they keep nothing more", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    servers.isBringing = false;
    left.write("one ");
    servers.forgetAll();
    servers.isStoring = servers.answers = false;
    servers.isBringing = true;
    left.write("two");
    await servers.seconds(3);
    expect(got.text()).toBe("one two");
  });

  it("says again at once, when it is back, what may not have gone", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    servers.isBringing = servers.isStoring = false;
    left.write("one ");
    servers.up.left = false;
    left.write("two");
    servers.isBringing = servers.isStoring = true;
    servers.comeBack("left");
    await servers.settle();
    expect(got.text()).toBe("one two");
  });

  it("has no more on its way than there are slots, and leaves room to say what has come", async () => {
    const servers = new KeepingServers();
    const { left } = servers.ends;
    for (let i = 0; i < 200; i++) left.write("x".repeat(1_000));
    expect(servers.waiting.length).toBe(slots - 16);
    for (let i = 0; i < 100; i++) left.speak();
    expect(servers.waiting.length).toBe(slots - 2);
    left.destroy();
    expect(servers.waiting.length).toBe(slots - 1);
  });

  it("floods both ways without one waiting for the other", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const [there, back] = [gathered(right), gathered(left)];
    for (let i = 0; i < 1_000; i++) {
      left.write(Buffer.alloc(997, i));
      right.write(Buffer.alloc(991, i));
    }
    await servers.settle();
    expect([there.bytes, back.bytes, servers.repeated, servers.fetched]).toEqual([997_000, 991_000, { left: 0, right: 0 }, 0]);
  });

  it("is silent but for a word a second where there is nothing to say", async () => {
    const servers = new KeepingServers();
    await servers.seconds(3);
    const { fetched } = servers;
    for (const end of Object.values(servers.ends)) end.speak();
    expect([servers.waiting.length, servers.repeated, servers.fetched - fetched]).toEqual([2, { left: 0, right: 0 }, 0]);
  });

  it("ends where the other side is further than it may be", async () => {
    const servers = new KeepingServers();
    const { right } = servers.ends;
    const rude = new Sealer(servers.keys[0]);
    const error = failed(right);
    for (let i = 0; i <= slots; i++) {
      const bytes = rude.seal(messages.data, [Buffer.from("x")]);
      if (i > 0) right.hear(bytes);
    }
    expect((await error).message).toContain("further than it may be");
  });

  it("ends where something stays missing that nobody has, while the other side speaks", async () => {
    const servers = new KeepingServers();
    const { right } = servers.ends;
    const forgetful = new Sealer(servers.keys[0]);
    forgetful.seal(messages.data, [Buffer.from("lost")]);
    servers.up.left = false;
    const error = failed(right);
    for (let second = 0; second < 15 && !right.destroyed; second++) {
      right.hear(forgetful.seal(messages.alive, []));
      await servers.seconds(1);
    }
    expect((await error).message).toContain("neither its sender nor the servers");
  });

  it("ends where the other side does not know it any more", async () => {
    const { left } = new KeepingServers().ends;
    const error = failed(left);
    left.unheard("the other side knows this session no more");
    expect((await error).message).toContain("no more");
  });

  it("brings the end, also where that was lost", async () => {
    const servers = new KeepingServers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.resume();
    servers.isBringing = false;
    left.end("the end");
    await turn();
    servers.isBringing = true;
    await servers.seconds(2);
    expect([got.text(), right.readableEnded]).toEqual(["the end", true]);
  });

  it("brings every byte in order and never ends, under any losses, repeats, pauses and servers that forget", async () => {
    const side = fc.constantFrom<Side>("left", "right");
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ act: fc.constant("write" as const), side, size: fc.integer({ min: 1, max: 9_000 }) }) },
      { weight: 10, arbitrary: fc.record({ act: fc.constantFrom("bring" as const, "repeat" as const, "late" as const, "lose" as const) }) },
      { weight: 3, arbitrary: fc.record({ act: fc.constantFrom("away" as const, "back" as const), side }) },
      { weight: 3, arbitrary: fc.record({ act: fc.constantFrom("store" as const, "store not" as const, "forget" as const, "answer" as const, "answer not" as const, "second" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const servers = new KeepingServers();
        const sent = { left: [] as Buffer[], right: [] as Buffer[] };
        const got = { left: gathered(servers.ends.right), right: gathered(servers.ends.left) };
        for (const [index, one] of steps.entries()) {
          if (one.act === "write") {
            const bytes = Buffer.alloc(one.size, index % 251);
            servers.ends[one.side].write(bytes);
            sent[one.side].push(bytes);
          } else if (one.act === "away") servers.up[one.side] = false;
          else if (one.act === "back") servers.comeBack(one.side);
          else if (one.act === "store" || one.act === "store not") servers.isStoring = one.act === "store";
          else if (one.act === "answer" || one.act === "answer not") servers.answers = one.act === "answer";
          else if (one.act === "forget") servers.forgetAll();
          else if (one.act === "lose") servers.waiting.shift();
          else if (one.act === "second") {
            for (const end of Object.values(servers.ends)) end.speak();
            vi.advanceTimersByTime(1_000);
          } else servers.bring(one.act === "late" ? 1 : 0, one.act === "repeat");
          await Promise.resolve();
        }
        for (const one of ["left", "right"] as const) servers.comeBack(one);
        await servers.seconds(12);
        for (const one of ["left", "right"] as const) {
          expect(servers.ends[one].destroyed).toBe(false);
          expect(got[one].text() === Buffer.concat(sent[one]).toString()).toBe(true);
          servers.ends[one].destroy();
        }
      }),
      { numRuns: 60 },
    );
  });
});
