import type { Dispatcher } from "../actors/dispatcher.js";
import type { Timer } from "../actors/ports.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { Incarnation } from "./incarnation.js";
import { isAddressable } from "./addressable.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { LogicalRef } from "./logical-ref.js";
import { causeOf } from "./ref-errors.js";
import type { PreparedChild } from "./prepared.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import type { ActorRef, ChildSpec, Self } from "./types.js";

type Handler = (message: never, reply: (answer: unknown) => void) => void | Promise<void>;
type Cleanup = (reason: EndReason) => void | Promise<void>;

/** A supervisor and its children, to look at. */
export interface Family {
  readonly cell: { readonly context: { readonly children: Iterable<{ readonly key: number }> } };
  readonly entries: Iterable<FamilyMember> & { get(key: number): FamilyMember | undefined };
}

interface FamilyMember {
  readonly ref: LogicalRef;
  readonly state: { readonly name: string };
  readonly actor: unknown;
  readonly prepared: { readonly body: { readonly kind: string } };
}

/** Children of an actor: made when the first is spawned. */
export interface Offspring {
  /** The supervisor that they are children of. */
  readonly family: Family;
  start(spec: ChildSpec): Promise<ActorRef | undefined>;
  stop(): Promise<void>;
  kill(): void;
}

/** A plain function as an actor: `starting → running → ending → ended`. */
export class RunActor implements Incarnation, Receiver, Self<never> {
  readonly signal: AbortSignal;
  private phase: "starting" | "running" | "ending" | "ended" = "starting";
  private readonly abort = new AbortController();
  private readonly cleanups: Cleanup[] = [];
  private readonly unwatches = new Set<() => void>();
  private handler: Handler | undefined;
  /** A message is being handled. */
  private busy = false;
  /** That message, until it is put aside. */
  private current: Envelope | undefined;
  /** Why it is ending; the first reason counts. */
  private reason: EndReason | undefined;
  offspring: Offspring | undefined;
  /** Limits an end by itself. */
  private limit: Timer | undefined;

  constructor(
    private readonly services: Services,
    private readonly shutdown: PreparedChild["shutdown"],
    readonly input: unknown,
    readonly ref: LogicalRef,
    readonly incarnation: number,
    private readonly makeOffspring: () => Offspring,
  ) {
    this.signal = this.abort.signal;
  }

  launch(run: (self: Self<never>) => unknown): void {
    this.attempt(
      () => run(this),
      (answer) => this.ready(answer),
    );
  }

  /** What runs the cells of its system. */
  get dispatcher(): Dispatcher {
    return this.services.dispatcher;
  }

  get takes(): "nothing" | "control" | "all" {
    if (this.phase !== "running" || this.busy) return "nothing";
    return this.handler === undefined ? "control" : "all";
  }

  handle(envelope: Envelope): void {
    const { message, reply, refuse, notice } = envelope;
    this.busy = true;
    this.current = notice === undefined ? envelope : undefined;
    const { handler } = this;
    this.attempt(
      () => (notice === undefined ? handler?.(message as never, reply ?? nobody) : notice()),
      () => this.handled(),
      (error) => refuse?.(refusal("crashed", `${this.ref.path} failed on the message`, { actor: this.ref.path, cause: error })),
    );
  }

  receive(handler: Handler): void {
    if (this.isOver()) return;
    this.handler = handler;
    this.ref.wake();
  }

  stash(): void {
    if (this.isOver()) return;
    this.ref.stash(this.current);
    this.current = undefined;
  }

  unstash(): void {
    if (!this.isOver()) this.ref.unstash();
  }

  exit(reason: EndReason): void {
    if (!this.isOver()) this.end(reason);
  }

  onStop(cleanup: Cleanup): void {
    if (!this.isOver()) this.cleanups.push(cleanup);
  }

  emit(event: unknown): void {
    if (!this.isOver()) this.ref.announcements.next(event);
  }

  watch(ref: ActorRef, onEnd: (reason: EndReason) => void): () => void {
    if (this.isOver() || !isAddressable(ref)) return nobody;
    let wanted = true;
    const unwatch = ref.watch((reason) => {
      this.unwatches.delete(unwatch);
      this.ref.notify(() => {
        if (wanted && this.phase === "running") onEnd(reason);
      });
    });
    this.unwatches.add(unwatch);
    return () => {
      wanted = false;
      this.unwatches.delete(unwatch);
      unwatch();
    };
  }

  async spawn(spec: ChildSpec): Promise<ActorRef> {
    if (this.isOver()) throw refusal("noproc", `${this.ref.path} has ended, and starts nothing more`, { actor: this.ref.path });
    this.offspring ??= this.makeOffspring();
    const ref = await this.offspring.start({ ...spec, restart: "temporary", significant: false });
    if (ref === undefined) throw refusal("ignored", `the start of ${this.ref.path}/${spec.id} said that there is nothing to do`, { actor: this.ref.path });
    if (isAddressable(ref)) {
      ref.watch((reason) => {
        if (causeOf(reason) !== undefined || reason === "killed") this.end(reason === "killed" ? { error: refusal("killed", `${ref.path}, linked to ${this.ref.path}, was killed`) } : reason);
      });
    }
    return ref;
  }

  stop(): void {
    this.abort.abort(refusal("shutdown", `${this.ref.path} is asked to end`));
    if (this.phase === "starting") this.reason ??= "shutdown";
    else this.end("shutdown", false);
  }

  kill(reason: EndReason = "killed"): void {
    if (this.phase === "ended") return;
    this.abort.abort(refusal("killed", `${this.ref.path} is killed`));
    this.offspring?.kill();
    this.finish(reason);
  }

  /** The function has returned. */
  private ready(answer: unknown): void {
    if (this.phase !== "starting") return;
    if (this.reason !== undefined) {
      this.end(this.reason);
      return;
    }
    if (answer === "ignore") {
      this.phase = "ended";
      this.release();
      this.ref.detach("normal");
      this.ref.reportIgnored(this.incarnation);
      return;
    }
    this.phase = "running";
    this.ref.opened();
    this.ref.reportStarted(this.incarnation);
  }

  private handled(): void {
    this.busy = false;
    this.current = undefined;
    if (this.phase === "ending") this.cleanUp();
    else this.ref.wake();
  }

  /** What is at work may end its message; then clean-ups run, and what was spawned is stopped. */
  private end(reason: EndReason, byItself = true): void {
    if (this.phase === "ended" || this.phase === "ending") return;
    this.phase = "ending";
    this.reason ??= reason;
    this.abort.abort(refusal("ending", `${this.ref.path} is ending`, { cause: causeOf(reason) }));
    const { shutdown } = this;
    if (byItself && shutdown !== Infinity) this.limit = this.services.ports.clock.after(shutdown === "brutal_kill" ? 0 : shutdown, () => this.overdue());
    if (!this.busy) this.cleanUp();
  }

  /** An actor that ended by itself may not hold up its supervisor either. */
  private overdue(): void {
    if (this.phase !== "ending") return;
    this.offspring?.kill();
    this.finish(this.reason ?? "killed");
  }

  private cleanUp(): void {
    const cleanup = this.cleanups.pop();
    const next = (): void => (this.phase === "ending" ? this.cleanUp() : undefined);
    if (cleanup !== undefined) {
      this.attempt(() => cleanup(this.reason ?? "normal"), next);
      return;
    }
    const { offspring } = this;
    this.offspring = undefined;
    if (offspring !== undefined) {
      this.attempt(() => offspring.stop(), next);
      return;
    }
    this.finish(this.reason ?? "normal");
  }

  private finish(reason: EndReason): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.release();
    this.ref.detach(reason);
    this.ref.reportEnded(this.incarnation, reason);
  }

  private release(): void {
    this.limit?.cancel();
    for (const unwatch of this.unwatches) unwatch();
    this.unwatches.clear();
    this.cleanups.length = 0;
    this.handler = undefined;
  }

  /** Calls what the user wrote: its answer is waited for, and its error is the end of the actor. */
  private attempt<T>(call: () => T | PromiseLike<T>, then: (answer: T) => void, onError?: (error: unknown) => void): void {
    const failed = (error: unknown): void => {
      onError?.(error);
      this.failed(error);
    };
    try {
      const answer = call();
      if (isPromiseLike(answer)) answer.then(then, failed);
      else then(answer);
    } catch (error) {
      failed(error);
    }
  }

  private failed(error: unknown): void {
    if (this.phase === "ended") {
      this.services.counts.afterEnd++;
      return;
    }
    if (this.phase === "ending") {
      if (this.reason === "shutdown" || this.reason === "normal") this.reason = { error };
      this.busy = false;
      this.cleanUp();
      return;
    }
    this.busy = false;
    this.end({ error });
  }

  private isOver(): boolean {
    if (this.phase !== "ended") return false;
    this.services.counts.afterEnd++;
    return true;
  }
}

const isPromiseLike = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> => typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

const nobody = (): void => undefined;
