import { createSecretKey, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstWindow, SealedChannel, type ChannelWay } from "#internal/actors/links/nats/channel";
import { answerOpening, Opening, readOpening, type ReadHello } from "#internal/actors/links/nats/handshake";
import { messages, Opener, sealBytes, Sealer } from "#internal/actors/links/nats/seal";

const key = randomBytes(32);
const flipped = (bytes: Uint8Array, at: number, bit = 0): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte));
const opened = (bytes: Uint8Array): ReadHello => readOpening(bytes) as ReadHello;

describe("a handshake through servers", () => {
  it("gives both ends the same two keys, which no other session has", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const opening = new Opening("block-1", key);
      const { answer, keys } = answerOpening(opened(opening.bytes), key) ?? expect.unreachable("it proves that it holds the key");
      const own = opening.accept(answer) ?? expect.unreachable("the answer proves it too");
      for (const way of ["up", "down"] as const) {
        expect(own[way].equals(keys[way])).toBe(true);
        seen.add(own[way].export().toString("hex"));
      }
    }
    expect(seen.size).toBe(6);
  });

  it("says who asks, and for which session", () => {
    const opening = new Opening("block.1_a-b", key);
    expect(opened(opening.bytes)).toMatchObject({ identity: "block.1_a-b", session: opening.session });
    expect(opening.session).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is refused where a bit of it was turned, on either way", () => {
    const opening = new Opening("block-1", key);
    const { answer } = answerOpening(opened(opening.bytes), key) ?? expect.unreachable();
    for (let at = 0; at < opening.bytes.length; at++) {
      const read = readOpening(flipped(opening.bytes, at, at % 8));
      expect(read === undefined ? undefined : answerOpening(read, key)).toBeUndefined();
    }
    for (let at = 0; at < answer.length; at++) expect(opening.accept(flipped(answer, at, at % 8))).toBeUndefined();
  });

  it("is refused by who holds another key, whichever end that is", () => {
    const opening = new Opening("block-1", key);
    const other = randomBytes(32);
    expect(answerOpening(opened(opening.bytes), other)).toBeUndefined();
    const { answer } = answerOpening(opened(new Opening("block-1", other).bytes), other) ?? expect.unreachable();
    expect(opening.accept(answer)).toBeUndefined();
  });

  it("takes no answer that was made for another hello", () => {
    const [one, two] = [new Opening("block-1", key), new Opening("block-1", key)];
    const { answer } = answerOpening(opened(one.bytes), key) ?? expect.unreachable();
    expect(two.accept(answer)).toBeUndefined();
  });

  it("reads nothing else as a hello", () => {
    const { bytes } = new Opening("block-1", key);
    for (const wrong of [new Uint8Array(0), Buffer.from("CWN1"), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.concat([Buffer.from("CWN1\0"), bytes.subarray(5)])]) expect(readOpening(wrong)).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => readOpening(noise) === undefined));
  });
});

describe("a sealed message", () => {
  const secret = createSecretKey(randomBytes(32));

  it("opens to what it was, with its number", () => {
    const [sealer, opener] = [new Sealer(secret), new Opener(secret)];
    for (let i = 1n; i < 5n; i++) expect(opener.open(sealer.seal(messages.data, [Buffer.from("a"), Buffer.from(`b${i}`)]))).toMatchObject({ sequence: i, kind: messages.data, body: Buffer.from(`ab${i}`) });
  });

  it("opens not at all where a bit of it was turned, or a part is missing", () => {
    const sealed = new Sealer(secret).seal(messages.data, [Buffer.from("the body")]);
    const opener = new Opener(secret);
    for (let at = 0; at < sealed.length; at++) expect(opener.open(flipped(sealed, at, at % 8))).toBeUndefined();
    for (let length = 0; length < sealed.length; length++) expect(opener.open(sealed.subarray(0, length))).toBeUndefined();
    expect(opener.open(sealed)).toBeDefined();
  });

  it("is never twice the same", () => {
    const sealer = new Sealer(secret);
    expect(Buffer.compare(sealer.seal(messages.alive, []).subarray(8), sealer.seal(messages.alive, []).subarray(8))).not.toBe(0);
  });
});

/** Servers between two ends: what was published waits until it is brought. */
class Servers {
  readonly waiting: { readonly to: "left" | "right"; readonly bytes: Uint8Array }[] = [];
  readonly ends: Record<"left" | "right", SealedChannel>;
  readonly closed: string[] = [];
  isUp = true;
  window = firstWindow;
  mostBytes = 1_000 + sealBytes;
  readonly keys = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(32))] as const;

  constructor() {
    const [a, b] = this.keys;
    this.ends = { left: new SealedChannel(this.way("right", "left"), { out: a, in: b }), right: new SealedChannel(this.way("left", "right"), { out: b, in: a }) };
    for (const end of [this.ends.left, this.ends.right]) end.on("error", () => undefined);
  }

  /** Brings what waits, and what comes of that, to the end. */
  async settle(): Promise<void> {
    while (this.waiting.length > 0) {
      this.bring();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  bring(index = 0, keep = false): void {
    const one = this.waiting[index];
    if (!keep) this.waiting.splice(index, 1);
    if (one !== undefined) this.ends[one.to].hear(one.bytes);
  }

  private way(to: "left" | "right", own: string): ChannelWay {
    const published = (bytes: Uint8Array): void => void this.waiting.push({ to, bytes });
    const over = (): void => void this.closed.push(own);
    const isUp = (): boolean => this.isUp;
    const window = (): number => this.window;
    const most = (): number => this.mostBytes;
    return {
      get isUp() {
        return isUp();
      },
      get window() {
        return window();
      },
      get mostBytes() {
        return most();
      },
      publish: published,
      closed: over,
    };
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

describe("a session through servers that promise nothing", () => {
  it("brings bytes in order, each once, whatever is brought twice or said again", async () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    const [there, back] = [gathered(right), gathered(left)];
    for (let i = 0; i < 20; i++) left.write(`${i},`);
    right.write("and back");
    while (servers.waiting.length > 0) {
      servers.bring(0, true);
      servers.bring(0, true);
      servers.bring();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([there.text(), back.text()]).toEqual([Array.from({ length: 20 }, (_, i) => `${i},`).join(""), "and back"]);
  });

  it("puts many small writes into one message, and a large one into many", async () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.cork();
    for (let i = 0; i < 100; i++) left.write("small");
    left.uncork();
    expect(servers.waiting.length).toBe(1);
    await servers.settle();
    left.write(Buffer.alloc(10_000, 1));
    expect(servers.waiting.length).toBe(10);
    expect(Math.max(...servers.waiting.map(({ bytes }) => bytes.length))).toBe(servers.mostBytes);
    await servers.settle();
    expect(got.bytes).toBe(10_500);
  });

  it.each([1, 3])("ends where %i of its messages are lost, and brings nothing of what follows", async (lost) => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.write("one ");
    await servers.settle();
    for (let i = 0; i < lost; i++) left.write("lost ");
    servers.waiting.splice(0, lost);
    left.write("two");
    const error = failed(right);
    await servers.settle();
    expect((await error).message).toBe(`${lost} of its messages were lost between the servers`);
    expect([got.text(), right.destroyed, servers.closed]).toEqual(["one ", true, ["right"]]);
    // The other end is told, as by a socket that ends.
    left.resume();
    await new Promise((resolve) => left.once("end", resolve));
  });

  it("learns that its last message was lost when the other end speaks again", async () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    left.write("the last");
    servers.waiting.length = 0;
    const error = failed(right);
    left.speak();
    left.speak();
    await servers.settle();
    expect((await error).message).toContain("1 of its messages");
  });

  it("is silent while it has something to say anyway", () => {
    const servers = new Servers();
    const { left } = servers.ends;
    left.write("x");
    left.speak();
    expect(servers.waiting.length).toBe(1);
    left.speak();
    expect(servers.waiting.length).toBe(2);
  });

  it("ends where the servers know nobody at the other end", async () => {
    const servers = new Servers();
    const { left } = servers.ends;
    const error = failed(left);
    left.unheard();
    expect((await error).message).toContain("know nobody");
    left.unheard();
  });

  it("has no more on its way than the other end has room for, and goes on when that has read", async () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    left.write(Buffer.alloc(10 * firstWindow));
    const onWay = (): number => servers.waiting.filter(({ to }) => to === "right").reduce((sum, { bytes }) => sum + bytes.length - sealBytes, 0);
    expect(onWay()).toBe(firstWindow);
    await servers.settle();
    // Nobody reads there: what came fills its room.
    expect([onWay(), right.readableLength]).toEqual([0, firstWindow]);
    const got = gathered(right);
    await new Promise((resolve) => setImmediate(resolve));
    await servers.settle();
    expect(got.bytes).toBe(10 * firstWindow);
  });

  it("ends where the other end sends more than there is room for", async () => {
    const servers = new Servers();
    const { right } = servers.ends;
    const rude = new Sealer(servers.keys[0]);
    const error = failed(right);
    for (let sent = 0; sent <= firstWindow; sent += 1_000) right.hear(rude.seal(messages.data, [Buffer.alloc(1_000)]));
    expect((await error).message).toContain("more than there was room for");
  });

  it("holds what is written while there is no server, and misses nothing afterwards", async () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.write("before ");
    await servers.settle();
    servers.isUp = false;
    left.write("during ");
    left.speak();
    expect(servers.waiting).toEqual([]);
    servers.isUp = true;
    left.speak(true);
    right.speak(true);
    await servers.settle();
    expect([got.text(), right.destroyed]).toEqual(["before during ", false]);
  });

  it("takes nothing that it has said itself, nor what nobody of the two has sealed", () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    left.write("x");
    const bytes = servers.waiting[0]?.bytes ?? expect.unreachable();
    left.hear(bytes);
    for (const forged of [flipped(bytes, 3), flipped(bytes, 12), bytes.subarray(1), new Uint8Array(0), randomBytes(100)]) right.hear(forged);
    expect([left.forged, right.forged, left.destroyed, right.destroyed]).toEqual([1, 5, false, false]);
  });

  it("ends at both ends when one is done and the other too", async () => {
    const servers = new Servers();
    const { left, right } = servers.ends;
    const got = gathered(right);
    left.resume();
    left.end("the end");
    await servers.settle();
    right.end();
    await servers.settle();
    expect([got.text(), left.destroyed, right.destroyed, servers.closed.sort()]).toEqual(["the end", true, true, ["left", "right"]]);
  });

  it("brings every byte in order, or ends, under any losses, repeats and pauses", async () => {
    const step = fc.oneof({ weight: 6, arbitrary: fc.record({ act: fc.constant("write" as const), from: fc.constantFrom("left" as const, "right" as const), size: fc.integer({ min: 1, max: 5_000 }) }) }, { weight: 8, arbitrary: fc.record({ act: fc.constantFrom("bring" as const, "repeat" as const) }) }, { weight: 1, arbitrary: fc.record({ act: fc.constantFrom("lose" as const, "late" as const, "down" as const, "up" as const) }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const servers = new Servers();
        const sent = { left: [] as Buffer[], right: [] as Buffer[] };
        const got = { left: gathered(servers.ends.right), right: gathered(servers.ends.left) };
        for (const [index, one] of steps.entries()) {
          if (one.act === "write") {
            const bytes = Buffer.alloc(one.size, index % 251);
            if (!servers.ends[one.from].writable) continue;
            servers.ends[one.from].write(bytes);
            sent[one.from].push(bytes);
          } else if (one.act === "bring") servers.bring();
          else if (one.act === "repeat") servers.bring(0, true);
          else if (one.act === "lose") servers.waiting.shift();
          else if (one.act === "late") servers.bring(1);
          else {
            servers.isUp = one.act === "up";
            for (const end of Object.values(servers.ends)) end.speak(true);
          }
          await Promise.resolve();
        }
        servers.isUp = true;
        for (let round = 0; round < 3; round++) {
          for (const end of Object.values(servers.ends)) end.speak(true);
          await servers.settle();
        }
        const isWhole = !servers.ends.left.destroyed && !servers.ends.right.destroyed;
        for (const side of ["left", "right"] as const) {
          const [all, there] = [Buffer.concat(sent[side]).toString(), got[side].text()];
          expect(isWhole ? there === all : all.startsWith(there)).toBe(true);
        }
        const disturbed = steps.some(({ act }) => act === "lose" || act === "late");
        expect(isWhole || disturbed).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
