import { rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { NatsKeep, NatsPlace } from "../../actors/links/nats/place.js";
import type { ConnectPlace, ListenPlace } from "../../actors/links/places.js";
import type { HighThroughputSettings } from "../../config/high-throughput.js";
import type { JetStreamSettings, NatsSettings } from "../../config/links.js";

/** What interchange and managers find each other by. */
export interface LinkPlan {
  /** How long a manager whose link has ended has to come back, in milliseconds. */
  readonly reconnectMs: number;
  /** Before the interchange starts; `port` is that of the interchange before it. */
  listen(port: number | undefined): ListenPlace;
  /** Once it listens, at that port. */
  connect(port: number): ConnectPlace;
  /** What a manager tries, for whoever has to find out why it did not arrive. */
  tried(port: number): readonly string[];
  /** Where secrets are kept, there is a directory for them now. */
  prepare(): Promise<void>;
  /** Nothing of it is left on disk. */
  release(): Promise<void>;
}

export interface PlanSetting {
  readonly runId: string;
  readonly incarnation: number;
  /** The directory of the keys. */
  readonly keys: string;
}

export function linkPlan(settings: HighThroughputSettings, setting: PlanSetting): LinkPlan {
  return settings.link === undefined ? tcpPlan(settings) : natsPlan(settings.link, settings, setting);
}

/** Managers that end their process leave their link behind; one on another machine that only lost it is back sooner than this, in milliseconds. */
const tcpReturnMs = 150;

function tcpPlan({ provider, addresses, ports }: HighThroughputSettings): LinkPlan {
  const isLocal = provider.kind === "local";
  const tried = (port: number): readonly string[] => (addresses.length > 0 ? addresses : isLocal ? ["127.0.0.1"] : ownAddresses()).map((host) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`));
  return {
    reconnectMs: tcpReturnMs,
    listen: (port) => ({ kind: "tcp", host: addresses.length === 1 ? (addresses[0] as string) : isLocal ? "127.0.0.1" : "0.0.0.0", ports: port === undefined ? ports : [port, port] }),
    connect: (port) => ({ kind: "tcp", addresses: tried(port) }),
    tried,
    prepare: () => Promise.resolve(),
    release: () => Promise.resolve(),
  };
}

function ownAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0);
  return [...found.map(({ address }) => address), "127.0.0.1"];
}

/** A server that ends takes links with it, and finding another takes longer than a connection does; in milliseconds, and no longer than the lease. */
const natsReturnMs = 5_000;

function natsPlan({ servers, prefix, credentials, tls, patience, jetstream }: NatsSettings, { label, heartbeatThreshold }: HighThroughputSettings, { runId, incarnation, keys }: PlanSetting): LinkPlan {
  const login = credentials === undefined ? undefined : join(keys, "nats.login");
  const subject = [prefix, asToken(runId), asToken(label), String(incarnation)].join(".");
  const place: Omit<NatsPlace, "login"> & { readonly kind: "nats" } = { kind: "nats", servers, subject, tls, patienceMs: patience, keep: jetstream === undefined ? undefined : keepOf(jetstream, heartbeatThreshold) };
  return {
    reconnectMs: Math.min(heartbeatThreshold, natsReturnMs),
    // It listens before there is a file; what is in its memory goes nowhere.
    listen: () => ({ ...place, login: credentials }),
    connect: () => ({ ...place, login }),
    tried: () => servers,
    async prepare() {
      if (login === undefined) return;
      await rm(login, { force: true });
      await writeFile(login, JSON.stringify(credentials), { mode: 0o600, flag: "wx" });
    },
    async release() {
      if (login !== undefined) await rm(login, { force: true });
    },
  };
}

/** What was sent before a lease began may be asked for until it is over. */
const keepOf = ({ maxAge, ...keep }: JetStreamSettings, leaseMs: number): NatsKeep => ({ ...keep, maxAgeMs: maxAge ?? Math.max(10_000, 2 * leaseMs) });

/** A text as one part of a subject: without dots, wildcards and white space. */
const asToken = (text: string): string => encodeURIComponent(text).replaceAll(/[.!'()*~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
