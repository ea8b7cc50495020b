import { ByteWriter } from "../bytes.js";
import { frame } from "../protocol.js";
import { outcome, writeNote } from "../records.js";
import type { Dispatch, ManagerNode } from "./node.js";
import type { InterchangePorts } from "./types.js";

/** What is sent for less than this, in milliseconds, is over before anybody could look. */
export const sentMs = 2;

/** What leaves an interchange: tasks to managers, outcomes to the head, each turn's together. */
export class Outgoing {
  /** Outcomes for the head. */
  readonly writer = new ByteWriter();
  private readonly posted = new Set<ManagerNode>();
  private flushing = false;
  private posting = false;
  private sentTimer = false;

  constructor(
    private readonly ports: InterchangePorts,
    /** A manager has been sent work. */
    private readonly given: (node: ManagerNode) => void,
  ) {}

  /** A task was given to a manager that is expected to take so many milliseconds; negative where nobody knows. */
  assigned({ task, attempt }: Dispatch, node: ManagerNode, expected: number): void {
    this.posted.add(node);
    writeNote(this.writer, task, attempt, outcome.sent);
    if (expected >= 0 && expected < sentMs) this.tellSent();
    else this.flushLater();
  }

  note(task: number, attempt: number, kind: (typeof outcome)["sent" | "revoked" | "requeued" | "released"]): void {
    writeNote(this.writer, task, attempt, kind);
    this.flushLater();
  }

  /** All that was given to managers in this turn leaves as one frame to each. */
  postLater(): void {
    if (this.posting || this.posted.size === 0) return;
    this.posting = true;
    this.ports.dispatcher.ports.scheduler.soon(() => {
      this.posting = false;
      for (const node of this.posted) this.post(node);
      this.posted.clear();
    });
  }

  /** What became of tasks in this turn goes to the head as one piece. */
  flushLater(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.ports.dispatcher.ports.scheduler.soon(() => {
      this.flushing = false;
      this.flush();
    });
  }

  flush(): void {
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

  post(node: ManagerNode): void {
    const records = node.takeOutbox();
    if (records.length === 0) return;
    node.acknowledged = node.known;
    node.link?.send(frame.tasks, this.ports.codec.encode({ known: node.known }), records);
    this.given(node);
  }

  beat(node: ManagerNode, at?: number): void {
    // What it is told to forget is with the head.
    this.flush();
    node.acknowledged = node.known;
    node.link?.send(frame.beat, this.ports.codec.encode(at === undefined ? { known: node.known } : { known: node.known, at }));
  }
}
