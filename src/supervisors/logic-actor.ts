import { createActor, type AnyActor, type AnyActorLogic, type Snapshot } from "xstate";
import type { Timer } from "../actors/ports.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { Incarnation } from "./incarnation.js";
import { LogicFences } from "./logic-fences.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { LogicalRef } from "./logical-ref.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import { isTyped } from "./typed-message.js";

/** An emitted answer, to the message being handled or else the oldest that waits for one, or to the message `to`. */
interface Reply {
  readonly type: "reply";
  readonly answer: unknown;
  readonly to?: unknown;
}

/** Any logic of xstate as an actor. Its timers run on the system's clock, and its errors, and those of all below it, end it and nothing else. */
export class LogicActor implements Incarnation, Receiver {
  private readonly fences: LogicFences;
  private actor: AnyActor | undefined;
  private phase: "starting" | "running" | "ending" | "ended" = "starting";
  /** Messages that wait for an answer, the oldest first. */
  private asked: Envelope[] = [];
  /** The one that is being handled. */
  private current: Envelope | undefined;

  constructor(
    private readonly services: Services,
    private readonly logic: AnyActorLogic,
    readonly ref: LogicalRef,
    private readonly incarnation: number,
  ) {
    this.fences = new LogicFences(() => {
      services.counts.contained++;
    });
  }

  launch(input: unknown): void {
    const { clock } = this.services.ports;
    const timers = { setTimeout: (fire: () => void, ms: number) => clock.after(ms, fire), clearTimeout: (timer: Timer) => timer.cancel() };
    try {
      const actor = createActor(this.logic, { input, id: this.ref.id, clock: timers, inspect: this.fences.inspect }) as AnyActor;
      this.actor = actor;
      actor.subscribe({ next: () => this.ref.changed(), error: (error: unknown) => this.finish({ error }), complete: () => this.complete(actor.getSnapshot() as Snapshot<unknown>) });
      actor.on("*", (emitted) => this.emitted(emitted));
      actor.start();
    } catch (error) {
      this.finish({ error });
    }
    if (this.phase === "starting") this.begin();
  }

  get takes(): "nothing" | "all" {
    return this.phase === "running" ? "all" : "nothing";
  }

  handle(envelope: Envelope): void {
    const { message, notice, reply } = envelope;
    if (notice !== undefined) return;
    if (!isTyped(message)) {
      envelope.refuse?.(refusal("invalid_message", `${this.ref.path} is xstate logic: its messages are objects with a type`, { actor: this.ref.path }));
      this.finish({ error: new TypeError(`${this.ref.path} was told something that is no message of xstate logic: ${String(message)}`) });
      return;
    }
    if (reply !== undefined) this.asked.push(envelope);
    this.current = envelope;
    this.actor?.send(message);
    this.current = undefined;
  }

  askOver(envelope: Envelope): void {
    const at = this.asked.indexOf(envelope);
    if (at >= 0) this.asked.splice(at, 1);
  }

  snapshot(): object {
    const { value, tags, context } = (this.actor?.getSnapshot() ?? {}) as { readonly value?: unknown; readonly tags?: ReadonlySet<string>; readonly context?: unknown };
    return { ...(tags === undefined ? {} : { state: value, tags: [...tags] }), ...(context === undefined ? {} : { context }) };
  }

  stop(): void {
    if (this.phase === "ended") return;
    this.phase = "ending";
    try {
      this.actor?.stop();
    } catch (error) {
      this.finish({ error });
    }
    this.finish("shutdown");
  }

  kill(reason: EndReason = "killed"): void {
    this.finish(reason);
  }

  /** It has started; it may have been done at once. */
  private begin(): void {
    this.phase = "running";
    this.ref.opened();
    this.ref.reportStarted(this.incarnation);
  }

  private complete({ status }: Snapshot<unknown>): void {
    if (status !== "done") {
      this.finish("shutdown");
      return;
    }
    if (this.phase === "starting") this.begin();
    this.finish("normal");
  }

  private emitted(event: { readonly type: string }): void {
    if (event.type !== "reply" || !("answer" in event)) {
      this.ref.announcements.next(event);
      return;
    }
    const { answer, to } = event as Reply;
    const envelope = to === undefined ? (this.current ?? this.asked[0]) : this.asked.find(({ message }) => message === to);
    envelope?.reply?.(answer);
  }

  private finish(reason: EndReason): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.asked = [];
    this.fences.stopAll();
    this.ref.detach(reason);
    this.ref.reportEnded(this.incarnation, reason);
  }
}
