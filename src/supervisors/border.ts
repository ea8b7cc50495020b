import type { LinkPort } from "../actors/links/in-memory.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { isAddressable, type Addressable } from "./addressable.js";
import { carry, carryReason, uncarry, uncarryReason } from "./carried.js";
import { kinds, theActor, withRefs, type Frame } from "./frames.js";
import type { Envelope } from "./envelope.js";
import { refusal } from "./refusal.js";
import { Observations, type StreamName, type StreamObserver } from "./observations.js";
import { RemoteRef, type Passage } from "./remote-ref.js";
import { mapRefs } from "./map-refs.js";
import { sendable, type Sendable } from "./sendable.js";
import type { Services } from "./services.js";
import { mostBacklog } from "./thread-protocol.js";

/** So many messages to others than the actor itself may be on their way. */
const mostUnreceived = 10_000;

/** One side of the link between a thread and the program: what passes it is copied, and a ref that passes it leads back. Both sides are alike. */
export class Border implements Passage {
  /** Actors of this side, by the numbers that the other side knows. */
  private readonly named = new Map<number, Addressable>();
  private readonly numbers = new Map<Addressable, number>();
  /** Actors of the other side. */
  private readonly known = new Map<number, RemoteRef>();
  private readonly calls = new Map<number, Envelope>();
  private readonly callNumbers = new Map<Envelope, number>();
  private readonly watching = new Map<number, (reason: EndReason) => void>();
  private readonly watched = new Map<number, () => void>();
  private lastNumber = theActor;
  private unreceived = 0;
  private received = 0;
  private closed = false;
  private readonly observations: Observations;

  constructor(
    private readonly services: Services,
    private readonly link: LinkPort<Frame, Frame>,
    /** The actor in the thread, as this side has it. */
    private readonly actor: Addressable,
    /** Called when the first question waits for an answer, and when none does any more. */
    private readonly waits: (waiting: boolean) => void = () => undefined,
  ) {
    const isFull = (): boolean => this.isFull;
    this.observations = new Observations(services, {
      send: (kind, to, number, load) => this.send(kind, to, number, load),
      post: (kind, to, number, load) => this.link.post([kind, to, number, load]),
      get isFull() {
        return isFull();
      },
    });
  }

  private get isFull(): boolean {
    return (this.link.backlog ?? 0) > mostBacklog;
  }

  /** Sends a frame. Throws a `SupervisionError` where its load cannot go. */
  send(kind: number, to: number, number: number, load: unknown): void {
    this.ship(kind, to, number, sendable(load, `what ${this.actor.path} sends`));
  }

  /** The same, of what is known to be fit for it. */
  ship(kind: number, to: number, number: number, { value, holdsRefs, moved }: Sendable): void {
    if (holdsRefs) this.link.post([kind + withRefs, to, number, mapRefs(value, (ref) => this.wireOf(ref))], moved);
    else this.link.post([kind, to, number, value], moved);
  }

  /** Asks or tells the actor in the thread. */
  shipEnvelope(envelope: Envelope, load: Sendable, to = theActor): void {
    if (envelope.reply === undefined) this.ship(kinds.tell, to, 0, load);
    else this.ship(kinds.ask, to, this.call(envelope), load);
  }

  pass(number: number, envelope: Envelope): boolean {
    if (this.unreceived >= mostUnreceived || this.isFull) return false;
    let load: Sendable;
    try {
      load = sendable(envelope.message, "a message");
    } catch (error) {
      this.services.deadLetter(this.known.get(number)?.path ?? "", envelope.message, "uncloneable");
      if (envelope.refuse === undefined) throw error;
      envelope.refuse(error);
      return true;
    }
    this.unreceived++;
    this.shipEnvelope(envelope, load, number);
    return true;
  }

  forget(envelope: Envelope): void {
    const number = this.callNumbers.get(envelope);
    if (number === undefined) return;
    this.callNumbers.delete(envelope);
    this.calls.delete(number);
    if (this.calls.size === 0) this.waits(false);
  }

  watch(to: number, onEnd: (reason: EndReason) => void): () => void {
    const number = ++this.lastNumber;
    this.watching.set(number, onEnd);
    this.link.post([kinds.watch, to, number, undefined]);
    return () => {
      if (this.watching.delete(number)) this.link.post([kinds.unwatch, to, number, undefined]);
    };
  }

  observe(to: number, stream: StreamName, observer: StreamObserver): () => void {
    return this.observations.observe(++this.lastNumber, to, stream, observer);
  }

  /** Takes a frame that is not for the actor in the thread; false where it is of another kind. */
  receive([kind, to, number, load]: Frame): boolean {
    switch (kind & ~withRefs) {
      case kinds.tell:
      case kinds.ask:
        this.deliver(to, this.envelope(kind, number, load));
        return true;
      case kinds.reply:
        this.answered(number)?.reply?.(this.opened(kind, load));
        return true;
      case kinds.refuse:
        this.answered(number)?.refuse?.(uncarry(load));
        return true;
      case kinds.watch:
        this.watchHere(to, number);
        return true;
      case kinds.unwatch:
        this.watched.get(number)?.();
        this.watched.delete(number);
        return true;
      case kinds.notice:
        this.notice(number, uncarryReason(load as EndReason));
        return true;
      case kinds.gone:
        this.known.get(to)?.end(uncarryReason(load as EndReason));
        this.known.delete(to);
        this.link.post([kinds.forget, to, 0, undefined]);
        return true;
      case kinds.forget:
        this.named.delete(to);
        return true;
      case kinds.received:
        this.unreceived -= number;
        return true;
      default:
        return this.receiveStream([kind, to, number, load]);
    }
  }

  private receiveStream([kind, to, number, load]: Frame): boolean {
    const { observations } = this;
    const plain = kind & ~withRefs;
    if (plain === kinds.observed) observations.came(number, this.opened(kind, load));
    else if (plain === kinds.observe) observations.show(number, load as StreamName, this.targetOf(to));
    else if (plain === kinds.unobserve) observations.hide(number);
    else if (plain === kinds.completed) observations.completed(number);
    else if (plain === kinds.seen) observations.looked(number);
    else return false;
    return true;
  }

  private targetOf(to: number): Addressable | undefined {
    return to === theActor ? this.actor : this.named.get(to);
  }

  /** A message as it has come. */
  envelope(kind: number, number: number, load: unknown): Envelope {
    const message = this.opened(kind, load);
    if ((kind & ~withRefs) === kinds.tell) return { message, linked: 0 };
    return { message, linked: number, reply: (answer) => this.answer(number, answer), refuse: (error) => this.link.post([kinds.refuse, 0, number, carry(error)]) };
  }

  /** Takes back a question that went to the other side. */
  withdraw(number: number): Envelope | undefined {
    return this.answered(number);
  }

  /** The load of a frame, with refs where refs were. */
  opened(kind: number, load: unknown): unknown {
    return kind >= withRefs ? mapRefs(load, (wire) => this.refOf(wire)) : load;
  }

  /** The other side is gone. */
  close(reason: EndReason): void {
    if (this.closed) return;
    this.closed = true;
    for (const envelope of [...this.calls.values()]) {
      this.forget(envelope);
      envelope.refuse?.(refusal("noproc", `${this.actor.path} ended before it answered`, { actor: this.actor.path }));
    }
    for (const unwatch of this.watched.values()) unwatch();
    this.observations.close();
    for (const number of [...this.watching.keys()]) this.notice(number, reason);
    for (const ref of this.known.values()) ref.end(reason);
    this.known.clear();
  }

  private call(envelope: Envelope): number {
    const number = ++this.lastNumber;
    if (this.calls.size === 0) this.waits(true);
    this.calls.set(number, envelope);
    this.callNumbers.set(envelope, number);
    return number;
  }

  private answered(number: number): Envelope | undefined {
    const envelope = this.calls.get(number);
    if (envelope !== undefined) this.forget(envelope);
    return envelope;
  }

  private answer(number: number, answer: unknown): void {
    try {
      this.send(kinds.reply, 0, number, answer);
    } catch (error) {
      this.link.post([kinds.refuse, 0, number, carry(error)]);
    }
  }

  private deliver(to: number, envelope: Envelope): void {
    if (this.received++ === 0) this.services.ports.scheduler.soon(() => this.acknowledge());
    const target = this.named.get(to);
    if (target !== undefined) target.deliver(envelope);
    else {
      this.services.deadLetter(`${this.actor.path} (an actor that has ended)`, envelope.message, "ended");
      envelope.refuse?.(refusal("noproc", "the actor has ended"));
    }
  }

  private acknowledge(): void {
    this.link.post([kinds.received, 0, this.received, undefined]);
    this.received = 0;
  }

  private watchHere(to: number, number: number): void {
    const target = this.targetOf(to);
    const tell = (reason: EndReason): void => {
      this.watched.delete(number);
      this.link.post([kinds.notice, 0, number, carryReason(reason)]);
    };
    if (target === undefined) tell({ error: refusal("noproc", "the actor had ended") });
    else this.watched.set(number, target.watch(tell));
  }

  private notice(number: number, reason: EndReason): void {
    const onEnd = this.watching.get(number);
    this.watching.delete(number);
    onEnd?.(reason);
  }

  private wireOf(ref: unknown): WireRef | undefined {
    if (!isAddressable(ref)) return undefined;
    const { id, path, incarnation } = ref;
    if (ref === this.actor) return { [wireKey]: "shared", number: theActor, id, path, incarnation };
    if (ref instanceof RemoteRef && ref.passage === this) return { [wireKey]: "yours", number: ref.number, id, path, incarnation };
    return { [wireKey]: "mine", number: this.numberOf(ref), id, path, incarnation };
  }

  private numberOf(ref: Addressable): number {
    const known = this.numbers.get(ref);
    if (known !== undefined) return known;
    const number = ++this.lastNumber;
    this.named.set(number, ref);
    this.numbers.set(ref, number);
    void ref.ended.then((reason) => {
      this.numbers.delete(ref);
      this.link.post([kinds.gone, number, 0, carryReason(reason)]);
    });
    return number;
  }

  private refOf(wire: unknown): unknown {
    if (!isWire(wire)) return undefined;
    const { number, id, path, incarnation } = wire;
    if (wire[wireKey] === "shared") return this.actor;
    if (wire[wireKey] === "yours") return this.named.get(number);
    const ref = this.known.get(number) ?? new RemoteRef(this.services, this, number, id, path, incarnation);
    this.known.set(number, ref);
    if (this.closed) ref.end("killed");
    return ref;
  }
}

const wireKey = "\0caraway.ref";

/** A ref on its way; whose it is, as its sender says it. */
interface WireRef {
  readonly [wireKey]: "shared" | "yours" | "mine";
  readonly number: number;
  readonly id: string;
  readonly path: string;
  readonly incarnation: number;
}

const isWire = (value: unknown): value is WireRef => typeof value === "object" && value !== null && wireKey in value;
