import type { KeyObject } from "node:crypto";
import type { Subscription } from "@nats-io/transport-node";
import { SealedChannel, type ChannelWay } from "./channel.js";
import type { NatsConnection } from "./connection.js";

/** So often a silent session says that it is there, so that the servers tell it when the other side is not. In milliseconds. */
const speakEvery = 1_000;

export interface SessionSubjects {
  readonly hear: string;
  readonly say: string;
}

/** The way of one session over a connection. */
export class SessionWay implements ChannelWay {
  channel: SealedChannel | undefined;
  private readonly subscription: Subscription;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: NatsConnection,
    private readonly subjects: SessionSubjects,
    private readonly room: () => number,
    private readonly before: { hear(bytes: Uint8Array): void; unheard(): void },
    private readonly over: () => void,
  ) {
    this.subscription = connection.subscribe(subjects.hear, (bytes) => (this.channel ?? before).hear(bytes), () => (this.channel ?? before).unheard());
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
    this.timer = setInterval(() => channel.speak(), speakEvery).unref();
    return (this.channel = channel);
  }

  publish(bytes: Uint8Array): void {
    this.connection.publish(this.subjects.say, bytes, this.subjects.hear);
  }

  closed(): void {
    clearInterval(this.timer);
    this.subscription.unsubscribe();
    this.over();
  }
}
