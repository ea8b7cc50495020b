import { LinkRefused, type CarawayError } from "../../errors/index.js";
import type { ControlCodec } from "./control.js";
import type { FrameLink } from "./frame-link.js";
import { SocketLink, type ByteStream } from "./socket-link.js";
import { defaultLimits, type FrameLimits } from "./frames.js";
import { completeHello, type Hello, type HelloOptions } from "./hello.js";
import type { KeyRing, SecretKey } from "./keys.js";

export interface GateLimits extends FrameLimits {
  /** So many peers at a time may have connected without having proved who they are. */
  readonly strangers: number;
  /** So long each of them has, in milliseconds. */
  readonly handshake: number;
}

const defaults: GateLimits = { ...defaultLimits, strangers: 64, handshake: 5_000 };

/** A peer that was not let in. What it is told differs in nothing that helps it. */
export interface Refusal {
  readonly address: string;
  /** `full`: too many strangers; `time`: silent for too long; `not-tls`, `not-hello`: something else than a peer; `unknown-identity`, `revoked`, `wrong-key`; `no-key`; `version`; `greeting`. */
  readonly reason: "full" | "time" | "not-tls" | "not-hello" | "unknown-identity" | "revoked" | "wrong-key" | "no-key" | "version" | "greeting";
  /** The identity it gave, if it came that far. */
  readonly identity: string | undefined;
  readonly error: CarawayError;
}

/** What every listener is told, whatever its links go over. */
export interface GateOptions {
  readonly keys: KeyRing;
  readonly hello: HelloOptions;
  readonly limits?: Partial<GateLimits>;
  /** The types of frames that may come; all from 16 on unless given. */
  readonly types?: readonly number[];
  /** The types of frames that go before all that waits. */
  readonly urgent?: readonly number[];
  /** A peer that has proved who it is, and has the same version. */
  readonly onLink: (link: FrameLink) => void;
  readonly onRefused?: (refusal: Refusal) => void;
}

export interface GateCounts {
  connected: number;
  linked: number;
  refused: number;
}

/** What listens for links. */
export interface LinkListener {
  /** Where it is, in words. */
  readonly address: string;
  readonly links: ReadonlySet<FrameLink>;
  /** Peers that have not proved who they are. */
  readonly strangers: number;
  readonly counts: Readonly<GateCounts>;
  /** Ends the links of an identity, and lets it in no more. Answers how many links ended. */
  revoke(identity: string): number;
  /** Listens no more, and closes every link. */
  close(reason?: string): Promise<void>;
}

/** A peer before it is let in. */
export class Stranger {
  timer: NodeJS.Timeout | undefined;
  identity: string | undefined;
  standing: "known" | "unknown-identity" | "revoked" | undefined;
  link: SocketLink | undefined;

  constructor(
    readonly address: string,
    /** Ends what it came by. */
    readonly drop: () => void,
  ) {}
}

/** Who is let in: the same for all listeners. */
export class Gate {
  readonly links = new Set<FrameLink>();
  readonly counts: GateCounts = { connected: 0, linked: 0, refused: 0 };
  readonly limits: GateLimits;
  isClosing = false;
  private readonly waiting = new Map<string, Stranger>();
  private readonly revoked = new Set<string>();
  private readonly own: Hello;

  constructor(
    private readonly options: GateOptions,
    private readonly codec: ControlCodec,
  ) {
    this.limits = { ...defaults, ...options.limits };
    this.own = completeHello(options.hello);
  }

  get strangers(): number {
    return this.waiting.size;
  }

  at(address: string): Stranger | undefined {
    return this.waiting.get(address);
  }

  /** Whether there is room for one more; its time runs from here. */
  enter(stranger: Stranger): boolean {
    this.counts.connected++;
    if (this.waiting.size >= this.limits.strangers || this.isClosing) {
      this.report(stranger, "full", `${this.waiting.size} others have not yet proved who they are`);
      return false;
    }
    this.waiting.set(stranger.address, stranger);
    const { handshake } = this.limits;
    stranger.timer = setTimeout(() => this.refuse(stranger, "time", `it did not prove who it is within ${handshake / 1000} s`), handshake);
    return true;
  }

  /** The key of the identity it gives, where that is let in. */
  identify(stranger: Stranger, identity: string): SecretKey | undefined {
    const key = this.options.keys.find(identity);
    stranger.identity = identity;
    stranger.standing = this.revoked.has(identity) ? "revoked" : key === undefined ? "unknown-identity" : "known";
    return stranger.standing === "known" ? key : undefined;
  }

  /** It did not prove that it holds the key of the identity it gave. */
  unproved(stranger: Stranger): void {
    const { identity, standing } = stranger;
    if (standing === "known") this.refuse(stranger, "wrong-key", `it does not hold the key of ${quoted(identity)}`);
    else this.refuse(stranger, standing ?? "no-key", `${quoted(identity)} is not known here`);
  }

  /** It holds its key: what remains is its version. */
  async greet(stranger: Stranger, identity: string, stream: ByteStream): Promise<SocketLink | undefined> {
    const { limits, codec, own } = this;
    const link = new SocketLink(stream, { identity, address: stranger.address, codec, own, limits, types: this.options.types, urgent: this.options.urgent });
    stranger.link = link;
    try {
      await link.greet();
    } catch (error) {
      const refusal = error as CarawayError;
      this.report(stranger, refusal.code === "CW-LINK-002" ? "version" : "greeting", refusal);
      this.release(stranger);
      return undefined;
    }
    if (link.ended !== undefined) return undefined;
    if (!this.revoked.has(identity)) return this.admit(stranger, link);
    this.refuse(stranger, "revoked", "its key was revoked");
    return undefined;
  }

  release(stranger: Stranger): void {
    clearTimeout(stranger.timer);
    if (this.waiting.get(stranger.address) === stranger) this.waiting.delete(stranger.address);
  }

  refuse(stranger: Stranger, reason: Refusal["reason"], what: string): void {
    this.report(stranger, reason, what);
    this.release(stranger);
    stranger.drop();
    stranger.link?.destroy(what);
  }

  revoke(identity: string): number {
    this.revoked.add(identity);
    for (const stranger of this.waiting.values()) if (stranger.identity === identity) this.refuse(stranger, "revoked", "its key was revoked");
    const concerned = [...this.links].filter((link) => link.identity === identity);
    for (const link of concerned) link.destroy("its key was revoked");
    return concerned.length;
  }

  /** Lets nobody in any more, and closes what is open. */
  async close(reason: string): Promise<void> {
    this.isClosing = true;
    for (const stranger of [...this.waiting.values()]) {
      this.release(stranger);
      stranger.drop();
    }
    await Promise.all([...this.links].map((link) => link.close(reason)));
  }

  /** Tells of it, once for each stranger. */
  report(stranger: Stranger, reason: Refusal["reason"], what: string | CarawayError): void {
    if (this.waiting.get(stranger.address) !== stranger && reason !== "full") return;
    this.counts.refused++;
    const { address, identity } = stranger;
    const error = typeof what === "string" ? new LinkRefused("CW-LINK-001", `${address} was not let in: ${what}.`, { where: { host: address }, evidence: { reason, address, ...(identity === undefined ? {} : { identity }) } }) : what;
    this.options.onRefused?.({ address, reason, identity, error });
  }

  private admit(stranger: Stranger, link: SocketLink): SocketLink {
    this.release(stranger);
    this.counts.linked++;
    this.links.add(link);
    link.onClose(() => this.links.delete(link));
    this.options.onLink(link);
    return link;
  }
}

/** An identity that a stranger gave, fit for a message. */
const quoted = (identity: string | undefined): string => JSON.stringify((identity ?? "").slice(0, 100));
