import type { Observable } from "rxjs";
import type { ResourceLimits } from "node:worker_threads";
import type { AnyActorLogic, AnyStateMachine } from "xstate";
import type { Place } from "../actors/place.js";
import type { Duration } from "../config/units.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { AutoShutdown, RestartKind, Strategy, SupervisorEvent } from "../state-machines/supervision.js";

export type { Duration } from "../config/units.js";
export type { EndReason } from "../state-machines/end-reason.js";
export type { AutoShutdown, RestartKind, Strategy } from "../state-machines/supervision.js";

/**
 * The logical child: it stays valid over restarts by its supervisor. Messages told while it is being restarted wait in its mailbox;
 * those told after its end, or to a full mailbox, are dead letters.
 */
export interface ActorRef<M = unknown, Reply = unknown, Event = unknown, Snapshot = unknown> {
  readonly id: string;
  /** From the system down: `orders/intake/clerk`. */
  readonly path: string;
  /** Counts the actors behind this ref, from 1. */
  readonly incarnation: number;
  /** Whether one is running now. */
  readonly alive: boolean;
  tell(message: M): void;
  /** The answer; rejects with `AskTimeout` (after 5 s, where nothing else is said), or with a `SupervisionError` once nobody can answer any more. */
  ask(message: M, options?: { readonly timeout?: Duration }): Promise<Reply>;
  /** The end for good: no restart follows. Never rejects. */
  readonly ended: Promise<EndReason>;
  /** What the actor announces. */
  readonly events$: Observable<Event>;
  /** Its state after every change, the present one first. */
  readonly snapshot$: Observable<Snapshot>;
  /** Where the child is a supervisor. */
  readonly supervisor?: Supervisor | undefined;
}

/** What a running function sees of the actor it is. After the actor's end all of it is without effect, and counted. */
export interface Self<M = unknown> {
  readonly ref: ActorRef<M>;
  /** Counts from 1 over the restarts of the ref. */
  readonly incarnation: number;
  /** What `start` of a `simple_one_for_one` supervisor, or the specification, gave. */
  readonly input: unknown;
  /** Aborted when the actor is asked to stop, or is killed. */
  readonly signal: AbortSignal;
  /** Handles messages one at a time; a handler that returns a promise is waited for. A throw ends the actor with `{ error }`. */
  receive(handler: (message: M, reply: (answer: unknown) => void) => void | Promise<void>): void;
  /**
   * Puts the message that is being handled aside, with whoever asked it. At most as many as the mailbox holds: one more throws `stash_full`.
   * An actor that is restarted finds what it put aside in its mailbox, before all else.
   */
  stash(): void;
  /** All messages that were put aside are the next ones, in the order in which they came. */
  unstash(): void;
  exit(reason: EndReason): void;
  /** Runs at every end but a kill, the latest first; the actor has ended when all are done, or the time to stop is over. */
  onStop(cleanup: (reason: EndReason) => void | Promise<void>): void;
  /** Announces on `ref.events$`. */
  emit(event: unknown): void;
  /** One call at the end of the target's present incarnation, as a message of the control lane. Gives what takes the watch back. */
  watch(ref: ActorRef, onEnd: (reason: EndReason) => void): () => void;
  /** Linked: it ends with this actor, and this actor with it unless it ends normally. It is never restarted. */
  spawn(spec: ChildSpec): Promise<ActorRef>;
}

/** What a chart's effects are performed with. */
export interface ChartSelf {
  readonly ref: ActorRef;
  readonly signal: AbortSignal;
  exit(reason: EndReason): void;
}

export interface Backoff {
  readonly min: Duration;
  readonly max: Duration;
  /** A delay is spread by this fraction to either side; 0.1 where nothing is said. */
  readonly jitter?: number;
}

/** One child, as OTP describes it. Unknown keys are tolerated, as there. */
export interface ChildSpec {
  /** Unique in its supervisor. */
  readonly id: string;
  readonly restart?: RestartKind;
  /** How long it may take to end after it was asked to: a duration (5 s), `"infinity"` (the default of supervisors), or `"brutal_kill"`. */
  readonly shutdown?: Duration;
  readonly significant?: boolean;
  /** A start that takes longer has failed: a duration (30 s), or `"infinity"`, the default of supervisors, whose children have limits of their own. */
  readonly startTimeout?: Duration;
  /** The n-th restart in a row waits `min`·2^(n−1), at most `max`. A child that ran for (min+max)/2 begins a new row. Off where nothing is said: OTP restarts at once. */
  readonly backoff?: Backoff | false;
  /**
   * Messages that may wait for it: 10,000. One more is refused, as a dead letter with the reason `mailbox_full`; with `full: "drop_oldest"`,
   * for what is stale when something newer comes, the oldest that waits is dropped in its place, as a dead letter with the reason `dropped`.
   * Notices of ends are a lane of their own, which is never full.
   */
  readonly mailbox?: number | { readonly capacity?: number; readonly full?: "refuse" | "drop_oldest" };
  /** A chart without I/O: compiled, and run with `effects` and `input`. */
  readonly machine?: AnyStateMachine;
  /** By the effect's type; what one throws, or its promise rejects with, ends the actor with `{ error }`. Every effect is also announced on `events$`; `{ type: "reply", answer }` answers the message being handled, `{ type: "stash" }` puts it aside, and `{ type: "unstash" }` makes all that were put aside the next messages (see `Self.stash`). */
  readonly effects?: Readonly<Record<string, (effect: never, self: ChartSelf) => unknown>>;
  readonly input?: unknown;
  /** A function: started when it (or its promise) returns, a throw is a failed start, and `"ignore"` says that there is nothing to do. */
  readonly run?: (self: Self<never>) => unknown;
  readonly supervisor?: SupervisorSpec;
  /**
   * Any logic of xstate (a machine with `invoke`, `after` and children, a promise, a callback, an observable, a transition), run with `input`.
   * Its timers run on the system's clock. It ends `normal` when it is done, and with `{ error }` on any error in it or below it that is not handled
   * there. What it emits is announced on `events$`; an emitted `{ type: "reply", answer }` answers the message being handled, or else the
   * oldest that waits for an answer, or the message `to`.
   */
  readonly logic?: AnyActorLogic;
  /**
   * A module whose default export is what `run` is, or an object `{ machine, effects }` or `{ logic }`: it runs where `on` says. What it is told, asks,
   * answers and announces is copied; memory is moved where `transfer` says so. Refs in messages and in `input` work on the other side, where they
   * tell, ask and watch; in class instances, and beside what is moved, they do not pass. What it spawns lives in its thread: `tree()` has it as the thread told of it last, and `lookup` does not find it.
   * Messages that the thread has not come to when it ends are kept for its next incarnation, those it told itself excepted. It has ended when its
   * thread is gone, or at most a second after the kill where a native call keeps the thread.
   */
  readonly module?: URL;
  /**
   * Where `module` runs: `"thread"`, a worker thread of its own; or a block of a kernel (`await kernel.block("cluster")`), or a node of one: a worker
   * thread there, which ends with the lease of its node. It is restarted on the same block, or where that is over, on another of its executor.
   */
  readonly on?: "thread" | Place;
  /** Of the thread; one that uses up its memory ends the actor with an error, and nothing else. */
  readonly resourceLimits?: ResourceLimits;
}

export interface SupervisorSpec {
  readonly strategy?: Strategy;
  /** Restarts within `period` that are tolerated: 1. */
  readonly intensity?: number;
  /** 5 s. */
  readonly period?: Duration;
  readonly autoShutdown?: AutoShutdown;
  readonly children?: readonly ChildSpec[];
  /** The template of `simple_one_for_one`. */
  readonly child?: Omit<ChildSpec, "id">;
}

/** What the administration of a supervisor answers of a child. */
export interface ChildInfo {
  readonly id: string;
  readonly ref: ActorRef | undefined | "restarting";
  readonly type: "worker" | "supervisor";
  readonly restarts: number;
}

/** A supervisor at work. Refused calls reject (or throw, where they are synchronous) with a `SupervisionError` whose `reason` is OTP's word. */
export interface Supervisor {
  readonly path: string;
  /** Starts a child and waits until it has started; `undefined` where its start said `"ignore"`. */
  start(spec: ChildSpec | { readonly id?: string; readonly input?: unknown }): Promise<ActorRef | undefined>;
  /** Starts a child again that was stopped, or ended without a restart. */
  restart(id: string): Promise<ActorRef | undefined>;
  /** Ends a child in its own time; no restart follows. */
  stop(child: string | ActorRef): Promise<void>;
  /** Forgets a child that is stopped. */
  delete(id: string): Promise<void>;
  /** The newest first. */
  children(): ChildInfo[];
  count(): { readonly specs: number; readonly active: number; readonly supervisors: number; readonly workers: number };
  spec(id: string): ChildSpec;
  /** OTP's reports: children that were terminated, starts and stops that failed, too many restarts. */
  readonly reports$: Observable<SupervisorReport>;
  /** The end for good. Never rejects. */
  readonly ended: Promise<EndReason>;
  shutdown(reason?: EndReason): Promise<void>;
}

export type SupervisorReport = SupervisorEvent & { readonly at: number; readonly supervisor: string };

/** A message that reached nobody. */
export interface DeadLetter {
  readonly at: number;
  readonly to: string;
  readonly message: unknown;
  /** The actor had ended; its mailbox was full; a newer message took its place in a full mailbox; it ended before it came to the message; the message cannot be copied to its thread; it was on its way to a node that was lost, and may have been handled there. */
  readonly reason: "ended" | "mailbox_full" | "dropped" | "unhandled" | "uncloneable" | "lost";
}

export interface TreeNode {
  readonly id: string;
  readonly path: string;
  readonly type: "worker" | "supervisor";
  /** Of the child's chart, and for a supervisor of its own. */
  readonly state: string;
  readonly incarnation: number;
  readonly children: readonly TreeNode[];
}
