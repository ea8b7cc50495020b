import { constants, randomBytes } from "node:crypto";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { LinkRefused } from "../../errors/index.js";
import { awaitGreeting } from "./client-greeting.js";
import { controlCodec, type ControlCodec } from "./control.js";
import { Gate, Stranger, type GateCounts, type GateOptions, type LinkListener } from "./gate.js";
import { formatAddress, secureOnly } from "./secure.js";
import type { FrameLink } from "./frame-link.js";

export interface ListenOptions extends GateOptions {
  /** The interface to listen on. */
  readonly host: string;
  /** 0 for any free one, or the first free one of a range, both ends included. */
  readonly port?: number | readonly [first: number, last: number];
}

export interface Listener extends LinkListener {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
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

class TlsListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  private readonly gate: Gate;
  private readonly tls: TlsServer;
  /** What unknown identities are measured against: for them every key is wrong. */
  private readonly decoy = randomBytes(32);
  private closing: Promise<void> | undefined;

  constructor(
    private readonly server: Server,
    options: ListenOptions,
    codec: ControlCodec,
  ) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.address = formatAddress(address, port);
    this.gate = new Gate(options, codec);
    this.tls = this.makeTls();
    server.on("connection", (raw) => this.connected(raw));
    server.on("error", () => undefined);
  }

  get links(): ReadonlySet<FrameLink> {
    return this.gate.links;
  }

  get strangers(): number {
    return this.gate.strangers;
  }

  get counts(): Readonly<GateCounts> {
    return this.gate.counts;
  }

  revoke(identity: string): number {
    return this.gate.revoke(identity);
  }

  close(reason = "the listener was closed"): Promise<void> {
    return (this.closing ??= this.shutDown(reason));
  }

  private async shutDown(reason: string): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    await this.gate.close(reason);
    await closed;
  }

  private makeTls(): TlsServer {
    const tls = createTlsServer({
      ...secureOnly,
      // A session that is taken up again would not be asked for its key, and so outlive a revocation.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: this.gate.limits.handshake,
      pskCallback: (socket, identity) => this.keyFor(socket, identity),
    });
    tls.on("secureConnection", (socket) => this.secured(socket));
    tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => this.failed(error, this.strangerOf(socket)));
    return tls;
  }

  private connected(raw: Socket): void {
    raw.on("error", () => undefined);
    const stranger = new Stranger(formatAddress(raw.remoteAddress, raw.remotePort), () => raw.destroy());
    if (!this.gate.enter(stranger)) {
      raw.resetAndDestroy();
      return;
    }
    raw.once("close", () => this.gate.release(stranger));
    awaitGreeting(raw, (fault) => {
      if (fault === undefined) this.tls.emit("connection", raw);
      else this.gate.refuse(stranger, "not-tls", fault);
    });
  }

  private strangerOf(socket: TLSSocket): Stranger | undefined {
    return this.gate.at(formatAddress(socket.remoteAddress, socket.remotePort));
  }

  private keyFor(socket: TLSSocket, identity: string): Buffer {
    const stranger = this.strangerOf(socket);
    const key = stranger === undefined ? undefined : this.gate.identify(stranger, identity);
    return key === undefined ? this.decoy : key.reveal();
  }

  private failed(error: NodeJS.ErrnoException, stranger: Stranger | undefined): void {
    if (stranger === undefined) return;
    if (stranger.standing === undefined) this.gate.refuse(stranger, "no-key", `its handshake failed before it gave an identity: ${error.message}`);
    else this.gate.unproved(stranger);
  }

  private secured(socket: TLSSocket): void {
    const stranger = this.strangerOf(socket);
    if (stranger === undefined) {
      socket.destroy();
      return;
    }
    const { identity, standing } = stranger;
    if (identity === undefined || standing !== "known") this.gate.refuse(stranger, "no-key", "it was not asked for its key");
    else void this.gate.greet(stranger, identity, socket);
  }
}
