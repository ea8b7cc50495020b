import { compile } from "../../../actors/compile.js";
import { Cell, type Performers } from "../../../actors/cell.js";
import type { Dispatcher } from "../../../actors/dispatcher.js";
import type { ControlCodec } from "../../../actors/links/control.js";
import type { Frame } from "../../../actors/links/frames.js";
import type { Timer } from "../../../actors/ports.js";
import { placeError } from "../../../errors/index.js";
import { managerSessionMachine, type SessionContext, type SessionEffect, type SessionInput, type SessionMessage, type Standing } from "../../../state-machines/manager-session.js";
import type { AppCode, RunnableApp, WorkListener, WorkNews } from "../../executor.js";
import type { ThreadPool } from "../../thread-pool/pool.js";
import { asAcceptance, asBeat, asTokens, frame, type Registration, type Token } from "../protocol.js";
import { outcome, TaskRecords, writeAnswer, writeFailure, writeNote, type Outcome } from "../records.js";
import { readDefinition, writeNews } from "../contents.js";
import { HostedActors } from "../actors/hosted-actors.js";
import type { StartHosted } from "../actors/hosted-thread.js";
import { LeaseKeeper, type LeaseTerms } from "./lease-keeper.js";
import { RemoteWork, type SlotSettings } from "./remote-work.js";
import { Told } from "./told.js";

/** What a manager needs of a link to its head. */
export interface HeadLink {
  send(type: number, header: Uint8Array, payload?: readonly Uint8Array[]): void;
  onFrame(handler: (frame: Frame) => void): void;
  onClose(handler: () => void): void;
  close(): Promise<void>;
}

export interface ManagerOptions extends LeaseTerms {
  readonly facts: Omit<Registration, "has" | "told" | "remainingMs" | "drainMs">;
  /** When its block ends, by the clock of the dispatcher's ports. */
  readonly endsAt: number | undefined;
  /** When it wants no more work, by that clock; unset: never. */
  readonly drainsAt?: number | undefined;
}

export interface ManagerPorts {
  readonly dispatcher: Dispatcher;
  readonly codec: ControlCodec;
  /** Rejects with an error whose `retryable` is false where the head will never have this manager. */
  connect(): Promise<HeadLink>;
  makePool(listener: WorkListener): ThreadPool;
  readonly slots?: SlotSettings;
  readonly startThread: StartHosted;
  /** All is over. `error`: why, where it was not meant. */
  ended(error: unknown): void;
}

const sessionChart = compile<SessionContext, SessionMessage, SessionEffect, SessionInput>(managerSessionMachine);

const firstRetryMs = 20;
const longestRetryMs = 1000;
const stopLimitMs = 5000;

/** The manager of a node: takes tasks from its head, has its pool run them, and tells what became of each until the head knows. */
export class Manager {
  readonly pool: ThreadPool;
  private readonly session: Cell<SessionContext, SessionMessage, SessionEffect>;
  private readonly lease: LeaseKeeper;
  private readonly open = new Map<number, RemoteWork>();
  /** Over, and still held by a worker that does not end. */
  private readonly held = new Map<number, number>();
  private readonly apps = new Map<number, RunnableApp>();
  private readonly told = new Told();
  readonly actors: HostedActors;
  private link: HeadLink | undefined;
  /** When it registered last. */
  private registeredAt = 0;
  private retryTimer: Timer | undefined;
  private beats: Timer | undefined;
  private flushing = false;
  /** Resolves when what it has said last has left. */
  private leaving: Promise<void> = Promise.resolve();

  constructor(
    readonly options: ManagerOptions,
    private readonly ports: ManagerPorts,
  ) {
    const { dispatcher } = ports;
    const { uid } = options.facts;
    this.pool = ports.makePool(this.listener());
    this.actors = new HostedActors({ dispatcher, startThread: ports.startThread, send: (heading, payload) => this.session.is("linked") && this.link?.send(frame.ofActor, heading, payload === undefined ? [] : [payload]), broken: (error) => this.ports.ended(error) });
    const crashed = (_: unknown, error: unknown): void => this.ports.ended(error);
    this.session = new Cell({ name: "manager-session", chart: sessionChart, perform: this.sessionPerformers(), crashed }, uid);
    dispatcher.start(this.session, {});
    this.lease = new LeaseKeeper(uid, dispatcher, options, { idle: () => this.isIdle, starts: () => this.settleStarts(), kill: () => this.killAll(), over: () => this.tell({ type: "lease.over" }), crashed: (error) => this.ports.ended(error) });
  }

  start(): void {
    this.pool.start().then(
      () => this.tell({ type: "pool.started" }),
      (error: unknown) => this.tell({ type: "pool.failed", error }),
    );
  }

  stop(): void {
    this.tell({ type: "manager.stop" });
  }

  /** Its pool broke one of its own rules. */
  broke(error: unknown): void {
    this.tell({ type: "pool.failed", error });
  }

  get state(): string {
    return this.session.state.name;
  }

  private tell(message: SessionMessage): void {
    this.ports.dispatcher.tellControl(this.session, message);
  }

  // What the head says

  private receive(link: HeadLink, { type, header, payload }: Frame): void {
    if (link !== this.link) return;
    this.lease.check();
    const { codec } = this.ports;
    if (type === frame.tasks) {
      this.told.acknowledge(asBeat(codec.decode(header)).known);
      this.take(new TaskRecords(payload));
    } else if (type === frame.define) this.define(payload);
    else if (type === frame.cancel) for (const token of asTokens(codec.decode(header))) this.cancel(token);
    else if (type === frame.beat) this.beaten(header);
    else if (type === frame.accepted) this.accepted(header);
    else if (type === frame.toActor) this.toActor(header, payload);
    else if (type === frame.drain) this.tell({ type: "manager.drain" });
    else if (type === frame.stop) this.tell({ type: "manager.stop" });
  }

  /** What has lain here while this process stood still may be for actors that others have taken the place of: what is still wanted comes again, by the next link. */
  private toActor(heading: Uint8Array, payload: Uint8Array): void {
    if (!this.lease.isOver) {
      this.actors.heard(heading, payload);
      return;
    }
    this.actors.leaseOver();
    this.dropLink();
  }

  private beaten(header: Uint8Array): void {
    const { known, at } = asBeat(this.ports.codec.decode(header));
    this.told.acknowledge(known);
    if (at !== undefined) this.lease.renew(at);
  }

  private accepted(header: Uint8Array): void {
    const { heartbeatMs, known } = asAcceptance(this.ports.codec.decode(header));
    this.told.acknowledge(known);
    this.lease.renew(this.registeredAt);
    this.tell({ type: "session.accepted" });
    // The registration may have waited there for long: a sign of now is answered now.
    this.beat(heartbeatMs);
  }

  private beat(everyMs: number): void {
    this.link?.send(frame.alive, this.ports.codec.encode({ at: this.now }));
    this.beats?.cancel();
    this.beats = this.ports.dispatcher.ports.clock.after(everyMs, () => this.beat(everyMs));
  }

  private define(payload: Uint8Array): void {
    const { key, name, code } = readDefinition(payload);
    if (!this.apps.has(key)) this.apps.set(key, { key, name, code, expected: -1 });
  }

  private take(records: TaskRecords): void {
    while (records.next()) {
      if (this.session.is("stopping")) {
        // Its pool takes nothing any more, and the head does not know that yet.
        const { task, attempt } = records;
        this.say(() => writeNote(this.told.writer, task, attempt, outcome.revoked));
        continue;
      }
      const app = this.apps.get(records.app) ?? this.unknownApp(records.app);
      const work = new RemoteWork(app, records, this.ports.slots);
      this.open.set(work.taskId, work);
      this.pool.submit(work, work.attempt);
    }
  }

  /** Shell commands have no code. */
  private unknownApp(key: number): RunnableApp {
    const app: RunnableApp = { key, name: `app ${key}`, code: undefined as AppCode | undefined, expected: -1 };
    this.apps.set(key, app);
    return app;
  }

  private cancel([task, attempt]: Token): void {
    const work = this.open.get(task);
    if (work?.attempt === attempt) this.pool.cancel(work, attempt, "cancelled", () => undefined);
  }

  // What becomes of the work

  private listener(): WorkListener {
    const note = (kind: Outcome) => (work: { readonly taskId: number }, attempt: number) => this.say(() => writeNote(this.told.writer, work.taskId, attempt, kind));
    const over = (task: number): void => {
      this.open.delete(task);
      this.ports.slots?.leases.free(task);
    };
    return {
      sent: () => undefined,
      started: note(outcome.started),
      requeued: () => undefined,
      answered: (work, attempt, answer) => {
        over(work.taskId);
        this.say(() => writeAnswer(this.told.writer, work.taskId, attempt, answer));
      },
      failed: (work, attempt, failure) => {
        over(work.taskId);
        if (failure.error === this.pool.cell.context.reason) {
          // The pool cannot go on: that is no fault of what it has not begun.
          note(outcome.revoked)(work, attempt);
          this.broke(failure.error);
          return;
        }
        const { host, block } = this.options.facts;
        placeError(failure.error, { host, block });
        if (failure.held) this.held.set(work.taskId, attempt);
        this.say(() => writeFailure(this.told.writer, work.taskId, attempt, failure));
      },
      revoked: (work, attempt) => {
        over(work.taskId);
        note(outcome.revoked)(work, attempt);
      },
      released: (work, attempt) => {
        this.held.delete(work.taskId);
        note(outcome.released)(work, attempt);
      },
      news: (task, attempt, news) => this.news(task, attempt, news),
    };
  }

  private say(write: () => void): void {
    write();
    this.told.count();
    if (this.flushing) return;
    this.flushing = true;
    this.ports.dispatcher.ports.scheduler.soon(() => {
      this.flushing = false;
      if (this.session.is("linked")) this.flush();
    });
  }

  private flush(): void {
    const sent = this.told.take();
    if (sent !== undefined) this.link?.send(frame.outcomes, this.ports.codec.encode({ first: sent.first }), [sent.bytes]);
  }

  /** What tasks report is worth nothing later: without a link it is dropped. */
  private news(task: number, attempt: number, news: WorkNews): void {
    if (!this.session.is("linked")) return;
    this.link?.send(frame.news, this.ports.codec.encode(null), [writeNews(task, attempt, news)]);
  }

  // Link and lease

  private sessionPerformers(): Performers<SessionEffect, Cell<SessionContext, SessionMessage, SessionEffect>> {
    const { dispatcher, codec } = this.ports;
    const { clock, random } = dispatcher.ports;
    return {
      "link.make": () => this.connect(),
      "head.register": () => {
        this.registeredAt = this.now;
        this.link?.send(frame.register, codec.encode(this.registration()));
      },
      "retry.await": ({ tries }) => {
        const ms = Math.min(longestRetryMs, firstRetryMs * 2 ** (tries - 1)) * (0.5 + random.next() / 2);
        this.retryTimer = clock.after(ms, () => this.tell({ type: "retry.due" }));
      },
      "answers.send": () => {
        this.settleStarts();
        for (const { first, bytes } of this.told.again()) this.link?.send(frame.outcomes, codec.encode({ first }), [bytes]);
        this.flush();
        this.actors.resume();
      },
      "starts.settle": () => this.settleStarts(),
      "pool.stop": () => void this.stopPool(),
      "head.leave": ({ standing }) => {
        this.leaving = this.leave(standing);
      },
      "process.end": ({ error }) => void this.leaving.finally(() => this.end(error)),
    };
  }

  private connect(): void {
    this.ports.connect().then(
      (link) => {
        this.link = link;
        link.onFrame((it) => this.receive(link, it));
        link.onClose(() => {
          if (this.link === link) this.linkLost();
        });
        this.tell({ type: "link.made" });
      },
      (error: unknown) => this.tell({ type: (error as { retryable?: boolean } | undefined)?.retryable === false ? "link.refused" : "link.failed", error }),
    );
  }

  private linkLost(): void {
    this.link = undefined;
    this.told.take();
    this.beats?.cancel();
    this.tell({ type: "link.lost" });
  }

  /** Nothing came over it for a whole lease: it may have ended without a sign. */
  private dropLink(): void {
    const { link } = this;
    if (link === undefined || this.session.is("stopping")) return;
    // What came before would be missing, where that has not been told again.
    if (this.session.is("linked")) this.flush();
    this.linkLost();
    void link.close();
  }

  private registration(): Registration {
    const { facts, endsAt, drainsAt } = this.options;
    this.told.take();
    const has: Token[] = [...this.open.values()].map(({ taskId, attempt }) => [taskId, attempt]);
    return { ...facts, has: [...has, ...this.held, ...this.told.tokens()], told: this.told.last, actors: this.actors.live, remainingMs: this.until(endsAt), drainMs: this.until(drainsAt) };
  }

  private until(time: number | undefined): number | null {
    return time === undefined ? null : Math.max(0, time - this.now);
  }

  private async stopPool(): Promise<void> {
    try {
      await Promise.all([this.pool.stop(stopLimitMs), this.actors.stop()]);
    } catch {
      // What cannot be ended ends with the process.
    }
    this.tell({ type: "pool.stopped" });
  }

  private async leave(standing: Standing): Promise<void> {
    const { link } = this;
    if (standing === "linked") this.flush();
    if (standing !== "unlinked") link?.send(frame.left, this.ports.codec.encode(null));
    this.link = undefined;
    await link?.close();
  }

  private end(error: unknown): void {
    this.lease.stop();
    for (const timer of [this.retryTimer, this.beats]) timer?.cancel();
    this.ports.ended(error);
  }

  /** Without a link the head may hold this manager for lost any moment, and without a lease it does: nothing begins then. */
  private settleStarts(): void {
    if (this.session.is("takes-work") && this.lease.mayStart) this.pool.resume();
    else this.pool.hold();
  }

  /** Nothing runs here, and the head has all that did. */
  private get isIdle(): boolean {
    return this.open.size === 0 && this.held.size === 0 && this.actors.live.length === 0 && this.told.isKnown;
  }

  private killAll(): void {
    this.actors.leaseOver();
    for (const work of [...this.open.values()]) this.pool.cancel(work, work.attempt, "closing", () => undefined);
    this.dropLink();
  }

  private get now(): number {
    return this.ports.dispatcher.ports.clock.now();
  }
}
