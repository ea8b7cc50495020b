import { connect, type NatsConnection } from "@nats-io/transport-node";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Frame } from "#internal/actors/links/frames";
import type { FrameLink } from "#internal/actors/links/tls-link";
import { streamName, type NatsKeep, type NatsPlace } from "#internal/actors/links/nats/place";
import type { CarawayError } from "#internal/errors/index";
import { startFaultProxy, type FaultProxy } from "#internal/testing/fault-proxy";
import { failure, Inbox, received } from "../unit/actors/links/tls-harness.js";
import { kept, NatsGround } from "./nats-harness.js";
import { jetStream, noNats, startCluster, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

let servers: NatsServer[] = [];
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await Promise.all(servers.map((server) => server.destroy()));
  servers = [];
});

async function groundOf(places: readonly NatsServer[], keep: NatsKeep, more: Partial<NatsPlace> = {}): Promise<NatsGround> {
  const ground = new NatsGround(places, { keep, ...more });
  await ground.open();
  closing.push(() => ground.close());
  return ground;
}

async function proxyTo(server: NatsServer): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: server.settings.port }, seed: 7 });
  closing.push(() => proxy.close());
  return proxy;
}

/** The subjects of all that is kept, as far as that fits. */
async function keptBelow(client: NatsConnection, place: NatsPlace, filter: string): Promise<readonly string[]> {
  const { state } = (await client.request(`$JS.API.STREAM.INFO.${streamName(place)}`, JSON.stringify({ subjects_filter: filter }))).json<{ readonly state: { readonly subjects?: Record<string, number> } }>();
  return Object.keys(state.subjects ?? {});
}

interface Pair {
  readonly near: FrameLink;
  readonly far: FrameLink;
}

/** Sends so many frames both ways, a few of them large, some hundred ahead of what has arrived, and awaits them all. */
class Traffic {
  readonly whole: Promise<void>;
  private sent = 0;
  private readonly inboxes: readonly [Inbox<Frame>, Inbox<Frame>];
  private readonly marks: { readonly at: number; readonly reached: () => void }[] = [];

  constructor(
    private readonly pair: Pair,
    private readonly count: number,
  ) {
    this.inboxes = [received(pair.near), received(pair.far)];
    this.whole = Promise.all(this.inboxes.map((inbox) => this.check(inbox))).then(() => undefined);
    this.send();
  }

  /** Resolves when so many have arrived both ways. */
  reaches(at: number): Promise<void> {
    return new Promise((reached) => this.marks.push({ at, reached }));
  }

  private send(): void {
    const { near, far } = this.pair;
    const arrived = Math.min(...this.inboxes.map(({ all }) => all.length));
    for (const { at, reached } of this.marks) if (arrived >= at) reached();
    for (; this.sent < Math.min(this.count, arrived + 300); this.sent++) {
      for (const [link, factor] of [[near, 7919], [far, 104_729]] as const) link.send(16, Buffer.from(String(this.sent)), [Buffer.alloc(this.sent % 100 === 7 ? 400_000 : (this.sent * factor) % 9_000, this.sent)]);
    }
    if (arrived < this.count && near.ended === undefined && far.ended === undefined) setImmediate(() => this.send());
  }

  private async check(inbox: Inbox<Frame>): Promise<void> {
    const over = new Promise<never>((_, reject) => {
      for (const link of [this.pair.near, this.pair.far]) link.onClose(({ reason }) => reject(new Error(`a link ended: ${reason}`)));
    });
    over.catch(() => undefined);
    for (let i = 0; i < this.count; i++) {
      const { header, payload } = await Promise.race([inbox.next(), over]);
      expect([Number(Buffer.from(header).toString()), payload.every((byte) => byte === (i & 255))]).toEqual([i, true]);
    }
  }
}

async function pairOf(head: NatsGround, manager = head): Promise<Pair> {
  const { listener, links } = await head.listen();
  for (;;) {
    // Servers of a cluster tell each other a little later who listens where.
    const near = await manager.connect(listener.address, { key: head.key }).catch((error: unknown) => ((error as CarawayError).evidence["reason"] === "unreachable" ? undefined : Promise.reject(error)));
    if (near !== undefined) return { near, far: await links.next() };
  }
}

describe.skipIf(why !== undefined)(why ?? "a link whose messages a real NATS server keeps", () => {
  it.each(["file", "memory"] as const)("goes on, and brings every frame once and in order, when the only server (%s) is killed under load and comes back", async (storage) => {
    servers = [await startServer(jetStream)];
    const [server] = servers as [NatsServer];
    const pair = await pairOf(await groundOf(servers, kept({ storage })));
    const traffic = new Traffic(pair, 6_000);
    for (const mark of [1_000, 3_000]) {
      await traffic.reaches(mark);
      await server.kill();
      await server.start();
    }
    await traffic.whole;
  });

  it.each(["the manager", "the head"])("goes on when the way of %s is cut for a second, again and again, under load", async (whose) => {
    servers = [await startServer(jetStream)];
    const proxy = await proxyTo(servers[0] as NatsServer);
    const head = await groundOf(servers, kept(), whose === "the head" ? { servers: [proxy.address] } : {});
    const manager = await groundOf(servers, kept(), { subject: head.place.subject, servers: [whose === "the head" ? (servers[0] as NatsServer).url : proxy.address] });
    const traffic = new Traffic(await pairOf(head, manager), 4_000);
    for (const [index, mark] of [500, 1_500, 2_500].entries()) {
      await traffic.reaches(mark);
      proxy.partition();
      proxy.cut(index % 2 === 0 ? "reset" : "end");
      await pause(1_000);
      proxy.heal();
    }
    await traffic.whole;
  });

  it("brings to who was away what was said meanwhile, while who said it is away itself", async () => {
    servers = [await startServer(jetStream)];
    const proxies = { head: await proxyTo(servers[0] as NatsServer), manager: await proxyTo(servers[0] as NatsServer) };
    const head = await groundOf(servers, kept(), { servers: [proxies.head.address] });
    const manager = await groundOf(servers, kept(), { subject: head.place.subject, servers: [proxies.manager.address] });
    const { listener, links } = await head.listen();
    const near = await manager.connect(listener.address, { key: head.key });
    const far = await links.next();
    received(near);
    const frames = received(far);
    near.send(16, Buffer.from("before"));
    await frames.next();
    proxies.head.partition();
    proxies.head.cut();
    for (let i = 0; i < 30; i++) {
      near.send(16, Buffer.from(String(i)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The greeting, what was before, and all of it: each is a message of its own.
    const subject = listener.address.replace(/^.*\//, "");
    const client = await connect({ servers: (servers[0] as NatsServer).url });
    closing.push(() => client.close());
    while ((await keptBelow(client, head.at(subject), `${subject}.*.up.*`)).length < 32) await pause(20);
    proxies.manager.partition();
    proxies.manager.cut();
    proxies.head.heal();
    for (let i = 0; i < 30; i++) expect(Buffer.from((await frames.next()).header).toString()).toBe(String(i));
    proxies.manager.heal();
    far.send(17, Buffer.from("and back"));
    near.send(16, Buffer.from("at last"));
    expect(Buffer.from((await frames.next()).header).toString()).toBe("at last");
    expect([near.ended, far.ended]).toEqual([undefined, undefined]);
  });

  it("ends within seconds at the manager where the head is another one", async () => {
    servers = [await startServer(jetStream)];
    const proxy = await proxyTo(servers[0] as NatsServer);
    const head = await groundOf(servers, kept(), { servers: [proxy.address] });
    const manager = await groundOf(servers, kept(), { subject: head.place.subject });
    const { listener } = await head.listen();
    const near = await manager.connect(listener.address, { key: head.key });
    received(near);
    proxy.partition();
    proxy.cut();
    const next = await groundOf(servers, kept(), { subject: head.place.subject });
    const ended = new Promise<string>((resolve) => near.onClose(({ reason }) => resolve(reason)));
    await next.listen();
    expect(await ended).toContain("knows this session no more");
  });
});

describe.skipIf(why !== undefined)(why ?? "a link whose messages a cluster of three real NATS servers keeps", () => {
  beforeEach(async () => {
    servers = await startCluster(3, jetStream);
  });

  it("goes on, and brings every frame once and in order, while one server after the other is killed under load and comes back", async () => {
    const pair = await pairOf(await groundOf(servers, kept({ replicas: 3 })));
    const traffic = new Traffic(pair, 9_000);
    for (const [index, server] of servers.entries()) {
      await traffic.reaches(1_000 + 3_000 * index);
      await server.kill();
      await traffic.reaches(2_500 + 3_000 * index);
      await server.start();
    }
    await traffic.whole;
  }, 90_000);
});

describe.skipIf(why !== undefined)(why ?? "what a real NATS server keeps", () => {
  let client: NatsConnection;
  const start = async (lines?: string | ((directory: string) => string)): Promise<NatsServer> => {
    const server = await startServer(lines);
    servers = [server];
    client = await connect({ servers: server.url });
    closing.push(() => client.close());
    return server;
  };
  const ask = async (what: string): Promise<Record<string, unknown>> => await (await client.request(`$JS.API.STREAM.${what}`)).json();
  const names = async (): Promise<unknown> => (await ask("NAMES"))["streams"];
  /** How many messages a stream has, once they are so many; it is asked each time the server has done something else. */
  const holds = async (name: string, isSo: (messages: number) => boolean): Promise<void> => {
    for (;;) {
      const { messages } = (await ask(`INFO.${name}`))["state"] as { readonly messages: number };
      if (isSo(messages)) return;
      await pause(100);
    }
  };

  it("is gone when the link is closed", async () => {
    await start(jetStream);
    const ground = await groundOf(servers, kept());
    const { near, listener } = await ground.pair();
    const subject = listener.address.replace(/^.*\//, "");
    expect(await names()).toEqual([streamName(ground.at(subject))]);
    received(near);
    await listener.close();
    expect(await names()).toBeNull();
  });

  it("of a session that is over is thrown away, and that of others is not", async () => {
    await start(jetStream);
    const ground = await groundOf(servers, kept({ maxAgeMs: 10_000 }));
    const { listener, links } = await ground.listen();
    const subject = listener.address.replace(/^.*\//, "");
    const sessions = async (): Promise<number> => {
      const all = await keptBelow(client, ground.at(subject), `${subject}.*.*.*`);
      return new Set(all.map((one) => one.slice(subject.length + 1).split(".")[0])).size;
    };
    const [one, other] = [await ground.connect(listener.address), await ground.connect(listener.address)];
    for (const link of [one, other, await links.next(), await links.next()]) received(link);
    expect(await sessions()).toBe(2);
    await one.close();
    while ((await sessions()) === 2) await pause(200);
    expect([await sessions(), other.ended]).toEqual([1, undefined]);
  });

  it("of a head that was killed goes by its age, and the stream when the next head of that prefix starts", async () => {
    await start(jetStream);
    const proxy = await proxyTo(servers[0] as NatsServer);
    const ground = await groundOf(servers, kept({ maxAgeMs: 1_000 }), { servers: [proxy.address] });
    const { listener } = await ground.pair();
    const name = streamName(ground.at(listener.address.replace(/^.*\//, "")));
    await holds(name, (messages) => messages > 0);
    // Whoever is behind it is dead to the servers.
    await proxy.close();
    await holds(name, (messages) => messages === 0);
    const next = await groundOf(servers, kept());
    for (let tries = 0; ; tries++) {
      const { listener: another } = await next.listen();
      const left = (await names()) as readonly string[];
      if (!left.includes(name)) break;
      expect(tries).toBeLessThan(50);
      await another.close();
      await pause(100);
    }
  });

  it("is nothing where it has no JetStream: who listens is told so, and what to do", async () => {
    await start();
    const error = await failure((await groundOf(servers, kept())).listen());
    expect(error).toMatchObject({ code: "CW-LINK-007", retryable: false, evidence: { reason: "disabled" } });
    expect([error.message, error.hint].join(" ")).toMatch(/no JetStream.*`jetstream \{\}`.*-js/s);
  });

  it("is nothing for a user who may not ask for it, which is told at once", async () => {
    servers = [await startServer((directory) => `${jetStream(directory)}\nauthorization { users: [{ user: me, password: "open sesame", permissions: { publish: "caraway.>", subscribe: "caraway.>" } }] }`)];
    const error = await failure((await groundOf(servers, kept(), { login: { kind: "password", user: "me", password: "open sesame" } })).listen());
    expect(error).toMatchObject({ code: "CW-LINK-006", evidence: { reason: "permissions" } });
    expect([error.message, error.hint].join(" ")).toMatch(/publish to \$JS\.API\.STREAM\.CREATE.*\$JS\.API\.DIRECT\.GET/s);
  });

  it.each<[string, Partial<NatsKeep>, string, RegExp]>([
    ["more than it may use", { maxBytes: 2 * 1024 ** 3 }, "full", /maxBytes/],
    ["more copies than there are servers", { replicas: 3 }, "replicas", /replicas/],
  ])("is nothing where that would be %s", async (_what, keep, reason, hint) => {
    await start(jetStream);
    const error = await failure((await groundOf(servers, kept(keep))).listen());
    expect(error).toMatchObject({ code: "CW-LINK-007", evidence: { reason } });
    expect(error.hint).toMatch(hint);
  });

  it("has no more room than it was given: that is told, links go on", async () => {
    await start(jetStream);
    const ground = await groundOf(servers, kept({ maxBytes: 100_000, maxAgeMs: 3_000 }));
    const troubles = new Inbox<CarawayError>();
    ground.news = { onAway: troubles.put };
    const pair = await pairOf(ground);
    const traffic = new Traffic(pair, 2_000);
    expect(await troubles.next()).toMatchObject({ code: "CW-LINK-007", evidence: { reason: "full", maxBytes: 100_000 } });
    await traffic.whole;
    expect([pair.near.ended, pair.far.ended]).toEqual([undefined, undefined]);
  });
});
