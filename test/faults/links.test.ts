import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BadFrame, LinkLost } from "#internal/errors/index";
import type { FrameLink } from "#internal/actors/links/tls-link";
import { startFaultProxy, type FaultProxy, type ProxyFaults } from "#internal/testing/fault-proxy";
import { ended, failure, Ground, onceClosed, received } from "../unit/actors/links/tls-harness.js";

let ground: Ground;
let proxy: FaultProxy | undefined;
beforeEach(async () => {
  ground = new Ground();
  await ground.open();
});
afterEach(async (test) => {
  if (test.task.result?.state === "fail") console.error(proxy?.describe());
  proxy = undefined;
  await ground.close();
});

const startProxy = async (port: number, faults: ProxyFaults = {}, seed = Math.floor(Math.random() * 2 ** 31)): Promise<FaultProxy> => {
  proxy = ground.keep(await startFaultProxy({ target: { host: "127.0.0.1", port }, seed, faults }));
  return proxy;
};
/** A link whose bytes go through a proxy. */
const disturbed = async (faults: ProxyFaults = {}): Promise<{ near: FrameLink; far: FrameLink; proxy: FaultProxy }> => {
  const { listener, links } = await ground.listen();
  const way = await startProxy(listener.port);
  const near = await ground.connect(way.address);
  way.faults = faults;
  return { near, far: await links.next(), proxy: way };
};
const load = (i: number): Buffer => Buffer.alloc(1 + ((i * 7919) % 5000), i);
const sendAll = (link: FrameLink, count: number): void => {
  for (let i = 0; i < count; i++) link.send(16, Buffer.from(String(i)), [load(i)]);
};
const expectAll = async (frames: ReturnType<typeof received>, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const { header, payload } = await frames.next();
    expect(Buffer.from(header).toString()).toBe(String(i));
    expect(Buffer.compare(payload as Buffer, load(i))).toBe(0);
  }
};

describe("a link over a bad network", () => {
  it.each<[string, ProxyFaults]>([
    ["delay and jitter", { delay: 5, jitter: 10 }],
    ["losses that stall it", { loss: 0.2, retransmission: 5 }],
    ["little bandwidth", { throttle: 4 * 1024 ** 2 }],
    ["all of them", { delay: 1, jitter: 5, loss: 0.05, retransmission: 5, throttle: 8 * 1024 ** 2 }],
  ])("brings every frame once, in order, through %s", async (_what, faults) => {
    const { near, far } = await disturbed(faults);
    const [there, back] = [received(far), received(near)];
    sendAll(near, 200);
    sendAll(far, 200);
    await Promise.all([expectAll(there, 200), expectAll(back, 200)]);
    await near.close();
    expect((await onceClosed(far)).clean).toBe(true);
  });

  it.each(["to-target", "to-client", "both"] as const)("brings what was sent during a partition (%s) once it is healed", async (direction) => {
    const { near, far, proxy: way } = await disturbed();
    const [there, back] = [received(far), received(near)];
    way.partition(direction);
    sendAll(near, 50);
    sendAll(far, 50);
    if (direction !== "both") await (direction === "to-target" ? expectAll(back, 50) : expectAll(there, 50));
    expect(direction === "to-client" ? back.all : there.all).toEqual([]);
    way.heal();
    if (direction !== "to-client") await expectAll(there, 50);
    if (direction !== "to-target") await expectAll(back, 50);
  });

  it("ends, and delivers no wrong frame, where one bit is turned on the way", async () => {
    const { near, far, proxy: way } = await disturbed();
    const frames = received(far);
    received(near);
    sendAll(near, 10);
    await expectAll(frames, 10);
    way.flipNext("to-target");
    near.send(16, Buffer.from("turned"), [load(3)]);
    const end = await onceClosed(far);
    expect([end.clean, end.error instanceof LinkLost, end.error.evidence["address"]]).toEqual([false, true, far.address]);
    expect(end.reason).toMatch(/^the connection broke: ERR_SSL/);
    expect(frames.all).toHaveLength(10);
    expect((await onceClosed(near)).clean).toBe(false);
    expect(way.counts.flipped).toBe(1);
  });

  it("ends as cut off, not as closed, where the stream is truncated within a frame", async () => {
    const { near, far, proxy: way } = await disturbed();
    const frames = received(far);
    received(near);
    way.truncateAfter(200_000, "to-target");
    near.send(16, Buffer.from("whole"));
    near.send(16, Buffer.from("large"), [Buffer.alloc(1024 ** 2)]);
    const end = await onceClosed(far);
    expect(end.clean).toBe(false);
    expect(end.error).toBeInstanceOf(BadFrame);
    expect(end.error.evidence).toMatchObject({ reason: "truncated" });
    expect(frames.all.map(({ header }) => Buffer.from(header).toString())).toEqual(["whole"]);
    way.cut();
    await onceClosed(near);
  });

  it.each(["reset", "end"] as const)("tells both ends once where it is cut (%s), and takes a new connection", async (how) => {
    const { near, far, proxy: way } = await disturbed();
    const told: string[] = [];
    for (const [name, link] of [["near", near], ["far", far]] as const) {
      received(link);
      link.onClose(({ clean, error }) => told.push(`${name} ${clean ? "clean" : error.code}`));
    }
    way.cut(how);
    await Promise.all([onceClosed(near), onceClosed(far)]);
    expect(told.sort()).toEqual(["far CW-LINK-005", "near CW-LINK-005"]);
    expect((await ground.connect(way.address)).identity).toBe("block-1");
    expect(told).toHaveLength(2);
  });

  it("tells nobody where it is half open: that is for the leases above; what is sent is lost", async () => {
    const { near, far, proxy: way } = await disturbed();
    const frames = received(far);
    const back = received(near);
    way.halfOpen("to-target");
    near.send(16, Buffer.from("into the void"));
    near.destroy();
    // The way back still works, so this came after whatever could have come.
    far.send(16, Buffer.from("still there?"));
    await onceClosed(near);
    expect([frames.all, far.ended, back.all]).toEqual([[], undefined, []]);
    far.destroy();
  });

  it("has a backlog that grows while the other side does not read, and says when it is gone", async () => {
    const { near, far, proxy: way } = await disturbed();
    const frames = received(far);
    way.partition("to-target");
    const drained = new Promise<void>((resolve) => near.onDrain(resolve));
    const part = Buffer.alloc(1024 ** 2);
    for (let i = 0; i < 64; i++) near.send(16, Buffer.alloc(0), [part]);
    expect(near.backlog).toBeGreaterThan(60 * 1024 ** 2);
    // A whole round trip later it is still there: far more than the system takes.
    const back = received(near);
    far.send(16, Buffer.from("round"));
    await back.next();
    expect(near.backlog).toBeGreaterThan(32 * 1024 ** 2);
    way.heal();
    await drained;
    expect(near.backlog).toBe(0);
    for (let i = 0; i < 64; i++) expect((await frames.next()).payload).toHaveLength(part.length);
  });

  it("is still flushed when it is closed over a slow way", async () => {
    const { near, far } = await disturbed({ throttle: 8 * 1024 ** 2, slowClose: 20 });
    const frames = received(far);
    sendAll(near, 300);
    const closed = near.close("done");
    await expectAll(frames, 300);
    await closed;
    expect((await onceClosed(far)).reason).toBe("the other side closed it: done");
  });
});

describe("connecting over a bad network", () => {
  it("says that nothing answers, where the way is partitioned", async () => {
    const { listener } = await ground.listen();
    const way = await startProxy(listener.port);
    way.partition();
    const error = await failure(ground.connect(way.address, { timeout: 100 }));
    expect(error.evidence["reason"]).toBe("no-answer");
  });

  it("succeeds in the end, where most connections are dropped", async () => {
    const { listener } = await ground.listen();
    const way = await startProxy(listener.port, { drop: 0.7 }, 5);
    await ground.connect(way.address, { timeout: 20_000 });
    expect(way.counts.dropped).toBeGreaterThan(0);
  });

  it("begins again where the handshake is truncated, at whatever place", async () => {
    const { listener } = await ground.listen();
    const way = await startProxy(listener.port);
    for (const bytes of [1, 5, 50, 100]) {
      way.truncateNext(bytes, "to-client");
      expect((await ground.connect(way.address)).identity).toBe("block-1");
    }
    expect(way.counts).toMatchObject({ truncated: 4, connections: 8 });
  });

  it("is refused, with a reason, where the handshake is damaged", async () => {
    const { listener } = await ground.listen();
    for (let seed = 1; seed <= 8; seed++) {
      const way = await startProxy(listener.port, { flip: 1 }, seed);
      const error = await failure(ground.connect(way.address, { timeout: 100 }));
      expect([error.code, error.evidence["reason"]], way.describe()).toEqual(["CW-LINK-001", expect.stringMatching(/key|not-caraway|not-proved|closed|no-answer/)]);
    }
    expect(listener.counts.linked).toBe(0);
  });
});

describe("the proxy", () => {
  it("prints its seed and what it does, and makes the same choices again with the same seed", async () => {
    const outcome = async (seed: number): Promise<string> => {
      const { address } = await ground.server((socket) => socket.pipe(socket));
      const way = await startProxy(Number(address.split(":")[1]), { drop: 0.5 }, seed);
      const fates = [];
      for (let i = 0; i < 12; i++) {
        const socket = await ground.tcp(way);
        socket.end("x");
        fates.push((await ended(socket)).length);
      }
      expect(way.describe()).toContain(`seed ${seed}, faults {"drop":0.5}`);
      return fates.join("");
    };
    const first = await outcome(11);
    expect(await outcome(11)).toBe(first);
    expect(first).toMatch(/0.*1|1.*0/);
  });
});
