import type { LinkPort } from "../actors/links/in-memory.js";
import { SupervisionError } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { Border } from "./border.js";
import { carryReason } from "./carried.js";
import { prepareChild } from "./check-specs.js";
import { kinds, theActor, withRefs, type Frame } from "./frames.js";
import type { Incarnation } from "./incarnation.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { Home } from "./home.js";
import { LogicalRef } from "./logical-ref.js";
import { makeWorker } from "./make-worker.js";
import type { PreparedChild } from "./prepared.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import { offspringOf } from "./supervisor-actor.js";
import { actorWindow, mostBacklog, type ThreadBeginning } from "./thread-protocol.js";
import { insideOf, sizeOf } from "./tree.js";
import { TreeTeller } from "./tree-teller.js";
import type { ChildSpec } from "./types.js";

/** So long until it is tried again to tell the state where too much is on its way, in milliseconds. */
const lookAgainMs = 50;

/** The actor in its thread: what the program tells it, and what the program is told of it. */
export class ThreadHost implements Home, Receiver {
  readonly name: string;
  readonly path: string;
  readonly capacity: number;
  readonly dropsOldest = false;
  private readonly ref: LogicalRef;
  private readonly border: Border;
  private readonly beginning: ThreadBeginning;
  private actor: (Incarnation & Receiver) | undefined;
  /** Asked to stop before there was an actor. */
  private stopped = false;
  private over = false;
  private received = 0;
  private begun = 0;
  private told = 0;
  private stale = false;
  private contained = 0;
  /** Announcements that were left out because too much was on its way. */
  private skipped = 0;

  constructor(
    readonly services: Services,
    private readonly link: LinkPort<Frame, Frame>,
    private readonly taken: Int32Array,
    [kind, , , load]: Frame,
    /** The actor has ended, and the program ends the thread. */
    private readonly leave: () => void,
    /** Where that is, in words, where it is another machine. */
    private readonly at = "",
  ) {
    const { id, path, mailbox } = load as ThreadBeginning;
    this.name = id;
    this.path = path;
    this.capacity = mailbox + actorWindow;
    this.ref = new LogicalRef(this);
    this.border = new Border(services, link, this.ref);
    this.beginning = this.border.opened(kind, load) as ThreadBeginning;
    services.deadLetters.listen((letter) => this.announce(kinds.lost, letter, () => this.link.post([kinds.lost, 0, 0, { ...letter, message: String(letter.message) }])));
    this.ref.announcements.listen((event) => this.announce(kinds.announced, event, () => services.deadLetter(path, String(event), "uncloneable")));
    this.ref.snapshots.listen(() => this.changed());
    const tree = new TreeTeller(services, () => this.tellTree());
    services.treeChanged = () => tree.changed();
  }

  /** Makes the actor of what `load` gives, and lets it start. */
  async begin(load: () => Promise<unknown>): Promise<void> {
    let child: PreparedChild;
    try {
      child = this.prepare(await load());
    } catch (error) {
      this.reportEnded(this.beginning.incarnation, { error: startError(error, this.ref.path, this.at) });
      return;
    }
    if (this.stopped) {
      this.reportEnded(this.beginning.incarnation, "shutdown");
      return;
    }
    const { body } = child;
    if (body.kind === "supervisor") return;
    const { incarnation } = this.beginning;
    const made = makeWorker(this.services, child, child.input, body, this.ref, incarnation, () => offspringOf(this.services, this.ref.path));
    this.actor = made.actor;
    this.ref.attach(incarnation, this);
    made.launch();
  }

  receive(frame: Frame): void {
    const [kind, to, number, load] = frame;
    if (kind === kinds.stop) {
      this.stopped = true;
      this.actor?.stop();
    } else if (to === theActor && ((kind & ~withRefs) === kinds.tell || (kind & ~withRefs) === kinds.ask)) {
      this.received++;
      this.ref.deliver(this.border.envelope(kind, number, load));
    } else this.border.receive(frame);
  }

  get takes(): Receiver["takes"] {
    return this.over ? "nothing" : (this.actor?.takes ?? "nothing");
  }

  handle(envelope: Envelope): void {
    if (envelope.linked !== undefined && envelope.begun !== true) {
      envelope.begun = true;
      Atomics.store(this.taken, 0, ++this.begun | 0);
      if (this.begun === this.received || this.begun - this.told >= actorWindow / 2) this.tellBegun();
    }
    this.actor?.handle(envelope);
  }

  snapshot(): object {
    return this.actor?.snapshot?.() ?? {};
  }

  askOver(envelope: Envelope): void {
    this.actor?.askOver?.(envelope);
  }

  reportStarted(): void {
    this.link.post([kinds.started, 0, 0, undefined]);
  }

  reportIgnored(): void {
    this.finish([kinds.ignored, 0, 0, undefined]);
  }

  reportEnded(_incarnation: number, reason: EndReason): void {
    this.finish([kinds.ended, 0, 0, carryReason(reason)]);
  }

  private finish(frame: Frame): void {
    if (this.over) return;
    this.giveBack(this.ref.leftOver());
    this.over = true;
    this.link.post(frame);
    this.leave();
  }

  /** What the actor had put aside waits for its next incarnation, as what it had not come to; what it told itself is lost. */
  private giveBack(envelopes: readonly Envelope[]): void {
    for (const { message, linked, begun, notice } of envelopes) {
      if (notice !== undefined) continue;
      if (linked === undefined) this.services.deadLetter(this.ref.path, message, "unhandled");
      else if (begun === true) this.send(kinds.returned, linked === 0 ? message : undefined, () => this.services.deadLetter(this.ref.path, String(message), "unhandled"), linked);
    }
  }

  private prepare(exported: unknown): PreparedChild {
    const { id, path, mailbox, shutdown, input } = this.beginning;
    const common = { id, mailbox, input, restart: "temporary", shutdown: shutdown === Infinity ? "infinity" : shutdown } as const;
    const { machine, effects, logic } = (typeof exported === "object" && exported !== null ? exported : {}) as ChildSpec;
    const made: Partial<ChildSpec> | undefined = typeof exported === "function" ? { run: exported as NonNullable<ChildSpec["run"]> } : machine !== undefined ? { machine, effects: effects ?? {} } : logic !== undefined ? { logic } : undefined;
    if (made === undefined) throw refusal("invalid_module", `the default export of the module of ${path} must be a function, { machine, effects } or { logic }`, { actor: path });
    return prepareChild({ ...common, ...made }, path.slice(0, path.lastIndexOf("/")), "never");
  }

  private tellBegun(): void {
    this.told = this.begun;
    this.link.post([kinds.taken, 0, 0, undefined]);
  }

  /** The state is told of once a turn, as it is then. */
  private changed(): void {
    if (this.stale || this.actor?.snapshot === undefined) return;
    this.stale = true;
    this.services.ports.scheduler.soon(() => this.tellState());
  }

  private tellState(): void {
    if (this.isFull) {
      this.services.ports.clock.after(lookAgainMs, () => this.tellState());
      return;
    }
    this.stale = false;
    const { context, ...plain } = this.snapshot() as { readonly context?: unknown };
    this.send(kinds.changed, { ...plain, context }, () => this.link.post([kinds.changed, 0, 0, plain]));
  }

  /** What the actor has spawned: the program shows it as it was told last. */
  private tellTree(): number {
    const inside = insideOf(this.actor);
    if (!this.over) this.link.post([kinds.grown, 0, 0, inside]);
    return sizeOf(inside);
  }

  private get isFull(): boolean {
    return (this.link.backlog ?? 0) > mostBacklog;
  }

  /** Sends what is worth less than the memory that it would fill. */
  private announce(kind: number, load: unknown, otherwise: () => void): void {
    if (this.isFull) {
      this.skipped++;
      return;
    }
    if (this.skipped > 0) this.link.post([kinds.skipped, 0, this.skipped, undefined]);
    this.skipped = 0;
    this.send(kind, load, otherwise);
  }

  private send(kind: number, load: unknown, otherwise: () => void, number = 0): void {
    if (this.over) return;
    if (this.services.counts.contained > this.contained) {
      this.link.post([kinds.contained, 0, this.services.counts.contained - this.contained, undefined]);
      this.contained = this.services.counts.contained;
    }
    try {
      this.border.send(kind, 0, number, load);
    } catch {
      otherwise();
    }
  }
}

/** Why the module gave nothing to start, said so. */
function startError(cause: unknown, path: string, at: string): unknown {
  if (cause instanceof SupervisionError) return cause;
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
  const hint = cause instanceof Error && "code" in cause && cause.code === "ERR_UNKNOWN_FILE_EXTENSION" ? "; install tsx beside your program: threads load TypeScript through it" : "";
  return refusal(isMissing ? "module_not_found" : "module_failed", `the module of ${path} could not be loaded${at}: ${cause instanceof Error ? cause.message : String(cause)}${hint}`, { actor: path, cause });
}
