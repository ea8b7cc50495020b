import { Cell, type CellKind } from "../../../actors/cell.js";
import { compile } from "../../../actors/compile.js";
import type { Dispatcher } from "../../../actors/dispatcher.js";
import type { Timer } from "../../../actors/ports.js";
import { decode } from "../../../serialization/index.js";
import { hostedActorMachine, type HostedActorContext, type HostedActorEffect, type HostedActorInput, type HostedActorMessage } from "../../../state-machines/hosted-actor.js";
import { ByteReader } from "../bytes.js";
import { writeExit } from "./exit.js";
import type { HostedThread, Opening, StartHosted } from "./hosted-thread.js";
import { Numbered, type Item } from "./numbered.js";
import { readHeading, word, writeHeading, writeStandings, type Heading } from "./wire.js";

export interface HostedActorsPorts {
  readonly dispatcher: Dispatcher;
  readonly startThread: StartHosted;
  /** To the head, while there is a link that it has accepted. */
  send(heading: Uint8Array, payload: Uint8Array | undefined): void;
  /** One of them broke a rule of its own. */
  readonly broken: (error: unknown) => void;
}

type HostedKind = CellKind<HostedActorContext, HostedActorMessage, HostedActorEffect, HostedActorInput, HostedActor>;

const chart = compile<HostedActorContext, HostedActorMessage, HostedActorEffect, HostedActorInput>(hostedActorMachine);

/** A thread that was ended is waited for so long, in milliseconds. */
const patience = 1000;
/** The owner is told what has come when so much has, or so long after, in milliseconds. */
const tellAfter = { items: 16, bytes: 256 * 1024, ms: 20 };
const [, known] = [0, 1];

/** One actor of a node: its thread, and what has been said and may have to be said again. */
class HostedActor extends Cell<HostedActorContext, HostedActorMessage, HostedActorEffect> {
  readonly stream = new Numbered();
  thread: HostedThread | undefined;
  timer: Timer | undefined;
  tellTimer: Timer | undefined;
  untold = { items: 0, bytes: 0 };
  exit: { readonly code: number; readonly error?: unknown } | undefined;
  readonly counter = new SharedArrayBuffer(4);
  readonly flow = new SharedArrayBuffer(8);

  constructor(
    kind: HostedKind,
    readonly number: number,
    readonly opening: Opening,
  ) {
    super(kind, `${opening.path}#${number}`, opening.incarnation);
  }
}

/** The actors of other systems that live in this manager. Each has a thread of its own, which ends with its owner's wish, or with the lease. */
export class HostedActors {
  private readonly actors = new Map<number, HostedActor>();
  private readonly kind: HostedKind;
  private whenEmpty: (() => void) | undefined;

  constructor(private readonly ports: HostedActorsPorts) {
    this.kind = {
      name: "hosted-actor",
      chart,
      perform: {
        "thread.terminate": (_, actor) => this.terminate(actor),
        "patience.start": ({ ms }, actor) => {
          actor.timer = this.after(ms, () => this.tell(actor, { type: "patience.expired" }));
        },
        "patience.cancel": (_, actor) => actor.timer?.cancel(),
        "end.tell": ({ isHeld, leaseOver }, actor) => this.say(actor, word.exited, writeExit({ ...(actor.exit ?? { code: 1 }), isHeld, leaseOver })),
        "actor.drop": (_, actor) => this.drop(actor),
      },
      moved: () => this.checkEmpty(),
      crashed: (_, error) => this.ports.broken(error),
    };
  }

  /** The numbers of those whose threads are there. */
  get live(): number[] {
    return [...this.actors.values()].filter((actor) => actor.is("live")).map(({ number }) => number);
  }

  tree(): { path: string; state: string }[] {
    return [...this.actors.values()].map((actor) => ({ path: actor.path, state: actor.state.name }));
  }

  /** What the head says. Throws where it cannot be read. */
  heard(bytes: Uint8Array, payload: Uint8Array): void {
    const heading = readHeading(bytes, "head");
    const actor = this.actors.get(heading.actor) ?? (heading.word === word.open && heading.number === 1 ? this.open(heading.actor, payload) : undefined);
    if (actor === undefined) return;
    if (heading.word === word.forget) {
      this.tell(actor, { type: "actor.forgotten" });
      return;
    }
    this.known(actor, heading.known);
    if (heading.word !== word.known) this.arrived(actor, heading, payload);
  }

  private arrived(actor: HostedActor, { word: kind, number }: Heading, payload: Uint8Array): void {
    this.tellLater(actor, payload.length);
    if (!actor.stream.take(number)) return;
    // In memory of its own: what came over a link may be part of a larger piece.
    if (kind === word.down) actor.thread?.send(new Uint8Array(payload));
    else if (kind === word.terminate) this.tell(actor, { type: "actor.terminate" });
  }

  private open(number: number, payload: Uint8Array): HostedActor {
    const opening = decode(new ByteReader(payload).encoded()) as Opening;
    const actor = new HostedActor(this.kind, number, opening);
    this.actors.set(number, actor);
    this.ports.dispatcher.start(actor, { patience });
    try {
      actor.thread = this.ports.startThread(opening, { counter: actor.counter, bytes: actor.flow }, { said: (bytes) => this.say(actor, word.up, bytes), exited: (end) => this.exited(actor, end) });
    } catch (error) {
      this.exited(actor, { code: 1, error });
    }
    return actor;
  }

  private exited(actor: HostedActor, end: { readonly code: number; readonly error?: unknown }): void {
    actor.exit = end;
    this.tell(actor, { type: "thread.exited" });
  }

  private terminate(actor: HostedActor): void {
    actor.thread?.terminate();
  }

  private say(actor: HostedActor, kind: number, bytes: Uint8Array): void {
    if (actor.state.name === "vanishing" || actor.is("final")) return;
    this.post(actor, actor.stream.add(kind, bytes));
  }

  private post(actor: HostedActor, { kind, number, bytes }: Item): void {
    this.settleTold(actor);
    this.ports.send(this.headingFor(actor, kind, number), bytes);
  }

  private headingFor(actor: HostedActor, kind: number, number = 0): Uint8Array {
    return writeHeading({ word: kind, actor: actor.number, number, known: actor.stream.received, count: Atomics.load(new Int32Array(actor.counter), 0) });
  }

  private tellKnown(actor: HostedActor): void {
    this.settleTold(actor);
    this.ports.send(this.headingFor(actor, word.known), undefined);
  }

  private tellLater(actor: HostedActor, bytes: number): void {
    const untold = { items: actor.untold.items + 1, bytes: actor.untold.bytes + bytes };
    actor.untold = untold;
    if (untold.items >= tellAfter.items || untold.bytes >= tellAfter.bytes) this.tellKnown(actor);
    else actor.tellTimer ??= this.after(tellAfter.ms, () => this.tellKnown(actor));
  }

  private settleTold(actor: HostedActor): void {
    actor.untold = { items: 0, bytes: 0 };
    actor.tellTimer?.cancel();
    actor.tellTimer = undefined;
  }

  private known(actor: HostedActor, number: number): void {
    const { stream } = actor;
    const before = stream.backlog;
    if (stream.known(number)) Atomics.add(new Int32Array(actor.flow), known, before - stream.backlog);
    if (actor.state.name === "over" && stream.again().length === 0) this.tell(actor, { type: "end.known" });
  }

  /** A new link: the head is told what is here, and all that it may not have. */
  resume(): void {
    const { ports } = this;
    const actors = [...this.actors.values()].filter(({ state }) => state.name !== "vanishing");
    const standings = actors.map((actor) => ({ actor: actor.number, known: actor.stream.received, isOver: actor.state.name === "over" }));
    ports.send(writeHeading({ word: word.resume, actor: 0, number: 0, known: 0, count: 0 }), writeStandings(standings));
    for (const actor of actors) for (const item of actor.stream.again()) this.post(actor, item);
  }

  /** The head has begun others in their place by now. */
  leaseOver(): void {
    for (const actor of this.actors.values()) this.tell(actor, { type: "lease.expired" });
  }

  /** Ends them all. Resolves when their threads are gone, or count as gone. */
  stop(): Promise<void> {
    for (const actor of this.actors.values()) this.tell(actor, { type: "actor.terminate" });
    return new Promise((resolve) => {
      this.whenEmpty = resolve;
      this.checkEmpty();
    });
  }

  private checkEmpty(): void {
    if (this.whenEmpty !== undefined && this.live.length === 0) this.whenEmpty();
  }

  private drop(actor: HostedActor): void {
    this.ports.send(this.headingFor(actor, word.dropped), undefined);
    this.settleTold(actor);
    actor.timer?.cancel();
    this.actors.delete(actor.number);
  }

  private tell(actor: HostedActor, message: HostedActorMessage): void {
    this.ports.dispatcher.tell(actor, message);
  }

  private after(ms: number, fire: () => void): Timer {
    return this.ports.dispatcher.ports.clock.after(ms, fire);
  }
}
