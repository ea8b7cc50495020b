import { constants, randomBytes } from "node:crypto";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { LinkRefused, type CarawayError } from "../../errors/index.js";
import { awaitGreeting } from "./client-greeting.js";
import { controlCodec, type ControlCodec } from "./control.js";
import { SocketLink, type FrameLink } from "./frame-link.js";
import { defaultLimits, type FrameLimits } from "./frames.js";
import { completeHello, type Hello, type HelloOptions } from "./hello.js";
import type { KeyRing } from "./keys.js";
import { formatAddress, secureOnly } from "./secure.js";

export interface ListenerLimits extends FrameLimits {
  /** So many peers at a time may have connected without having proved who they are. */
  readonly strangers: number;
  /** So long each of them has, in milliseconds. */
  readonly handshake: number;
}

const defaults: ListenerLimits = { ...defaultLimits, strangers: 64, handshake: 5_000 };

/** A peer that was not let in. What it is told differs in nothing that helps it. */
export interface Refusal {
  readonly address: string;
  /** `full`: too many strangers; `time`: silent for too long; `not-tls`; `unknown-identity`, `revoked`, `wrong-key`; `no-key`; `version`; `greeting`. */
  readonly reason: "full" | "time" | "not-tls" | "unknown-identity" | "revoked" | "wrong-key" | "no-key" | "version" | "greeting";
  /** The identity it gave, if it came that far. */
  readonly identity: string | undefined;
  readonly error: CarawayError;
}

export interface ListenOptions {
  /** The interface to listen on. */
  readonly host: string;
  /** 0 for any free one, or the first free one of a range, both ends included. */
  readonly port?: number | readonly [first: number, last: number];
  readonly keys: KeyRing;
  readonly hello: HelloOptions;
  readonly limits?: Partial<ListenerLimits>;
  /** The types of frames that may come; all from 16 on unless given. */
  readonly types?: readonly number[];
  /** A peer that has proved who it is, and has the same version. */
  readonly onLink: (link: FrameLink) => void;
  readonly onRefused?: (refusal: Refusal) => void;
}

export interface ListenerCounts {
  connected: number;
  linked: number;
  refused: number;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  readonly links: ReadonlySet<FrameLink>;
  /** Peers that have not proved who they are. */
  readonly strangers: number;
  readonly counts: Readonly<ListenerCounts>;
  /** Ends the links of an identity, and lets it in no more. Answers how many links ended. */
  revoke(identity: string): number;
  /** Listens no more, and closes every link. */
  close(reason?: string): Promise<void>;
}

/** Listens for links. Rejects with `LinkRefused` where it cannot listen. */
export async function listenLinks(options: ListenOptions): Promise<Listener> {
  const codec = await controlCodec();
  const { host, port = 0 } = options;
  const [first, last] = typeof port === "number" ? [port, port] : port;
  for (let candidate = first; ; candidate++) {
    const server = createServer();
    try {
      await listen(server, host, candidate);
      return new TlsListener(server, options, codec);
    } catch (cause) {
      const code = String((cause as NodeJS.ErrnoException).code);
      if (code === "EADDRINUSE" && candidate < last) continue;
      const ports = first === last ? `port ${first}` : `any port from ${first} to ${last}`;
      const hint = code === "EADDRINUSE" ? "Another program has it: choose another port, a range of ports, or 0 for any." : code === "EACCES" ? "Ports below 1024 need rights of their own: choose a higher one." : "Check that this machine has that address.";
      throw new LinkRefused("CW-LINK-001", `Cannot listen on ${host}, ${ports}: ${(cause as Error).message}.`, { cause, hint, evidence: { reason: "cannot-listen", host, first, last, code } });
    }
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A peer before it is let in. */
interface Stranger {
  readonly raw: Socket;
  readonly address: string;
  timer: NodeJS.Timeout | undefined;
  identity: string | undefined;
  standing: "known" | "unknown-identity" | "revoked" | undefined;
  link: SocketLink | undefined;
}

class TlsListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly links = new Set<FrameLink>();
  readonly counts: ListenerCounts = { connected: 0, linked: 0, refused: 0 };
  private readonly waiting = new Map<string, Stranger>();
  private readonly revoked = new Set<string>();
  private readonly limits: ListenerLimits;
  private readonly own: Hello;
  private readonly tls: TlsServer;
  /** What unknown identities are measured against: for them every key is wrong. */
  private readonly decoy = randomBytes(32);
  private closing: Promise<void> | undefined;

  constructor(
    private readonly server: Server,
    private readonly options: ListenOptions,
    private readonly codec: ControlCodec,
  ) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.address = formatAddress(address, port);
    this.limits = { ...defaults, ...options.limits };
    this.own = completeHello(options.hello);
    this.tls = this.makeTls();
    server.on("connection", (raw) => this.connected(raw));
    server.on("error", () => undefined);
  }

  get strangers(): number {
    return this.waiting.size;
  }

  revoke(identity: string): number {
    this.revoked.add(identity);
    for (const stranger of this.waiting.values()) if (stranger.identity === identity) this.refuse(stranger, "revoked", "its key was revoked");
    const concerned = [...this.links].filter((link) => link.identity === identity);
    for (const link of concerned) link.destroy("its key was revoked");
    return concerned.length;
  }

  close(reason = "the listener was closed"): Promise<void> {
    return (this.closing ??= this.shutDown(reason));
  }

  private async shutDown(reason: string): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const stranger of this.waiting.values()) stranger.raw.destroy();
    await Promise.all([...this.links].map((link) => link.close(reason)));
    await closed;
  }

  private makeTls(): TlsServer {
    const tls = createTlsServer({
      ...secureOnly,
      // A session that is taken up again would not be asked for its key, and so outlive a revocation.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: this.limits.handshake,
      pskCallback: (socket, identity) => this.keyFor(socket, identity),
    });
    tls.on("secureConnection", (socket) => void this.secured(socket));
    tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => this.failed(error, this.strangerOf(socket)));
    return tls;
  }

  private connected(raw: Socket): void {
    const address = formatAddress(raw.remoteAddress, raw.remotePort);
    this.counts.connected++;
    raw.on("error", () => undefined);
    const stranger: Stranger = { raw, address, timer: undefined, identity: undefined, standing: undefined, link: undefined };
    if (this.waiting.size >= this.limits.strangers || this.closing !== undefined) {
      this.report(stranger, "full", `${this.waiting.size} others have not yet proved who they are`);
      raw.resetAndDestroy();
      return;
    }
    this.waiting.set(address, stranger);
    raw.once("close", () => this.release(stranger));
    const { handshake } = this.limits;
    stranger.timer = setTimeout(() => this.refuse(stranger, "time", `it did not prove who it is within ${handshake / 1000} s`), handshake);
    awaitGreeting(raw, (fault) => {
      if (fault === undefined) this.tls.emit("connection", raw);
      else this.refuse(stranger, "not-tls", fault);
    });
  }

  private strangerOf(socket: TLSSocket): Stranger | undefined {
    return this.waiting.get(formatAddress(socket.remoteAddress, socket.remotePort));
  }

  private keyFor(socket: TLSSocket, identity: string): Buffer {
    const stranger = this.strangerOf(socket);
    const key = this.options.keys.find(identity);
    if (stranger === undefined) return this.decoy;
    stranger.identity = identity;
    stranger.standing = this.revoked.has(identity) ? "revoked" : key === undefined ? "unknown-identity" : "known";
    return key === undefined || stranger.standing !== "known" ? this.decoy : key.reveal();
  }

  private failed(error: NodeJS.ErrnoException, stranger: Stranger | undefined): void {
    if (stranger === undefined) return;
    const { identity, standing } = stranger;
    if (standing === undefined) this.refuse(stranger, "no-key", `its handshake failed before it gave an identity: ${error.message}`);
    else this.refuse(stranger, standing === "known" ? "wrong-key" : standing, standing === "known" ? `it does not hold the key of ${quoted(identity)}` : `${quoted(identity)} is not known here`);
  }

  private async secured(socket: TLSSocket): Promise<void> {
    const stranger = this.strangerOf(socket);
    if (stranger === undefined) {
      socket.destroy();
      return;
    }
    const { address, identity, standing } = stranger;
    if (identity === undefined || standing !== "known") {
      this.refuse(stranger, "no-key", "it was not asked for its key");
      return;
    }
    const { limits, codec, own } = this;
    const link = new SocketLink(socket, { identity, address, codec, own, limits, types: this.options.types });
    stranger.link = link;
    try {
      await link.greet();
    } catch (error) {
      const refusal = error as CarawayError;
      this.report(stranger, refusal.code === "CW-LINK-002" ? "version" : "greeting", refusal);
      return;
    }
    if (link.ended === undefined) this.admit(stranger, link);
  }

  private admit(stranger: Stranger, link: SocketLink): void {
    if (this.revoked.has(link.identity)) {
      this.refuse(stranger, "revoked", "its key was revoked");
      return;
    }
    this.release(stranger);
    this.counts.linked++;
    this.links.add(link);
    link.onClose(() => this.links.delete(link));
    this.options.onLink(link);
  }

  private release(stranger: Stranger): void {
    clearTimeout(stranger.timer);
    if (this.waiting.get(stranger.address) === stranger) this.waiting.delete(stranger.address);
  }

  private refuse(stranger: Stranger, reason: Refusal["reason"], what: string): void {
    this.report(stranger, reason, what);
    this.release(stranger);
    stranger.raw.destroy();
    stranger.link?.destroy(what);
  }

  /** Tells of it, once for each stranger. */
  private report(stranger: Stranger, reason: Refusal["reason"], what: string | CarawayError): void {
    if (this.waiting.get(stranger.address) !== stranger && reason !== "full") return;
    this.counts.refused++;
    const { address, identity } = stranger;
    const error = typeof what === "string" ? new LinkRefused("CW-LINK-001", `${address} was not let in: ${what}.`, { where: { host: address }, evidence: { reason, address, ...(identity === undefined ? {} : { identity }) } }) : what;
    this.options.onRefused?.({ address, reason, identity, error });
  }
}

/** An identity that a stranger gave, fit for a message. */
const quoted = (identity: string | undefined): string => JSON.stringify((identity ?? "").slice(0, 100));
