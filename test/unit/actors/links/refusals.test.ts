import { linkProtocol } from "#internal/actors/links/hello";
import { execFile } from "node:child_process";
import { connect as connectTcp } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { controlCodec } from "#internal/actors/links/control";
import { FrameWriter } from "#internal/actors/links/frames";
import { SecretKey } from "#internal/actors/links/keys";
import { certificate, certificateKey } from "./certificate.js";
import { ended, failure, Ground, onceClosed, received } from "./tls-harness.js";

let ground: Ground;
beforeEach(async () => {
  ground = new Ground();
  await ground.open();
});
afterEach(() => ground.close());

const wrongKey = (identity: string): SecretKey => new SecretKey(identity, Buffer.alloc(32, 7));
const secure = (socket: TLSSocket): Promise<void> => new Promise((resolve) => socket.once("secureConnect", resolve));
const greeting = async (hello: unknown): Promise<Buffer> => {
  const writer = new FrameWriter();
  writer.add(1, (await controlCodec()).encode(hello));
  return Buffer.concat(writer.take());
};

describe("a peer is not let in", () => {
  it("with a wrong key, an unknown identity or a revoked one; and nothing on the wire tells which", async () => {
    const { listener } = await ground.listen();
    await ground.keys.create("block-2");
    listener.revoke("block-2");
    const wire: string[] = [];
    const { address } = await ground.server((client) => {
      const target = connectTcp(listener.port, "127.0.0.1");
      target.on("error", () => undefined);
      client.pipe(target).pipe(client);
      void ended(target).then((bytes) => wire.push(bytes.toString("hex")));
    });
    const reasons: unknown[] = [];
    const told = new Set<string>();
    for (const identity of ["block-1", "block-9", "block-2"]) {
      const error = await failure(ground.connect(address, { key: wrongKey(identity) }));
      expect([error.code, error.evidence["reason"]]).toEqual(["CW-LINK-001", "key"]);
      // Which alert it is depends on the version of OpenSSL.
      expect(error.message).toMatch(new RegExp(`^No link could be made as ${identity}: ${address} refused the key \\(ERR_SSL_\\w+\\)\\.$`));
      told.add(error.message.replace(identity, "X"));
      reasons.push((await ground.refusals.next()).reason);
    }
    expect(reasons).toEqual(["wrong-key", "unknown-identity", "revoked"]);
    expect(wire[0]).toMatch(/^1503/);
    expect([new Set(wire).size, told.size]).toEqual([1, 1]);
  });

  it("without a key, be it the newest TLS or an older one", async () => {
    const { listener } = await ground.listen();
    for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
      const socket = ground.keep(connectTls({ port: listener.port, host: "127.0.0.1", maxVersion, rejectUnauthorized: false }));
      await ended(socket);
      expect(socket.authorized).toBe(false);
      expect((await ground.refusals.next()).reason).toBe("no-key");
    }
    expect(listener.counts.linked).toBe(0);
  });

  it("with a session of an earlier connection in the place of the key", async () => {
    const { listener } = await ground.listen();
    const first = ground.tls(listener);
    const session = await new Promise<Buffer>((resolve) => first.once("session", resolve));
    first.destroy();
    const again = ground.keep(connectTls({ port: listener.port, host: "127.0.0.1", minVersion: "TLSv1.3", session, checkServerIdentity: () => undefined }));
    await ended(again);
    expect((await ground.refusals.next()).reason).toBe("greeting");
    expect((await ground.refusals.next()).reason).toBe("no-key");
  });

  it.each([
    ["plain text", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a record longer than any", Buffer.from([0x16, 3, 1, 0xff, 0xff, 1, 2, 3])],
    ["one byte of something else", Buffer.from([0])],
  ])("with %s; it is told nothing", async (_what, bytes) => {
    const { listener } = await ground.listen();
    const socket = await ground.tcp(listener);
    const answer = ended(socket);
    socket.write(bytes);
    expect(await answer).toHaveLength(0);
    expect((await ground.refusals.next()).reason).toBe("not-tls");
  });

  it("with something that only begins as TLS does", async () => {
    const { listener } = await ground.listen();
    const socket = await ground.tcp(listener);
    const answer = ended(socket);
    socket.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200]), Buffer.alloc(200, 0x5a)]));
    expect((await answer).length).toBeLessThan(64);
    expect((await ground.refusals.next()).reason).toBe("no-key");
  });

  it("that is silent: before the handshake, within it, or after it; it is gone when its time is up", async () => {
    const { listener } = await ground.listen({ limits: { handshake: 50 } });
    const silent = await ground.tcp(listener);
    const half = await ground.tcp(listener);
    half.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    const mute = ground.tls(listener);
    await Promise.all([ended(silent), ended(half), ended(mute)]);
    for (let i = 0; i < 3; i++) expect((await ground.refusals.next()).reason).toBe("time");
    expect(listener.strangers).toBe(0);
  });

  it("when too many others have not proved who they are; who has the key tries again until there is room", async () => {
    const { listener, links } = await ground.listen({ limits: { handshake: 60_000 } });
    const strangers = [];
    for (let i = 0; i < 64; i++) strangers.push(await ground.tcp(listener));
    await ended(connectTcp(listener.port, "127.0.0.1"));
    expect((await ground.refusals.next()).reason).toBe("full");
    expect(listener.strangers).toBe(64);
    const honest = ground.connect(listener.address);
    expect((await ground.refusals.next()).reason).toBe("full");
    for (const stranger of strangers) stranger.destroy();
    await honest;
    expect((await links.next()).identity).toBe("block-1");
  });

  it("that sends more than a stranger may, or a frame before its greeting, though it has the key", async () => {
    const { listener } = await ground.listen();
    const early = new FrameWriter();
    early.add(16, Buffer.from("work!"));
    const promising = Buffer.alloc(13);
    promising.writeUInt32BE(64 * 1024 + 1, 0);
    const nonsense = new FrameWriter();
    nonsense.add(1, Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]));
    for (const [bytes, what] of [[promising, /the limit is 65536/], [early.take()[0], /before the greeting/], [nonsense.take()[0], /not a valid control header/], [await greeting({ protocol: 1 }), /caraway is no short text/], [await greeting([1]), /not a record/]] as const) {
      const socket = ground.tls(listener);
      await secure(socket);
      const gone = ended(socket);
      socket.write(bytes as Buffer);
      await gone;
      const { reason, error } = await ground.refusals.next();
      expect([reason, error.code]).toEqual(["greeting", "CW-LINK-003"]);
      expect(error.message).toMatch(what);
    }
    expect(listener.counts.linked).toBe(0);
  });

  it("with another version; both sides are told both", async () => {
    const { listener } = await ground.listen({ hello: { kind: "interchange", caraway: "1.2.3" } });
    const own = await failure(ground.connect(listener.address, { hello: { kind: "manager", caraway: "1.2.4" } }));
    const { reason, error } = await ground.refusals.next();
    expect(reason).toBe("version");
    for (const one of [own, error]) {
      expect(one.code).toBe("CW-LINK-002");
      for (const said of ["manager has caraway 1.2.4", "interchange has caraway 1.2.3"]) expect(one.message).toContain(said);
      expect(one.hint).toContain("same version");
    }
  });

  it("with another protocol, also where later greetings say more", async () => {
    const { listener } = await ground.listen();
    const socket = ground.tls(listener);
    await secure(socket);
    socket.write(await greeting({ protocol: linkProtocol + 1, caraway: "2.0.0", kind: "manager", facts: {}, more: [1] }));
    const { reason, error } = await ground.refusals.next();
    expect([reason, error.code]).toEqual(["version", "CW-LINK-002"]);
    expect(error.message).toMatch(new RegExp(`link protocol ${linkProtocol}\\).*link protocol ${linkProtocol + 1}\\)`));
  });
});

describe("a peer that was let in and then sends what is no frame", () => {
  it("loses its link, and the error says what it was", async () => {
    const { listener, links } = await ground.listen();
    const socket = ground.tls(listener);
    await secure(socket);
    const gone = ended(socket);
    const { protocol, caraway } = { protocol: linkProtocol, caraway: (await ground.pair()).near.hello.caraway };
    socket.write(await greeting({ protocol, caraway, kind: "manager", facts: {} }));
    const link = await links.next();
    received(link);
    socket.write(Buffer.alloc(100));
    const end = await onceClosed(link);
    expect([end.clean, end.error.code, end.error.evidence["reason"]]).toEqual([false, "CW-LINK-003", "empty"]);
    await gone;
  });
});

describe("connecting", () => {
  const rogue = async (options: TlsOptions): Promise<string> => {
    const server = createTlsServer({ minVersion: "TLSv1.3", ...options }, (socket) => socket.on("error", () => undefined));
    server.on("tlsClientError", () => undefined);
    return await ground.bind(server);
  };

  it("takes of several addresses the first that proves itself, and closes the others", async () => {
    const { listener } = await ground.listen();
    let closed: Promise<unknown> = Promise.reject(new Error("nobody came"));
    closed.catch(() => undefined);
    const silent = await ground.server((socket) => {
      closed = ended(socket);
    });
    const link = await ground.connect("", { addresses: [silent.address, "127.0.0.1:1", await rogue({ cert: certificate, key: certificateKey }), listener.address] });
    expect(link.address).toBe(listener.address);
    await closed;
    expect(listener.counts).toMatchObject({ connected: 1, linked: 1 });
  });

  it("accepts no server that does not hold the key, whatever else it has", async () => {
    const other = await rogue({ ciphers: "TLS_AES_128_GCM_SHA256", pskCallback: () => Buffer.alloc(32, 1) });
    expect((await failure(ground.connect(other))).evidence["reason"]).toBe("key");
    const certified = await rogue({ cert: certificate, key: certificateKey });
    const error = await failure(ground.connect(certified.replace("127.0.0.1", "localhost")));
    expect(error.evidence["reason"]).toBe("not-proved");
    expect(error.hint).toContain("do not trust");
  });

  it("accepts no certificate, not even of an authority that this machine trusts", async () => {
    const folder = await mkdtemp(join(tmpdir(), "caraway-authority-"));
    await writeFile(join(folder, "authority.pem"), certificate);
    const address = (await rogue({ cert: certificate, key: certificateKey })).replace("127.0.0.1", "localhost");
    const program = `
      import { connect } from "node:tls";
      import { connectLink } from "#internal/actors/links/tls-link";
      import { SecretKey } from "#internal/actors/links/keys";
      const [host, port] = process.argv[1].split(":");
      const trusted = await new Promise((resolve) => connect({ host, port }).once("secureConnect", function () { resolve(this.authorized); this.destroy(); }).once("error", (error) => resolve(error.code)));
      const link = await connectLink({ addresses: [process.argv[1]], key: new SecretKey("block-1", Buffer.alloc(32)), hello: { kind: "manager" } }).catch((error) => error.evidence.reason);
      console.log(JSON.stringify([trusted, link]));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, address], { env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, "authority.pem") } });
    await rm(folder, { recursive: true });
    expect(JSON.parse(stdout)).toEqual([true, "not-proved"]);
  });

  it("says what each address did, and hints at what came farthest", async () => {
    const web = await ground.server((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const silent = await ground.server(() => undefined);
    const closing = await ground.server((socket) => socket.resetAndDestroy());
    const reasonOf = async (...addresses: string[]): Promise<unknown[]> => {
      const error = await failure(ground.connect("", { addresses, timeout: 200 }));
      for (const address of addresses) expect(error.message).toContain(address);
      return [error.code, error.evidence["reason"], error.retryable];
    };
    expect(await reasonOf("127.0.0.1:1", "no-such-host.invalid:80")).toEqual(["CW-LINK-001", "unreachable", true]);
    expect(await reasonOf("127.0.0.1:1", silent.address)).toEqual(["CW-LINK-001", "no-answer", true]);
    expect(await reasonOf(silent.address, closing.address)).toEqual(["CW-LINK-001", "closed", true]);
    expect(await reasonOf(silent.address, web.address)).toEqual(["CW-LINK-001", "not-caraway", false]);
  });

  it("waits no longer than it may for a greeting", async () => {
    const mute = await rogue({ ciphers: "TLS_AES_128_GCM_SHA256", pskCallback: () => ground.key.reveal() });
    const error = await failure(ground.connect(mute, { timeout: 150 }));
    expect(error.evidence["reason"]).toBe("no-answer");
    expect(error.message).toContain("proved that it holds the key");
  });

  it.each(["nowhere", "host:", "host:0", "host:70000", "a:b:1", "[::1:5"])("takes %j for no address", async (address) => {
    await expect(ground.connect(address)).rejects.toMatchObject({ evidence: { reason: "bad-address", address } });
  });

  it("takes an address of either family", async () => {
    const { listener } = await ground.listen({ host: "::1" });
    expect(listener.address).toBe(`[::1]:${listener.port}`);
    expect((await ground.connect(listener.address)).address).toBe(listener.address);
  });
});
