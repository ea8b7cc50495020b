import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Frame } from "#internal/actors/links/frames";
import { linksKeepTheirWord } from "../unit/actors/links/conformance.js";
import { received, type Inbox } from "../unit/actors/links/tls-harness.js";
import { kept, NatsGround } from "./nats-harness.js";
import { jetStream, noNats, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

describe.skipIf(why !== undefined)(why ?? "links through a real NATS server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startServer(jetStream);
  });
  afterAll(() => server.destroy());

  linksKeepTheirWord("NATS", () => new NatsGround([server]));
  linksKeepTheirWord("NATS, which keeps what is sent in files", () => new NatsGround([server], { keep: kept() }));
  linksKeepTheirWord("NATS, which keeps what is sent in memory", () => new NatsGround([server], { keep: kept({ storage: "memory" }) }));

  it.each([undefined, kept()])("a listener gives each of many links its share of room, whatever their number (%j)", async (keep) => {
    const ground = new NatsGround([server], { keep });
    await ground.open();
    const { listener, links } = await ground.listen();
    const inboxes: Inbox<Frame>[] = [];
    for (let count = 1; count <= 13; count++) {
      const near = await ground.connect(listener.address);
      inboxes.push(received(await links.next()));
      received(near);
      for (let i = 0; i < 5; i++) near.send(16, Buffer.from(String(i)), [Buffer.alloc(1_000_000)]);
    }
    for (const inbox of inboxes) for (let i = 0; i < 5; i++) expect(Buffer.from((await inbox.next()).header).toString()).toBe(String(i));
    await ground.close();
  });
});
