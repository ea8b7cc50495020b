import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Inbox, onceClosed, received, type Ground } from "./tls-harness.js";

const text = (value: Uint8Array): string => Buffer.from(value).toString();

/** What holds for every link between machines, whatever it goes over. */
export function linksKeepTheirWord(over: string, makeGround: () => Ground): void {
  let ground: Ground;
  beforeEach(async () => {
    ground = makeGround();
    await ground.open();
  });
  afterEach(() => ground.close());

  describe(`a link between machines, over ${over}`, () => {
    it("brings frames both ways, in order, with header and payload", async () => {
      const { near, far } = await ground.pair();
      const [there, back] = [received(far), received(near)];
      for (let i = 0; i < 1000; i++) near.send(16, Buffer.from(`head ${i}`), [Buffer.from("pay"), Buffer.from(`load ${i}`)]);
      far.send(17, Buffer.from("hello"));
      expect(text((await back.next()).header)).toBe("hello");
      for (let i = 0; i < 1000; i++) {
        const { type, sequence, header, payload } = await there.next();
        // The greeting was the first.
        expect([type, sequence, text(header), text(payload)]).toEqual([16, i + 2, `head ${i}`, `payload ${i}`]);
      }
    });

    it("tells each side who the other is", async () => {
      const { near, far, listener } = await ground.pair({ hello: { kind: "interchange", facts: { epoch: 3 } } }, { hello: { kind: "manager", facts: { cores: 8 } } });
      expect(near.hello).toMatchObject({ kind: "interchange", facts: { epoch: 3 } });
      expect(far.hello).toMatchObject({ kind: "manager", facts: { cores: 8 } });
      expect([near.identity, far.identity, near.address]).toEqual(["block-1", "block-1", listener.address]);
      expect([listener.links.size, listener.strangers, listener.counts]).toEqual([1, 0, { connected: 1, linked: 1, refused: 0 }]);
    });

    it("keeps what came before there was a receiver, and then reads on", async () => {
      const { near, far } = await ground.pair();
      for (let i = 0; i < 50; i++) near.send(16, Buffer.from(String(i)), [Buffer.alloc(10_000)]);
      await new Promise<void>((resolve) => near.onDrain(resolve));
      const frames = received(far);
      for (let i = 0; i < 50; i++) expect(text((await frames.next()).header)).toBe(String(i));
    });

    it("carries frames of many megabytes, and counts frames and bytes alike at both ends", async () => {
      const { near, far } = await ground.pair();
      const frames = received(far);
      const load = Buffer.alloc(20 * 1024 ** 2, "caraway ");
      near.send(16, Buffer.from("large"), [load, Buffer.from("tail")]);
      near.send(16, Buffer.from("small"));
      const { payload } = await frames.next();
      expect(Buffer.compare(payload as Buffer, Buffer.concat([load, Buffer.from("tail")]))).toBe(0);
      expect(text((await frames.next()).header)).toBe("small");
      expect([near.counters.framesSent, near.counters.bytesSent]).toEqual([far.counters.framesReceived, far.counters.bytesReceived]);
      expect(near.backlog).toBe(0);
    });

    it("brings what is urgent before the rest of a large frame", async () => {
      const { near, far } = await ground.pair({ urgent: [17] }, { urgent: [17] });
      const frames = received(far);
      near.send(16, Buffer.from("large"), [Buffer.alloc(64 * 1024 ** 2)]);
      near.send(16, Buffer.from("after it"));
      near.send(17, Buffer.from("urgent"));
      expect([text((await frames.next()).header), text((await frames.next()).header), text((await frames.next()).header)]).toEqual(["urgent", "large", "after it"]);
    });

    it("sends all before it closes, and the other side is told why", async () => {
      const { near, far } = await ground.pair();
      const frames = received(far);
      const ends = new Inbox<unknown>();
      far.onClose(ends.put);
      for (let i = 0; i < 30; i++) near.send(16, Buffer.from(String(i)), [Buffer.alloc(1024 ** 2)]);
      await near.close("all is done");
      const end = await onceClosed(far);
      expect(frames.all.map(({ header }) => Number(text(header)))).toEqual(Array.from({ length: 30 }, (_, i) => i));
      expect(end).toMatchObject({ clean: true, reason: "the other side closed it: all is done", error: { code: "CW-LINK-005" } });
      expect(near.ended).toMatchObject({ clean: true, reason: "it was closed here: all is done" });
      expect(ends.all).toHaveLength(1);
    });

    it("closes cleanly from both sides at once", async () => {
      const { near, far } = await ground.pair();
      received(near);
      received(far);
      await Promise.all([near.close(), far.close()]);
      expect([near.ended?.clean, far.ended?.clean]).toEqual([true, true]);
    });

    it("closes cleanly from both sides at once, with much unsent on both", async () => {
      for (const [ours, theirs] of [[64, 64], [64, 3], [3, 64]] as const) {
        const { near, far } = await ground.pair();
        received(near);
        received(far);
        near.send(16, Buffer.from("ours"), [Buffer.alloc(ours * 1024 ** 2)]);
        far.send(16, Buffer.from("theirs"), [Buffer.alloc(theirs * 1024 ** 2)]);
        await Promise.all([near.close(), far.close()]);
        expect([near.ended, far.ended]).toMatchObject([{ clean: true, reason: "it was closed here: it was closed" }, { clean: true, reason: "it was closed here: it was closed" }]);
      }
    });

    it("closes cleanly while the other side has much unsent, which goes nowhere", async () => {
      const { near, far } = await ground.pair();
      const frames = received(near);
      received(far);
      far.send(16, Buffer.from("theirs"), [Buffer.alloc(64 * 1024 ** 2)]);
      far.send(16, Buffer.from("more"));
      await near.close();
      expect([near.ended, await onceClosed(far)]).toMatchObject([{ clean: true }, { clean: true, reason: "the other side closed it: it was closed" }]);
      expect(frames.all).toEqual([]);
    });

    it("receives nothing once it closes, though the other side goes on", async () => {
      const { near, far } = await ground.pair();
      const frames = received(near);
      const closed = near.close();
      for (let i = 0; i < 100; i++) far.send(16, Buffer.alloc(10_000));
      received(far);
      await closed;
      expect(frames.all).toEqual([]);
    });

    it("counts what is sent after its end, and sends nothing", async () => {
      const { near, far } = await ground.pair();
      received(far);
      received(near);
      near.destroy("for the test");
      near.send(16, Buffer.from("late"));
      expect(near.counters.framesDropped).toBe(1);
      expect(await onceClosed(near)).toMatchObject({ clean: false, reason: "it was ended here: for the test" });
      expect(await onceClosed(far)).toMatchObject({ clean: false, reason: "the connection ended without a farewell" });
    });

    it("ends, with what was thrown, where its receiver throws", async () => {
      const { near, far } = await ground.pair();
      const thrown = new Error("the receiver broke");
      far.onFrame(() => {
        throw thrown;
      });
      near.send(16, Buffer.from("x"));
      received(near);
      expect((await onceClosed(far)).error.cause).toBe(thrown);
      await onceClosed(near);
    });

    it("tells of its end once, also who asks later, and not within the call that ends it", async () => {
      const { near } = await ground.pair();
      const told: string[] = [];
      near.onClose(() => told.push("first"));
      near.onClose(() => told.push("second"));
      near.destroy();
      expect(told).toEqual([]);
      await onceClosed(near);
      near.destroy();
      await near.close();
      expect(told).toEqual(["first", "second"]);
    });

    it("sends only types of frames that are for its users, and takes only those it knows", async () => {
      const { near, far } = await ground.pair({ types: [16, 17] });
      expect(() => near.send(1, Buffer.alloc(0))).toThrow(RangeError);
      expect(() => near.send(256, Buffer.alloc(0))).toThrow(RangeError);
      received(far);
      received(near);
      near.send(18, Buffer.alloc(0));
      const { error } = await onceClosed(far);
      expect([error.code, error.evidence["type"], error.where.host]).toEqual(["CW-LINK-003", 18, far.address]);
    });

    it("holds to its limits", async () => {
      const { near, far } = await ground.pair({ limits: { frame: 100_000 } });
      const frames = received(far);
      received(near);
      near.send(16, Buffer.alloc(0), [Buffer.alloc(99_000)]);
      await frames.next();
      near.send(16, Buffer.alloc(0), [Buffer.alloc(100_000)]);
      expect((await onceClosed(far)).error.message).toContain("its length is 100009, the limit is 100000");
      await onceClosed(near);
    });

    it("shows no secret, however it is looked at", async () => {
      const { near, far, listener } = await ground.pair();
      const bytes = ground.key.reveal();
      const shown = [near, far, listener].map((one) => inspect(one, { depth: 12, showHidden: true, maxArrayLength: 1000 })).join("\n");
      for (const form of [bytes.toString("hex").slice(0, 12), bytes.toString("hex").slice(0, 12).replaceAll(/(..)(?=.)/g, "$1 "), bytes.toString("base64").slice(0, 12), [...bytes.subarray(0, 5)].join(", ")]) expect(shown).not.toContain(form);
    });
  });

  describe(`a listener, over ${over}`, () => {
    it("closes its links with it, and their other ends know", async () => {
      const { near, far, listener } = await ground.pair();
      received(near);
      await listener.close("the run is over");
      expect(await onceClosed(near)).toMatchObject({ clean: true, reason: "the other side closed it: the run is over" });
      expect([far.ended?.clean, listener.links.size]).toEqual([true, 0]);
    });

    it("ends the links of an identity that is revoked, lets it in no more, and keeps the others", async () => {
      const { near, listener } = await ground.pair();
      const other = await ground.connect(listener.address, { key: (await ground.keys.create("block-2")).key });
      const frames = received(other);
      received(near);
      expect(listener.revoke("block-1")).toBe(1);
      expect((await onceClosed(near)).clean).toBe(false);
      await expect(ground.connect(listener.address, { timeout: 2_000 })).rejects.toMatchObject({ code: "CW-LINK-001" });
      expect(await ground.refusals.next()).toMatchObject({ reason: "revoked", identity: "block-1" });
      expect([...listener.links].map(({ identity }) => identity)).toEqual(["block-2"]);
      for (const link of listener.links) link.send(16, Buffer.from("still here"));
      expect(text((await frames.next()).header)).toBe("still here");
    });
  });
}
