import { LinkRefused, type CarawayError } from "../../../errors/index.js";
import type { ConnectOptions } from "../connect.js";
import { controlCodec } from "../control.js";
import type { FrameLink } from "../frame-link.js";
import { SocketLink } from "../socket-link.js";
import { defaultLimits } from "../frames.js";
import { completeHello } from "../hello.js";
import { NatsConnection } from "./connection.js";
import { Opening, type SessionKeys } from "./handshake.js";
import { downSubject, helloSubject, type NatsPlace } from "./place.js";
import { SessionWay } from "./session.js";

export interface NatsConnectOptions extends Omit<ConnectOptions, "addresses"> {
  readonly place: NatsPlace;
}

/** How much of a session may be on its way to this end. */
const window = 4 * 1024 * 1024;
/** A hello that may have been lost, or that a listener had no room for, is said again, after pauses that double; in milliseconds. */
const repeat = { first: 250, most: 2_000 };

/** Connects to a listener through servers. Rejects with `ServersUnreachable`, `KeyRefused`, `LinkRefused`, `VersionMismatch` or `BadFrame`. */
export async function connectNats(options: NatsConnectOptions): Promise<FrameLink> {
  const { place, key, identity = key.identity, timeout = 10_000, limits = {}, types, urgent, hello } = options;
  const deadline = performance.now() + timeout;
  const left = (): number => Math.max(1, deadline - performance.now());
  let way: SessionWay | undefined;
  const connection = await NatsConnection.open(place, `caraway ${hello.kind}`, timeout, { up: () => way?.channel?.speak(true) });
  const address = `${connection.server}/${place.subject}`;
  try {
    const opening = new Opening(identity, key.reveal());
    let answered!: Answered;
    const answer = new Promise<SessionKeys>((resolve, reject) => (answered = { resolve, reject }));
    const before = {
      hear: (bytes: Uint8Array) => {
        const keys = opening.accept(bytes);
        // What somebody else sends there is no answer.
        if (keys === undefined || way?.channel !== undefined) return;
        way?.open({ out: keys.up, in: keys.down });
        answered.resolve(keys);
      },
      unheard: () => answered.reject(nobody(place, identity, address)),
    };
    way = new SessionWay(connection, { place, session: opening.session, side: "manager" }, () => window, before, () => void connection.close());
    await ask(connection, place, opening, answer, left(), identity, address);
    const link = new SocketLink(way.channel as NonNullable<SessionWay["channel"]>, { identity, address, codec: await controlCodec(), own: completeHello(hello), limits: { ...defaultLimits, ...limits }, types, urgent });
    return await greeted(link, left(), identity);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

interface Answered {
  readonly resolve: (keys: SessionKeys) => void;
  readonly reject: (error: Error) => void;
}

/** Says hello until there is an answer. */
async function ask(connection: NatsConnection, place: NatsPlace, opening: Opening, answer: Promise<SessionKeys>, within: number, identity: string, address: string): Promise<void> {
  let again: NodeJS.Timeout | undefined;
  let pause = repeat.first;
  const say = (): void => {
    connection.publish(helloSubject(place), opening.bytes, downSubject(place, opening.session));
    again = setTimeout(say, pause * (0.5 + Math.random()));
    pause = Math.min(repeat.most, pause * 2);
  };
  let late: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => (late = setTimeout(() => reject(silent(place, identity, address, within)), within)));
  try {
    say();
    await Promise.race([answer, silence]);
  } finally {
    clearTimeout(again);
    clearTimeout(late);
  }
}

async function greeted(link: SocketLink, within: number, identity: string): Promise<FrameLink> {
  const timer = setTimeout(() => link.destroy("no greeting came in time"), within);
  try {
    await link.greet();
    return link;
  } catch (error) {
    const { code, message, evidence } = error as CarawayError;
    if (code !== "CW-LINK-005") throw error;
    const reason = String(evidence["reason"]).includes("in time") ? "no-answer" : "closed";
    throw new LinkRefused("CW-LINK-001", `No link could be made as ${identity}: ${link.address} proved that it holds the key, and then: ${message}`, { evidence: { reason, identity, address: link.address }, hint: "It may be too busy, or have revoked the identity meanwhile: see what it says on its side.", retryable: true });
  } finally {
    clearTimeout(timer);
  }
}

const nobody = ({ subject, servers }: NatsPlace, identity: string, address: string): LinkRefused =>
  new LinkRefused("CW-LINK-001", `No link could be made as ${identity}: the servers know nobody who listens at ${address}.`, {
    evidence: { reason: "unreachable", identity, subject, servers },
    hint: "Check that the head still runs, that it is connected to the same servers or cluster, and that the servers let this user publish to that subject.",
    retryable: true,
  });

const silent = ({ subject, servers }: NatsPlace, identity: string, address: string, within: number): LinkRefused =>
  new LinkRefused("CW-LINK-001", `No link could be made as ${identity}: who listens at ${address} did not answer within ${(within / 1000).toFixed(1)} s.`, {
    evidence: { reason: "no-answer", identity, subject, servers },
    hint: "It does not answer who does not hold a key of this run, or whose identity was revoked: start the block again. Or it is stopped or overloaded, or the servers do not let it answer.",
    retryable: true,
  });
