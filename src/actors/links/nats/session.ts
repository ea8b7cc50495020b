import type { KeyObject } from "node:crypto";
import type { Subscription } from "@nats-io/transport-node";
import { SealedChannel, type ChannelWay } from "./channel.js";
import type { NatsConnection } from "./connection.js";
import { slots } from "./keeping.js";
import { downSubject, fetchSubject, knownSubject, upSubject, type NatsPlace } from "./place.js";

/** So often a silent session says that it is there, so that the servers tell it when the other side is not. In milliseconds. */
const speakEvery = 1_000;

/** What the interchange answers to who asks for a session that it does not know. */
export const unknownSession = Buffer.from("CWN1 unknown");
const nothing = new Uint8Array(0);

/** One session as one of its ends sees it. */
export interface SessionEnd {
  readonly place: NatsPlace;
  readonly session: string;
  readonly side: "head" | "manager";
}

/** The way of one session over a connection. */
export class SessionWay implements ChannelWay {
  channel: SealedChannel | undefined;
  readonly keeps: boolean;
  private readonly hears: string;
  private readonly says: string;
  private readonly subscriptions: Subscription[];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: NatsConnection,
    private readonly end: SessionEnd,
    private readonly room: () => number,
    private readonly before: { hear(bytes: Uint8Array): void; unheard(): void },
    private readonly over: () => void,
  ) {
    const { place, session, side } = end;
    const [up, down] = [upSubject(place, session), downSubject(place, session)];
    [this.hears, this.says] = side === "head" ? [up, down] : [down, up];
    this.keeps = place.keep !== undefined;
    this.subscriptions = [connection.subscribe(this.hears, (bytes) => this.hear(bytes), () => this.unheard())];
    if (this.keeps) this.subscriptions.push(connection.subscribe(`${this.hears}.*`, (bytes) => this.channel?.hear(bytes)));
  }

  get isUp(): boolean {
    return this.connection.isUp;
  }

  get mostBytes(): number {
    return this.connection.mostBytes;
  }

  get window(): number {
    return this.room();
  }

  open(keys: { readonly out: KeyObject; readonly in: KeyObject }): SealedChannel {
    const channel = new SealedChannel(this, keys);
    this.timer = setInterval(() => this.speak(channel), speakEvery).unref();
    return (this.channel = channel);
  }

  publish(bytes: Uint8Array, number?: number): void {
    if (number === undefined) this.connection.publish(this.says, bytes, this.hears);
    else this.connection.publish(`${this.says}.${number % slots}`, bytes);
  }

  fetch(number: number): void {
    this.connection.publish(fetchSubject(this.end.place, `${this.hears}.${number % slots}`), nothing, this.hears);
  }

  closed(): void {
    clearInterval(this.timer);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.over();
  }

  private speak(channel: SealedChannel): void {
    channel.speak();
    const { place, session, side } = this.end;
    // The stream hears all, so the servers do not tell when the interchange is another one.
    if (this.keeps && side === "manager") this.connection.publish(knownSubject(place), Buffer.from(session), this.hears);
  }

  private hear(bytes: Uint8Array): void {
    const { channel } = this;
    if (channel === undefined) this.before.hear(bytes);
    else if (!this.keeps) channel.hear(bytes);
    else if (unknownSession.equals(bytes)) channel.unheard("the other side knows this session no more");
    // Without bytes: the servers have nothing in that slot.
    else if (bytes.length > 0) channel.hear(bytes, true);
  }

  /** Where messages are kept, who is away may come back. */
  private unheard(): void {
    if (this.channel === undefined) this.before.unheard();
    else if (!this.keeps) this.channel.unheard();
  }
}
