import type { AttemptMessage } from "../../state-machines/attempt.js";
import type { Answer, ShellAnswer } from "../executor.js";
import type { Attempt } from "./attempt.js";
import type { Loss } from "./failures.js";
import { FrameDraft } from "./frames.js";
import type { LaneLink } from "./host.js";
import type { Lane } from "./lane.js";
import type { ThreadPool } from "./pool.js";

/** How many tasks one frame carries at most. */
const frameLimit = 64;
/** Past so many bytes of arguments a frame is full. */
const frameBytes = 256 * 1024;

/** A spare that has waited for so long, in milliseconds, waits for something that takes longer than was thought. */
const overdueMs = 500;

const sent: AttemptMessage = { type: "attempt.sent" };

/**
 * Gives what waits to workers: to those that are free, ahead of time where it is short, and, where more waits than there are workers, one *spare*
 * to each that runs something: it begins that without asking. No spare waits while another worker is free, or for long: it is taken back by its
 * claim word then, which the worker's own start of it cannot race.
 */
export class Feeder {
  private turn = 0;
  private readonly draft = new FrameDraft();
  /** Lanes that were given a spare, and when that was, the longest ago first; some of them have begun it meanwhile. */
  private readonly spared = new Map<Lane, number>();

  constructor(private readonly pool: ThreadPool) {}

  get hasSpares(): boolean {
    return this.spared.size > 0;
  }

  /** Fills the windows of the lanes from the queue, a frame a lane at a time. */
  feedAll(): void {
    const { queue, workforce } = this.pool;
    const { lanes } = workforce;
    this.takeBackOverdue();
    for (let idle = 0; idle < lanes.length && queue.peek() !== undefined; ) {
      const lane = lanes[this.turn++ % lanes.length] as Lane;
      if (this.feed(lane)) idle = 0;
      else idle++;
    }
    const next = queue.peek();
    if (next === undefined) this.takeBackSpares();
    else if (!next.shell) {
      workforce.openAtLeast(Math.min(queue.size, lanes.length), true);
      // Fewer than that go to whoever is free first.
      if (queue.size > lanes.length && workforce.isComplete) this.giveSpares();
    }
  }

  /** Each worker that runs one task gets another. */
  private giveSpares(): void {
    const { queue, workforce } = this.pool;
    for (const lane of workforce.lanes) {
      const next = queue.peek();
      if (next === undefined || next.shell) return;
      if (!lane.acceptsSpare(next)) continue;
      this.send(lane, 1, () => true);
      // One that cannot travel was refused.
      if (next.lane !== lane) continue;
      lane.keepAsSpare(next);
      this.spared.delete(lane);
      this.spared.set(lane, this.pool.dispatcher.now);
    }
  }

  /** What runs before it takes longer than its kind does: it is the next for any worker, also where younger tasks wait. */
  private takeBackOverdue(): void {
    for (const [lane, since] of this.spared) {
      if (this.pool.dispatcher.now - since < overdueMs) return;
      this.takeBackFrom(lane);
    }
  }

  /** As many as there are workers with nothing to do wait in the queue again. */
  private takeBackSpares(): void {
    if (!this.hasSpares) return;
    for (const lane of this.pool.workforce.lanes) if (lane.isFree && lane.isOpen && !this.takeBackOne()) return;
  }

  takeBackAll(): void {
    while (this.hasSpares) this.takeBackOne();
  }

  /** False where there is none. */
  private takeBackOne(): boolean {
    for (const lane of this.spared.keys()) if (this.takeBackFrom(lane)) return true;
    return false;
  }

  private takeBackFrom(lane: Lane): boolean {
    this.spared.delete(lane);
    const attempt = lane.takeSpare();
    if (attempt === undefined) return false;
    this.pool.workforce.out--;
    this.pool.dispatcher.tell(attempt, { type: "attempt.unclaimed" });
    return true;
  }

  private feed(lane: Lane): boolean {
    const first = this.pool.queue.peek() as Attempt;
    if (first.shell) return this.feedShell(lane, first);
    return this.send(lane, frameLimit, (next) => lane.accepts(next));
  }

  /** Sends the lane a frame of so many at most. Answers whether it took any from the queue. */
  private send(lane: Lane, most: number, accepts: (next: Attempt) => boolean): boolean {
    const { draft } = this;
    let taken = 0;
    let bytes = 0;
    for (let next = this.pool.queue.peek(); next !== undefined && !next.shell && taken < most && bytes < frameBytes && accepts(next); next = this.pool.queue.peek()) {
      this.pool.queue.shift();
      taken++;
      try {
        bytes += lane.send(next, draft);
      } catch (error) {
        this.pool.dispatcher.tell(next, { type: "attempt.refused", error });
        continue;
      }
      this.pool.dispatcher.tellControl(next, sent);
      this.pool.listener.sent(next.work, next.number);
    }
    if (!draft.isEmpty) {
      const { thread } = lane;
      const frame = draft.take();
      (thread?.link as LaneLink).post(frame);
      this.pool.workforce.sent(lane, frame.length);
    }
    return taken > 0;
  }

  private feedShell(lane: Lane, attempt: Attempt): boolean {
    if (!lane.isFree) return false;
    this.pool.queue.shift();
    attempt.lane = lane;
    lane.shellAttempt = attempt;
    this.pool.workforce.out++;
    this.pool.dispatcher.tellControl(attempt, sent);
    this.pool.listener.sent(attempt.work, attempt.number);
    this.pool.dispatcher.tellControl(attempt, { type: "attempt.started", elapsed: 0 });
    const setting = attempt.work.settingFor(attempt.number);
    const work = attempt.work.shellFor(attempt.number);
    if (work === undefined) throw new Error("a shell attempt without a command");
    lane.shell = this.pool.host.shell({ work, setting, token: `${this.pool.label}.${attempt.work.taskId}.${attempt.number}` }, (answer) => this.shellEnded(lane, attempt, answer));
    return true;
  }

  private shellEnded(lane: Lane, attempt: Attempt, answer: ShellAnswer): void {
    const memory = lane.endShell();
    this.pool.workforce.out--;
    // A command that the pool's own end has killed did nothing wrong.
    if (this.pool.workforce.stopping && answer.signal !== null) this.pool.dispatcher.tell(attempt, { type: "attempt.lost", loss: { end: undefined, fate: "started", bystander: true } satisfies Loss });
    else if (memory !== undefined) this.pool.dispatcher.tell(attempt, { type: "attempt.lost", loss: { end: { code: null, memory }, fate: "started", bystander: false } satisfies Loss });
    else this.pool.dispatcher.tell(attempt, { type: "attempt.answered", answer: { shell: answer } satisfies Answer });
    this.pool.workforce.attemptEnded();
    this.pool.offer();
  }
}
