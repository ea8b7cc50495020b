import { createHash } from "node:crypto";

/** How the servers let someone in. */
export type NatsLogin =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** A file with a JWT and the seed of its key, as `nsc` writes it; or with the seed of an nkey. */
  | { readonly kind: "creds" | "nkey"; readonly file: string };

/** Files in PEM; what is not given is the system's, or not shown. */
export interface NatsTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How the servers keep what is sent: a stream of JetStream. */
export interface NatsKeep {
  /** So many servers have each message. */
  readonly replicas: number;
  readonly storage: "file" | "memory";
  /** A message is kept no longer, in milliseconds: longer than a session can go on without it. */
  readonly maxAgeMs: number;
  /** All of them have no more bytes. */
  readonly maxBytes: number;
}

/** Where an interchange and its managers meet: servers, and subjects of their own there. Nothing in it is secret where `login` is a file. */
export interface NatsPlace {
  readonly servers: readonly string[];
  /** What all its subjects begin with. */
  readonly subject: string;
  /** Set: only servers with TLS. */
  readonly tls: NatsTls | undefined;
  /** Or a file with it in JSON that only its user can read. */
  readonly login: NatsLogin | string | undefined;
  /** So long there may be no server, in milliseconds. */
  readonly patienceMs: number;
  /** Set: messages are kept by the servers until the other side has them. */
  readonly keep?: NatsKeep | undefined;
}

/** Where managers say who they are. */
export const helloSubject = ({ subject }: NatsPlace): string => `${subject}.hello`;
/** Where the interchange hears one session. */
export const upSubject = ({ subject }: NatsPlace, session: string): string => `${subject}.${session}.up`;
/** Where a manager hears one session. */
export const downSubject = ({ subject }: NatsPlace, session: string): string => `${subject}.${session}.down`;

/** Where managers ask whether the interchange knows their session still. */
export const knownSubject = ({ subject }: NatsPlace): string => `${subject}.known`;
/** The stream that keeps a run's messages. */
export const streamName = ({ subject }: NatsPlace): string => `caraway-${createHash("sha256").update(subject).digest("hex").slice(0, 24)}`;
/** Where the interchange shows, in the stream, that it is there. */
export const headSubject = ({ subject }: NatsPlace): string => `${subject}.head`;
/** What the stream keeps: of each way of each session what lies in its slots; and no greeting, question or answer. */
export const keptSubjects = (place: NatsPlace): readonly string[] => [upSubject(place, "*"), downSubject(place, "*")].map((way) => `${way}.*`).concat(headSubject(place));
/** Where the servers answer with what lies in a slot. Any that has the stream does. */
export const fetchSubject = (place: NatsPlace, slot: string): string => `$JS.API.DIRECT.GET.${streamName(place)}.${slot}`;
