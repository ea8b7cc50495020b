import { nkeys } from "@nats-io/transport-node";
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { CarawayError } from "#internal/errors/index";
import type { NatsPlace } from "#internal/actors/links/nats/place";
import { certificate, certificateKey } from "../unit/actors/links/certificate.js";
import { failure, Inbox, received } from "../unit/actors/links/tls-harness.js";
import { NatsGround } from "./nats-harness.js";
import { freePort, noNats, startServer, type NatsServer } from "./nats-server.js";

const why = noNats();

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "caraway-logins-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

/** A server that ends with the test. */
async function serverWith(lines: string): Promise<NatsServer> {
  const server = await startServer(lines);
  onTestFinished(() => server.destroy());
  return server;
}

async function groundOf(server: NatsServer, more: Partial<NatsPlace>): Promise<NatsGround> {
  const ground = new NatsGround([server], { patienceMs: 1_500, ...more });
  await ground.open();
  onTestFinished(() => ground.close());
  return ground;
}

/** A frame goes through, there and back. */
async function works(ground: NatsGround): Promise<void> {
  const { near, far } = await ground.pair();
  const [there, back] = [received(far), received(near)];
  near.send(16, Buffer.from("there"));
  far.send(17, Buffer.from("back"));
  expect([Buffer.from((await there.next()).header).toString(), Buffer.from((await back.next()).header).toString()]).toEqual(["there", "back"]);
}

const tlsLines = (): string => `tls { cert_file: ${file("cert.pem", certificate)}, key_file: ${file("key.pem", certificateKey)} }`;

/** A JWT as `nsc` makes it, by https://docs.nats.io/reference/nats-protocol/nats-server/jwt. */
function jwt(signer: nkeys.KeyPair, subject: nkeys.KeyPair, name: string, type: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iat: 1_700_000_000, iss: signer.getPublicKey(), sub: subject.getPublicKey(), name, nats: { type, version: 2, ...(type === "account" ? { limits: { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true } } : type === "user" ? { pub: {}, sub: {}, subs: -1, data: -1, payload: -1 } : {}) } };
  const body = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ jti: createHash("sha256").update(JSON.stringify(claims)).digest("hex"), ...claims })}`;
  return `${body}.${Buffer.from(signer.sign(Buffer.from(body))).toString("base64url")}`;
}

describe.skipIf(why !== undefined)(why ?? "a real NATS server that lets in whom it knows", () => {
  const password = 'authorization { user: me, password: "open sesame" }';

  it.each<[string, string, () => NatsPlace["login"]]>([
    ["a user and a password", password, () => ({ kind: "password", user: "me", password: "open sesame" })],
    ["those in a file of this user's", password, () => file("nats.login", JSON.stringify({ kind: "password", user: "me", password: "open sesame" }))],
    ["a token", 'authorization { token: "open sesame" }', () => ({ kind: "token", token: "open sesame" })],
  ])("lets links through with %s", async (_what, lines, login) => {
    await works(await groundOf(await serverWith(lines), { login: login() }));
  });

  it("lets links through with the seed of an nkey", async () => {
    const user = nkeys.createUser();
    const server = await serverWith(`authorization { users: [{ nkey: ${user.getPublicKey()} }] }`);
    await works(await groundOf(server, { login: { kind: "nkey", file: file("me.nk", `${Buffer.from(user.getSeed()).toString()}\n`) } }));
  });

  it("lets links through with a creds file", async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
    const server = await serverWith(`operator: ${file("operator.jwt", jwt(operator, operator, "operator", "operator"))}\nresolver: MEMORY\nresolver_preload { ${account.getPublicKey()}: ${jwt(operator, account, "account", "account")} }`);
    const creds = `-----BEGIN NATS USER JWT-----\n${jwt(account, user, "me", "user")}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${Buffer.from(user.getSeed()).toString()}\n------END USER NKEY SEED------\n`;
    await works(await groundOf(server, { login: { kind: "creds", file: file("me.creds", creds) } }));
  });

  it("lets links through over TLS, and is not trusted without its authority", async () => {
    const server = await serverWith(tlsLines());
    await works(await groundOf(server, { tls: { ca: join(directory, "cert.pem") } }));
    const error = await failure((await groundOf(server, { tls: {} })).listen());
    expect(error).toMatchObject({ code: "CW-LINK-006", retryable: false, evidence: { reason: "tls", servers: [{ server: server.url }] } });
    expect(error.hint).toContain("`ca`");
  });

  it("is not used without TLS where TLS is asked for", async () => {
    const error = await failure((await groundOf(await serverWith(""), { tls: {} })).listen());
    expect(error).toMatchObject({ code: "CW-LINK-006", evidence: { reason: "tls" } });
  });

  it.each<[string, string, NatsPlace["login"]]>([
    ["a wrong password", password, { kind: "password", user: "me", password: "sesame, open" }],
    ["no login", password, undefined],
    ["another's nkey", `authorization { users: [{ nkey: ${nkeys.createUser().getPublicKey()} }] }`, undefined],
  ])("refuses %s, which is told at once, by name, and without the secret", async (_what, lines, login) => {
    const server = await serverWith(lines);
    const error = await failure((await groundOf(server, { login, patienceMs: 60_000 })).listen());
    expect(error).toMatchObject({ code: "CW-LINK-006", retryable: false, evidence: { reason: "credentials", servers: [{ server: server.url, reason: "credentials" }] } });
    expect(error.message).toContain(`${server.url} does not let us in`);
    expect(inspect(error, { depth: 12, showHidden: true })).not.toContain("sesame");
  });

  it.each<[string, NonNullable<NatsPlace["login"]> extends infer L ? (path: string) => L : never]>([
    ["a creds file", (path) => ({ kind: "creds", file: path })],
    ["a seed", (path) => ({ kind: "nkey", file: path })],
    ["a login", (path) => path],
  ])("is not shown %s that others can read", async (_what, login) => {
    const path = file("loose", JSON.stringify({ kind: "token", token: "x" }), 0o640);
    const error = await failure((await groundOf(await serverWith(""), { login: login(path) })).listen());
    expect(error).toMatchObject({ code: "CW-LINK-004", evidence: { reason: "loose-permissions", mode: "0640" }, where: { file: path } });
  });

  it("is not shown what is no secret of its kind", async () => {
    for (const kind of ["creds", "nkey"] as const) {
      const error = await failure((await groundOf(await serverWith(""), { login: { kind, file: file(kind, "something else") } })).listen());
      expect(error).toMatchObject({ code: "CW-LINK-004", evidence: { reason: "wrong-kind" } });
    }
  });

  it("that does not let the head hear its managers says so at once, and what to do", async () => {
    const server = await serverWith('authorization { users: [{ user: head, password: a, permissions: { publish: [">"], subscribe: ["other.>"] } }] }');
    const ground = await groundOf(server, { login: { kind: "password", user: "head", password: "a" } });
    const error = await failure(ground.listen());
    expect(error).toMatchObject({ code: "CW-LINK-006", evidence: { reason: "permissions" } });
    expect(error.message).toMatch(/does not let this user subscribe to caraway\.test\..*\.hello/);
    expect(error.hint).toContain("publish and subscribe to all below");
  });

  it("that does not let the head answer has it say so", async () => {
    const server = await serverWith('authorization { users: [{ user: head, password: a, permissions: { publish: ["other.>"], subscribe: [">"] } }, { user: node, password: b }] }');
    const head = await groundOf(server, { login: { kind: "password", user: "head", password: "a" } });
    const told = new Inbox<CarawayError>();
    head.news = { onAway: told.put };
    const { listener } = await head.listen();
    const node = await groundOf(server, { login: { kind: "password", user: "node", password: "b" } });
    await failure(node.connect(listener.address, { key: head.key, timeout: 800 }));
    expect(await told.next()).toMatchObject({ code: "CW-LINK-006", evidence: { reason: "permissions" }, message: expect.stringMatching(/publish to caraway\..*\.down/) as string });
  });

  it("that lets a user publish to other subjects alone has its manager say so", async () => {
    const server = await serverWith("authorization { users: [{ user: head, password: a }, { user: node, password: b, permissions: { publish: [\"other.>\"], subscribe: [\">\"] } }] }");
    const head = await groundOf(server, { login: { kind: "password", user: "head", password: "a" } });
    const { listener } = await head.listen();
    const node = await groundOf(server, { login: { kind: "password", user: "node", password: "b" } });
    const error = await failure(node.connect(listener.address, { key: head.key, timeout: 800 }));
    expect(error).toMatchObject({ code: "CW-LINK-001" });
    expect(error.hint).toContain("the servers do not let it");
  });
});

describe.skipIf(why !== undefined)(why ?? "servers that are not there", () => {
  it("are named, with what each said and for how long they were tried", async () => {
    const [one, two] = [await freePort(), await freePort()];
    const ground = new NatsGround([], { servers: [`127.0.0.1:${one}`, `127.0.0.1:${two}`], patienceMs: 400 });
    await ground.open();
    onTestFinished(() => ground.close());
    for (const attempt of [() => ground.listen(), () => ground.connect("x", { timeout: 400 })]) {
      const error = await failure(attempt());
      expect(error).toMatchObject({ code: "CW-LINK-006", retryable: true, evidence: { reason: "unreachable" } });
      expect(error.message).toMatch(new RegExp(`since \\d{4}-.* s\\): 127.0.0.1:${one} refused the connection .*127.0.0.1:${two} refused`));
      expect(error.hint).toContain("servers");
    }
  });

  it("and something else in their place is told from them", async () => {
    const ground = new NatsGround([], { patienceMs: 400 });
    await ground.open();
    onTestFinished(() => ground.close());
    const { address } = await ground.server((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    const elsewhere = await groundOf({ url: address } as NatsServer, { patienceMs: 400 });
    expect(await failure(elsewhere.listen())).toMatchObject({ code: "CW-LINK-006", evidence: { reason: "not-nats" } });
  });
});
