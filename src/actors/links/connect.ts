import { connect as connectTls, type TLSSocket } from "node:tls";
import { LinkRefused, type CarawayError } from "../../errors/index.js";
import { controlCodec } from "./control.js";
import type { FrameLink } from "./frame-link.js";
import { SocketLink } from "./socket-link.js";
import { defaultLimits, type FrameLimits } from "./frames.js";
import { completeHello, type HelloOptions } from "./hello.js";
import type { SecretKey } from "./keys.js";
import { formatAddress, secureOnly } from "./secure.js";
import { explain, readRefusal, type ProbeRefusal } from "./why-refused.js";

export interface LinkAddress {
  readonly host: string;
  readonly port: number;
}

export interface ConnectOptions {
  /** Where the other side may be, as `host:port`: all are tried at once, the first that proves that it holds the key is taken. */
  readonly addresses: readonly (string | LinkAddress)[];
  readonly key: SecretKey;
  /** That of the key unless given. */
  readonly identity?: string;
  readonly hello: HelloOptions;
  /** For all of it, in milliseconds; 10,000 unless given. */
  readonly timeout?: number;
  readonly limits?: Partial<FrameLimits>;
  /** The types of frames that may come; all from 16 on unless given. */
  readonly types?: readonly number[];
  /** The types of frames that go before all that waits. */
  readonly urgent?: readonly number[];
}

/** Connects to a listener. Rejects with `LinkRefused` (what each address said, and the likely reason), `VersionMismatch` or `BadFrame`. */
export async function connectLink(options: ConnectOptions): Promise<FrameLink> {
  const addresses = options.addresses.map(readAddress);
  if (addresses.length === 0) throw new LinkRefused("CW-LINK-001", "No link can be made: no address was given.", { evidence: { reason: "no-address" } });
  const codec = await controlCodec();
  const { key, identity = key.identity, timeout = 10_000, limits = {}, types, urgent } = options;
  const deadline = performance.now() + timeout;
  const { socket, address } = await firstOf(addresses, identity, key, timeout);
  const link = new SocketLink(socket, { identity, address: formatAddress(address.host, address.port), codec, own: completeHello(options.hello), limits: { ...defaultLimits, ...limits }, types, urgent });
  const timer = setTimeout(() => link.destroy("no greeting came in time"), Math.max(1, deadline - performance.now()));
  try {
    await link.greet();
    return link;
  } catch (error) {
    const { code, message, evidence } = error as CarawayError;
    if (code !== "CW-LINK-005") throw error;
    const reason = String(evidence["reason"]).includes("in time") ? "no-answer" : "closed";
    throw explain([{ address: link.address, reason, said: `proved that it holds the key, and then: ${message}` }], identity, timeout);
  } finally {
    clearTimeout(timer);
  }
}

function readAddress(address: string | LinkAddress): LinkAddress {
  if (typeof address !== "string") return address;
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]+)):(?<port>\d{1,5})$/.exec(address)?.groups;
  const host = match?.["v6"] ?? match?.["name"];
  const port = Number(match?.["port"]);
  if (host !== undefined && port > 0 && port < 65_536) return { host, port };
  throw new LinkRefused("CW-LINK-001", `No link can be made to ${JSON.stringify(address)}: that is not an address.`, { evidence: { reason: "bad-address", address }, hint: "Addresses are host:port, as in head.example.org:54321, 10.0.0.1:54321 or [fe80::1]:54321." });
}

interface Reached {
  readonly socket: TLSSocket;
  readonly address: LinkAddress;
}

/** Tries all at once; the first whose handshake succeeds is kept, the others are closed. */
function firstOf(addresses: readonly LinkAddress[], identity: string, key: SecretKey, timeout: number): Promise<Reached> {
  return new Promise((resolve, reject) => {
    const probes = new Map<LinkAddress, Probe>();
    const refusals: ProbeRefusal[] = [];
    const over = (): void => {
      clearTimeout(timer);
      for (const probe of probes.values()) probe.stop();
      probes.clear();
    };
    const refused = (address: LinkAddress, refusal: ProbeRefusal): void => {
      if (!probes.delete(address)) return;
      refusals.push(refusal);
      if (probes.size > 0) return;
      over();
      reject(explain(refusals, identity, timeout));
    };
    const timer = setTimeout(() => {
      for (const [address, probe] of probes) {
        const refusal = probe.silence();
        probe.stop();
        refused(address, refusal);
      }
    }, timeout);
    for (const address of new Set(addresses)) {
      const reached = (socket: TLSSocket): void => {
        if (!probes.delete(address)) return;
        over();
        resolve({ socket, address });
      };
      probes.set(address, new Probe(address, identity, key, reached, (refusal) => refused(address, refusal)));
    }
  });
}

/** So long before an address whose listener was too busy is tried again, doubled each time; in milliseconds. */
const firstPause = 50;
const longestPause = 1_000;

/** One address. A connection that is reset before anything was said is tried again: a listener does so while too many greet it at once. */
class Probe {
  private socket: TLSSocket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private pause = firstPause;
  private stopped = false;
  private connected = false;
  private last: ProbeRefusal | undefined;

  constructor(
    private readonly address: LinkAddress,
    private readonly identity: string,
    private readonly key: SecretKey,
    private readonly reached: (socket: TLSSocket) => void,
    private readonly refused: (refusal: ProbeRefusal) => void,
  ) {
    this.begin();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.destroy();
  }

  /** What is to say of it when the time is up. */
  silence(): ProbeRefusal {
    const address = formatAddress(this.address.host, this.address.port);
    if (this.last !== undefined) return this.last;
    return this.connected ? { address, reason: "no-answer", said: "accepted the connection and then said nothing" } : { address, reason: "unreachable", said: "did not answer" };
  }

  private begin(): void {
    const { address, identity, key } = this;
    this.connected = false;
    const socket = connectTls({
      ...secureOnly,
      ...address,
      ca: [],
      checkServerIdentity: () => new Error("a certificate is no proof here"),
      pskCallback: () => ({ psk: key.reveal(), identity }),
    });
    this.socket = socket;
    socket.once("connect", () => (this.connected = true));
    socket.once("secureConnect", () => {
      socket.off("error", failed);
      // What was proved by the key is reported as a session taken up; a certificate would be none.
      if (!socket.isSessionReused()) failed(new Error("a certificate is no proof here"));
      else this.take(socket);
    });
    const failed = (error: Error): void => this.failed(socket, error);
    socket.on("error", failed);
  }

  private take(socket: TLSSocket): void {
    this.socket = undefined;
    this.reached(socket);
  }

  private failed(socket: TLSSocket, error: NodeJS.ErrnoException): void {
    socket.destroy();
    socket.on("error", () => undefined);
    if (this.stopped || this.socket !== socket) return;
    const refusal = readRefusal(formatAddress(this.address.host, this.address.port), error, this.connected);
    if (refusal.reason !== "closed") {
      this.stop();
      this.refused(refusal);
      return;
    }
    this.last = refusal;
    this.timer = setTimeout(() => this.begin(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(longestPause, this.pause * 2);
  }
}
