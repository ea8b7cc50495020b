import type { ConnectionOptions, Msg, NatsConnection as Client, PermissionViolationError, Subscription } from "@nats-io/transport-node";
import type { ServersUnreachable } from "../../../errors/index.js";
import { authenticatorOf, tlsOf } from "./login.js";
import type { NatsPlace } from "./place.js";
import { away, readAway } from "./why-away.js";

/** Of the way to a server: when one connection may take no longer, when a silent server is given up, and the pauses between tries. In milliseconds. */
const dialLimit = 3_000;
const pingEvery = 5_000;
const pause = { least: 50, most: 3_000 };
const flushLimit = 1_000;
/** After so long it is told that there is no server. */
const toldAfter = 5_000;
/** No answer but the servers' own has this. */
const nobodyThere = 503;

type Library = typeof import("@nats-io/transport-node");

export interface ConnectionNews {
  /** There is a server again. */
  up?(): void;
  /** There is none, for the first time in this series; it is tried on. */
  away?(error: ServersUnreachable): void;
  /** There was none for longer than is waited for. */
  lost?(error: ServersUnreachable): void;
  /** The servers refuse something to this user; told once for each. */
  forbidden?(error: ServersUnreachable): void;
}

/** A connection to one of several servers, made anew to another one where that is needed. */
export class NatsConnection {
  isUp = true;
  private awaySince = 0;
  private timers: NodeJS.Timeout[] = [];
  private isClosed = false;
  private readonly forbidden = new Set<string>();

  private constructor(
    private readonly client: Client,
    private readonly place: NatsPlace,
    private readonly library: Library,
    private readonly options: ConnectionOptions,
    private readonly news: ConnectionNews,
  ) {
    void this.follow();
    void client.closed().then(() => this.gone());
  }

  /** Connects to any of the servers. Rejects with `ServersUnreachable`: at once where they will not have us, else after that time; or with `KeyRefused`. */
  static async open(place: NatsPlace, name: string, within: number, news: ConnectionNews = {}): Promise<NatsConnection> {
    const library = await import("@nats-io/transport-node");
    const [authenticator, tls] = await Promise.all([authenticatorOf(place, library), tlsOf(place)]);
    const began = performance.now();
    const left = (): number => within - (performance.now() - began);
    const options: ConnectionOptions = { name, servers: [...place.servers], inboxPrefix: `${place.subject}.answers`, noEcho: true, noAsyncTraces: true, pingInterval: pingEvery, maxPingOut: 2, ...(authenticator === undefined ? {} : { authenticator }), ...(tls === undefined ? {} : { tls }) };
    const lasting = reconnecting();
    for (let tries = 1; ; tries++) {
      try {
        const client = await library.connect({ ...options, ...lasting.options, timeout: Math.max(100, Math.min(dialLimit, left())) });
        // What it logged in with is with the client.
        const made = new NatsConnection(client, { ...place, login: undefined }, library, options, news);
        lasting.of = made;
        return made;
      } catch (error) {
        const wait = pauseAfter(tries);
        const { reason } = readAway("", error);
        if (reason === "unreachable" && left() > wait) await new Promise((resolve) => setTimeout(resolve, wait));
        else throw await explain(library, options, place.servers, performance.now() - began);
      }
    }
  }

  get server(): string {
    return this.client.getServer();
  }

  get mostBytes(): number {
    return this.client.info?.max_payload ?? 1024 * 1024;
  }

  /** How long there has been no server. */
  get awayFor(): number {
    return this.isUp ? 0 : performance.now() - this.awaySince;
  }

  /** `unheard`: the servers know nobody who listens to what was published with this subject as its reply. */
  subscribe(subject: string, take: (bytes: Uint8Array) => void, unheard: () => void = () => undefined): Subscription {
    return this.client.subscribe(subject, {
      callback: (error, message) => {
        // The client reads no more after a callback that throws, and says so on the console.
        try {
          if (error !== null || isNobody(message)) unheard();
          else take(message.data);
        } catch (thrown) {
          queueMicrotask(() => {
            throw thrown;
          });
        }
      },
    });
  }

  /** Goes nowhere where there is no server. */
  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    if (this.isUp && !this.client.isClosed()) this.client.publish(subject, bytes, reply === undefined ? {} : { reply });
  }

  /** What the servers, or one who listens there, answer. Rejects as the client does, with a `RequestError` where nobody does. */
  async ask(subject: string, question: string, within: number): Promise<string> {
    return (await this.client.request(subject, question, { timeout: within })).string();
  }

  /** Resolves when the server has all that was asked of it, or does not say so in time. */
  async flush(): Promise<void> {
    if (!this.isUp || this.client.isClosed()) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, flushLimit)));
    await Promise.race([this.client.flush().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  /** Ends it when what was published has gone. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.settle();
    await this.flush();
    this.isUp = false;
    await this.client.close().catch(() => undefined);
  }

  private async follow(): Promise<void> {
    for await (const status of this.client.status()) {
      if (status.type === "disconnect") this.down();
      else if (status.type === "reconnect") this.back();
      else if (status.type === "error" && status.error instanceof this.library.PermissionViolationError) this.refused(status.error);
    }
  }

  private refused({ operation, subject }: PermissionViolationError): void {
    const what = operation === "publish" ? `publish to ${subject}` : `subscribe to ${subject}`;
    if (this.forbidden.has(what) || this.isClosed) return;
    this.forbidden.add(what);
    this.news.forbidden?.(away([{ server: this.server, reason: "permissions", said: `does not let this user ${what}` }], 0));
  }

  private down(): void {
    if (!this.isUp || this.isClosed) return;
    this.isUp = false;
    this.awaySince = performance.now();
    const { patienceMs } = this.place;
    this.timers = [setTimeout(() => void this.tell("away"), Math.min(toldAfter, patienceMs / 2)), setTimeout(() => void this.tell("lost"), patienceMs)];
  }

  private back(): void {
    if (this.isUp || this.isClosed) return;
    this.settle();
    this.isUp = true;
    this.news.up?.();
  }

  /** The client gave up: there will be no server. */
  private gone(): void {
    if (this.isClosed) return;
    if (this.isUp) this.awaySince = performance.now();
    this.isUp = false;
    this.settle();
    void this.tell("lost");
  }

  private async tell(what: "away" | "lost"): Promise<void> {
    const error = await explain(this.library, this.options, this.place.servers, performance.now() - this.awaySince);
    if (!this.isUp && !this.isClosed) this.news[what]?.(error);
  }

  private settle(): void {
    for (const timer of this.timers.splice(0)) clearTimeout(timer);
  }
}

/** Asks each server why not. */
async function explain(library: Library, options: ConnectionOptions, servers: readonly string[], sinceMs: number): Promise<ServersUnreachable> {
  const refusals = await Promise.all(
    servers.map(async (server) => {
      try {
        const client = await library.connect({ ...options, servers: server, reconnect: false, ignoreClusterUpdates: true, timeout: dialLimit });
        await client.close();
        return { server, reason: "unreachable" as const, said: "answers again" };
      } catch (error) {
        return readAway(server, error);
      }
    }),
  );
  return away(refusals, sinceMs);
}

/** For as long as it takes, with pauses that grow with the time that there was no server. */
function reconnecting(): { of: NatsConnection | undefined; readonly options: ConnectionOptions } {
  const held = {
    of: undefined as NatsConnection | undefined,
    options: {
      reconnect: true,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => (0.5 + Math.random() / 2) * Math.min(pause.most, Math.max(2 * pause.least, (held.of?.awayFor ?? 0) / 4)),
    },
  };
  return held;
}

/** Anybody may send headers that cannot be read. */
function isNobody(message: Msg): boolean {
  if (message.data.length > 0) return false;
  try {
    return message.headers?.code === nobodyThere;
  } catch {
    return false;
  }
}

const pauseAfter = (tries: number): number => (0.5 + Math.random() / 2) * Math.min(pause.most, pause.least * 2 ** Math.min(tries, 10));
