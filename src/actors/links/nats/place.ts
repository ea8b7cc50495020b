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
}

/** Where managers say who they are. */
export const helloSubject = ({ subject }: NatsPlace): string => `${subject}.hello`;
/** Where the interchange hears one session. */
export const upSubject = ({ subject }: NatsPlace, session: string): string => `${subject}.${session}.up`;
/** Where a manager hears one session. */
export const downSubject = ({ subject }: NatsPlace, session: string): string => `${subject}.${session}.down`;
