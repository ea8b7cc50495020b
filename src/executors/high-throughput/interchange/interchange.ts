import type { ManagerLoss, ManagerMessage } from "../../../state-machines/manager.js";
import type { Needs } from "../../executor.js";
import { frame, type Registration, type Token } from "../protocol.js";
import { newsHead } from "../contents.js";
import { isEnd, isOfManager, outcome, OutcomeRecords, TaskRecords, writeLoss, writeNote } from "../records.js";
import { Awaited } from "./awaited.js";
import { ActorPost } from "./actor-post.js";
import { BlockBooks } from "./block-books.js";
import { Distribution } from "./distribution.js";
import { Dispatch, ManagerNode, type NodeKind, type NodeLink } from "./node.js";
import { nodeKind } from "./node-kind.js";
import { Outgoing } from "./outgoing.js";
import { Quiet } from "./quiet.js";
import type { InterchangeOptions, InterchangePorts } from "./types.js";

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
  readonly nodes = new Map<string, ManagerNode>();
  lateOutcomes = 0;
  private readonly tasks = new Map<number, Dispatch>();
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
  private isTold: boolean;
  private managers: number;

  constructor(
    readonly options: InterchangeOptions,
    private readonly ports: InterchangePorts,
  ) {
    const { clock } = ports.dispatcher.ports;
    this.quiet = new Quiet(clock, (node, message) => this.tell(node, message), (facts) => ports.presence?.(facts) ?? "elsewhere");
    this.blocks = new BlockBooks(ports, (block) => this.isTold && !this.awaited.hasOf(block));
    this.actors = new ActorPost(ports, (node) => this.rechecked(node));
    this.outgoing = new Outgoing(ports, (node) => this.blocks.tellLoad(node));
    this.distribution = new Distribution(options.selector, ports.dispatcher.ports, this.nodes, this.outgoing, () => !this.awaited.isEmpty);
    this.kind = nodeKind(this, ports.codec);
    this.awaited = new Awaited(options.awaited ?? [], options.leaseMs, ports, () => {
      this.blocks.checkAllDrained();
      this.distribution.pump();
    });
    this.isTold = options.epoch === 1;
    this.managers = (options.epoch - 1) * managersOfEpoch;
    this.awaited.watch(clock, this.quiet, () => this.isTold);
  }

  // From the head

  define(app: number, bytes: Uint8Array): void {
    this.distribution.define(app, bytes);
  }

  submit(records: Uint8Array): void {
    const each = new TaskRecords(records);
    while (each.next()) {
      const one = new Dispatch(each.task, each.attempt, each.priority, each.walltime, each.app, records, each.from, each.to);
      one.needs = each.needs;
      this.tasks.set(one.task, one);
      this.distribution.push(one);
    }
    this.distribution.pump();
  }

  /** Takes a task back, or has it ended where it runs. What becomes of it is told as its outcome. */
  cancel(task: number, attempt: number): void {
    const one = this.tasks.get(task);
    if (one?.attempt !== attempt) return;
    if (one.node === undefined && one.bytes !== undefined) {
      this.drop(one);
      this.outgoing.note(task, attempt, outcome.revoked);
      this.distribution.dropped(one);
      return;
    }
    one.cancelled = true;
    one.node?.link?.send(frame.cancel, this.ports.codec.encode([[task, attempt]]));
  }

  /** Attempts that an earlier interchange had sent: managers that register again may have them. What none has within a lease is lost. Managers wait for this. */
  expect(tokens: readonly Token[], needs: readonly (readonly [task: number, needs: Needs])[] = []): void {
    for (const [task, attempt] of tokens) {
      const one = new Dispatch(task, attempt, Infinity, 0, 0, undefined, 0, 0);
      one.isQueued = false;
      this.tasks.set(task, one);
    }
    for (const [task, what] of needs) (this.tasks.get(task) as Dispatch).needs = what;
    this.isTold = true;
    for (const [node, facts] of this.early) this.admit(node, facts, "manager.accepted");
    this.early.clear();
    this.blocks.checkAllDrained();
    if (tokens.length === 0) return;
    this.quiet.after(this.options.leaseMs, () => {
      for (const one of this.tasks.values()) if (one.bytes === undefined && one.node === undefined) this.lose(one, { manager: "", host: "", block: "", loss: "not-back", silentMs: this.options.leaseMs, suspect: false });
      this.outgoing.flushLater();
    });
  }

  /** The block's managers get no more work; `block.drained` follows. */
  drain(block: string): void {
    this.blocks.setRest(block, true);
    for (const node of this.blocks.nodesOf(block)) {
      this.rest(node);
      this.tell(node, { type: "manager.drain" });
    }
    this.blocks.checkDrained(block);
  }

  resume(block: string): void {
    this.blocks.setRest(block, false);
    for (const node of this.blocks.nodesOf(block)) {
      this.rest(node);
      if (!node.isRetired) this.tell(node, { type: "manager.resume" });
    }
  }

  private rest(node: ManagerNode): void {
    node.isResting = node.isRetired || this.blocks.rests(node.facts.block);
    if (node.isResting) this.distribution.withdraw(node);
    else this.distribution.settleRoom(node);
  }

  /** It gets no more work from then on, and ends when it has none. */
  private retireIn(node: ManagerNode, ms: number): void {
    node.retireTimer?.cancel();
    node.retireTimer = this.ports.dispatcher.ports.clock.after(ms, () => {
      node.isRetired = true;
      this.rest(node);
      this.tell(node, { type: "manager.drain" });
      this.ports.event({ t: "manager.retired", uid: node.facts.uid, block: node.facts.block });
    });
  }

  stop(): void {
    for (const node of this.nodes.values()) this.tell(node, { type: "manager.stop" });
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
    this.rest(node);
    if (typeof facts.drainMs === "number" && !node.isRetired) this.retireIn(node, facts.drainMs);
    link.onDrain(() => this.distribution.settleRoom(node));
    if (this.isTold) this.admit(node, facts, before === undefined ? "manager.accepted" : "link.restored");
    else this.early.set(node, facts);
    return node;
  }

  private admit(node: ManagerNode, facts: Registration, type: "manager.accepted" | "link.restored"): void {
    const { epoch, heartbeatMs, leaseMs } = this.options;
    this.compare(node, facts.has);
    node.link?.send(frame.accepted, this.ports.codec.encode({ epoch, heartbeatMs, leaseMs, known: node.known }));
    this.tell(node, { type });
    if (node.isResting) this.tell(node, { type: "manager.drain" });
    this.rechecked(node);
    if (this.awaited.delete(facts.uid)) this.distribution.pump();
  }

  heard(node: ManagerNode): void {
    node.heardAt = this.now;
    if (node.state.name === "suspect") this.tell(node, { type: "manager.heard" });
  }

  /** Records of outcomes, the first of which has this number; what is there already is passed over. */
  outcomes(node: ManagerNode, first: number, records: Uint8Array): void {
    if (node.known > 0 && first > node.known + 1) throw new RangeError(`the outcomes ${node.known + 1} to ${first - 1} are missing`);
    const each = new OutcomeRecords(records);
    // What belongs to the head lies side by side, but for what comes late.
    let from = 0;
    let to = 0;
    try {
      for (let number = first; each.next(); number++, to = each.to) {
        if (number > node.known && this.outcome(node, each)) continue;
        this.outgoing.writer.bytes(records.subarray(from, each.from));
        from = each.to;
      }
    } finally {
      // Also where the next one is not understood: these have been taken.
      this.outgoing.writer.bytes(records.subarray(from, Math.max(from, to)));
      this.outgoing.flushLater();
    }
    node.known = Math.max(node.known, first + each.count - 1);
    if (node.known - node.acknowledged >= acknowledgeEvery) this.outgoing.beat(node);
    this.distribution.settleRoom(node);
    this.blocks.tellLoad(node);
    if (node.isResting) this.checkEmpty(node);
    this.distribution.pump();
  }

  /** What a task said. That of a task which the manager does not have goes nowhere; errors may come after the end. */
  news(node: ManagerNode, bytes: Uint8Array): void {
    const { task, attempt, isLate } = newsHead(bytes);
    const one = this.tasks.get(task);
    if (one === undefined ? isLate : one.node === node && one.attempt === attempt) this.ports.news(bytes);
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
    return [...this.nodes.values()].map((node) => ({ path: node.path, state: node.state.name }));
  }

  private get now(): number {
    return this.ports.dispatcher.ports.clock.now();
  }

  /** @internal */
  tell(node: ManagerNode, message: ManagerMessage): void {
    this.ports.dispatcher.tellControl(node, message);
  }

  /** Another incarnation at the same place ends the one before. */
  private welcome(facts: Registration): ManagerNode {
    for (const other of this.blocks.nodesOf(facts.block)) if (other.facts.rank === facts.rank) this.tell(other, { type: "manager.replaced" });
    const node = new ManagerNode(this.kind, facts, this.options.label, ++this.managers);
    this.nodes.set(facts.uid, node);
    this.blocks.add(node);
    const { leaseMs, reconnectMs } = this.options;
    this.ports.dispatcher.start(node, { waning: leaseMs / 2, lease: leaseMs, reconnect: reconnectMs });
    return node;
  }

  /** What it has and should not have is ended there; what it should have and never got waits again; what an earlier interchange gave it is its own. */
  private compare(node: ManagerNode, has: readonly Token[]): void {
    const there = new Map(has);
    for (const one of [...node.out.values()]) {
      if (there.get(one.task) === one.attempt) continue;
      node.take(one);
      if (one.cancelled) this.drop(one, outcome.revoked);
      else if (one.bytes === undefined) this.lose(one, { manager: node.facts.uid, host: node.facts.host, block: node.facts.block, loss: "left", silentMs: 0, suspect: false });
      else this.putBack(one);
    }
    for (const [task, attempt] of node.haunted) if (there.get(task) !== attempt) this.release(node, task, attempt);
    const strangers = has.filter(([task, attempt]) => !this.isOf(node, task, attempt));
    const cancelled = [...node.out.values()].filter((one) => one.cancelled).map(({ task, attempt }) => [task, attempt] as const);
    if (strangers.length + cancelled.length > 0) node.link?.send(frame.cancel, this.ports.codec.encode([...strangers, ...cancelled]));
  }

  private release(node: ManagerNode, task: number, attempt: number): void {
    node.haunted.delete(task);
    this.outgoing.note(task, attempt, outcome.released);
  }

  private isOf(node: ManagerNode, task: number, attempt: number): boolean {
    const one = this.tasks.get(task);
    if (one?.attempt !== attempt) return false;
    // An earlier interchange sent it there, whether the head has learnt of that or not.
    if (one.node === undefined && (one.bytes === undefined || one.isQueued)) node.adopt(one);
    return one.node === node;
  }

  /** Whether it is for the head: what comes of an attempt that the manager does not have is not. */
  private outcome(node: ManagerNode, record: OutcomeRecords): boolean {
    const { task, attempt, kind, ms } = record;
    if (!isOfManager(kind)) throw new TypeError(`a manager tells no outcome of kind ${kind}`);
    if (kind === outcome.released && node.haunted.get(task) === attempt) return node.haunted.delete(task);
    const one = this.tasks.get(task);
    if (one?.node !== node || one.attempt !== attempt) {
      this.lateOutcomes++;
      return false;
    }
    if (kind === outcome.started) one.started = true;
    else if (isEnd(kind) || kind === outcome.released) {
      node.take(one);
      if (kind === outcome.revoked && !one.cancelled) {
        // Nobody here has asked for that.
        const { uid: manager, host, block } = node.facts;
        this.lose(one, { manager, host, block, loss: "ended-there", silentMs: 0, suspect: false });
        return false;
      }
      this.tasks.delete(task);
      if (kind === outcome.value || kind === outcome.thrown) this.distribution.learn(one.app, ms);
      else if (kind === outcome.failed && record.isHeld) node.haunted.set(task, attempt);
    }
    return true;
  }

  private putBack(one: Dispatch): void {
    one.started = false;
    one.isQueued = true;
    this.distribution.putBack(one);
    this.outgoing.note(one.task, one.attempt, outcome.requeued);
  }

  private drop(one: Dispatch, kind?: typeof outcome.revoked): void {
    one.isQueued = false;
    this.tasks.delete(one.task);
    if (kind !== undefined) writeNote(this.outgoing.writer, one.task, one.attempt, kind);
  }

  private lose(one: Dispatch, note: Parameters<typeof writeLoss>[3]): void {
    this.drop(one);
    writeLoss(this.outgoing.writer, one.task, one.attempt, note);
  }

  /** @internal */
  loseAll(node: ManagerNode, loss: ManagerLoss | undefined): void {
    const suspects = node.suspects();
    const { uid: manager, host, block } = node.facts;
    const silentMs = Math.round(this.now - node.heardAt);
    for (const one of [...node.out.values()]) {
      node.take(one);
      if (one.cancelled) this.drop(one, outcome.revoked);
      else this.lose(one, { manager, host, block, loss: loss ?? "left", silentMs, suspect: suspects.has(one) && loss !== undefined && loss !== "replaced" });
    }
    for (const [task, attempt] of [...node.haunted]) this.release(node, task, attempt);
    node.link?.close();
    node.link = undefined;
    this.early.delete(node);
    node.retireTimer?.cancel();
    this.nodes.delete(node.facts.uid);
    this.blocks.delete(node);
    this.distribution.withdraw(node);
    this.blocks.tellLoad(node);
    this.blocks.checkDrained(node.facts.block);
    this.outgoing.flushLater();
  }

  /** @internal */
  checkEmpty(node: ManagerNode): void {
    if (!node.isIdle || node.state.name !== "draining") return;
    this.blocks.checkDrained(node.facts.block);
    if (node.isRetired) this.tell(node, { type: "manager.emptied" });
  }

  private rechecked(node: ManagerNode): void {
    this.checkEmpty(node);
    this.blocks.tellLoad(node);
  }

  /** @internal What becomes of a manager is told. */
  announce(what: "registered" | "lost" | "gone", loss: string | undefined, { facts, heardAt }: ManagerNode): void {
    const { uid, block, host } = facts;
    if (what === "registered") this.ports.event({ t: "registered", uid, facts });
    else if (what === "gone") this.ports.event({ t: "manager.gone", uid, block });
    else this.ports.event({ t: "manager.lost", uid, block, host, loss: loss ?? "", silentMs: Math.round(this.now - heardAt), isEnded: this.ports.presence?.(facts) === "gone" });
  }
}
