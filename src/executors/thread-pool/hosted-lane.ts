import { answerStride, taskStride, type AnswerFrame, type HeadMessage, type TaskFrame, type WorkerMessage } from "./frames.js";
import type { Fate, LaneEvents, LaneLink } from "./host.js";
import { packed } from "./packets.js";
import { now, type FromProcess } from "./process-protocol.js";
import type { ThreadEnd } from "../../state-machines/thread.js";
import type { Encoded } from "../../serialization/index.js";

/** Starts closer together than this are taken for one, in milliseconds. */
const sameStart = 0.5;

/** One worker in the process of a pool, from that process's main thread: keeps its claim words, and tells the head when another task runs. */
export class HostedLane {
  link!: LaneLink;
  readonly events: LaneEvents;
  private readonly out = new Set<number>();
  private told = { slot: -1, since: 0, cooperates: false };

  constructor(
    private readonly number: number,
    private readonly send: (message: FromProcess) => void,
    exited: (end: ThreadEnd) => void,
  ) {
    this.events = {
      answers: (frame) => this.answers(frame),
      message: (message) => this.message(message),
      exited,
    };
  }

  post(frame: TaskFrame): void {
    for (let i = 0; i < frame.length; i += taskStride) {
      this.out.add(frame[i] as number);
      this.link.claim(frame[i] as number);
    }
    this.link.post(frame);
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
    if (slot !== told.slot || cooperates !== told.cooperates || Math.abs(since - told.since) > sameStart) {
      this.told = { slot, since, cooperates };
      this.send({ t: "running", link: this.number, ...this.told });
    }
    return this.out.size > 0;
  }

  private answers(frame: AnswerFrame): void {
    for (let i = 0; i < frame.length; i += answerStride) {
      this.out.delete(frame[i] as number);
      frame[i + 4] = packed(frame[i + 4] as Encoded);
    }
    this.send({ t: "answers", link: this.number, frame });
  }

  private message(message: WorkerMessage): void {
    if (message.t !== "ready") this.observe();
    this.send({ t: "message", link: this.number, message: "value" in message ? { ...message, value: packed(message.value) } : message });
  }
}
