import type { Dispatcher } from "../../actors/dispatcher.js";
import type { CreditStatement, ToConsumer } from "../../state-machines/work-pulling.js";
import { refusal } from "../refusal.js";
import type { ActorSystem } from "../system.js";
import type { ActorRef, Self } from "../types.js";

/** The producer's end of a link to one consumer: a `LinkPort` is one. Messages may be lost, doubled, late and out of order. */
export interface WorkPort {
  post(message: ToConsumer): void;
  onMessage(handler: (message: CreditStatement) => void): void;
  /** The consumer is gone. */
  onClose(handler: () => void): void;
}

/** The consumer's end. */
export interface ConsumerPort {
  post(message: CreditStatement): void;
  onMessage(handler: (message: ToConsumer) => void): void;
  onClose(handler: () => void): void;
}

/** What a consumer needs of the actor it is. */
export type ConsumingSelf = Pick<Self<ToConsumer>, "emit" | "onStop" | "receive">;

export const isRef = (consumer: WorkPort | ActorRef): consumer is ActorRef => "tell" in consumer && "events$" in consumer;

export const isSelf = (port: ConsumerPort | ConsumingSelf): port is ConsumingSelf => "receive" in port && "emit" in port;

/** Connects a port for each incarnation of an actor, until its ref ends: it is told deliveries, and announces its statements. Gives what ends that. */
export function portOfActor(ref: ActorRef, system: ActorSystem | undefined, connect: (port: WorkPort) => () => void): () => void {
  if (system === undefined) throw refusal("missing_system", "an actor can be attached to a work producer that was given its system");
  const attached = new AttachedActor(ref, system, connect);
  attached.begin();
  void ref.ended.then(() => attached.end());
  return () => attached.end();
}

class AttachedActor {
  private over = false;
  private disconnect: () => void = () => undefined;

  constructor(
    private readonly ref: ActorRef,
    private readonly system: ActorSystem,
    private readonly connect: (port: WorkPort) => () => void,
  ) {}

  /** A port for the present incarnation. */
  begin(): void {
    const handlers: ((message: CreditStatement) => void)[] = [];
    const subscription = this.ref.events$.subscribe((event) => isStatement(event) && handlers.forEach((handle) => handle(event)));
    const unwatch = this.system.watch(this.ref, () => this.again());
    const close = this.connect({ post: (message) => this.ref.tell(message), onMessage: (handler) => void handlers.push(handler), onClose: () => undefined });
    this.disconnect = () => {
      subscription.unsubscribe();
      unwatch();
      close();
    };
  }

  end(): void {
    this.over = true;
    this.disconnect();
  }

  /** The incarnation has ended; what the next is told waits for it. */
  private again(): void {
    this.disconnect();
    if (!this.over) this.begin();
  }
}

/** The port of an actor that consumes: its producer tells it, and hears what it announces. */
export function portOfSelf(self: ConsumingSelf): ConsumerPort {
  return {
    post: (message) => self.emit(message),
    onMessage: (handler) => self.receive((message) => handler(message)),
    onClose: (handler) => self.onStop(() => handler()),
  };
}

/** The dispatcher that an actor of this system runs on; undefined elsewhere. */
export function dispatcherOf(self: ConsumerPort | ConsumingSelf): Dispatcher | undefined {
  return "dispatcher" in self ? (self.dispatcher as Dispatcher) : undefined;
}

function isStatement(event: unknown): event is CreditStatement {
  return typeof event === "object" && event !== null && "type" in event && event.type === "credit.granted";
}
