import { compile } from "../../../actors/compile.js";
import type { Dispatcher } from "../../../actors/dispatcher.js";
import type { Timer } from "../../../actors/ports.js";
import type { ControlCodec } from "../../../actors/links/control.js";
import { managerMachine, type ManagerContext, type ManagerEffect, type ManagerInput, type ManagerLoss, type ManagerMessage } from "../../../state-machines/manager.js";
import type { Needs } from "../../executor.js";
import { WorkQueue } from "../../work-queue.js";
import { ByteWriter } from "../bytes.js";
import { frame, type Registration, type Token } from "../protocol.js";
import { newsHead } from "../contents.js";
import { isEnd, isOfManager, outcome, OutcomeRecords, TaskRecords, writeLoss, writeNote } from "../records.js";
import { Bag } from "./bag.js";
import { Dispatch, ManagerNode, type NodeKind, type NodeLink } from "./node.js";
import { Larges } from "./larges.js";
import { Choice, couldRun, select, selectLarge, type ManagerSelector } from "./selectors.js";

export type KnownManager = Pick<Registration, "uid" | "block" | "host">;

export interface InterchangeOptions {
  readonly label: string;
  /** Counts the interchanges of this executor, from 1. */
  readonly epoch: number;
  readonly selector: ManagerSelector;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** How long a manager whose link has ended has to come back, in milliseconds. */
  readonly reconnectMs: number;
  /** Managers of the interchange before this one: what waits is not given to others before these have said what they have. */
  readonly awaited?: readonly KnownManager[];
}

/** What the head learns besides what becomes of tasks. */
export type InterchangeEvent =
  | { readonly t: "registered"; readonly uid: string; readonly facts: Registration }
  | { readonly t: "manager.lost"; readonly uid: string; readonly block: string; readonly host: string; readonly loss: string; readonly silentMs: number }
  /** It wants no more work, and ends when it has finished what it has. */
  | { readonly t: "manager.retired"; readonly uid: string; readonly block: string }
  | { readonly t: "manager.gone"; readonly uid: string; readonly block: string }
  /** Nothing of the block's managers has work any more, and they get none. */
  | { readonly t: "block.drained"; readonly block: string }
  | { readonly t: "block.load"; readonly block: string; readonly busy: boolean };

export interface InterchangePorts {
  readonly dispatcher: Dispatcher;
  readonly codec: ControlCodec;
  /** Records of outcomes, in memory of their own. */
  toHead(records: Uint8Array<ArrayBuffer>): void;
  /** What a task reported, as its manager wrote it. */
  news(bytes: Uint8Array): void;
  event(event: InterchangeEvent): void;
}

const chart = compile<ManagerContext, ManagerMessage, ManagerEffect, ManagerInput>(managerMachine);

const nothing = new Uint8Array(0);

/** Acknowledged at once when so many outcomes have come since the last time. */
/** The numbers of managers are not given again by the interchanges that follow. */
const managersOfEpoch = 1_000_000;
const acknowledgeEvery = 4096;
const loadMs = 200;
const sentMs = 2;
/** So long others may go past a task that needs more than is free anywhere. */
const keepAfterMs = 1000;
/** A timer that rings so much later than it should has been held up by this very thread: silence meanwhile proves nothing. */
const stallMs = 250;

/**
 * Gives tasks to managers: by priority, then by age, to managers with a free worker first, and ahead of time where tasks are short.
 * Knows no socket and no clock of its own. A task that its manager was lost with is told as lost; it never has it run again by itself,
 * since nobody can know then that it has not begun.
 */
export class Interchange {
  readonly nodes = new Map<string, ManagerNode>();
  lateOutcomes = 0;
  private readonly queue = new WorkQueue<Dispatch>();
  private readonly tasks = new Map<number, Dispatch>();
  /** What no manager that is here can run. */
  private misfits: Dispatch[] = [];
  private readonly larges = new Larges();
  /** The manager that is kept free for a large task, and the timer that looks after those that wait. */
  private kept: ManagerNode | undefined;
  private keepTimer: Timer | undefined;
  private readonly expected = new Map<number, number>();
  private readonly definitions = new Map<number, Uint8Array>();
  private readonly free = new Bag<ManagerNode>();
  private readonly roomy = new Bag<ManagerNode>();
  private readonly posted = new Set<ManagerNode>();
  private readonly draining = new Set<string>();
  private readonly blocks = new Map<string, Set<ManagerNode>>();
  /** Whether each block had work when that was told last. */
  private readonly busy = new Map<string, boolean>();
  private readonly unsettled = new Set<string>();
  private readonly writer = new ByteWriter();
  private readonly kind: NodeKind;
  private readonly choice: Choice;
  private readonly awaited: Map<string, KnownManager>;
  /** Managers that came before the head had said what those before this interchange had been given. */
  private readonly early = new Map<ManagerNode, Registration>();
  private isTold: boolean;
  private managers: number;
  private flushing = false;
  private posting = false;
  private sentTimer = false;

  constructor(
    readonly options: InterchangeOptions,
    private readonly ports: InterchangePorts,
  ) {
    this.kind = this.makeKind();
    this.choice = new Choice(this.free, this.roomy, ports.dispatcher.ports.random);
    this.awaited = new Map(options.awaited?.map((one) => [one.uid, one]));
    this.isTold = options.epoch === 1;
    this.managers = (options.epoch - 1) * managersOfEpoch;
    if (this.awaited.size > 0) this.afterQuiet(options.leaseMs, () => this.giveUp());
  }

  /** What an interchange before this one knew of, and has not come back within a lease, is lost. */
  private giveUp(): void {
    for (const { uid, block, host } of this.awaited.values()) this.ports.event({ t: "manager.lost", uid, block, host, loss: "not-back", silentMs: this.options.leaseMs });
    this.awaited.clear();
    this.checkAllDrained();
    this.pump();
  }

  // From the head

  define(app: number, bytes: Uint8Array): void {
    this.definitions.set(app, bytes);
  }

  submit(records: Uint8Array): void {
    const each = new TaskRecords(records);
    while (each.next()) {
      const one = new Dispatch(each.task, each.attempt, each.priority, each.walltime, each.app, records, each.from, each.to);
      one.needs = each.needs;
      this.tasks.set(one.task, one);
      this.queue.push(one);
    }
    this.pump();
  }

  /** Takes a task back, or has it ended where it runs. What becomes of it is told as its outcome. */
  cancel(task: number, attempt: number): void {
    const one = this.tasks.get(task);
    if (one?.attempt !== attempt) return;
    if (one.node === undefined && one.bytes !== undefined) {
      this.drop(one);
      writeNote(this.writer, task, attempt, outcome.revoked);
      this.flushLater();
      if (this.kept?.keptFor === one) {
        this.unkeep();
        this.pump();
      }
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
    this.checkAllDrained();
    if (tokens.length === 0) return;
    this.afterQuiet(this.options.leaseMs, () => {
      for (const one of this.tasks.values()) if (one.bytes === undefined && one.node === undefined) this.lose(one, { manager: "", host: "", block: "", loss: "not-back", silentMs: this.options.leaseMs, suspect: false });
      this.flushLater();
    });
  }

  /** The block's managers get no more work; `block.drained` follows. */
  drain(block: string): void {
    this.draining.add(block);
    for (const node of this.nodesOf(block)) {
      this.rest(node);
      this.tell(node, { type: "manager.drain" });
    }
    this.checkDrained(block);
  }

  resume(block: string): void {
    this.draining.delete(block);
    for (const node of this.nodesOf(block)) {
      this.rest(node);
      if (!node.isRetired) this.tell(node, { type: "manager.resume" });
    }
  }

  private rest(node: ManagerNode): void {
    node.isResting = node.isRetired || this.draining.has(node.facts.block);
    if (node.isResting && node === this.kept) this.unkeep();
    this.settleRoom(node);
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
    node.heardAt = this.now;
    node.endsAt = facts.remainingMs === null ? Infinity : this.now + facts.remainingMs;
    this.rest(node);
    if (typeof facts.drainMs === "number" && !node.isRetired) this.retireIn(node, facts.drainMs);
    link.onDrain(() => this.settleRoom(node));
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
    this.checkEmpty(node);
    this.tellLoad(node);
    if (this.awaited.delete(facts.uid)) this.pump();
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
        this.writer.bytes(records.subarray(from, each.from));
        from = each.to;
      }
    } finally {
      // Also where the next one is not understood: these have been taken.
      this.writer.bytes(records.subarray(from, Math.max(from, to)));
      this.flushLater();
    }
    node.known = Math.max(node.known, first + each.count - 1);
    if (node.known - node.acknowledged >= acknowledgeEvery) this.beat(node);
    this.settleRoom(node);
    this.tellLoad(node);
    if (node.isResting) this.checkEmpty(node);
    this.pump();
  }

  /** What a task said. That of a task which the manager does not have goes nowhere; errors may come after the end. */
  news(node: ManagerNode, bytes: Uint8Array): void {
    const { task, attempt, isLate } = newsHead(bytes);
    const one = this.tasks.get(task);
    if (one === undefined ? isLate : one.node === node && one.attempt === attempt) this.ports.news(bytes);
  }

  /** A sign of life: it is answered with one. */
  alive(node: ManagerNode, at: number): void {
    this.beat(node, at);
  }

  left(node: ManagerNode): void {
    this.tell(node, { type: "manager.left" });
  }

  linkLost(node: ManagerNode, link: NodeLink): void {
    if (node.link !== link) return;
    node.link = undefined;
    this.settleRoom(node);
    this.tell(node, { type: "link.lost" });
  }

  status(): { readonly queued: number; readonly out: number; readonly managers: number; readonly workers: number } {
    let out = 0;
    let workers = 0;
    for (const node of this.nodes.values()) {
      out += node.out.size;
      workers += node.facts.workers;
    }
    return { queued: this.queue.size + this.misfits.length + this.larges.size, out, managers: this.nodes.size, workers };
  }

  tree(): { path: string; state: string }[] {
    return [...this.nodes.values()].map((node) => ({ path: node.path, state: node.state.name }));
  }

  private get now(): number {
    return this.ports.dispatcher.ports.clock.now();
  }

  private tell(node: ManagerNode, message: ManagerMessage): void {
    this.ports.dispatcher.tellControl(node, message);
  }

  private nodesOf(block: string): readonly ManagerNode[] {
    return [...(this.blocks.get(block) ?? [])];
  }

  /** Another incarnation at the same place ends the one before. */
  private welcome(facts: Registration): ManagerNode {
    for (const other of this.nodesOf(facts.block)) if (other.facts.rank === facts.rank) this.tell(other, { type: "manager.replaced" });
    const node = new ManagerNode(this.kind, facts, this.options.label, ++this.managers);
    this.nodes.set(facts.uid, node);
    const block = this.blocks.get(facts.block);
    if (block === undefined) this.blocks.set(facts.block, new Set([node]));
    else block.add(node);
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
    writeNote(this.writer, task, attempt, outcome.released);
    this.flushLater();
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
      if (kind === outcome.value || kind === outcome.thrown) this.learn(one.app, ms);
      else if (kind === outcome.failed && record.isHeld) node.haunted.set(task, attempt);
    }
    return true;
  }

  /** An app that was slow once may be so again; one that was quick is believed slowly. */
  private learn(app: number, ms: number): void {
    const before = this.expected.get(app);
    this.expected.set(app, before === undefined || ms > before ? ms : before * 0.9 + ms * 0.1);
  }

  private pump(): void {
    const { choice, queue } = this;
    if (this.awaited.size > 0) return;
    choice.now = this.now;
    if (!this.larges.isEmpty) this.larges.begin();
    for (;;) {
      const one = queue.peek();
      if (!this.larges.isEmpty && this.placeLarge(one)) continue;
      if (one === undefined) break;
      if (one.needs !== undefined) {
        queue.shift();
        if (!this.give(one)) this.setAside(one);
        continue;
      }
      if (this.free.size + this.roomy.size === 0) break;
      choice.one = one;
      choice.expected = this.expected.get(one.app) ?? -1;
      const node = select(this.options.selector, choice);
      if (node === undefined && couldRun(this.nodes.values(), one, choice.now)) break;
      queue.shift();
      if (node === undefined) this.misfits.push(one);
      else this.assign(one, node, choice.expected);
    }
    if (this.posted.size > 0) this.postLater();
    if (!this.larges.isEmpty) this.keepFor();
  }

  /** Gives the soonest large task that has waited, and comes before that one, to whoever has what it needs. False where there is none. */
  private placeLarge(before: Dispatch | undefined): boolean {
    const { larges } = this;
    const one = larges.next(before);
    if (one === undefined) return false;
    if (this.give(one)) larges.placed();
    else larges.passed();
    return true;
  }

  private give(one: Dispatch): boolean {
    const { choice } = this;
    choice.one = one;
    choice.expected = this.expected.get(one.app) ?? -1;
    const node = selectLarge(this.options.selector, this.nodes.values(), choice);
    if (node === undefined) return false;
    this.assign(one, node, choice.expected);
    if (this.kept?.keptFor === one) this.unkeep();
    return true;
  }

  private setAside(one: Dispatch): void {
    one.waitsSince = this.now;
    this.larges.add(one);
  }

  /** A large task that others have gone past for long gets a manager that takes nothing else until it fits. One at a time. */
  private keepFor(): void {
    if (this.kept === undefined) {
      const one = this.larges.overdue(this.now - keepAfterMs);
      if (one !== undefined) this.keep(one);
    }
    this.keepTimer ??= this.ports.dispatcher.ports.clock.after(keepAfterMs, () => {
      this.keepTimer = undefined;
      this.pump();
    });
  }

  private keep(one: Dispatch): void {
    const able = [...this.nodes.values()].filter((node) => node.couldHold(one, this.now));
    const [node] = able.sort((a, b) => a.out.size / a.facts.workers - b.out.size / b.facts.workers);
    if (node === undefined) return;
    this.kept = node;
    node.keptFor = one;
    this.settleRoom(node);
  }

  private unkeep(): void {
    const { kept } = this;
    this.kept = undefined;
    if (kept === undefined) return;
    kept.keptFor = undefined;
    this.settleRoom(kept);
  }

  private assign(one: Dispatch, node: ManagerNode, expected: number): void {
    const { app, task, attempt } = one;
    if (!node.apps.has(app)) {
      node.apps.add(app);
      const definition = this.definitions.get(app);
      if (definition !== undefined) {
        this.post(node);
        node.link?.send(frame.define, nothing, [definition]);
      }
    }
    node.give(one, expected);
    this.posted.add(node);
    this.settleRoom(node);
    writeNote(this.writer, task, attempt, outcome.sent);
    if (expected >= 0 && expected < sentMs) this.tellSent();
    else this.flushLater();
  }

  private settleRoom(node: ManagerNode): void {
    const { hasFreeWorker, hasRoom } = node;
    if (hasFreeWorker !== node.isFree) this.free.keep(node, (node.isFree = hasFreeWorker));
    if (hasRoom !== node.isRoomy) this.roomy.keep(node, (node.isRoomy = hasRoom));
  }

  /** All that was given to managers in this turn leaves as one frame to each. */
  private postLater(): void {
    if (this.posting) return;
    this.posting = true;
    this.ports.dispatcher.ports.scheduler.soon(() => {
      this.posting = false;
      for (const node of this.posted) this.post(node);
      this.posted.clear();
    });
  }

  /** What became of tasks in this turn goes to the head as one piece. */
  private flushLater(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.ports.dispatcher.ports.scheduler.soon(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.writer.length > 0) this.ports.toHead(this.writer.take());
  }

  /** That a short task was sent is no news to wake the head for: it goes with the next outcome, or some time later. */
  private tellSent(): void {
    if (this.sentTimer) return;
    this.sentTimer = true;
    this.ports.dispatcher.ports.clock.after(sentMs, () => {
      this.sentTimer = false;
      this.flush();
    });
  }

  private post(node: ManagerNode): void {
    const records = node.takeOutbox();
    if (records.length === 0) return;
    node.acknowledged = node.known;
    node.link?.send(frame.tasks, this.ports.codec.encode({ known: node.known }), records);
    this.tellLoad(node);
  }

  private beat(node: ManagerNode, at?: number): void {
    // What it is told to forget is with the head.
    this.flush();
    node.acknowledged = node.known;
    node.link?.send(frame.beat, this.ports.codec.encode(at === undefined ? { known: node.known } : { known: node.known, at }));
  }

  private putBack(one: Dispatch): void {
    one.started = false;
    one.isQueued = true;
    this.queue.putBack(one);
    writeNote(this.writer, one.task, one.attempt, outcome.requeued);
    this.flushLater();
  }

  private drop(one: Dispatch, kind?: typeof outcome.revoked): void {
    one.isQueued = false;
    this.tasks.delete(one.task);
    if (kind !== undefined) writeNote(this.writer, one.task, one.attempt, kind);
  }

  private lose(one: Dispatch, note: Parameters<typeof writeLoss>[3]): void {
    this.drop(one);
    writeLoss(this.writer, one.task, one.attempt, note);
  }

  private loseAll(node: ManagerNode, loss: ManagerLoss | undefined): void {
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
    if (node === this.kept) this.unkeep();
    this.nodes.delete(node.facts.uid);
    this.blocks.get(block)?.delete(node);
    this.settleRoom(node);
    this.tellLoad(node);
    this.checkDrained(node.facts.block);
    this.flushLater();
  }

  private checkEmpty(node: ManagerNode): void {
    if (!node.isIdle || node.state.name !== "draining") return;
    this.checkDrained(node.facts.block);
    if (node.isRetired) this.tell(node, { type: "manager.emptied" });
  }

  private checkDrained(block: string): void {
    if (!this.draining.has(block) || !this.isTold) return;
    for (const one of this.awaited.values()) if (one.block === block) return;
    if (this.nodesOf(block).every(({ isIdle }) => isIdle)) this.ports.event({ t: "block.drained", block });
  }

  private checkAllDrained(): void {
    for (const block of this.draining) this.checkDrained(block);
  }

  /** Whether a block has work is told some time after it has changed: short tasks change it all the time. */
  private tellLoad({ facts: { block } }: ManagerNode): void {
    if (this.unsettled.has(block) || this.isBusy(block) === this.busy.get(block)) return;
    this.unsettled.add(block);
    this.ports.dispatcher.ports.clock.after(loadMs, () => {
      this.unsettled.delete(block);
      const busy = this.isBusy(block);
      if (busy === this.busy.get(block)) return;
      this.busy.set(block, busy);
      this.ports.event({ t: "block.load", block, busy });
    });
  }

  private isBusy(block: string): boolean {
    for (const node of this.blocks.get(block) ?? []) if (!node.isIdle) return true;
    return false;
  }

  private makeKind(): NodeKind {
    return {
      name: "manager",
      chart,
      perform: {
        "work.offer": (_, node) => {
          for (const one of this.misfits.splice(0)) this.queue.putBack(one);
          this.settleRoom(node);
          this.pump();
        },
        "work.lose": ({ loss }, node) => this.loseAll(node, loss),
        "work.watch": (_, node) => this.checkEmpty(node),
        "lease.watch": (_, node) => this.watchLease(node),
        "lease.forget": (_, node) => node.leaseTimer?.cancel(),
        "reconnect.await": ({ ms }, node) => {
          node.reconnectTimer = this.afterQuiet(ms, () => this.tell(node, { type: "reconnect.expired" }));
        },
        "reconnect.settle": (_, node) => node.reconnectTimer?.cancel(),
        "manager.tell": ({ what }, node) => node.link?.send(what === "drain" ? frame.drain : frame.stop, this.ports.codec.encode(null)),
        "manager.announce": ({ what, loss }, { facts, heardAt }) => {
          const { uid, block, host } = facts;
          if (what === "registered") this.ports.event({ t: "registered", uid, facts });
          else if (what === "gone") this.ports.event({ t: "manager.gone", uid, block });
          else this.ports.event({ t: "manager.lost", uid, block, host, loss: loss ?? "", silentMs: Math.round(this.now - heardAt) });
        },
      },
      moved: (node) => this.settleRoom(node),
      crashed: (node) => {
        node.link?.close();
        this.loseAll(node, "disconnected");
      },
    };
  }

  /** So many milliseconds later, in which others could be heard: not while this thread was held up. */
  private afterQuiet(ms: number, act: () => void): Timer {
    const { clock } = this.ports.dispatcher.ports;
    const planned = this.now + ms;
    let timer = clock.after(ms, () => {
      if (this.now - planned <= stallMs) act();
      else timer = this.afterQuiet(ms, act);
    });
    return { cancel: () => timer.cancel() };
  }

  /** Looks when its last sign would be too long ago; where there was one meanwhile, looks again. */
  private watchLease(node: ManagerNode): void {
    const { clock } = this.ports.dispatcher.ports;
    const { waning, lease } = node.context;
    const silent = this.now - node.heardAt;
    // Times are rounded: never so soon that none passes.
    const due = Math.max(1, silent < waning ? waning - silent : lease - silent);
    const planned = this.now + due;
    node.leaseTimer = clock.after(due, () => {
      const late = this.now - planned;
      // What came while this thread was held up is heard first.
      if (late > stallMs) node.heardAt += late;
      const quiet = this.now - node.heardAt;
      if (quiet >= lease) this.tell(node, { type: "lease.expired" });
      else {
        if (quiet >= waning) this.tell(node, { type: "lease.waned" });
        this.watchLease(node);
      }
    });
  }
}
