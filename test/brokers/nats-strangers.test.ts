import { connect, type NatsConnection } from "@nats-io/transport-node";
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Opening } from "#internal/actors/links/nats/handshake";
import { SecretKey } from "#internal/actors/links/keys";
import { failure, onceClosed, received } from "../unit/actors/links/tls-harness.js";
import { NatsGround } from "./nats-harness.js";
import { noNats, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();
const text = (value: Uint8Array): string => Buffer.from(value).toString();

/** One who may use the servers as we do, and holds no key: it hears all, and says what it likes. */
class Outsider {
  readonly heard: { readonly subject: string; readonly data: Uint8Array }[] = [];

  private constructor(readonly client: NatsConnection) {
    client.subscribe(">", { callback: (_, { subject, data }) => void this.heard.push({ subject, data: Uint8Array.from(data) }) });
  }

  static async come({ url }: NatsServer): Promise<Outsider> {
    const one = new Outsider(await connect({ servers: url }));
    await one.client.flush();
    return one;
  }

  on(subject: RegExp): Uint8Array[] {
    return this.heard.filter((one) => subject.test(one.subject)).map(({ data }) => data);
  }

  async say(subject: string, data: Uint8Array): Promise<void> {
    this.client.publish(subject, data);
    await this.client.flush();
  }
}

describe.skipIf(why !== undefined)(why ?? "strangers at a real NATS server", () => {
  let server: NatsServer;
  let ground: NatsGround;
  let outsider: Outsider;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.destroy());
  beforeEach(async () => {
    ground = new NatsGround([server]);
    await ground.open();
    outsider = await Outsider.come(server);
  });
  afterEach(async () => {
    await outsider.client.close();
    await ground.close();
  });
  const subjectOf = ({ address }: { readonly address: string }): string => address.replace(/^.*\//, "");

  it("who holds another key, or no identity that is known, gets no answer at all, and cannot tell the two apart", async () => {
    const { listener } = await ground.listen();
    const address = listener.address;
    const wrong = await failure(ground.connect(address, { key: new SecretKey("block-1", randomBytes(32)), timeout: 600 }));
    const unknown = await failure(ground.connect(address, { key: new SecretKey("block-9", randomBytes(32)), timeout: 600 }));
    const plain = (error: typeof wrong): string => error.message.replaceAll(/block-\d|\d\.\d s/g, "…");
    expect(plain(wrong)).toBe(plain(unknown));
    expect([wrong.code, wrong.evidence["reason"], unknown.evidence["reason"], wrong.retryable]).toEqual(["CW-LINK-001", "no-answer", "no-answer", true]);
    expect(wrong.hint).toContain("does not answer who does not hold a key");
    expect([await ground.refusals.next(), await ground.refusals.next()].map(({ reason, identity }) => [reason, identity])).toEqual([["wrong-key", "block-1"], ["unknown-identity", "block-9"]]);
    expect(outsider.on(/\.down$/)).toEqual([]);
    expect(listener.strangers).toBe(0);
  });

  it("the servers can neither read what passes nor say anything in it, nor say it again", async () => {
    const { near, far } = await ground.pair();
    const [there, back] = [received(far), received(near)];
    near.send(16, Buffer.from("head"), [Buffer.from("a secret of the task, and another secret")]);
    far.send(17, Buffer.from("answer"));
    expect(text((await there.next()).payload)).toContain("secret");
    await back.next();
    const sent = [...outsider.heard];
    expect(sent.some(({ data }) => /secret|head|answer|manager|interchange/.test(Buffer.from(data).toString("latin1")))).toBe(false);
    // All of it again, with a bit turned, and cut; then what only they can say.
    for (const { subject, data } of sent) {
      await outsider.say(subject, data);
      for (let at = 0; at < data.length; at += 7) await outsider.say(subject, data.map((byte, index) => (index === at ? byte ^ 1 : byte)));
      await outsider.say(subject, data.subarray(0, data.length >> 1));
      await outsider.say(subject, randomBytes(data.length));
    }
    near.send(16, Buffer.from("still"));
    far.send(17, Buffer.from("here"));
    expect([text((await there.next()).header), text((await back.next()).header)]).toEqual(["still", "here"]);
    expect([near.ended, far.ended]).toEqual([undefined, undefined]);
  });

  it("a greeting that was recorded opens nothing when it is said again", async () => {
    const { listener, links } = await ground.listen();
    const near = await ground.connect(listener.address);
    received(near);
    const far = await links.next();
    received(far);
    const [hello] = outsider.on(/\.hello$/) as [Uint8Array];
    await near.close();
    await onceClosed(far);
    const answers = outsider.on(/\.down$/).length;
    await outsider.say(`${subjectOf(listener)}.hello`, hello);
    // What a listener heard before this, it has heard.
    await ground.connect(listener.address);
    await links.next();
    expect([listener.counts, listener.strangers, listener.links.size]).toEqual([{ connected: 2, linked: 2, refused: 0 }, 0, 1]);
    expect(outsider.on(/\.down$/).length).toBeGreaterThan(answers);
  });

  it("an answer of somebody else is none", async () => {
    const key = new SecretKey("block-1", randomBytes(32));
    const opening = new Opening("block-1", key.reveal());
    for (const bytes of [new Uint8Array(0), randomBytes(100), opening.bytes, Buffer.concat([Buffer.from("CWN1"), randomBytes(96)])]) expect(opening.accept(bytes)).toBeUndefined();
  });

  it.each<[string, (length: number) => Uint8Array]>([
    ["nothing", () => new Uint8Array(0)],
    ["noise", (length) => randomBytes(length)],
    ["what begins like one", (length) => Buffer.concat([Buffer.from("CWN1"), randomBytes(length)])],
    ["one that is far too long", () => Buffer.concat([Buffer.from("CWN1\x07block-1"), randomBytes(500_000)])],
  ])("%s is no greeting, and is refused without a word", async (_what, make) => {
    const { listener } = await ground.listen();
    for (const length of [1, 50, 119, 1000]) await outsider.say(`${subjectOf(listener)}.hello`, make(length));
    for (let i = 0; i < 4; i++) expect(await ground.refusals.next()).toMatchObject({ reason: "not-hello", error: { code: "CW-LINK-001" } });
    expect(outsider.on(/\.down$/)).toEqual([]);
    await ground.connect(listener.address);
  });

  it("who holds a key and says no more is let go after his time, and only so many wait at once", async () => {
    const { listener } = await ground.listen({ limits: { strangers: 3, handshake: 400 } });
    const hello = `${subjectOf(listener)}.hello`;
    for (let i = 0; i < 5; i++) {
      const opening = new Opening("block-1", ground.key.reveal());
      // He listens, or the servers would tell that nobody does.
      outsider.client.subscribe(`${subjectOf(listener)}.${opening.session}.down`, { callback: () => undefined });
      await outsider.say(hello, opening.bytes);
    }
    const reasons = [];
    for (let i = 0; i < 5; i++) reasons.push((await ground.refusals.next()).reason);
    expect(reasons).toEqual(["full", "full", "time", "time", "time"]);
    expect(listener.strangers).toBe(0);
    await ground.connect(listener.address);
  });

  it("a peer that sends more than it may before it is let in gets no further", async () => {
    const { listener } = await ground.listen();
    const hello = { kind: "manager", facts: { much: "x".repeat(70_000) } };
    const near = await ground.connect(listener.address, { hello });
    received(near);
    expect(await ground.refusals.next()).toMatchObject({ reason: "greeting", error: { code: "CW-LINK-003" } });
    expect((await onceClosed(near)).clean).toBe(false);
  });

  it("who finds nobody there is told at once", async () => {
    // Who hears all is somebody, as far as the servers know.
    await outsider.client.close();
    const error = await failure(ground.connect(`${ground.place.subject}.nobody`));
    expect(error).toMatchObject({ code: "CW-LINK-001", retryable: true, evidence: { reason: "unreachable" } });
    expect(error.message).toContain("know nobody who listens");
  });

  it("two of different versions refuse each other, and both say so", async () => {
    const { listener } = await ground.listen({ hello: { kind: "interchange", caraway: "9.9.9" } });
    const error = await failure(ground.connect(listener.address));
    expect(error.code).toBe("CW-LINK-002");
    expect(error.message).toContain("9.9.9");
    expect(await ground.refusals.next()).toMatchObject({ reason: "version", error: { code: "CW-LINK-002" } });
  });
});
