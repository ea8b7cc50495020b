import { realPorts } from "#internal/actors/real-ports";
import type { Ports, Thread, Threads, ThreadStart } from "#internal/actors/ports";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import { kinds, withRefs, type Frame } from "#internal/supervisors/frames";
import { createActorSystem, type ActorSystem } from "#internal/supervisors/system";
import type { World } from "./scripted-children.js";

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
/** No watch has that number. */
const ping = -1;

/** What a thread of the world is seen to do. */
export interface ThreadEvents {
  announced(id: string, event: unknown): void;
  terminated(id: string): void;
}

/** The scheduler, threads and promises of this machine, on a clock that moves on when nothing is left to happen before. */
export class RealWorld implements World {
  readonly system: ActorSystem;
  events: ThreadEvents | undefined;
  private readonly time = simulatedPorts(1);
  private readonly threads = new Set<WatchedThread>();
  /** Grows with all that happens between threads. */
  private happened = 0;

  constructor() {
    const real = realPorts();
    const { threads } = real;
    if (threads === undefined) throw new Error("no threads");
    const watched: Threads = { start: (start) => this.watched(threads, start as never) as never };
    const ports: Ports = { ...real, clock: this.time.clock, random: this.time.random, ids: this.time.ids, threads: watched };
    this.system = createActorSystem({ name: "system", ports });
  }

  now(): number {
    return this.time.clock.now();
  }

  async settle(): Promise<void> {
    do await this.quiet();
    while (this.time.step());
  }

  settleFor(): Promise<void> {
    throw new Error("time in this world is not divided");
  }

  private watched(threads: Threads, start: ThreadStart<Frame>): Thread<Frame, Frame> {
    const thread = new WatchedThread(threads, start, () => this.happened++, () => this.events, () => this.threads.delete(thread));
    this.threads.add(thread);
    return thread;
  }

  /** Waits until threads and promises have come to rest. */
  private async quiet(): Promise<void> {
    for (let before = -1; before !== this.happened; ) {
      before = this.happened;
      for (let i = 0; i < 3; i++) {
        await turn();
        await Promise.all([...this.threads].map((thread) => thread.rest()));
      }
    }
  }
}

/** A thread, with an eye on what goes over its link. */
class WatchedThread implements Thread<Frame, Frame> {
  readonly link: Thread<Frame, Frame>["link"];
  readonly patience = 1000;
  private readonly thread: Thread<Frame, Frame>;
  private id = "";
  private leave: () => void = () => undefined;
  private readonly exited: Promise<void>;
  private settleStart: () => void = () => undefined;
  private readonly begun: Promise<void>;
  private pong: () => void = () => undefined;
  private ending = false;

  constructor(
    threads: Threads,
    start: ThreadStart<Frame>,
    private readonly happened: () => void,
    private readonly events: () => ThreadEvents | undefined,
    gone: () => void,
  ) {
    this.exited = new Promise((resolve) => (this.leave = resolve));
    this.begun = new Promise((resolve) => (this.settleStart = resolve));
    this.thread = threads.start<Frame, Frame>({
      ...start,
      exited: (end) => {
        gone();
        happened();
        start.exited(end);
        this.leave();
      },
    });
    const { link } = this.thread;
    this.link = {
      post: (frame, moved) => {
        happened();
        if (frame[0] === kinds.begin) this.id = (frame[3] as { id: string }).id;
        link.post(frame, moved);
      },
      onMessage: (handler) => link.onMessage((frame) => this.see(frame, handler)),
      onClose: (handler) => link.onClose(handler),
      close: () => link.close(),
    };
  }

  hold(held: boolean): void {
    this.thread.hold(held);
  }

  terminate(): void {
    this.ending = true;
    this.events()?.terminated(this.id);
    this.thread.terminate();
  }

  /** Resolves when the thread has come to what it was told, or is gone. */
  async rest(): Promise<void> {
    await Promise.race([this.begun, this.exited]);
    if (this.ending) return this.exited;
    const pong = new Promise<void>((resolve) => (this.pong = resolve));
    this.thread.link.post([kinds.watch, 1_000_000, ping, undefined]);
    await Promise.race([pong, this.exited]);
  }

  private see(frame: Frame, handler: (frame: Frame) => void): void {
    const [tagged, , number, load] = frame;
    const kind = tagged & ~withRefs;
    if (kind === kinds.notice && number === ping) {
      this.pong();
      return;
    }
    this.happened();
    if (kind === kinds.announced) this.events()?.announced(this.id, load);
    if (kind === kinds.started || kind === kinds.ignored || kind === kinds.ended || (kind === kinds.announced && isHanging(load))) this.settleStart();
    handler(frame);
  }
}

const isHanging = (load: unknown): boolean => typeof load === "object" && load !== null && "hangs" in load;
