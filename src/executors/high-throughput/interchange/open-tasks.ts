import type { ControlCodec } from "../../../actors/links/control.js";
import type { ManagerLoss } from "../../../state-machines/manager.js";
import type { Needs } from "../../executor.js";
import { newsHead } from "../contents.js";
import { frame, type Token } from "../protocol.js";
import { isEnd, isOfManager, outcome, OutcomeRecords, TaskRecords, writeLoss, writeNote } from "../records.js";
import type { Distribution } from "./distribution.js";
import { Dispatch, type ManagerNode } from "./node.js";
import type { Outgoing } from "./outgoing.js";

/** The tasks of an interchange that have not ended: what the head wants of each, and what managers tell of it. */
export class OpenTasks {
  lateOutcomes = 0;
  private readonly tasks = new Map<number, Dispatch>();

  constructor(
    private readonly distribution: Distribution,
    private readonly outgoing: Outgoing,
    private readonly codec: ControlCodec,
  ) {}

  // From the head

  submit(records: Uint8Array): void {
    const each = new TaskRecords(records);
    while (each.next()) {
      const one = new Dispatch(each.task, each.attempt, each.priority, each.walltime, each.app, records, each.from, each.to);
      one.needs = each.needs;
      this.tasks.set(one.task, one);
      this.distribution.push(one);
    }
    this.distribution.pumpLater();
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
    one.node?.link?.send(frame.cancel, this.codec.encode([[task, attempt]]));
  }

  /** Attempts that an earlier interchange had sent. */
  expect(tokens: readonly Token[], needs: readonly (readonly [task: number, needs: Needs])[]): void {
    for (const [task, attempt] of tokens) {
      const one = new Dispatch(task, attempt, Infinity, 0, 0, undefined, 0, 0);
      one.isQueued = false;
      this.tasks.set(task, one);
    }
    for (const [task, what] of needs) (this.tasks.get(task) as Dispatch).needs = what;
  }

  /** What an earlier interchange had sent, and no manager has, is lost. */
  loseUnclaimed(silentMs: number): void {
    for (const one of this.tasks.values()) if (one.bytes === undefined && one.node === undefined) this.lose(one, { manager: "", host: "", block: "", loss: "not-back", silentMs, suspect: false });
    this.outgoing.flushLater();
  }

  // From managers

  /** What it has and should not have is ended there; what it should have and never got waits again; what an earlier interchange gave it is its own. */
  compare(node: ManagerNode, has: readonly Token[]): void {
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
    if (strangers.length + cancelled.length > 0) node.link?.send(frame.cancel, this.codec.encode([...strangers, ...cancelled]));
  }

  /** Records of outcomes, the first of which has this number; what is there already is passed over. Throws where one is missing, or is not understood. */
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
  }

  /** Whether it is for the head: that of a task which the manager does not have is not; errors may come after the end. */
  isNews(node: ManagerNode, bytes: Uint8Array): boolean {
    const { task, attempt, isLate } = newsHead(bytes);
    const one = this.tasks.get(task);
    return one === undefined ? isLate : one.node === node && one.attempt === attempt;
  }

  /** Whatever it had: nothing more is heard of it. */
  loseAll(node: ManagerNode, loss: ManagerLoss | undefined, silentMs: number): void {
    const suspects = node.suspects();
    const { uid: manager, host, block } = node.facts;
    for (const one of [...node.out.values()]) {
      node.take(one);
      if (one.cancelled) this.drop(one, outcome.revoked);
      else this.lose(one, { manager, host, block, loss: loss ?? "left", silentMs, suspect: suspects.has(one) && loss !== undefined && loss !== "replaced" });
    }
    for (const [task, attempt] of [...node.haunted]) this.release(node, task, attempt);
    this.outgoing.flushLater();
  }

  private release(node: ManagerNode, task: number, attempt: number): void {
    node.haunted.delete(task);
    this.outgoing.note(task, attempt, outcome.released);
  }

  private isOf(node: ManagerNode, task: number, attempt: number): boolean {
    const one = this.tasks.get(task);
    if (one?.attempt !== attempt) return false;
    // An earlier interchange sent it there, whether the head has learnt of that or not.
    if (one.node === undefined && (one.bytes === undefined || one.isQueued)) {
      if (one.isQueued) this.outgoing.note(task, attempt, outcome.sent);
      node.adopt(one);
    }
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
}
