import { connectLink, type ConnectOptions } from "./connect.js";
import type { FrameLink } from "./frame-link.js";
import type { GateOptions, LinkListener } from "./gate.js";
import { listenLinks, type Listener } from "./listener.js";
import type { NatsListenOptions } from "./nats/listen.js";
import type { NatsPlace } from "./nats/place.js";

/** Where links are listened for: an interface and its ports, or subjects of a NATS cluster. */
export type ListenPlace = { readonly kind: "tcp"; readonly host: string; readonly ports: readonly [first: number, last: number] } | ({ readonly kind: "nats" } & NatsPlace);
/** Where a listener may be found. */
export type ConnectPlace = { readonly kind: "tcp"; readonly addresses: readonly string[] } | ({ readonly kind: "nats" } & NatsPlace);

/** Listens for links, whatever they go over. What only some of them need is loaded with them. */
export async function listenAt(place: ListenPlace, options: GateOptions & Pick<NatsListenOptions, "onAway" | "onLost">): Promise<LinkListener & Partial<Pick<Listener, "port">>> {
  if (place.kind === "tcp") return await listenLinks({ ...options, host: place.host, port: place.ports });
  const { listenNats } = await import("./nats/listen.js");
  return await listenNats({ ...options, place });
}

/** Connects to a listener. */
export async function connectTo(place: ConnectPlace, options: Omit<ConnectOptions, "addresses">): Promise<FrameLink> {
  if (place.kind === "tcp") return await connectLink({ ...options, addresses: place.addresses });
  const { connectNats } = await import("./nats/connect.js");
  return await connectNats({ ...options, place });
}
