import type { Thread, ThreadExit, Timer } from "../actors/ports.js";
import { typescriptProject } from "../actors/typescript.js";
import { ThreadLost } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { Border } from "./border.js";
import { uncarryReason } from "./carried.js";
import { frameWidth, kinds, withRefs, type Frame } from "./frames.js";
import type { Incarnation } from "./incarnation.js";
import { loadOf, packed } from "./thread-ref.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { LogicalRef } from "./logical-ref.js";
import type { ModuleBody, PreparedChild } from "./prepared.js";
import { notYet, refusal } from "./refusal.js";
import { sendable } from "./sendable.js";
import type { Services } from "./services.js";
import { HandedOver } from "./handed-over.js";
import { actorWindow, mostBacklog, type ThreadBeginning, type ThreadData } from "./thread-protocol.js";
import type { DeadLetter, TreeNode } from "./types.js";

const entry = new URL("./thread-main.js", import.meta.url);

/** A module in a worker thread as an actor. The thread begins with it and ends with it: its end is reported when the thread is gone. */
export class ThreadActor implements Incarnation, Receiver {
  private phase: "starting" | "running" | "ending" | "ended" = "starting";
  private thread: Thread<Frame, Frame> | undefined;
  private border: Border | undefined;
  /** Messages that the thread was given and has not come to. */
  private readonly given = new HandedOver();
  /** Those it had put aside. */
  private readonly returned: Envelope[] = [];
  private reason: EndReason | undefined;
  private latest: object | undefined;
  /** What it has spawned, as its thread has told last. */
  inside: readonly TreeNode[] = [];
  private limit: Timer | undefined;
  private ignored = false;
  private stopping = false;
  private forced = false;
  /** Why it was asked to end, where that was not its supervisor's wish. */
  private recalled: EndReason | undefined;
  /** Somebody waits for its answer. */
  private asking = false;
  private held = true;

  constructor(
    private readonly services: Services,
    private readonly child: PreparedChild,
    private readonly input: unknown,
    private readonly body: ModuleBody,
    private readonly ref: LogicalRef,
    private readonly incarnation: number,
  ) {}

  launch(): void {
    const { child, body, input, ref, incarnation } = this;
    const threads = body.on === "thread" ? this.services.ports.threads : body.on;
    try {
      if (threads === undefined) throw notYet(`a module on a thread in a system on simulated time (${ref.path})`);
      const beginning: ThreadBeginning = { id: ref.id, path: ref.path, incarnation, mailbox: child.mailbox, shutdown: child.shutdown, input };
      const load = sendable(beginning, `the input of ${ref.path}`);
      const data: ThreadData = { module: body.module.href, typescript: /\.[cm]?tsx?$/.test(body.module.pathname) ? typescriptProject() : undefined };
      const thread = threads.start<Frame, Frame>({
        entry, data: { ...data }, resourceLimits: body.resourceLimits, width: frameWidth, counter: this.given.memory, owner: { path: ref.path, incarnation },
        limits: { start: child.startTimeout, stop: child.shutdown === "brutal_kill" ? 0 : child.shutdown },
        refused: (frame, error) => this.refused(frame, error),
        recalled: (reason) => this.recall(reason),
        relieved: () => this.ref.wake(),
        exited: (end) => this.exited(end),
      });
      this.thread = thread;
      this.border = new Border(this.services, thread.link, ref, (asking) => {
        this.asking = asking;
        this.hold();
      });
      thread.link.onMessage((frame) => this.receive(frame));
      this.border.ship(kinds.begin, 0, 0, load);
    } catch (error) {
      this.finish({ error });
    }
  }

  get takes(): "nothing" | "all" {
    return this.phase === "running" && this.given.waiting < actorWindow && (this.thread?.link.backlog ?? 0) < mostBacklog ? "all" : "nothing";
  }

  handle(envelope: Envelope): void {
    if (envelope.notice !== undefined) return;
    this.given.add(envelope);
    this.border?.shipEnvelope(envelope, loadOf(envelope));
    if (!this.held) this.hold();
  }

  askOver(envelope: Envelope): void {
    this.border?.forget(envelope);
  }

  snapshot(): object {
    return this.latest ?? {};
  }

  stop(): void {
    if (this.phase === "ending" || this.phase === "ended") return;
    this.stopping = true;
    this.hold();
    this.thread?.link.post([kinds.stop, 0, 0, undefined]);
  }

  /** Where it lives cannot keep it: it ends as one that was asked to, and says why. */
  private recall(reason: unknown): void {
    if (this.phase === "ending" || this.phase === "ended") return;
    this.recalled = { shutdown: reason };
    this.stop();
  }

  kill(reason: EndReason = "killed"): void {
    if (this.phase === "ended") return;
    this.reason ??= reason;
    this.phase = "ending";
    this.force();
  }

  private receive(frame: Frame): void {
    const [tagged, , number, load] = frame;
    const kind = tagged & ~withRefs;
    if (this.phase === "ended" && kind !== kinds.lost) return;
    if (kind === kinds.taken) this.progressed();
    else if (kind === kinds.announced) this.ref.announcements.next(this.border?.opened(tagged, load));
    else if (kind === kinds.started) this.started();
    else if (kind === kinds.ended || kind === kinds.ignored) this.leaving(kind === kinds.ignored ? undefined : uncarryReason(load as EndReason));
    else if (kind === kinds.skipped) this.services.deadLetter(this.ref.path, `${number} announcements of ${this.ref.path}`, "dropped");
    else if (kind === kinds.contained) this.services.counts.contained += number;
    else if (kind === kinds.grown) this.grown(load as readonly TreeNode[]);
    else if (kind === kinds.changed) {
      this.latest = this.border?.opened(tagged, load) as object;
      this.ref.changed();
    } else if (kind === kinds.returned) this.putAside(number, this.border?.opened(tagged, load));
    else if (kind === kinds.lost) {
      const { to, message, reason } = this.border?.opened(tagged, load) as DeadLetter;
      this.services.deadLetter(to, message, reason);
    } else this.border?.receive(frame);
  }

  /** A message that it was handling has been put aside, and waits for the next incarnation. */
  private putAside(question: number, message: unknown): void {
    const envelope = question === 0 ? packed(message, this.ref.path) : this.border?.withdraw(question);
    if (envelope !== undefined) this.returned.push(envelope);
  }

  private grown(inside: readonly TreeNode[]): void {
    this.inside = inside;
    this.services.treeChanged();
  }

  private started(): void {
    if (this.phase !== "starting") return;
    this.phase = "running";
    this.ref.opened();
    this.ref.reportStarted(this.incarnation);
    this.hold();
  }

  private progressed(): void {
    this.given.forget();
    this.hold();
    this.ref.wake();
  }

  /** The actor has ended, and the thread is about to; undefined: its start said that there is nothing to do. */
  private leaving(reason: EndReason | undefined): void {
    if (this.phase === "ending") return;
    this.ignored = reason === undefined;
    this.reason ??= (reason === "shutdown" ? this.recalled : undefined) ?? reason ?? "normal";
    this.phase = "ending";
    this.force();
  }

  /** Ends the thread wherever it is. A native call keeps it; then the actor has ended all the same, and the thread is counted. */
  private force(): void {
    if (this.forced) return;
    this.forced = true;
    this.hold();
    this.thread?.terminate();
    const { patience = 0 } = this.thread ?? {};
    if (patience === Infinity) return;
    this.limit = this.services.ports.clock.after(patience, () => {
      this.services.counts.zombies++;
      this.thread?.hold(false);
      this.finish(this.reason ?? "killed");
    });
  }

  private exited(end: ThreadExit): void {
    if (this.phase === "ended") this.services.counts.zombies--;
    else this.finish(this.reason ?? { error: this.deathOf(end) }, end.isLost === true);
  }

  /** How the thread died without its actor's end. */
  private deathOf({ code, error }: ThreadExit): unknown {
    const { path } = this.ref;
    const where = { actor: path };
    if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") return new ThreadLost("CW-SUP-003", `${path} used up the memory of its thread`, { where, evidence: { code: error.code, resourceLimits: this.body.resourceLimits }, cause: error });
    if (error !== undefined) return error;
    return new ThreadLost("CW-SUP-003", `${path} ended its thread by process.exit(${code})`, { where, evidence: { exitCode: code } });
  }

  /** `isLost`: what it was given and has not told of may have been handled; it is never handled twice. */
  private finish(reason: EndReason, isLost = false): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.inside = [];
    this.limit?.cancel();
    const given = this.given.rest();
    const rest = [...this.returned, ...(isLost ? [] : given)];
    for (const envelope of [...rest, ...given]) this.border?.forget(envelope);
    this.border?.close(reason);
    const moved = rest.filter((envelope) => loadOf(envelope).moved !== undefined);
    this.ref.takeBack(rest.filter((envelope) => !moved.includes(envelope)));
    this.lose(moved, "unhandled", "ended before it came to the message, whose memory had moved to its thread");
    if (isLost) this.lose(given, "lost", "was lost with its node, and nobody knows whether it had come to the message");
    this.ref.detach(reason);
    if (this.ignored) this.ref.reportIgnored(this.incarnation);
    else this.ref.reportEnded(this.incarnation, reason);
  }

  private lose(envelopes: readonly Envelope[], letter: DeadLetter["reason"], words: string): void {
    const { path } = this.ref;
    for (const { message, refuse } of envelopes) {
      this.services.deadLetter(path, message, letter);
      refuse?.(refusal("noproc", `${path} ${words}`, { actor: path }));
    }
  }

  /** What was told and could not be copied after all: it was changed since it was told. */
  private refused([, , number, load]: Frame, error: unknown): void {
    const envelope = this.given.withdraw((one) => loadOf(one).value === load);
    if (envelope === undefined) return;
    this.services.deadLetter(this.ref.path, envelope.message, "uncloneable");
    envelope.refuse?.(refusal("uncloneable", `a message to ${this.ref.path} cannot be sent to another thread`, { actor: this.ref.path, evidence: { call: number }, cause: error }));
  }

  /** The thread keeps the program alive while something is due from it. */
  private hold(): void {
    const needed = this.phase === "starting" || this.phase === "ending" || this.stopping || this.asking || this.given.waiting > 0;
    if (needed === this.held) return;
    this.held = needed;
    this.thread?.hold(needed);
  }
}
