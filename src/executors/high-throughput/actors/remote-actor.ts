import { Cell, type CellKind } from "../../../actors/cell.js";
import type { LinkPort } from "../../../actors/links/in-memory.js";
import type { Thread, ThreadExit, ThreadStart, Timer } from "../../../actors/ports.js";
import { encode } from "../../../serialization/index.js";
import type { RemoteActorContext, RemoteActorEffect, RemoteActorMessage } from "../../../state-machines/remote-actor.js";
import { ByteWriter } from "../bytes.js";
import { readExit, type NodeExit } from "./exit.js";
import { Numbered, type Item } from "./numbered.js";
import type { ActorNode } from "./nodes.js";
import { TupleLink } from "./tuple-link.js";
import { word, writeHeading } from "./wire.js";

export type RemoteActorKind = CellKind<RemoteActorContext, RemoteActorMessage, RemoteActorEffect, Readonly<Record<string, never>>, RemoteActor>;

/** Any thread's start, whatever its messages are. */
export type AnyStart = ThreadStart<readonly unknown[]>;

/** What an actor's own executor does for it. */
export interface RemoteActorHost {
  readonly kind: RemoteActorKind;
  send(actor: RemoteActor, heading: Uint8Array, payload: Uint8Array | undefined): void;
  tell(actor: RemoteActor, message: RemoteActorMessage): void;
  hold(actor: RemoteActor, held: boolean): void;
  readonly clock: { after(ms: number, fire: () => void): Timer };
  readonly scheduler: { soon(run: () => void): void; later(run: () => void): void };
}

/** The other side is told what has come when so much has, or so long after, in milliseconds. */
const tellAfter = { items: 16, bytes: 256 * 1024, ms: 20 };

const nothing = new Uint8Array(0);

/** A thread on a node, from the program's side: what it is told goes there once and in order, and what it says comes so, whatever becomes of links on the way. */
export class RemoteActor extends Cell<RemoteActorContext, RemoteActorMessage, RemoteActorEffect> implements Thread<readonly unknown[], readonly unknown[]> {
  readonly patience = Infinity;
  readonly link: LinkPort<readonly unknown[], readonly unknown[]>;
  readonly stream = new Numbered();
  node: ActorNode | undefined;
  /** While it waits for a node, for its lease, or for its end. */
  timer: Timer | undefined;
  exit: NodeExit | undefined;
  /** It has been asked to end. */
  isRecalled = false;
  private readonly tuples: TupleLink<readonly unknown[], readonly unknown[]>;
  private readonly counter: Int32Array;
  private untold = { items: 0, bytes: 0 };
  private tellTimer: Timer | undefined;

  constructor(
    private readonly host: RemoteActorHost,
    /** No other of its executor has it. */
    readonly number: number,
    readonly start: AnyStart,
  ) {
    super(host.kind, `${start.owner.path}#${number}`, start.owner.incarnation);
    this.counter = new Int32Array(start.counter);
    this.tuples = new TupleLink(host.scheduler, {
      width: start.width,
      send: (bytes) => this.say(word.down, bytes),
      backlog: () => this.stream.backlog,
      refused: (message, error) => start.refused(message, error),
    });
    this.link = this.tuples;
    // The first thing that its node hears of it.
    const writer = new ByteWriter(512);
    writer.encoded(encode({ ...start.data, resourceLimits: start.resourceLimits, width: start.width, ...start.owner }, "what an actor is started with"));
    this.stream.add(word.open, writer.take());
  }

  hold(held: boolean): void {
    this.host.hold(this, held);
  }

  terminate(): void {
    this.host.tell(this, { type: "actor.terminate" });
  }

  /** It takes the next number; it leaves as soon as there is somewhere to. */
  say(kind: number, bytes: Uint8Array = nothing): void {
    if (this.is("final")) return;
    const item = this.stream.add(kind, bytes);
    if (this.is("placed")) this.post(item);
  }

  /** Sends what its node is not known to have, and in any case what has come from there. */
  again(): void {
    for (const item of this.stream.again()) this.post(item);
    this.tellKnown();
  }

  private post({ kind, number, bytes }: Item): void {
    this.settleTold();
    this.host.send(this, writeHeading({ word: kind, actor: this.number, number, known: this.stream.received, count: 0 }), bytes);
  }

  tellKnown(): void {
    this.settleTold();
    this.host.send(this, writeHeading({ word: word.known, actor: this.number, number: 0, known: this.stream.received, count: 0 }), undefined);
  }

  private settleTold(): void {
    this.untold = { items: 0, bytes: 0 };
    this.tellTimer?.cancel();
    this.tellTimer = undefined;
  }

  /** Its node has all up to that number. */
  known(number: number): void {
    if (this.stream.known(number)) this.start.relieved?.();
  }

  /** Something numbered has come. Throws where it cannot be read. */
  arrived(kind: number, number: number, count: number, payload: Uint8Array): void {
    this.tellLater(payload.length);
    if (this.is("final") || !this.stream.take(number)) return;
    Atomics.store(this.counter, 0, count);
    if (kind === word.up) this.tuples.receive(payload);
    else {
      this.exit = readExit(payload);
      this.host.tell(this, { type: "thread.exited" });
    }
  }

  private tellLater(bytes: number): void {
    this.untold = { items: this.untold.items + 1, bytes: this.untold.bytes + bytes };
    const { items, bytes: many } = this.untold;
    if (items >= tellAfter.items || many >= tellAfter.bytes) this.tellKnown();
    else this.tellTimer ??= this.host.clock.after(tellAfter.ms, () => this.tellKnown());
  }

  /** Nothing more is said of it. */
  finish(end: ThreadExit): void {
    this.timer?.cancel();
    this.settleTold();
    this.tuples.close();
    this.hold(false);
    this.start.exited(end);
  }
}
