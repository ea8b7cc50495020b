import type { Authenticator, TlsOptions } from "@nats-io/transport-node";
import { KeyRefused } from "../../../errors/index.js";
import { readPrivate, refused } from "../private-file.js";
import type { NatsLogin, NatsPlace } from "./place.js";
import { readFile } from "node:fs/promises";

/** The longest file of credentials. */
const mostBytes = 64 * 1024;

type Library = typeof import("@nats-io/transport-node");

/** What the servers are shown. Files that others can read are refused with `KeyRefused`. */
export async function authenticatorOf({ login }: NatsPlace, library: Library): Promise<Authenticator | undefined> {
  if (login === undefined) return undefined;
  const said = typeof login === "string" ? readLogin(login, await readPrivate(login, mostBytes)) : login;
  if (said.kind === "password") return library.usernamePasswordAuthenticator(said.user, said.password);
  if (said.kind === "token") return library.tokenAuthenticator(said.token);
  const secret = new TextEncoder().encode(`${(await readPrivate(said.file, mostBytes)).trim()}${said.kind === "creds" ? "\n" : ""}`);
  const authenticator = said.kind === "creds" ? library.credsAuthenticator(secret) : library.nkeyAuthenticator(secret);
  try {
    // It reads the secret when it is first asked.
    authenticator("a nonce to try it with");
  } catch (cause) {
    const what = said.kind === "creds" ? "credentials of NATS, a JWT and a seed" : "the seed of an nkey";
    throw refused("wrong-kind", said.file, `does not hold ${what}: ${(cause as Error).message}`, "Check that it is the file that was meant.");
  }
  return authenticator;
}

function readLogin(path: string, text: string): NatsLogin {
  try {
    return JSON.parse(text) as NatsLogin;
  } catch (cause) {
    throw new KeyRefused("CW-LINK-004", `${path} does not hold a login to servers.`, { where: { file: path }, cause, evidence: { reason: "wrong-kind", path }, hint: "It is written by the program that starts the managers: start it again." });
  }
}

/** The key of a certificate is refused where others can read it. */
export async function tlsOf({ tls, servers }: NatsPlace): Promise<TlsOptions | undefined> {
  if (tls === undefined) return servers.some((server) => server.startsWith("tls://")) ? {} : undefined;
  const { ca, cert, key } = tls;
  return {
    ...(ca === undefined ? {} : { ca: await publicFile(ca) }),
    ...(cert === undefined ? {} : { cert: await publicFile(cert) }),
    ...(key === undefined ? {} : { key: await readPrivate(key, mostBytes) }),
  };
}

async function publicFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw refused("unreadable", path, `cannot be read: ${(cause as Error).message}`, "Check the path, and that both machines see the same file system.");
  }
}
