import { hostname } from "node:os";
import { StreamRefused } from "../../../errors/index.js";
import { longestKept } from "./channel.js";
import type { NatsConnection } from "./connection.js";
import { downSubject, headSubject, keptSubjects, streamName, upSubject, type NatsKeep, type NatsPlace } from "./place.js";

/** The servers may take so long to agree who leads, in milliseconds: then there is no answer, or one that says so. */
const startLimit = 15_000;
const answerLimit = 3_000;
const pause = 250;
/** How much sooner what the servers said is believed: those of a cluster have yet to find each other. */
const patient: Readonly<Record<Meaning, number>> = { temporarily: 0, silent: 0, peers: 5_000, replicas: Infinity, disabled: 13_000, full: Infinity, other: Infinity };
/** A stream whose leader is away is not told of before this. */
const toldAfter = 30_000;
const beatEvery = { least: 500, most: 10_000 };

/** What the servers' answers mean, by their `err_code`: https://github.com/nats-io/nats-server/blob/main/server/errors.json. */
const meanings = { temporarily: [10008, 10009, 10118], disabled: [10039, 10076], full: [10077, 10023, 10047, 10028, 10110, 10111], replicas: [10074], peers: [10005] } as const;
type Meaning = keyof typeof meanings | "silent" | "other";

interface Answer {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}
interface InfoAnswer extends Answer {
  readonly state?: { readonly bytes: number };
}
interface ListAnswer extends Answer {
  readonly streams?: readonly { readonly config: { readonly name: string; readonly description?: string; readonly max_age: number }; readonly created: string; readonly state: { readonly messages: number } }[] | null;
}

/** The stream that keeps the messages of all sessions of one interchange. */
export class KeptStream {
  private timer: NodeJS.Timeout | undefined;
  private silentSince: number | undefined;
  private told: Meaning | undefined;
  private readonly over = new Set<string>();
  private isClosed = false;
  /** What it last asked of the servers by itself. */
  private busy: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly connection: NatsConnection,
    private readonly place: NatsPlace,
    private readonly keep: NatsKeep,
    private readonly trouble: (error: StreamRefused) => void,
  ) {}

  /** Makes it, empty. Rejects with `StreamRefused` where the servers keep nothing, or not so much. */
  static async open(connection: NatsConnection, place: NatsPlace, keep: NatsKeep, trouble: (error: StreamRefused) => void): Promise<KeptStream> {
    const stream = new KeptStream(connection, place, keep, trouble);
    const until = performance.now() + startLimit;
    for (;;) {
      const [meaning, said] = await stream.make();
      if (meaning === undefined) break;
      if (performance.now() > until - patient[meaning]) throw refusal(meaning, said, place, keep);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    // What an interchange before this one has left; its sessions are over.
    await stream.api("PURGE", {});
    await stream.sweep();
    stream.beatSoon();
    return stream;
  }

  /** Nothing of this session will be asked for. */
  forget(session: string): void {
    this.over.add(session);
  }

  /** There is a server again, which may have lost all that it had in memory. */
  restore(): void {
    if (!this.isClosed) this.busy = this.make().then(([meaning, said]) => this.judge(meaning, said));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.busy;
    // Who is to delete it may have to be agreed first.
    for (let tries = 0; tries < 2 && this.connection.isUp; tries++) {
      const [meaning] = await this.api("DELETE", undefined);
      if (meaning === undefined) return;
    }
  }

  private async make(): Promise<readonly [meaning: Meaning | undefined, said: string]> {
    const { place, keep } = this;
    const age = keep.maxAgeMs * 1e6;
    return await this.api("CREATE", {
      name: streamName(place), description: place.subject, subjects: keptSubjects(place), retention: "limits", storage: keep.storage, num_replicas: keep.replicas,
      max_age: age, duplicate_window: age, max_bytes: keep.maxBytes, max_msgs: -1, max_msg_size: -1, max_consumers: -1, max_msgs_per_subject: 1, discard: "new", allow_direct: true,
    });
  }

  /** One that is empty, though heads show in it that they are there, is of a head that was killed. */
  private async sweep(): Promise<void> {
    const [, text] = await this.api("LIST", {}, "");
    const { streams } = read(text) as ListAnswer;
    const own = this.place.subject.split(".")[0] as string;
    for (const { config, created, state } of streams ?? []) {
      const isOurs = config.name.startsWith("caraway-") && config.description?.split(".")[0] === own;
      if (isOurs && state.messages === 0 && Date.now() - Date.parse(created) > 2 * (config.max_age / 1e6)) await this.api("DELETE", undefined, `.${config.name}`);
    }
  }

  private beatSoon(): void {
    const every = Math.min(beatEvery.most, Math.max(beatEvery.least, this.keep.maxAgeMs / 4));
    const beat = (): void => {
      this.busy = this.beat().finally(() => this.beatSoon());
    };
    if (!this.isClosed) this.timer = setTimeout(beat, every).unref();
  }

  /** Shows that this head is there, and learns whether anything is kept. */
  private async beat(): Promise<void> {
    const { connection, place } = this;
    if (!connection.isUp) return;
    for (const session of this.over) {
      this.over.delete(session);
      for (const way of [upSubject(place, session), downSubject(place, session)]) void this.api("PURGE", { filter: `${way}.*` });
    }
    const [meaning, said] = await meant(connection.ask(headSubject(place), "", answerLimit));
    if (meaning === undefined) this.judge(...this.roomIn(await this.api("INFO", undefined)));
    else this.judge(meaning, said);
    // Nobody answers for a stream that is not there.
    if (!this.isClosed && (meaning === "silent" || meaning === "disabled")) await this.make();
  }

  /** Whether one more of the longest messages would be kept. */
  private roomIn([meaning, said]: readonly [meaning: Meaning | undefined, said: string]): readonly [meaning: Meaning | undefined, said: string] {
    if (meaning !== undefined) return [meaning, said];
    const { bytes = 0 } = (read(said) as InfoAnswer).state ?? {};
    return bytes + longestKept <= this.keep.maxBytes ? [undefined, said] : ["full", `${bytes} of ${this.keep.maxBytes} bytes are used`];
  }

  private judge(meaning: Meaning | undefined, said: string): void {
    const isWaiting = meaning === "silent" || meaning === "disabled" || meaning === "temporarily";
    if (!isWaiting) this.silentSince = undefined;
    else this.silentSince ??= performance.now();
    if (meaning === undefined) this.told = undefined;
    if (meaning === undefined || meaning === this.told || this.isClosed || !this.connection.isUp) return;
    if (isWaiting && performance.now() - (this.silentSince ?? Infinity) < toldAfter) return;
    this.told = meaning;
    this.trouble(refusal(meaning, said, this.place, this.keep));
  }

  private async api(what: string, body: unknown, of = `.${streamName(this.place)}`): Promise<readonly [meaning: Meaning | undefined, said: string]> {
    return await meant(this.connection.ask(`$JS.API.STREAM.${what}${of}`, body === undefined ? "" : JSON.stringify(body), answerLimit));
  }
}

const read = (text: string): Answer => {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return {};
  }
};

/** What an answer means, undefined where it is that it was done; and what was said. */
async function meant(answer: Promise<string>): Promise<readonly [meaning: Meaning | undefined, said: string]> {
  try {
    const text = await answer;
    const { error } = read(text);
    if (error === undefined) return [undefined, text];
    const { err_code: code = 0, description = text } = error;
    const known = Object.entries(meanings).find(([, codes]) => (codes as readonly number[]).includes(code));
    return [(known?.[0] as Meaning | undefined) ?? "other", `${description} (${code})`];
  } catch (error) {
    const { message, cause } = error as Error;
    return cause instanceof Error && cause.name === "NoResponders" ? ["disabled", "nobody answers for JetStream there"] : ["silent", message];
  }
}

const words: Readonly<Record<Meaning, { readonly what: string; readonly hint: string }>> = {
  disabled: { what: "they have no JetStream for this user", hint: "Put `jetstream {}` into the configuration of the servers, or start them with -js, and enable it for the account; or leave out `jetstream` of nats(): then a session ends where a message is lost, and managers come back by another." },
  full: { what: "there is no room", hint: "Give more by `jetstream: { maxBytes }` of nats(), or ask for less than the servers may use (`max_file_store`, `max_memory_store`); what is sent meanwhile is kept by its sender alone." },
  replicas: { what: "they cannot keep so many copies", hint: "A server that is in no cluster keeps one copy: give `jetstream: { replicas: 1 }` to nats(), or name the servers of one cluster." },
  peers: { what: "too few of them have JetStream and room", hint: "`jetstream: { replicas }` of nats() must not be more than the servers of the cluster that have JetStream and room." },
  temporarily: { what: "they have not agreed who leads", hint: "More than half of the servers that have JetStream must be up and reach each other." },
  silent: { what: "they do not answer", hint: "More than half of the servers that have JetStream must be up, and this user must be allowed to publish to $JS.API.STREAM.> and $JS.API.DIRECT.GET.>." },
  other: { what: "they refuse it", hint: "See what the servers said; their log has more." },
};

function refusal(meaning: Meaning, said: string, { servers, subject }: NatsPlace, keep: NatsKeep): StreamRefused {
  const { what, hint } = words[meaning];
  return new StreamRefused("CW-LINK-007", `The NATS servers ${servers.join(", ")} do not keep the messages of this run: ${what} (${said}).`, {
    where: { host: hostname() },
    evidence: { reason: meaning, said, servers, subject, ...keep },
    hint,
    retryable: meaning === "temporarily" || meaning === "silent",
  });
}
