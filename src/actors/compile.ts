import type { AnyStateMachine, AnyStateNode } from "xstate";
import { compiledAction, type Action, type Args, type Typed } from "./chart-actions.js";
import { below, completion, domainOf, leafOf, lineage } from "./chart-paths.js";

export type { Typed } from "./chart-actions.js";

/** What a step changes: the state a cell is in, and its context (in place). */
export interface Subject<C> {
  state: ChartState<C>;
  context: C;
}

type Guard<C> = (args: Args<C>) => boolean;

/** One way to react: the first plan whose guard holds is taken. */
export interface Plan<C = unknown> {
  readonly guard: Guard<C> | undefined;
  readonly to: ChartState<C>;
  readonly actions: readonly Action<C>[];
  /** Whether one of the actions assigns: what follows an eventless transition depends on it. */
  readonly assigns: boolean;
  /** Neither a move nor an action: the message is ignored on purpose. */
  readonly ignores: boolean;
}

/** A state that a cell can be in: a leaf of the chart, with all it inherits from the states around it. */
export interface ChartState<C = unknown> {
  /** Dotted path from the root: `live.running`. */
  readonly name: string;
  readonly final: boolean;
  readonly tags: ReadonlySet<string>;
  readonly plans: ReadonlyMap<string, readonly Plan<C>[]>;
  readonly always: readonly Plan<C>[];
}

/** `moved` covers self-transitions and actions without a target; `unexpected` is a message the chart does not speak of in that state. */
export type StepOutcome = "moved" | "ignored" | "late" | "unexpected";

/** A chart as a table. Equal in behaviour to xstate's `transition()`, and some hundred times faster. */
export interface CompiledChart<C, M extends Typed, E extends Typed, I> {
  readonly id: string;
  readonly states: ReadonlyMap<string, ChartState<C>>;
  /** Enters the initial state. The effects of entering are appended to `effects`. */
  start(subject: Subject<C>, input: I, effects: E[]): void;
  /** Takes one message to completion, eventless transitions included. Effects are appended in order. */
  step(subject: Subject<C>, message: M, effects: E[]): StepOutcome;
}

/** How many eventless transitions may follow one message where the chart sets no `maxIterations`. */
const maxEventless = 100;

/**
 * Compiles a chart into a table, once, at start-up.
 * Refuses what lies outside the subset that charts are written in: atomic, compound and final states, guards by name or function,
 * `assign`, `emit`, `enqueueActions` of emits, eventless transitions, entry and exit actions.
 */
export function compile<C extends object, M extends Typed, E extends Typed, I>(machine: AnyStateMachine): CompiledChart<C, M, E, I> {
  return new Compiler<C>(machine).chart();
}

interface MutableState<C> extends ChartState<C> {
  readonly plans: Map<string, Plan<C>[]>;
  readonly always: Plan<C>[];
}

type Transition = NonNullable<AnyStateNode["always"]>[number];
type MakeContext<C> = C | ((args: { input: unknown }) => C) | undefined;

class Compiler<C extends object> {
  private readonly leaves = new Map<AnyStateNode, MutableState<C>>();

  constructor(private readonly machine: AnyStateMachine) {}

  chart(): CompiledChart<C, Typed, Typed, unknown> {
    const { machine } = this;
    this.collect(machine.root);
    for (const [node, state] of this.leaves) this.fill(node, state);
    const first = leafOf(machine.root);
    const entry = this.actions([...below(undefined, first).flatMap((node) => [...node.entry, ...node.initial.actions]), ...completion(first)]);
    const limit = Math.min(maxEventless, (machine.options as { maxIterations?: number } | undefined)?.maxIterations ?? maxEventless);
    return table(machine.id, [...this.leaves.values()], { entry, state: this.leaf(first), makeContext: machine.config.context as MakeContext<C> }, limit);
  }

  private collect(node: AnyStateNode): void {
    if (node.type === "parallel" || node.type === "history") this.refuse(node, `${node.type} states`);
    if (node.invoke.length > 0) this.refuse(node, "invoke");
    if (node.after.length > 0) this.refuse(node, "after");
    if (node.output !== undefined) this.refuse(node, "output");
    if (node.type === "final" && node.parent !== this.machine.root) this.refuse(node, "nested final states");
    if (node.type === "final" && node.transitions.size > 0) this.refuse(node, "transitions of a final state");
    if (node.type === "atomic" || node.type === "final") {
      const tags = new Set(lineage(node).flatMap((around) => [...around.tags] as string[]));
      this.leaves.set(node, { name: node.path.join("."), final: node.type === "final", tags, plans: new Map(), always: [] });
    }
    for (const child of Object.values(node.states)) this.collect(child);
  }

  private fill(node: AnyStateNode, state: MutableState<C>): void {
    for (const around of lineage(node)) {
      for (const [type, transitions] of around.transitions) {
        if (type === "" || type.includes("*")) this.refuse(around, "wildcards");
        if (type.startsWith("xstate.done")) this.refuse(around, "onDone");
        const plans = state.plans.get(type) ?? [];
        for (const transition of transitions) plans.push(this.plan(node, transition));
        state.plans.set(type, plans);
      }
      for (const transition of around.always ?? []) state.always.push(this.plan(node, transition));
    }
  }

  /** What taking the transition does in that leaf: the algorithm of SCXML, for a chart in which one leaf is active at a time. */
  private plan(from: AnyStateNode, transition: Transition): Plan<C> {
    const { source, target: targets = [], reenter } = transition;
    const guard = this.guard(source, transition.guard);
    const [target, second] = targets;
    if (second !== undefined) return this.refuse(source, "several targets");
    if (target === undefined) return this.made(guard, from, transition.actions, false);
    const domain = domainOf(source, target, reenter);
    const entersTarget = target !== source || source !== domain || reenter;
    const to = leafOf(target);
    const line = lineage(from);
    const exited = domain === undefined ? line : line.slice(0, line.indexOf(domain));
    const entered = below(domain, to);
    if (entersTarget && !entered.includes(target)) entered.unshift(target);
    const byDefault = [...below(target, to), ...(entersTarget ? [target] : [])];
    const entry = entered.flatMap((node) => [...node.entry, ...(byDefault.includes(node) ? node.initial.actions : [])]);
    return this.made(guard, to, [...exited.flatMap((node) => node.exit), ...transition.actions, ...entry, ...completion(to)], exited.length + entered.length > 0);
  }

  private made(guard: Guard<C> | undefined, to: AnyStateNode, given: readonly unknown[], moves: boolean): Plan<C> {
    const actions = this.actions(given);
    return { guard, to: this.leaf(to), actions, assigns: actions.some((action) => action.assigns === true), ignores: actions.length === 0 && !moves };
  }

  private leaf(node: AnyStateNode): MutableState<C> {
    return this.leaves.get(node) ?? this.refuse(node, "a target that is no leaf");
  }

  private guard(node: AnyStateNode, guard: unknown): Guard<C> | undefined {
    if (guard === undefined) return undefined;
    const named = typeof guard === "string" ? (this.machine.implementations.guards as Record<string, unknown>)[guard] : guard;
    if (typeof named !== "function" || "check" in named) return this.refuse(node, `the guard ${typeof guard === "string" ? `"${guard}"` : "combination"}`);
    return named as Guard<C>;
  }

  private actions(list: readonly unknown[]): Action<C>[] {
    return list.map((given) => {
      const action = typeof given === "string" ? (this.machine.implementations.actions as Record<string, unknown>)[given] : given;
      return compiledAction<C>(action) ?? this.refuse(this.machine.root, `the action ${actionName(given, action)}`);
    });
  }

  private refuse(node: AnyStateNode, what: string): never {
    throw new TypeError(`chart "${this.machine.id}", state "${node.path.join(".") || "(root)"}": ${what} cannot be compiled; charts are made of atomic, compound and final states, guards, assign, emit and eventless transitions`);
  }
}

function actionName(given: unknown, action: unknown): string {
  if (typeof action === "function") return (action as { type?: string }).type ?? `${action.name || "(anonymous)"}, a plain function`;
  return typeof given === "string" ? `"${given}"` : JSON.stringify(given);
}

interface Beginning<C> {
  readonly entry: readonly Action<C>[];
  readonly state: ChartState<C>;
  readonly makeContext: MakeContext<C>;
}

function table<C extends object>(id: string, states: readonly ChartState<C>[], beginning: Beginning<C>, limit: number): CompiledChart<C, Typed, Typed, unknown> {
  const { entry, state: initial, makeContext } = beginning;
  // Lent to guards and actions for the length of one step, so that a step allocates only what it emits.
  const args: Args<C> = { context: undefined as unknown as C, event: { type: "" } };
  return {
    id,
    states: new Map(states.map((state) => [state.name, state])),
    start(subject, input, effects) {
      const event = { type: "xstate.init", input };
      subject.context = typeof makeContext === "function" ? makeContext({ input }) : ({ ...makeContext } as C);
      subject.state = initial;
      args.context = subject.context;
      args.event = event;
      for (const action of entry) action(args, effects);
      if (initial.always.length > 0) settle(subject, args, effects, limit);
    },
    step(subject, message, effects) {
      const { state } = subject;
      if (state.final) return "late";
      const plans = state.plans.get(message.type);
      if (plans === undefined) return "unexpected";
      args.context = subject.context;
      args.event = message;
      const plan = enabled(plans, args);
      if (plan === undefined) return "unexpected";
      if (!plan.ignores) take(plan, subject, args, effects);
      if (plan.to.always.length > 0) settle(subject, args, effects, limit);
      return plan.ignores && subject.state === state ? "ignored" : "moved";
    },
  };
}

function take<C>(plan: Plan<C>, subject: Subject<C>, args: Args<C>, effects: Typed[]): void {
  const { actions } = plan;
  for (let i = 0; i < actions.length; i++) (actions[i] as Action<C>)(args, effects);
  subject.state = plan.to;
}

function enabled<C>(plans: readonly Plan<C>[], args: Args<C>): Plan<C> | undefined {
  for (let i = 0; i < plans.length; i++) {
    const plan = plans[i] as Plan<C>;
    if (plan.guard === undefined || plan.guard(args)) return plan;
  }
  return undefined;
}

/** Follows eventless transitions until none is enabled, or one changes neither state nor context. */
function settle<C>(subject: Subject<C>, args: Args<C>, effects: Typed[], limit: number): void {
  for (let round = 1; !subject.state.final; round++) {
    const before = subject.state;
    const plan = enabled(before.always, args);
    if (plan === undefined) return;
    if (round > limit) throw new RangeError(`state "${before.name}" follows eventless transitions without end`);
    take(plan, subject, args, effects);
    if (subject.state === before && !plan.assigns) return;
  }
}
