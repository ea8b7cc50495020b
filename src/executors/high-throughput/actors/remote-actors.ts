import { compile } from "../../../actors/compile.js";
import type { Dispatcher } from "../../../actors/dispatcher.js";
import type { Thread, ThreadExit, ThreadStart } from "../../../actors/ports.js";
import { BadFrame, BlockUnavailable, WaitTimeout } from "../../../errors/index.js";
import { remoteActorMachine, type NodeLoss, type RemoteActorContext, type RemoteActorEffect, type RemoteActorMessage, type RemoteEnd } from "../../../state-machines/remote-actor.js";
import type { InterchangeEvent } from "../interchange/types.js";
import { BlockHandle, NodeHandle, type Placement } from "./blocks.js";
import { lossOf } from "./node-loss.js";
import { ActorNode, type NodeFacts } from "./nodes.js";
import { RemoteActor, type AnyStart, type RemoteActorHost, type RemoteActorKind } from "./remote-actor.js";
import { readHeading, readStandings, word, writeHeading } from "./wire.js";

export interface RemoteActorsPorts {
  readonly dispatcher: Dispatcher;
  readonly label: string;
  readonly leaseMs: number;
  /** To a manager, if there is a way. */
  send(manager: string, heading: Uint8Array, payload: Uint8Array | undefined): void;
  /** Somebody waits for a block, or does not any more. */
  wanted(): void;
  /** How its blocks stand, in words. */
  describe(): string;
  readonly broken: (error: unknown) => void;
}

const chart = compile<RemoteActorContext, RemoteActorMessage, RemoteActorEffect, Readonly<Record<string, never>>>(remoteActorMachine);

/** The part of its start's time limit for which an actor waits for a node: who waits longer learns why. */
const placingPart = 0.9;

/** The actors that live on the nodes of an executor, from the program's side: where each is, and what becomes of it when its node is lost. */
export class RemoteActors implements Placement, RemoteActorHost {
  readonly label: string;
  readonly kind: RemoteActorKind;
  private readonly nodes = new Map<string, ActorNode>();
  private readonly handles = new Map<string, BlockHandle>();
  private readonly actors = new Map<number, RemoteActor>();
  private readonly held = new Set<RemoteActor>();
  private holding: NodeJS.Timeout | undefined;
  private numbers = 0;
  private waiters: ((block: BlockHandle) => void)[] = [];
  private failure: Error | undefined;
  private whenEmpty: (() => void) | undefined;

  constructor(private readonly ports: RemoteActorsPorts) {
    this.label = ports.label;
    this.kind = this.makeKind();
  }

  get clock(): RemoteActorsPorts["dispatcher"]["ports"]["clock"] {
    return this.ports.dispatcher.ports.clock;
  }

  get scheduler(): RemoteActorsPorts["dispatcher"]["ports"]["scheduler"] {
    return this.ports.dispatcher.ports.scheduler;
  }

  /** What it has and what it waits for, as so many tasks. */
  get load(): number {
    return this.actors.size + this.waiters.length;
  }

  get blocks(): readonly BlockHandle[] {
    return [...this.handles.values()].filter(({ isOver, nodes }) => !isOver && nodes.length > 0);
  }

  tree(): { path: string; state: string }[] {
    return [...this.actors.values()].map((actor) => ({ path: actor.path, state: actor.state.name }));
  }

  /** A block that takes actors, as soon as there is one. */
  block(timeoutMs: number): Promise<BlockHandle> {
    const there = this.blocks.find(({ state }) => state === "running");
    if (there !== undefined) return Promise.resolve(there);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const timer = timeoutMs === Infinity ? undefined : this.clock.after(timeoutMs, () => {
        this.waiters = this.waiters.filter((one) => one !== got);
        this.settleHold();
        const { label } = this;
        reject(new WaitTimeout("CW-KERN-002", `no block of "${label}" was there within ${timeoutMs} ms: ${this.ports.describe()}`, { where: { executor: label }, hint: "A queue may be longer than that: raise the timeout. With the strategy \"none\" no block is asked for beyond initBlocks." }));
      });
      const got = (block: BlockHandle): void => {
        timer?.cancel();
        resolve(block);
      };
      this.waiters.push(got);
      this.refusers.set(got, reject);
      this.settleHold();
      this.ports.wanted();
    });
  }
  private readonly refusers = new WeakMap<(block: BlockHandle) => void, (error: Error) => void>();

  // Actors

  launch(at: BlockHandle | NodeHandle, start: ThreadStart<never>): Thread<never, never> {
    const block = at instanceof BlockHandle ? at : at.of;
    const { path } = start.owner;
    const actor = new RemoteActor(this, ++this.numbers, start as unknown as AnyStart);
    this.actors.set(actor.number, actor);
    this.ports.dispatcher.start(actor, {});
    this.hold(actor, true);
    const isAgain = block.residents.has(path);
    if (this.failure !== undefined) this.tell(actor, { type: "actor.failed", error: this.failure });
    else if (!isAgain && (block.state !== "running" || (at instanceof NodeHandle && at.node.isGone))) this.tell(actor, { type: "actor.failed", error: this.unavailable(actor, `${at.name} ${block.state === "draining" ? "is being drained" : "has ended"}`, "Ask the kernel for another: await kernel.block(label).") });
    else this.place(actor, at, isAgain);
    return actor as unknown as Thread<never, never>;
  }

  /** Where it was started first, or else near that, where it is started again; waits where there is nothing. */
  private place(actor: RemoteActor, at: BlockHandle | NodeHandle, isAgain: boolean): void {
    const block = at instanceof BlockHandle ? at : at.of;
    const seats = [...this.nodes.values()].filter(({ mayHost }) => mayHost).sort((a, b) => a.actors.size - b.actors.size || a.rank - b.rank);
    const same = at instanceof NodeHandle ? seats.find((node) => node === at.node) : undefined;
    const near = at instanceof BlockHandle || isAgain ? seats.find((node) => node.block === block.id) : undefined;
    const mayMove = isAgain && block.state !== "running";
    const node = same ?? near ?? (mayMove ? seats[0] : undefined);
    if (node !== undefined) this.seat(actor, block, node);
    else this.await(actor, at, isAgain);
  }

  private seat(actor: RemoteActor, block: BlockHandle, node: ActorNode): void {
    actor.timer?.cancel();
    actor.node = node;
    node.actors.add(actor);
    const { path } = actor.start.owner;
    block.residents.add(path);
    this.handleOf(node.block).residents.add(path);
    this.tell(actor, { type: "node.chosen" });
  }

  private readonly placing = new Map<RemoteActor, () => void>();

  private await(actor: RemoteActor, at: BlockHandle | NodeHandle, isAgain: boolean): void {
    this.placing.set(actor, () => this.place(actor, at, isAgain));
    if (actor.timer !== undefined) return;
    const { start } = actor.start.limits;
    const ms = start * placingPart;
    if (ms !== Infinity) actor.timer = this.clock.after(ms, () => this.tell(actor, { type: "actor.failed", error: this.unavailable(actor, `no node of "${this.label}" could take it within ${Math.round(ms)} ms: ${this.ports.describe()}`, "Raise its startTimeout where a queue takes longer, or maxBlocks where no more are allowed.") }));
    this.ports.wanted();
  }

  private unavailable(actor: RemoteActor, why: string, hint: string): BlockUnavailable {
    const { path } = actor.start.owner;
    return new BlockUnavailable("CW-BLOCK-007", `${path} was not started: ${why}`, { where: { actor: path, executor: this.label }, hint });
  }

  send(actor: RemoteActor, heading: Uint8Array, payload: Uint8Array | undefined): void {
    if (actor.node !== undefined) this.ports.send(actor.node.uid, heading, payload);
  }

  tell(actor: RemoteActor, message: RemoteActorMessage): void {
    this.ports.dispatcher.tell(actor, message);
  }

  /** Something is due from it: the program goes on meanwhile. */
  hold(actor: RemoteActor, held: boolean): void {
    if (held && !actor.is("final")) this.held.add(actor);
    else this.held.delete(actor);
    this.settleHold();
  }

  private settleHold(): void {
    if (this.held.size + this.waiters.length > 0) this.holding ??= setInterval(() => undefined, 2 ** 30);
    else {
      clearInterval(this.holding);
      this.holding = undefined;
    }
  }

  private makeKind(): RemoteActorKind {
    return {
      name: "remote-actor",
      chart,
      perform: {
        "actor.open": (_, actor) => actor.again(),
        "items.again": (_, actor) => actor.again(),
        "thread.terminate": (_, actor) => actor.say(word.terminate),
        "lease.await": ({ ms }, actor) => {
          actor.timer = this.clock.after(ms, () => this.tell(actor, { type: "lease.expired" }));
        },
        "lease.settle": (_, actor) => actor.timer?.cancel(),
        "actor.end": ({ end }, actor) => this.end(actor, end),
      },
      crashed: (_, error) => this.ports.broken(error),
    };
  }

  private end(actor: RemoteActor, end: RemoteEnd): void {
    const { node } = actor;
    this.actors.delete(actor.number);
    this.placing.delete(actor);
    node?.actors.delete(actor);
    actor.finish(this.exitOf(actor, end));
    if (node !== undefined && end.how === "failed") this.ports.send(node.uid, forgetting(actor.number), undefined);
    if (node !== undefined && end.how === "exited") actor.tellKnown();
    node?.checkEmpty();
    if (this.actors.size === 0) this.whenEmpty?.();
  }

  private exitOf(actor: RemoteActor, end: RemoteEnd): ThreadExit {
    if (end.how === "unbegun") return { code: 0 };
    if (end.how === "failed") return { code: 0, error: end.error, isLost: actor.node !== undefined };
    if (end.how === "lost") return { code: 0, error: lossOf(actor, end.loss, this.ports), isLost: true };
    const { exit } = actor;
    if (exit === undefined || exit.leaseOver) return { code: 0, error: lossOf(actor, "silent", this.ports) };
    return { code: exit.code, ...("error" in exit ? { error: exit.error } : {}) };
  }

  // What is heard of nodes

  private handleOf(id: string): BlockHandle {
    const handle = this.handles.get(id) ?? new BlockHandle(this, id);
    this.handles.set(id, handle);
    return handle;
  }

  registered(facts: NodeFacts, rests: boolean): void {
    const node = this.nodes.get(facts.uid) ?? this.welcome(facts);
    this.back(node);
    if (rests) node.tell({ type: "node.drain" });
    this.roomChanged();
  }

  private welcome(facts: NodeFacts): ActorNode {
    const node: ActorNode = new ActorNode(facts, {
      "actors.detach": ({ loss, ms }) => {
        for (const actor of node.actors) this.tell(actor, { type: "node.detached", loss, ms });
      },
      "node.end": ({ loss }) => this.over(node, loss),
    });
    this.nodes.set(facts.uid, node);
    const handle = this.handleOf(facts.block);
    handle.members.set(facts.uid, new NodeHandle(this, handle, node));
    return node;
  }

  private back(node: ActorNode): void {
    node.lostAt = undefined;
    node.tell({ type: "node.back" });
  }

  /** There may be a node for those that wait. */
  private roomChanged(): void {
    for (const [actor, again] of [...this.placing]) {
      this.placing.delete(actor);
      again();
    }
    const running = this.blocks.find(({ state }) => state === "running");
    if (running === undefined) return;
    for (const got of this.waiters.splice(0)) got(running);
    this.settleHold();
  }

  /** Its manager has left, or is held for lost. One that only lost its link may go on until its lease is over. */
  left(event: Extract<InterchangeEvent, { readonly t: "manager.lost" | "manager.gone" }>): void {
    const node = this.nodes.get(event.uid);
    if (node === undefined) return;
    if (event.t === "manager.gone") {
      node.tell({ type: "node.lost", loss: "left" });
      return;
    }
    const { loss, silentMs, isEnded = false } = event;
    node.lostAt = this.clock.now() - silentMs;
    if (isEnded || loss !== "disconnected") node.tell({ type: "node.lost", loss: isEnded ? "ended" : (loss as NodeLoss) });
    else {
      node.tell({ type: "node.detached", loss, ms: Math.max(0, this.ports.leaseMs - silentMs) });
      node.checkEmpty();
    }
  }

  private over(node: ActorNode, loss: NodeLoss): void {
    this.nodes.delete(node.uid);
    this.handles.get(node.block)?.members.delete(node.uid);
    for (const actor of node.actors) this.tell(actor, { type: "node.lost", loss });
    if (this.handles.get(node.block)?.isOver === true) this.roomChanged();
  }

  /** Its job has ended, and with it all its processes. */
  blockOver(block: string): void {
    const handle = this.handles.get(block);
    if (handle === undefined) return;
    this.handles.delete(block);
    handle.end();
    for (const { node } of [...handle.members.values()]) node.tell({ type: "node.lost", loss: "block-over" });
    this.roomChanged();
  }

  /** Nothing new goes to these nodes, and what is there is asked to end. */
  drain(block: string, uid?: string): void {
    for (const node of this.nodes.values()) {
      if (node.block !== block || (uid !== undefined && node.uid !== uid)) continue;
      node.tell({ type: "node.drain" });
      for (const actor of node.actors) this.recall(actor, { reason: "drained", executor: this.label, block, node: node.host });
    }
  }

  /** It has the time that it may take to end. */
  private recall(actor: RemoteActor, why: unknown, most = Infinity): void {
    if (actor.isRecalled) return;
    actor.isRecalled = true;
    actor.start.recalled?.(why);
    const ms = Math.min(most, actor.start.limits.stop);
    if (ms !== Infinity) this.clock.after(ms, () => this.tell(actor, { type: "actor.terminate" }));
  }

  /** It has nodes no more. Resolves when none of its actors is left, at most so many milliseconds later. */
  stop(error: Error, withinMs: number): Promise<void> {
    this.failure ??= error;
    for (const got of this.waiters.splice(0)) this.refusers.get(got)?.(error);
    this.settleHold();
    for (const actor of this.placing.keys()) this.tell(actor, { type: "actor.failed", error });
    for (const actor of this.actors.values()) this.recall(actor, { reason: "executor stopped", executor: this.label }, withinMs / 2);
    if (this.actors.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.clock.after(withinMs, () => this.abandon());
      this.whenEmpty = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Its processes are ended by others, and nothing is heard of them any more. */
  abandon(): void {
    for (const actor of this.actors.values()) this.tell(actor, { type: "node.lost", loss: "executor-over" });
  }

  // What comes from nodes

  heard(uid: string, heading: Uint8Array, payload: Uint8Array): void {
    const node = this.nodes.get(uid);
    const { word: kind, actor: number, number: item, known, count } = readHeading(heading, "node");
    if (kind === word.resume) {
      this.resumed(uid, payload);
      return;
    }
    if (kind === word.dropped) return;
    const actor = this.actors.get(number);
    if (actor === undefined || node === undefined || actor.node !== node) {
      // Its own node never hears this: what another says of it is nothing.
      if (kind !== word.known) this.ports.send(uid, forgetting(number), undefined);
      return;
    }
    try {
      actor.known(known);
      if (kind !== word.known) actor.arrived(kind, item, count, payload);
    } catch (cause) {
      const { path } = actor.start.owner;
      this.tell(actor, { type: "actor.failed", error: new BadFrame("CW-LINK-003", `what ${node.host} said of ${path} is not valid: ${(cause as Error).message}`, { where: { actor: path, executor: this.label, block: node.block, host: node.host }, cause }) });
    }
  }

  /** A manager has a new link, and says which actors it has. */
  private resumed(uid: string, payload: Uint8Array): void {
    const node = this.nodes.get(uid);
    const there = new Set<number>();
    for (const { actor: number, known } of readStandings(payload)) {
      const actor = this.actors.get(number);
      if (actor === undefined || node === undefined || actor.node !== node) {
        this.ports.send(uid, forgetting(number), undefined);
        continue;
      }
      there.add(number);
      actor.known(known);
    }
    if (node === undefined) return;
    this.back(node);
    for (const actor of node.actors) this.tell(actor, !there.has(actor.number) && actor.stream.confirmed + actor.stream.received > 0 ? { type: "node.lost", loss: "left" } : { type: "node.back" });
  }
}

const forgetting = (actor: number): Uint8Array => writeHeading({ word: word.forget, actor, number: 0, known: 0, count: 0 });
