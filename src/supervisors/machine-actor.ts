import type { CellKind, RunnableCell } from "../actors/cell.js";
import type { ChartState, CompiledChart, StepOutcome, Typed } from "../actors/compile.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { Envelope, Receiver } from "./envelope.js";
import type { Incarnation } from "./incarnation.js";
import type { LogicalRef } from "./logical-ref.js";
import type { Effects } from "./prepared.js";
import { refusal } from "./refusal.js";
import type { Services } from "./services.js";
import { isTyped } from "./typed-message.js";
import type { ChartSelf } from "./types.js";

type UserChart = CompiledChart<object, Typed, Typed, unknown>;

/** A user's chart as an actor: a cell of the dispatcher, one message at a time in it, the others in the mailbox. */
export class MachineActor implements RunnableCell, Incarnation, Receiver, ChartSelf {
  declare state: ChartState<object>;
  declare context: object;
  crashed = false;
  private phase: "starting" | "running" | "ended" = "starting";
  /** The message that the chart has now. */
  private current: Envelope | undefined;

  constructor(
    readonly kind: MachineKind,
    private readonly effects: Effects,
    readonly ref: LogicalRef,
    readonly incarnation: number,
  ) {}

  get id(): string {
    return this.ref.path;
  }

  get path(): string {
    return `${this.kind.name}/${this.id}`;
  }

  private get services(): Services {
    return this.ref.home.services;
  }

  get signal(): AbortSignal {
    let abort = aborts.get(this);
    if (abort === undefined) {
      aborts.set(this, (abort = new AbortController()));
      if (this.isEnded()) abort.abort(refusal("ending", `${this.ref.path} has ended`));
    }
    return abort.signal;
  }

  launch(input: unknown): void {
    this.services.dispatcher.start(this, input);
    if (this.isEnded()) return;
    this.phase = "running";
    this.ref.opened();
    this.ref.reportStarted(this.incarnation);
    this.settled();
  }

  get takes(): "nothing" | "all" {
    return this.phase === "running" && this.current === undefined ? "all" : "nothing";
  }

  handle(envelope: Envelope): void {
    const { message, notice } = envelope;
    if (notice !== undefined) return;
    if (!isTyped(message)) {
      envelope.refuse?.(refusal("invalid_message", `${this.ref.path} is a chart: its messages are objects with a type`, { actor: this.ref.path }));
      this.finish({ error: new TypeError(`${this.ref.path} was told something that is no message of a chart: ${String(message)}`) });
      return;
    }
    this.current = envelope;
    this.services.dispatcher.tell(this, message);
  }

  snapshot(): object {
    const { state, context } = this;
    return { state: state.name, tags: [...state.tags], context: { ...context } };
  }

  exit(reason: EndReason): void {
    if (this.phase === "ended") this.services.counts.afterEnd++;
    else this.finish(reason);
  }

  stop(): void {
    this.finish("shutdown");
  }

  kill(reason: EndReason = "killed"): void {
    this.finish(reason);
  }

  /** Takes a message to completion, and says what came of it. */
  step(chart: UserChart, message: Typed, effects: Typed[]): StepOutcome {
    if (this.phase === "ended") return "late";
    const from = this.state;
    let to: ChartState<object> | undefined;
    let outcome: StepOutcome = "unexpected";
    try {
      outcome = chart.step(this, message, effects);
      to = outcome === "unexpected" ? undefined : this.state;
    } finally {
      this.ref.stepped(from, to, effects);
    }
    return outcome;
  }

  /** The step and its effects are over: the next message, or the end. */
  settled(): void {
    if (this.phase === "ended") return;
    this.current = undefined;
    this.ref.changed();
    if (this.state.final) this.finish("normal");
    else this.ref.proceed();
  }

  perform(effect: Typed): void {
    if (this.phase === "ended") return;
    const perform = this.effects[effect.type];
    if (effect.type === "reply" && "answer" in effect) this.current?.reply?.(effect.answer);
    else if (effect.type === "stash" && perform === undefined) this.ref.stash(this.current);
    else if (effect.type === "unstash" && perform === undefined) this.ref.unstash();
    else this.ref.announcements.next(effect);
    if (perform === undefined) return;
    const answer = perform(effect as never, this);
    if (answer instanceof Promise) answer.catch((error: unknown) => this.finish({ error }));
  }

  finish(reason: EndReason): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    aborts.get(this)?.abort(refusal("ending", `${this.ref.path} is ending`));
    this.ref.detach(reason);
    this.ref.reportEnded(this.incarnation, reason);
  }

  private isEnded(): boolean {
    return this.phase === "ended";
  }
}

/** Of those that somebody asked for their signal. */
const aborts = new WeakMap<MachineActor, AbortController>();

type MachineKind = CellKind<object, Typed, Typed, unknown, MachineActor>;
const kinds = new WeakMap<UserChart, MachineKind>();

/** What all actors of one chart share. */
export function machineKindOf(chart: UserChart): MachineKind {
  const known = kinds.get(chart);
  if (known !== undefined) return known;
  const perform = (effect: Typed, actor: MachineActor): void => actor.perform(effect);
  const kind: MachineKind = {
    name: chart.id,
    chart: { id: chart.id, states: chart.states, start: (subject, input, effects) => chart.start(subject, input, effects), step: (subject, message, effects) => (subject as MachineActor).step(chart, message, effects) },
    perform: new Proxy<Record<string, typeof perform>>({}, { get: () => perform }),
    settled: (actor) => actor.settled(),
    crashed: (actor, error) => actor.finish({ error }),
  };
  kinds.set(chart, kind);
  return kind;
}
