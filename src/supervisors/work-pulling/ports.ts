import { isMainThread } from "node:worker_threads";
import type { Dispatcher } from "../../actors/dispatcher.js";
import type { CreditStatement, ToConsumer } from "../../state-machines/work-pulling.js";
import { sendable } from "../sendable.js";
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
export function portOfActor(ref: ActorRef, connect: (port: WorkPort) => () => void): () => void {
  let connected = 0;
  let disconnect: () => void = () => undefined;
  const part = (): void => {
    connected = 0;
    disconnect();
    disconnect = () => undefined;
  };
  const meet = (incarnation: number): void => {
    const handlers: ((message: CreditStatement) => void)[] = [];
    const events = ref.events$.subscribe((event) => isStatement(event) && handlers.forEach((handle) => handle(event)));
    const close = connect({ post: (message) => ref.tell(message), onMessage: (handler) => void handlers.push(handler), onClose: () => undefined });
    connected = incarnation;
    disconnect = () => {
      events.unsubscribe();
      close();
    };
  };
  // The status is announced at every end and every start. (A watch that is set again at an end would be told of that end again, while the restart takes its time.)
  const life = (ref as ActorRef<unknown, unknown, unknown, Status>).snapshot$.subscribe({
    next: ({ status, incarnation }) => {
      if (connected !== 0 && (status !== "running" || incarnation !== connected)) part();
      if (status === "running" && connected === 0) meet(incarnation);
    },
    complete: part,
  });
  return () => {
    life.unsubscribe();
    part();
  };
}

interface Status {
  readonly status: string;
  readonly incarnation: number;
}

/** The port of an actor that consumes: its producer tells it, and hears what it announces. */
export function portOfSelf(self: ConsumingSelf): ConsumerPort {
  return {
    post: (message) => {
      // An event that cannot leave its thread is a dead letter there; here it is an answer that has to be told of.
      if (!isMainThread) sendable(message, "a statement");
      self.emit(message);
    },
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
