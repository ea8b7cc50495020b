import type { ConnectOptions, FrameLink, ListenOptions } from "#internal/actors/links/tls-link";
import type { LinkListener } from "#internal/actors/links/gate";
import { connectNats } from "#internal/actors/links/nats/connect";
import { listenNats, type NatsListenOptions } from "#internal/actors/links/nats/listen";
import type { NatsKeep, NatsPlace } from "#internal/actors/links/nats/place";
import { Ground } from "../unit/actors/links/tls-harness.js";
import type { NatsServer } from "./nats-server.js";

let grounds = 0;

/** What is sent is kept by one server, unless said otherwise. */
export const kept = (more: Partial<NatsKeep> = {}): NatsKeep => ({ replicas: 1, storage: "file", maxAgeMs: 10_000, maxBytes: 64 * 1024 ** 2, ...more });

/** Keys, and links through servers that are up; listeners have subjects of their own. */
export class NatsGround extends Ground {
  readonly place: NatsPlace;
  private listeners = 0;
  /** What listeners are told besides links and refusals. */
  news: Pick<NatsListenOptions, "onAway" | "onLost"> = {};

  constructor(servers: readonly NatsServer[], more: Partial<NatsPlace> = {}) {
    super();
    this.place = { servers: servers.map(({ url }) => url), subject: `caraway.test.${process.pid}.${++grounds}`, tls: undefined, login: undefined, patienceMs: 10_000, ...more };
  }

  override async begin(options: ListenOptions): Promise<LinkListener> {
    return await listenNats({ ...options, ...this.news, place: this.at(`${this.place.subject}.${++this.listeners}`) });
  }

  /** The address of a listener ends with its subject. */
  override async reach(options: ConnectOptions): Promise<FrameLink> {
    const [address] = options.addresses;
    return await connectNats({ ...options, place: this.at(typeof address === "string" ? address.replace(/^.*\//, "") : "") });
  }

  at(subject: string): NatsPlace {
    return { ...this.place, subject };
  }
}
