import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { linksKeepTheirWord } from "./conformance.js";
import { Ground } from "./tls-harness.js";

linksKeepTheirWord("TCP", () => new Ground());

describe("a listener on ports", () => {
  let ground: Ground;
  beforeEach(async () => {
    ground = new Ground();
    await ground.open();
  });
  afterEach(() => ground.close());

  it("takes the first free port of a range, and says which are taken where none is", async () => {
    const first = (await ground.listen()).listener;
    const second = (await ground.listen({ port: [first.port, first.port + 20] })).listener;
    expect(second.port).toBeGreaterThan(first.port);
    await expect(ground.listen({ port: first.port })).rejects.toMatchObject({ code: "CW-LINK-001", evidence: { reason: "cannot-listen", code: "EADDRINUSE" } });
    await expect(ground.listen({ host: "203.0.113.1" })).rejects.toMatchObject({ evidence: { reason: "cannot-listen", code: "EADDRNOTAVAIL" } });
  });

  it("knows where each link comes from", async () => {
    const { near, far, listener } = await ground.pair();
    expect(near.address).toBe(listener.address);
    expect(far.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
