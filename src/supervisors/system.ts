import type { Observable } from "rxjs";
import type { StoryEntry } from "../actors/flight-recorder.js";
import { Dispatcher, type TransitionRecord } from "../actors/dispatcher.js";
import type { Clock, Ports, Random } from "../actors/ports.js";
import { realPorts } from "../actors/real-ports.js";
import { parseDuration } from "../config/units.js";
import { isNormalEnd, type EndReason } from "../state-machines/end-reason.js";
import { isAddressable } from "./addressable.js";
import { prepareSupervisor } from "./check-specs.js";
import { SupervisorHandle } from "./handle.js";
import { LogicalRef } from "./logical-ref.js";
import { causeOf } from "./ref-errors.js";
import { refusal } from "./refusal.js";
import { Services, type MessageRecord, type SystemCounts } from "./services.js";
import { SupervisorActor } from "./supervisor-actor.js";
import { findRef, treeOf } from "./tree.js";
import type { ActorRef, DeadLetter, Duration, Supervisor, SupervisorReport, SupervisorSpec, TreeNode } from "./types.js";

export interface ActorSystemOptions {
  readonly name: string;
  readonly clock?: Clock;
  readonly random?: Random;
  /** All of them at once; `clock` and `random` replace single ones. */
  readonly ports?: Ports;
  /** To run beside other cells, in one order with them; its ports are then the system's. */
  readonly dispatcher?: Dispatcher;
}

interface Top {
  readonly actor: SupervisorActor;
  readonly handle: SupervisorHandle;
  readonly ended: Promise<EndReason>;
}

/** Actors under supervision, in one place: one clock, one dispatcher, one book of dead letters. */
export class ActorSystem {
  readonly name: string;
  private readonly services: Services;
  private readonly tops = new Map<string, Top>();
  private readonly watches = new Map<ActorRef, Map<(reason: EndReason) => void, () => void>>();
  private stopping = false;

  constructor({ name, clock, random, ports, dispatcher }: ActorSystemOptions) {
    if (typeof name !== "string" || name === "") throw refusal("invalid_name", "an actor system needs a name");
    this.name = name;
    const given = dispatcher?.ports ?? ports ?? realPorts();
    const used: Ports = { ...given, clock: clock ?? given.clock, random: random ?? given.random, scheduler: given.scheduler, ids: given.ids };
    this.services = new Services(used, dispatcher ?? new Dispatcher(used));
  }

  /** For the rest of the library. */
  static servicesOf(system: ActorSystem): Services {
    return system.services;
  }

  /** Starts a supervisor with its children. Nobody restarts it: its end is in `ended`. */
  async supervise(spec: SupervisorSpec, id: string = this.services.ports.ids.next("supervisor")): Promise<Supervisor> {
    if (this.stopping) throw refusal("shutdown", `the actor system ${this.name} has been stopped`);
    const path = `${this.name}/${id}`;
    if (this.tops.has(path)) throw refusal("already_started", `${path} is running`, { actor: path });
    const prepared = prepareSupervisor(spec, path);
    let started: () => void = () => undefined;
    let ended: (reason: EndReason) => void = () => undefined;
    const whenStarted = new Promise<void>((resolve) => (started = resolve));
    const whenEnded = new Promise<EndReason>((resolve) => (ended = resolve));
    const handle = new SupervisorHandle(path, () => whenEnded, () => !this.tops.has(path));
    const close = (reason: EndReason): void => {
      this.tops.delete(path);
      ended(reason);
    };
    const actor = new SupervisorActor(this.services, prepared, path, handle, { reportStarted: started, reportIgnored: started, reportEnded: (_incarnation, reason) => close(reason) });
    this.tops.set(path, { actor, handle, ended: whenEnded });
    actor.launch();
    const failure = await Promise.race([whenStarted.then(() => undefined), whenEnded.then((reason) => ({ reason }))]);
    if (failure !== undefined) throw startFailure(path, failure.reason);
    return handle;
  }

  /**
   * One call at the end of the ref's present incarnation, at once where it has ended. What `onEnd` throws harms nobody. Whoever follows an actor over its
   * restarts looks at `ref.snapshot$`: a watch that is set again in `onEnd` is told of the same end again, until the next incarnation is there.
   */
  watch(ref: ActorRef, onEnd: (reason: EndReason) => void): () => void {
    if (!isAddressable(ref)) throw refusal("invalid_ref", "watch needs a ref of an actor");
    this.unwatch(ref, onEnd);
    const forget = (): void => {
      const callbacks = this.watches.get(ref);
      callbacks?.delete(onEnd);
      if (callbacks?.size === 0) this.watches.delete(ref);
    };
    const unwatch = ref.watch((reason) => {
      forget();
      try {
        onEnd(reason);
      } catch {
        this.services.counts.contained++;
      }
    });
    const callbacks = this.watches.get(ref) ?? new Map<(reason: EndReason) => void, () => void>();
    this.watches.set(ref, callbacks.set(onEnd, unwatch));
    return () => {
      forget();
      unwatch();
    };
  }

  /** Takes a watch back, and its notice, where that is on its way. */
  unwatch(ref: ActorRef, onEnd: (reason: EndReason) => void): void {
    const unwatch = this.watches.get(ref)?.get(onEnd);
    this.watches.get(ref)?.delete(onEnd);
    unwatch?.();
  }

  /** What runs its cells: given to another system, both run in one order. */
  get dispatcher(): Dispatcher {
    return this.services.dispatcher;
  }

  get deadLetters$(): Observable<DeadLetter> {
    return this.services.deadLetters.observable;
  }

  get transitions$(): Observable<TransitionRecord> {
    return this.services.dispatcher.transitions$;
  }

  get messages$(): Observable<MessageRecord> {
    return this.services.messages.observable;
  }

  /** What all supervisors report. */
  get reports$(): Observable<SupervisorReport> {
    return this.services.reports.observable;
  }

  get counts(): Readonly<SystemCounts> {
    return this.services.counts;
  }

  /** All that lives, with its states; what actors in threads have spawned is there as their threads have told of it last. */
  tree(): TreeNode {
    const children = [...this.tops].map(([path, { actor }]) => treeOf(path, actor));
    return { id: this.name, path: this.name, type: "supervisor", state: this.stopping ? "stopping" : "running", incarnation: 1, children };
  }

  /** The ref of an actor by its path, such as `orders/intake/clerk`, spawned ones included, but for those in threads; undefined where there is none. */
  lookup(path: string): ActorRef | undefined {
    for (const [above, { actor }] of this.tops) if (path.startsWith(`${above}/`)) return findRef(actor, path);
    return undefined;
  }

  /**
   * The latest that happened to an actor, the oldest first, over all its incarnations. An actor that ends with `{ error }` has it
   * attached to the error: `error.where.story`, where the error can be written on.
   */
  story(ref: ActorRef): readonly StoryEntry[] {
    return ref instanceof LogicalRef ? ref.story : [];
  }

  /** Ends all supervisors, the newest first, and kills those that take longer than `timeout` in all. */
  async stop({ timeout }: { readonly timeout?: Duration } = {}): Promise<void> {
    this.stopping = true;
    const tops = [...this.tops.values()].reverse();
    const ms = timeout === undefined ? Infinity : parseDuration(timeout, "the time-out of stop");
    const timer = ms === Infinity ? undefined : this.services.ports.clock.after(ms, () => tops.forEach(({ actor }) => actor.kill()));
    for (const { handle } of tops) await handle.shutdown();
    timer?.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function startFailure(path: string, reason: EndReason): Error {
  const shutdown = typeof reason === "object" && "shutdown" in reason ? (reason.shutdown as { failed_to_start_child?: string; reason?: EndReason } | undefined) : undefined;
  const cause = causeOf(shutdown?.reason ?? reason);
  const child = shutdown?.failed_to_start_child;
  if (child === undefined && isNormalEnd(reason)) return refusal("shutdown", `${path} was shut down before it had started`, { actor: path });
  return refusal("failed_to_start_child", `${path} did not start${child === undefined ? "" : `, since its child ${JSON.stringify(child)} did not`}${cause instanceof Error ? `: ${cause.message}` : ""}`, { actor: path, evidence: { end: reason }, cause });
}

/** Makes an actor system. It holds nothing open, and prints nothing. */
export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new ActorSystem(options);
}
