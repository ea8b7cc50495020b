import { answerStride, taskStride, type AnswerFrame, type FramedTask, type HeadMessage, type TaskFrame, type WorkerMessage } from "./frames.js";
import type { Fate, LaneEvents, LaneLink } from "./host.js";
import { packed } from "./packets.js";
import { now, type FromProcess } from "./process-protocol.js";
import type { ThreadEnd } from "../../state-machines/thread.js";
import type { Encoded } from "../../serialization/index.js";

/** The working directory of the process of a pool. */
export class Directory {
  private readonly first = process.cwd();
  private current = this.first;

  is(wanted: string | undefined): boolean {
    return (wanted ?? this.first) === this.current;
  }

  /** Where it cannot be entered, the task that asks for it finds that it is elsewhere. */
  enter(wanted: string | undefined): void {
    this.current = wanted ?? this.first;
    try {
      process.chdir(this.current);
    } catch {
      process.chdir(this.first);
    }
  }
}

const directoryOf = (frame: TaskFrame, at: number): string | undefined => (frame[at + 5] as FramedTask["setting"])?.cwd;

/** One worker in the process of a pool, from that process's main thread: keeps its claim words, and tells the head when another task runs. */
export class HostedLane {
  link!: LaneLink;
  readonly events: LaneEvents;
  /** Slots with a task that has not been answered, those held back included. */
  private readonly out = new Set<number>();
  /** Tasks, one to a frame, that wait until the worker is idle: they run in another directory. */
  private readonly held: TaskFrame[] = [];
  private told = { slot: -1, cooperates: false };
  private outdated = false;

  constructor(
    private readonly number: number,
    private readonly send: (message: FromProcess) => void,
    private readonly directory: Directory,
    exited: (end: ThreadEnd) => void,
  ) {
    this.events = {
      answers: (frame) => this.answers(frame),
      message: (message) => this.message(message),
      exited,
    };
  }

  post(frame: TaskFrame): void {
    let here = this.held.length === 0;
    for (let i = 0; i < frame.length; i += taskStride) {
      this.out.add(frame[i] as number);
      // Another task is in the slot that was told of.
      this.outdated ||= this.told.slot === frame[i];
      this.link.claim(frame[i] as number);
      here &&= this.directory.is(directoryOf(frame, i));
    }
    if (here) {
      this.link.post(frame);
      return;
    }
    for (let i = 0; i < frame.length; i += taskStride) this.held.push(frame.slice(i, i + taskStride));
    this.release();
  }

  /** The directory belongs to the whole process: it changes between tasks only. */
  private release(): void {
    for (let next = this.held[0]; next !== undefined; next = this.held[0]) {
      const wanted = directoryOf(next, 0);
      if (!this.directory.is(wanted)) {
        if (this.out.size > this.held.length) return;
        this.directory.enter(wanted);
      }
      this.held.shift();
      this.link.post(next);
    }
  }

  tell(message: HeadMessage): void {
    this.link.tell(message);
  }

  revoke(slot: number, ticket: number): void {
    this.link.revoke(slot, (revoked) => {
      this.observe();
      this.send({ t: "revoked", link: this.number, ticket, revoked });
    });
  }

  look(ticket: number): void {
    this.observe();
    this.send({ t: "looked", link: this.number, ticket });
  }

  kill(): void {
    this.link.kill();
  }

  /** Of what was out when the worker ended. */
  fates(): [number, Fate][] {
    return [...this.out].map((slot) => [slot, this.link.fate(slot)]);
  }

  /** Tells the head what runs where that has changed. Answers whether work is out. */
  observe(): boolean {
    const running = this.link.running();
    const since = running === undefined ? 0 : now() - running.elapsed;
    const slot = running?.slot ?? -1;
    const cooperates = running !== undefined && this.link.cooperates;
    const { told } = this;
    if (this.outdated || slot !== told.slot || cooperates !== told.cooperates) {
      this.told = { slot, cooperates };
      this.outdated = false;
      this.send({ t: "running", link: this.number, since, ...this.told });
    }
    return this.out.size > 0;
  }

  private answers(frame: AnswerFrame): void {
    for (let i = 0; i < frame.length; i += answerStride) {
      this.out.delete(frame[i] as number);
      frame[i + 4] = packed(frame[i + 4] as Encoded);
    }
    this.send({ t: "answers", link: this.number, frame });
    if (this.held.length > 0) this.release();
  }

  private message(message: WorkerMessage): void {
    if (message.t !== "ready") this.observe();
    this.send({ t: "message", link: this.number, message: "value" in message ? { ...message, value: packed(message.value) } : message });
  }
}
