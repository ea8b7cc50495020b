import { decodeThrown } from "../../serialization/index.js";
import type { MemoryUse, ThreadEnd } from "../../state-machines/thread.js";
import { slotsPerLane } from "./claims.js";
import { taskStride, type HeadMessage, type TaskFrame } from "./frames.js";
import type { Fate, LaneEvents, LaneLink } from "./host.js";
import { packed } from "./packets.js";
import { now, type FromProcess, type ToProcess } from "./process-protocol.js";
import type { Encoded } from "../../serialization/index.js";

/** What a lane needs of the process it is in. */
export interface LaneProcess {
  send(message: ToProcess): void;
  /** The lane's worker was told to end: the process is killed if that takes too long. */
  expectEnd(lane: RemoteLane): void;
  readonly pid: number | undefined;
  expel(use: MemoryUse): void;
}

type About<T extends FromProcess["t"]> = Extract<FromProcess, { t: T }>;

/** One worker in the process of a pool, from the head's side. */
export class RemoteLane implements LaneLink {
  ended = false;
  private view: { slot: number; since: number } | undefined;
  private watchesSignal = false;
  /** What was posted, by slot: its place in the worker's order. */
  private readonly orders = new Float64Array(slotsPerLane);
  private posted = 0;
  private tickets = 0;
  private readonly looks = new Map<number, () => void>();
  private readonly revocations = new Map<number, (revoked: boolean) => void>();
  private fates: (slot: number) => Fate = () => "unclaimed";

  constructor(
    private readonly process: LaneProcess,
    readonly link: number,
    readonly lane: number,
    private readonly events: LaneEvents,
  ) {}

  post(frame: TaskFrame): void {
    for (let i = 0; i < frame.length; i += taskStride) {
      const slot = frame[i] as number;
      this.orders[slot] = ++this.posted;
      if (this.view?.slot === slot) this.view = undefined;
      frame[i + 4] = (frame[i + 4] as readonly Encoded[]).map(packed);
    }
    this.process.send({ t: "post", link: this.link, frame });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  expel(use: MemoryUse): void {
    if (!this.ended) this.process.expel(use);
  }

  tell(message: HeadMessage): void {
    this.process.send({ t: "tell", link: this.link, message });
  }

  /** The claim words are in the other process, which sets them when the frame arrives. */
  claim(): void {}

  readonly takesBackAtOnce = false;

  revoke(slot: number, answer: (revoked: boolean) => void): void {
    if (this.ended) return;
    this.revocations.set(++this.tickets, answer);
    this.process.send({ t: "revoke", link: this.link, slot, ticket: this.tickets });
  }

  running(): { slot: number; elapsed: number } | undefined {
    return this.view === undefined ? undefined : { slot: this.view.slot, elapsed: Math.max(0, now() - this.view.since) };
  }

  get cooperates(): boolean {
    return this.watchesSignal;
  }

  refresh(then: () => void): void {
    if (this.ended) return;
    this.looks.set(++this.tickets, then);
    this.process.send({ t: "look", link: this.link, ticket: this.tickets });
  }

  fate(slot: number): Fate {
    return this.fates(slot);
  }

  kill(): void {
    if (this.ended) return;
    this.process.send({ t: "kill", link: this.link });
    this.process.expectEnd(this);
  }

  answers({ frame }: About<"answers">): void {
    this.events.answers(frame);
  }

  message({ message }: About<"message">): void {
    this.events.message(message);
  }

  runs({ slot, since, cooperates }: About<"running">): void {
    this.view = slot < 0 ? undefined : { slot, since };
    this.watchesSignal = cooperates;
  }

  looked({ ticket }: About<"looked">): void {
    const then = this.looks.get(ticket);
    this.looks.delete(ticket);
    then?.();
  }

  revoked({ ticket, revoked }: About<"revoked">): void {
    const answer = this.revocations.get(ticket);
    this.revocations.delete(ticket);
    answer?.(revoked);
  }

  /** Its worker ended, and its process goes on. */
  exited({ code, error, failed, fates }: About<"exited">): void {
    const known = new Map(fates);
    this.fates = (slot) => known.get(slot) ?? "ended";
    this.end(failed ? { code, error: decodeThrown(error) } : { code });
  }

  /** Its process died: what it had begun is known from its note. */
  died(end: ThreadEnd, fateOf: (order: number) => Fate): void {
    const { view } = this;
    this.fates = (slot) => {
      const fate = fateOf(this.orders[slot] as number);
      return fate === "unclaimed" && view?.slot === slot ? "started" : fate;
    };
    this.end(end);
  }

  private end(end: ThreadEnd): void {
    if (this.ended) return;
    this.ended = true;
    this.view = undefined;
    this.events.exited(end);
  }
}
