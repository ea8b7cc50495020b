import { afterAll, beforeAll, describe } from "vitest";
import { linksKeepTheirWord } from "../unit/actors/links/conformance.js";
import { NatsGround } from "./nats-harness.js";
import { noNats, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

describe.skipIf(why !== undefined)(why ?? "links through a real NATS server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.destroy());

  linksKeepTheirWord("NATS", () => new NatsGround([server]));
});
