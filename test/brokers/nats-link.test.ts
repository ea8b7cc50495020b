import { afterAll, beforeAll, describe } from "vitest";
import { linksKeepTheirWord } from "../unit/actors/links/conformance.js";
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
});
