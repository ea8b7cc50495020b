import type { Ports, Timer } from "../../../actors/ports.js";
import { WorkQueue } from "../../work-queue.js";
import { frame } from "../protocol.js";
import { Bag } from "./bag.js";
import { Larges } from "./larges.js";
import type { Dispatch, ManagerNode } from "./node.js";
import type { Outgoing } from "./outgoing.js";
import { Choice, couldRun, select, selectLarge, type ManagerSelector } from "./selectors.js";

const nothing = new Uint8Array(0);

/** So long others may go past a task that needs more than is free anywhere, in milliseconds. */
const keepAfterMs = 1000;

/** Who gets which task: by priority, then by age, to managers with a free worker first, and ahead of time where tasks are short. */
export class Distribution {
  private readonly queue = new WorkQueue<Dispatch>();
  /** What no manager that is here can run. */
  private misfits: Dispatch[] = [];
  private readonly larges = new Larges();
  /** The manager that is kept free for a large task, and the timer that looks after those that wait. */
  private kept: ManagerNode | undefined;
  private keepTimer: Timer | undefined;
  private pumping = false;
  private readonly expected = new Map<number, number>();
  private readonly definitions = new Map<number, Uint8Array>();
  private readonly free = new Bag<ManagerNode>();
  private readonly roomy = new Bag<ManagerNode>();
  private readonly choice: Choice;

  constructor(
    private readonly selector: ManagerSelector,
    private readonly ports: Ports,
    private readonly nodes: ReadonlyMap<string, ManagerNode>,
    private readonly outgoing: Outgoing,
    /** Nothing is given to anybody yet. */
    private readonly isHeldUp: () => boolean,
  ) {
    this.choice = new Choice(this.free, this.roomy, ports.random);
  }

  /** Tasks that wait. */
  get size(): number {
    return this.queue.size + this.misfits.length + this.larges.size;
  }

  define(app: number, bytes: Uint8Array): void {
    this.definitions.set(app, bytes);
  }

  push(one: Dispatch): void {
    this.queue.push(one);
  }

  /** It waits again, at the place of its age. */
  putBack(one: Dispatch): void {
    this.queue.putBack(one);
  }

  /** A manager is there, or can take work again: what nobody could run is looked at anew. */
  offer(node: ManagerNode): void {
    for (const one of this.misfits.splice(0)) this.queue.putBack(one);
    this.settleRoom(node);
    this.pump();
  }

  /** A task that waited does not any more. */
  dropped(one: Dispatch): void {
    if (this.kept?.keptFor !== one) return;
    this.unkeep();
    this.pump();
  }

  /** A manager takes no more work, or is not there any more. */
  withdraw(node: ManagerNode): void {
    if (node === this.kept) this.unkeep();
    this.settleRoom(node);
  }

  /** When managers have taken what they were told in this turn: that they are to rest, for one. */
  pumpLater(): void {
    if (this.pumping) return;
    this.pumping = true;
    this.ports.scheduler.soon(() => {
      this.pumping = false;
      this.pump();
    });
  }

  pump(): void {
    const { choice, queue } = this;
    if (this.isHeldUp()) return;
    choice.now = this.ports.clock.now();
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
      const node = select(this.selector, choice);
      if (node === undefined && couldRun(this.nodes.values(), one, choice.now)) break;
      queue.shift();
      if (node === undefined) this.misfits.push(one);
      else this.assign(one, node, choice.expected);
    }
    this.outgoing.postLater();
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
    const node = selectLarge(this.selector, this.nodes.values(), choice);
    if (node === undefined) return false;
    this.assign(one, node, choice.expected);
    if (this.kept?.keptFor === one) this.unkeep();
    return true;
  }

  private setAside(one: Dispatch): void {
    one.waitsSince = this.ports.clock.now();
    this.larges.add(one);
  }

  /** A large task that others have gone past for long gets a manager that takes nothing else until it fits. One at a time. */
  private keepFor(): void {
    if (this.kept === undefined) {
      const one = this.larges.overdue(this.ports.clock.now() - keepAfterMs);
      if (one !== undefined) this.keep(one);
    }
    this.keepTimer ??= this.ports.clock.after(keepAfterMs, () => {
      this.keepTimer = undefined;
      this.pump();
    });
  }

  private keep(one: Dispatch): void {
    const able = [...this.nodes.values()].filter((node) => node.couldHold(one, this.ports.clock.now()));
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
    const { app } = one;
    if (!node.apps.has(app)) {
      node.apps.add(app);
      const definition = this.definitions.get(app);
      if (definition !== undefined) {
        this.outgoing.post(node);
        node.link?.send(frame.define, nothing, [definition]);
      }
    }
    node.give(one, expected);
    this.settleRoom(node);
    this.outgoing.assigned(one, node, expected);
  }

  settleRoom(node: ManagerNode): void {
    const { hasFreeWorker, hasRoom } = node;
    if (hasFreeWorker !== node.isFree) this.free.keep(node, (node.isFree = hasFreeWorker));
    if (hasRoom !== node.isRoomy) this.roomy.keep(node, (node.isRoomy = hasRoom));
  }

  /** An app that was slow once may be so again; one that was quick is believed slowly. */
  learn(app: number, ms: number): void {
    const before = this.expected.get(app);
    this.expected.set(app, before === undefined || ms > before ? ms : before * 0.9 + ms * 0.1);
  }
}
