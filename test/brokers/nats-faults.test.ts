import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Frame } from "#internal/actors/links/frames";
import type { FrameLink } from "#internal/actors/links/tls-link";
import { startFaultProxy, type FaultProxy } from "#internal/testing/fault-proxy";
import { onceClosed, received, type Inbox } from "../unit/actors/links/tls-harness.js";
import { NatsGround } from "./nats-harness.js";
import { noNats, startCluster, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();
/** Resolves when so many have come. */
const arrived = async (inbox: Inbox<Frame>, count: number): Promise<void> => {
  while (inbox.all.length < count) await inbox.next();
};
const text = (value: Uint8Array): string => Buffer.from(value).toString();

describe.skipIf(why !== undefined)(why ?? "links whose way to a real NATS server breaks", () => {
  let server: NatsServer;
  let ground: NatsGround;
  /** Only the manager's way goes through it. */
  let proxy: FaultProxy;
  let manager: NatsGround;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.destroy());
  beforeEach(async () => {
    ground = new NatsGround([server]);
    await ground.open();
    proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: server.settings.port }, seed: 1 });
    manager = new NatsGround([], { ...ground.place, servers: [proxy.address] });
  });
  afterEach(async () => {
    await manager.close();
    await ground.close();
    await proxy.close();
  });

  async function pair(): Promise<{ readonly near: FrameLink; readonly far: FrameLink }> {
    const { listener, links } = await ground.listen();
    const near = await manager.connect(listener.address, { key: ground.key });
    return { near, far: await links.next() };
  }

  it("end at the head when a manager is gone without a word: the servers tell", async () => {
    const { near, far } = await pair();
    received(near);
    received(far);
    // Whoever is gone does not come back.
    await proxy.close();
    expect((await onceClosed(far)).reason).toContain("know nobody at the other end");
    near.destroy();
  });

  it("end at the manager when the head is gone without a word", async () => {
    const { listener, links } = await manager.listen({ keys: ground.keys });
    const near = await ground.connect(listener.address);
    const far = await links.next();
    received(near);
    received(far);
    await proxy.close();
    expect((await onceClosed(near)).reason).toContain("know nobody at the other end");
    far.destroy();
  });

  it("bring every frame in order until they end, however often the way is cut under load, and both ends learn of it", async () => {
    for (let round = 0; round < 5; round++) {
      const { near, far } = await pair();
      const frames = { near: received(near), far: received(far) };
      const count = 400;
      for (let i = 0; i < count; i++) {
        near.send(16, Buffer.from(String(i)), [Buffer.alloc((i * 7919) % 20_000, i)]);
        far.send(17, Buffer.from(String(i)), [Buffer.alloc((i * 104_729) % 20_000, i)]);
        if (i === 50 * (round + 1)) await frames.far.next();
        if (i === 50 * (round + 1)) proxy.cut(round % 2 === 0 ? "reset" : "end");
      }
      const whole = Promise.all([arrived(frames.near, count), arrived(frames.far, count)]).then(() => undefined);
      const over = await Promise.race([Promise.all([onceClosed(near), onceClosed(far)]), whole]);
      if (over !== undefined) expect(over.map(({ clean }) => clean)).toEqual([false, false]);
      for (const inbox of [frames.near, frames.far]) {
        expect(inbox.all.map(({ header }) => Number(text(header)))).toEqual(Array.from({ length: inbox.all.length }, (_, i) => i));
        for (const [i, { payload }] of inbox.all.entries()) expect(payload.every((byte) => byte === (i & 255))).toBe(true);
      }
      near.destroy();
      far.destroy();
    }
  });

  it("never bring what was altered on the way", async () => {
    const { near, far } = await pair();
    const there = received(far);
    received(near);
    for (let i = 0; i < 20; i++) near.send(16, Buffer.from(String(i)), [Buffer.alloc(50_000, i)]);
    await there.next();
    proxy.flipNext("to-target");
    for (let i = 20; i < 40; i++) near.send(16, Buffer.from(String(i)), [Buffer.alloc(50_000, i)]);
    await Promise.race([onceClosed(far), arrived(there, 40)]);
    for (const [i, { header, payload }] of there.all.entries()) expect([text(header), payload.every((byte) => byte === i)]).toEqual([String(i), true]);
    expect(proxy.counts.flipped).toBe(1);
    near.destroy();
  });
});

describe.skipIf(why !== undefined)(why ?? "a link whose ends are at different servers of a cluster", () => {
  it("brings frames both ways, and goes on or ends at both ends when one of the servers dies", async () => {
    const servers = await startCluster(3);
    const [one, two] = servers as [NatsServer, NatsServer, NatsServer];
    const ground = new NatsGround([one]);
    const other = new NatsGround([two], { subject: ground.place.subject });
    try {
      await ground.open();
      const { listener, links } = await ground.listen();
      const reach = async (): Promise<FrameLink> => {
        // The servers tell each other who listens where.
        for (;;) {
          const link = await other.connect(listener.address, { key: ground.key }).catch((error: unknown) => ((error as { evidence: { reason: string } }).evidence.reason === "unreachable" ? undefined : Promise.reject(error)));
          if (link !== undefined) return link;
        }
      };
      const near = await reach();
      const far = await links.next();
      const [there, back] = [received(far), received(near)];
      near.send(16, Buffer.from("there"), [Buffer.alloc(2_000_000, 7)]);
      far.send(17, Buffer.from("back"));
      expect([(await there.next()).payload.length, text((await back.next()).header)]).toEqual([2_000_000, "back"]);
      // Both know the others by what the servers say, and go to one of them.
      await two.kill();
      for (let i = 0; i < 50; i++) near.send(16, Buffer.from(String(i)));
      const what = await Promise.race([Promise.all([onceClosed(near), onceClosed(far)]).then(() => "ended"), there.next().then(() => "goes on")]);
      expect(["ended", "goes on"]).toContain(what);
      near.destroy();
    } finally {
      await other.close();
      await ground.close();
      await Promise.all(servers.map((server) => server.destroy()));
    }
  });
});
