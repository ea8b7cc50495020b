import { Cell, type Performers } from "../../../actors/cell.js";
import { compile } from "../../../actors/compile.js";
import type { Timer } from "../../../actors/ports.js";
import { interchangeMachine, type InterchangeContext, type InterchangeEffect, type InterchangeInput, type InterchangeMessage } from "../../../state-machines/interchange.js";
import type { ManagerLoss, ManagerMessage } from "../../../state-machines/manager.js";
import type { Needs } from "../../executor.js";
import { frame, type Registration, type Token } from "../protocol.js";
import { Awaited } from "./awaited.js";
import { ActorPost } from "./actor-post.js";
import { BlockBooks } from "./block-books.js";
import { Distribution } from "./distribution.js";
import { ManagerNode, type NodeKind, type NodeLink } from "./node.js";
import { nodeKind } from "./node-kind.js";
import { OpenTasks } from "./open-tasks.js";
import { Outgoing } from "./outgoing.js";
import { Quiet } from "./quiet.js";
import type { InterchangeOptions, InterchangePorts } from "./types.js";

const chart = compile<InterchangeContext, InterchangeMessage, InterchangeEffect, InterchangeInput>(interchangeMachine);

/** The numbers of managers are not given again by the interchanges that follow. */
const managersOfEpoch = 1_000_000;
/** Acknowledged at once when so many outcomes have come since the last time. */
const acknowledgeEvery = 4096;

/**
 * Gives tasks to managers: by priority, then by age, to managers with a free worker first, and ahead of time where tasks are short.
 * Knows no socket and no clock of its own. A task that its manager was lost with is told as lost; it never has it run again by itself,
 * since nobody can know then that it has not begun.
 */
export class Interchange {
  private readonly cell: Cell<InterchangeContext, InterchangeMessage, InterchangeEffect>;
  readonly nodes = new Map<string, ManagerNode>();
  private readonly tasks: OpenTasks;
  private readonly outgoing: Outgoing;
  /** @internal */
  readonly distribution: Distribution;
  private readonly blocks: BlockBooks;
  readonly actors: ActorPost;
  /** @internal */
  readonly quiet: Quiet;
  private readonly kind: NodeKind;
  private readonly awaited: Awaited;
  /** Managers that came before the head had said what those before this interchange had been given. */
  private readonly early = new Map<ManagerNode, Registration>();
  private stopTimer: Timer | undefined;
  private ended!: () => void;
  private readonly whenEnded = new Promise<void>((resolve) => (this.ended = resolve));
  private managers: number;

  constructor(
    readonly options: InterchangeOptions,
    private readonly ports: InterchangePorts,
  ) {
    const { dispatcher, codec } = ports;
    const { label, epoch, leaseMs, selector } = options;
    const { clock } = dispatcher.ports;
    this.quiet = new Quiet(clock, (node, message) => this.tell(node, message), (facts) => ports.presence?.(facts) ?? "elsewhere");
    this.blocks = new BlockBooks(ports, (block) => this.cell.is("admits") && !this.awaited.hasOf(block), () => this.outgoing.flush());
    this.actors = new ActorPost(ports, (node) => this.rechecked(node));
    this.outgoing = new Outgoing(ports, (node) => this.blocks.tellLoad(node));
    this.distribution = new Distribution(selector, dispatcher.ports, this.nodes, this.outgoing, () => !this.cell.is("gives-work"));
    this.tasks = new OpenTasks(this.distribution, this.outgoing, codec);
    this.kind = nodeKind(this, codec);
    this.awaited = new Awaited(options.awaited ?? [], leaseMs, ports, (count) => this.turn({ type: "managers.missing", count }));
    this.managers = (epoch - 1) * managersOfEpoch;
    this.cell = new Cell({ name: "interchange", chart, perform: this.performers(), crashed: (_: unknown, error: unknown) => ports.broken(error) }, label, epoch);
    dispatcher.start(this.cell, { isFirst: epoch === 1, awaited: this.awaited.size });
  }

  // From the head

  define(app: number, bytes: Uint8Array): void {
    this.distribution.define(app, bytes);
  }

  submit(records: Uint8Array): void {
    this.tasks.submit(records);
  }

  cancel(task: number, attempt: number): void {
    this.tasks.cancel(task, attempt);
  }

  /** Attempts that an earlier interchange had sent: managers that register again may have them. What none has within a lease is lost. Managers wait for this. */
  expect(tokens: readonly Token[], needs: readonly (readonly [task: number, needs: Needs])[] = []): void {
    this.tasks.expect(tokens, needs);
    this.turn({ type: "head.told" });
    if (tokens.length === 0) return;
    this.quiet.after(this.options.leaseMs, () => this.tasks.loseUnclaimed(this.options.leaseMs));
  }

  /** The block's managers get no more work; `block.drained` follows. */
  drain(block: string): void {
    this.blocks.setRest(block, true);
    for (const node of this.blocks.nodesOf(block)) this.tell(node, { type: "manager.drain" });
    this.blocks.checkDrained(block);
  }

  resume(block: string): void {
    this.blocks.setRest(block, false);
    for (const node of this.blocks.nodesOf(block)) this.tell(node, { type: "manager.resume" });
  }

  /** It wants no more work from then on. */
  private retireIn(node: ManagerNode, ms: number): void {
    node.retireTimer?.cancel();
    node.retireTimer = this.ports.dispatcher.ports.clock.after(ms, () => this.tell(node, { type: "manager.retire" }));
  }

  /** Tells all managers to end, also those that come yet. Resolves when none is left, or after so many milliseconds. */
  stop(within: number): Promise<void> {
    this.turn({ type: "interchange.stop", within });
    return this.whenEnded;
  }

  /** It is being stopped, or has been. */
  get isEnding(): boolean {
    return this.cell.is("ending");
  }

  // From managers

  /** A manager's link is made. Throws where it gives itself out for one of another block. */
  register(facts: Registration, link: NodeLink): ManagerNode {
    const before = this.nodes.get(facts.uid);
    if (before !== undefined && before.facts.block !== facts.block) throw new TypeError(`there is a manager ${facts.uid} already, of another block than ${facts.block}`);
    // Nothing that was meant for its former link, and nothing that still comes by it.
    before?.takeOutbox();
    before?.link?.close();
    // What it was told of its apps may have been on its way.
    before?.apps.clear();
    const node = before ?? this.welcome(facts);
    node.link = link;
    node.actors = new Set(facts.actors);
    node.heardAt = this.now;
    node.endsAt = facts.remainingMs === null ? Infinity : this.now + facts.remainingMs;
    this.distribution.settleRoom(node);
    if (typeof facts.drainMs === "number") this.retireIn(node, facts.drainMs);
    link.onDrain(() => this.distribution.settleRoom(node));
    if (this.cell.is("admits")) this.admit(node, facts, before === undefined ? "manager.accepted" : "link.restored");
    else this.early.set(node, facts);
    if (this.cell.is("ending")) this.tell(node, { type: "manager.stop" });
    return node;
  }

  private admit(node: ManagerNode, facts: Registration, type: "manager.accepted" | "link.restored"): void {
    const { epoch, heartbeatMs, leaseMs } = this.options;
    this.tasks.compare(node, facts.has);
    node.link?.send(frame.accepted, this.ports.codec.encode({ epoch, heartbeatMs, leaseMs, known: node.known }));
    this.tell(node, { type });
    this.rechecked(node);
    if (this.awaited.delete(facts.uid)) this.turn({ type: "manager.returned" });
  }

  heard(node: ManagerNode): void {
    node.heardAt = this.now;
    if (node.state.name === "suspect") this.tell(node, { type: "manager.heard" });
  }

  outcomes(node: ManagerNode, first: number, records: Uint8Array): void {
    this.tasks.outcomes(node, first, records);
    if (node.known - node.acknowledged >= acknowledgeEvery) this.outgoing.beat(node);
    this.distribution.settleRoom(node);
    this.blocks.tellLoad(node);
    this.checkEmpty(node);
    this.distribution.pump();
  }

  /** What a task said. That of a task which the manager does not have goes nowhere; errors may come after the end. */
  news(node: ManagerNode, bytes: Uint8Array): void {
    if (this.tasks.isNews(node, bytes)) this.ports.news(bytes);
  }

  /** A sign of life: it is answered with one. */
  alive(node: ManagerNode, at: number): void {
    this.outgoing.beat(node, at);
  }

  left(node: ManagerNode): void {
    this.tell(node, { type: "manager.left" });
  }

  linkLost(node: ManagerNode, link: NodeLink): void {
    if (node.link !== link) return;
    node.link = undefined;
    this.distribution.settleRoom(node);
    this.tell(node, { type: "link.lost" });
  }

  /** Of outcomes, how many came too late. */
  get lateOutcomes(): number {
    return this.tasks.lateOutcomes;
  }

  status(): { readonly queued: number; readonly out: number; readonly managers: number; readonly workers: number } {
    let out = 0;
    let workers = 0;
    for (const node of this.nodes.values()) {
      out += node.out.size;
      workers += node.facts.workers;
    }
    return { queued: this.distribution.size, out, managers: this.nodes.size, workers };
  }

  tree(): { path: string; state: string }[] {
    return [this.cell, ...this.nodes.values()].map((node) => ({ path: node.path, state: node.state.name }));
  }

  private get now(): number {
    return this.ports.dispatcher.ports.clock.now();
  }

  /** @internal */
  tell(node: ManagerNode, message: ManagerMessage): void {
    this.ports.dispatcher.tellControl(node, message);
  }

  private turn(message: InterchangeMessage): void {
    this.ports.dispatcher.tellControl(this.cell, message);
  }

  private performers(): Performers<InterchangeEffect, unknown> {
    const { clock } = this.ports.dispatcher.ports;
    return {
      "return.await": () => this.awaited.awaitReturn(this.quiet),
      "processes.watch": () => this.awaited.watchProcesses(clock),
      "managers.admit": () => {
        for (const [node, facts] of this.early) this.admit(node, facts, "manager.accepted");
        this.early.clear();
      },
      "blocks.check": () => this.blocks.checkAllDrained(),
      "work.begin": () => this.distribution.pump(),
      "managers.stop": () => {
        for (const node of this.nodes.values()) this.tell(node, { type: "manager.stop" });
        this.checkGone();
      },
      "timer.start": ({ ms }) => {
        this.stopTimer = clock.after(ms, () => this.turn({ type: "stop.expired" }));
      },
      "timer.cancel": () => this.stopTimer?.cancel(),
      "interchange.end": () => this.ended(),
    };
  }

  private checkGone(): void {
    if (this.nodes.size === 0) this.turn({ type: "managers.gone" });
  }

  /** Another incarnation at the same place ends the one before. */
  private welcome(facts: Registration): ManagerNode {
    for (const other of this.blocks.nodesOf(facts.block)) if (other.facts.rank === facts.rank) this.tell(other, { type: "manager.replaced" });
    const node = new ManagerNode(this.kind, facts, this.options.label, ++this.managers);
    this.nodes.set(facts.uid, node);
    this.blocks.add(node);
    const { leaseMs, reconnectMs } = this.options;
    this.ports.dispatcher.start(node, { waning: leaseMs / 2, lease: leaseMs, reconnect: reconnectMs });
    if (this.blocks.rests(facts.block)) this.tell(node, { type: "manager.drain" });
    return node;
  }

  /** @internal */
  loseAll(node: ManagerNode, loss: ManagerLoss | undefined): void {
    this.tasks.loseAll(node, loss, Math.round(this.now - node.heardAt));
    node.link?.close();
    node.link = undefined;
    this.early.delete(node);
    node.retireTimer?.cancel();
    this.nodes.delete(node.facts.uid);
    this.blocks.delete(node);
    this.distribution.withdraw(node);
    this.blocks.tellLoad(node);
    this.blocks.checkDrained(node.facts.block);
    this.checkGone();
  }

  /** @internal It gets no more work from now on. */
  rests(node: ManagerNode): void {
    this.distribution.withdraw(node);
    this.checkEmpty(node);
  }

  private checkEmpty(node: ManagerNode): void {
    if (!node.isIdle) return;
    this.blocks.checkDrained(node.facts.block);
    if (node.is("resting")) this.tell(node, { type: "manager.emptied" });
  }

  private rechecked(node: ManagerNode): void {
    this.checkEmpty(node);
    this.blocks.tellLoad(node);
  }

  /** @internal What becomes of a manager is told. */
  announce(what: "registered" | "retired" | "lost" | "gone", loss: string | undefined, { facts, heardAt }: ManagerNode): void {
    const { uid, block, host } = facts;
    if (what === "registered") this.ports.event({ t: "registered", uid, facts });
    else if (what === "retired") this.ports.event({ t: "manager.retired", uid, block });
    else if (what === "gone") this.ports.event({ t: "manager.gone", uid, block });
    else this.ports.event({ t: "manager.lost", uid, block, host, loss: loss ?? "", silentMs: Math.round(this.now - heardAt), isEnded: this.ports.presence?.(facts) === "gone" });
  }
}
