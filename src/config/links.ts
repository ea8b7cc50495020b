import { resolve } from "node:path";
import { deepFrozen } from "./frozen.js";
import { parseDuration, parseSize, type Duration, type Size } from "./units.js";

/** What the servers are shown; one of these. */
export interface NatsCredentials {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** A file with a JWT and its seed, as `nsc` writes it. */
  readonly credsFile?: string | undefined;
  /** A file with the seed of an nkey. */
  readonly nkeyFile?: string | undefined;
}

/** TLS to the servers; files in PEM. */
export interface NatsTlsOptions {
  /** The authorities whose certificates are trusted. Default: the system's. */
  readonly ca?: string | undefined;
  /** The certificate that the servers are shown, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Options of `nats`. */
export interface NatsOptions {
  /** The servers, as `host:port` or with `nats://` or `tls://` before it; of a cluster a few are enough. */
  readonly servers: string | readonly string[];
  /** Default none. */
  readonly credentials?: NatsCredentials | undefined;
  /** `true`, or an object: only servers with TLS. Default: as the servers have it. */
  readonly tls?: boolean | NatsTlsOptions | undefined;
  /** What all subjects begin with. Default `"caraway"`. */
  readonly prefix?: string | undefined;
  /** How long there may be no server before the executor fails. Default 2 min. */
  readonly patience?: Duration | undefined;
  /** `true`, or an object: the servers keep what is sent until the other side has it, so that a session goes on where messages are lost. Default `false`. */
  readonly jetstream?: boolean | JetStreamOptions | undefined;
}

/** How the servers keep what is sent: a stream for each run, which ends with it. */
export interface JetStreamOptions {
  /** So many servers have each message. Default: 3, or as many as `servers` names where that is less. */
  readonly replicas?: number | undefined;
  /** Default `"file"`. */
  readonly storage?: "file" | "memory" | undefined;
  /** A message is kept no longer. Default: twice `heartbeatThreshold`, and 10 s at least. */
  readonly maxAge?: Duration | undefined;
  /** All messages of the run together have no more bytes. Default 256 MiB. */
  readonly maxBytes?: Size | undefined;
}

/** What `nats` returns. */
export interface NatsDescriptor extends NatsOptions {
  readonly role: "link";
  readonly kind: "nats";
}

/** What managers and interchange are connected by, where that is not their own TCP. */
export type LinkDescriptor = NatsDescriptor;

/**
 * Describes links through the servers of a NATS cluster, which head and managers both reach: neither has to reach the other. What passes is sealed by the
 * key of its block, so the servers can neither read nor forge it.
 *
 * @example
 * highThroughput({ link: nats({ servers: ["tls://n1.example.org:4222", "tls://n2.example.org:4222"], credentials: { credsFile: "run.creds" } }) })
 */
export function nats(options: NatsOptions): NatsDescriptor {
  return deepFrozen({ ...options, role: "link", kind: "nats" });
}

/** What a checked descriptor asks for, with every default filled in; paths are absolute, durations milliseconds. */
export interface NatsSettings {
  readonly servers: readonly string[];
  readonly credentials: NatsLoginSettings | undefined;
  readonly tls: NatsTlsOptions | undefined;
  readonly prefix: string;
  readonly patience: number;
  readonly jetstream: JetStreamSettings | undefined;
}

export interface JetStreamSettings {
  readonly replicas: number;
  readonly storage: "file" | "memory";
  /** Undefined: it follows from the lease. */
  readonly maxAge: number | undefined;
  readonly maxBytes: number;
}

export type NatsLoginSettings =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "creds" | "nkey"; readonly file: string };

export function natsSettings({ servers: given, credentials, tls, prefix = "caraway", patience = "2m", jetstream = false }: NatsDescriptor): NatsSettings {
  const servers = typeof given === "string" ? [given] : given;
  return {
    servers,
    credentials: credentials === undefined ? undefined : loginOf(credentials),
    tls: tls === undefined || tls === false ? undefined : tls === true ? {} : Object.fromEntries(Object.entries(tls).flatMap(([name, path]) => (typeof path === "string" ? [[name, resolve(path)]] : []))),
    prefix,
    patience: parseDuration(patience, "patience"),
    jetstream: jetstream === false ? undefined : jetStreamSettings(jetstream === true ? {} : jetstream, servers.length),
  };
}

function jetStreamSettings({ replicas, storage = "file", maxAge, maxBytes = "256MiB" }: JetStreamOptions, servers: number): JetStreamSettings {
  return { replicas: replicas ?? Math.min(3, servers), storage, maxAge: maxAge === undefined ? undefined : parseDuration(maxAge, "maxAge"), maxBytes: parseSize(maxBytes, "maxBytes") };
}

function loginOf({ user, password, token, credsFile, nkeyFile }: NatsCredentials): NatsLoginSettings | undefined {
  if (credsFile !== undefined) return { kind: "creds", file: resolve(credsFile) };
  if (nkeyFile !== undefined) return { kind: "nkey", file: resolve(nkeyFile) };
  if (token !== undefined) return { kind: "token", token };
  return user === undefined ? undefined : { kind: "password", user, password: password ?? "" };
}
