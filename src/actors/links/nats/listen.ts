import { randomBytes } from "node:crypto";
import type { CarawayError } from "../../../errors/index.js";
import { controlCodec, type ControlCodec } from "../control.js";
import type { FrameLink } from "../frame-link.js";
import { strangerLimits } from "../frames.js";
import { Gate, Stranger, type GateCounts, type GateOptions, type LinkListener } from "../gate.js";
import { firstWindow, type SealedChannel } from "./channel.js";
import { NatsConnection, type ConnectionNews } from "./connection.js";
import { answerOpening, readOpening, type ReadHello, type SessionKeys } from "./handshake.js";
import { downSubject, helloSubject, knownSubject, upSubject, type NatsPlace } from "./place.js";
import { SessionWay, unknownSession } from "./session.js";
import { KeptStream } from "./stream.js";

export interface NatsListenOptions extends GateOptions {
  readonly place: NatsPlace;
  /** There is no server for some seconds, or the servers refuse something, or keep nothing; it is tried on. */
  readonly onAway?: (error: CarawayError) => void;
  /** There was none for longer than is waited for: nothing will come any more. */
  readonly onLost?: (error: CarawayError) => void;
}

/** The servers should be there when it begins, in milliseconds. */
const startLimit = 10_000;
/** How much of all sessions may be on its way to this end, and of one. */
const room = { all: 32 * 1024 * 1024, most: 4 * 1024 * 1024 };
/** So many sessions are remembered, so that a hello that is said again is not judged again. */
const mostRemembered = 10_000;

/** Listens for links through servers. Rejects with `ServersUnreachable`, `StreamRefused` or `KeyRefused`. */
export async function listenNats(options: NatsListenOptions): Promise<LinkListener> {
  const codec = await controlCodec();
  const { place } = options;
  const news: ConnectionNews = { away: (error) => options.onAway?.(error), lost: (error) => options.onLost?.(error) };
  let isListening = false;
  const refused = new Promise<never>((_, reject) => {
    news.forbidden = (error) => {
      // What it may not hear while it runs, or say to a manager, is told; the manager cannot be.
      if (isListening) options.onAway?.(error);
      else reject(error);
    };
  });
  refused.catch(() => undefined);
  const connection = await NatsConnection.open(place, `caraway ${options.hello.kind}`, Math.min(startLimit, place.patienceMs), news);
  try {
    const stream = place.keep === undefined ? undefined : await Promise.race([refused, KeptStream.open(connection, place, place.keep, (error) => options.onAway?.(error))]);
    const listener = new NatsListener(connection, stream, { ...options, place: { ...place, login: undefined } }, codec);
    news.up = () => listener.speak();
    // What is refused is told before this turn is over.
    await Promise.race([refused, connection.flush().then(() => new Promise((resolve) => setImmediate(resolve)))]);
    isListening = true;
    return listener;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

const sessionName = /^[0-9a-f]{32}$/;

interface Session {
  readonly hello: ReadHello;
  readonly answer: Uint8Array;
  readonly channel: SealedChannel;
  isAdmitted: boolean;
}

class NatsListener implements LinkListener {
  readonly address: string;
  private readonly gate: Gate;
  private readonly sessions = new Map<string, Session>();
  private readonly remembered = new Set<string>();
  /** What unknown identities are measured against: for them every key is wrong. */
  private readonly decoy = randomBytes(32);
  private nonsense = 0;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly connection: NatsConnection,
    private readonly stream: KeptStream | undefined,
    private readonly options: NatsListenOptions,
    codec: ControlCodec,
  ) {
    const { place } = options;
    this.address = `${connection.server}/${place.subject}`;
    this.gate = new Gate(options, codec);
    connection.subscribe(helloSubject(place), (bytes) => this.greeted(bytes));
    if (stream !== undefined) connection.subscribe(knownSubject(place), (bytes) => this.asked(bytes));
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

  /** There is a server again: each session shows what it has missed. */
  speak(): void {
    for (const { channel } of this.sessions.values()) channel.speak(true);
    this.stream?.restore();
  }

  private async shutDown(reason: string): Promise<void> {
    // Without a server there is nobody to say farewell to.
    if (!this.connection.isUp) for (const { channel } of [...this.sessions.values()]) channel.destroy();
    await this.gate.close(reason);
    for (const { channel } of [...this.sessions.values()]) channel.destroy();
    await this.stream?.close();
    await this.connection.close();
  }

  private greeted(bytes: Uint8Array): void {
    const hello = bytes.length > strangerLimits.frame ? undefined : readOpening(bytes);
    if (hello === undefined) {
      const stranger = new Stranger(`nats:nonsense-${++this.nonsense}`, () => undefined);
      if (this.gate.enter(stranger)) this.gate.refuse(stranger, "not-hello", "what it sent is no greeting of caraway");
      return;
    }
    const known = this.sessions.get(hello.session);
    if (known !== undefined) {
      // The answer may have been lost.
      if (!known.isAdmitted && Buffer.compare(known.hello.bytes, bytes) === 0) this.reply(known);
    } else if (!this.remembered.has(hello.session)) this.meet({ ...hello, bytes: Uint8Array.from(bytes) });
  }

  private meet(hello: ReadHello): void {
    const stranger = new Stranger(`nats:${hello.session.slice(0, 12)}`, () => this.sessions.get(hello.session)?.channel.destroy());
    if (!this.gate.enter(stranger)) return;
    this.remember(hello.session);
    const key = this.gate.identify(stranger, hello.identity);
    const answered = answerOpening(hello, key?.reveal() ?? this.decoy);
    if (answered === undefined || key === undefined) {
      this.gate.unproved(stranger);
      return;
    }
    void this.admit(this.begin(hello, answered.answer, answered.keys), stranger);
  }

  private begin(hello: ReadHello, answer: Uint8Array, keys: SessionKeys): Session {
    const { place } = this.options;
    const nothing = { hear: () => undefined, unheard: () => undefined };
    const way = new SessionWay(this.connection, { place, session: hello.session, side: "head" }, () => this.roomFor(session), nothing, () => this.over(hello.session));
    const session: Session = { hello, answer, channel: way.open({ out: keys.down, in: keys.up }), isAdmitted: false };
    this.sessions.set(hello.session, session);
    this.reply(session);
    return session;
  }

  private over(session: string): void {
    this.sessions.delete(session);
    this.stream?.forget(session);
  }

  /** A manager asks whether its session is known. */
  private asked(bytes: Uint8Array): void {
    const session = Buffer.from(bytes).toString("latin1");
    if (sessionName.test(session) && !this.sessions.has(session)) this.connection.publish(downSubject(this.options.place, session), unknownSession);
  }

  private async admit(session: Session, stranger: Stranger): Promise<void> {
    const link = await this.gate.greet(stranger, session.hello.identity, session.channel);
    if (link === undefined) return;
    session.isAdmitted = true;
    session.channel.widen();
  }

  private roomFor({ isAdmitted }: Session): number {
    return isAdmitted ? Math.max(firstWindow, Math.min(room.most, Math.floor(room.all / Math.max(1, this.sessions.size)))) : 0;
  }

  private reply({ hello, answer }: Session): void {
    const { place } = this.options;
    this.connection.publish(downSubject(place, hello.session), answer, upSubject(place, hello.session));
  }

  private remember(session: string): void {
    this.remembered.add(session);
    if (this.remembered.size <= mostRemembered) return;
    for (const oldest of this.remembered) {
      this.remembered.delete(oldest);
      return;
    }
  }
}
