import type { AnyStateMachine, AnyStateNode } from "xstate";

export interface Typed {
  readonly type: string;
}

/** What a step changes: the state a cell is in, and its context (in place). */
export interface Subject<C> {
  state: ChartState<C>;
  context: C;
}

type Action<C> = (subject: Subject<C>, message: Typed, effects: Typed[]) => void;
type Guard<C> = (context: C, message: Typed) => boolean;

/** One way to react: the first plan whose guard holds is taken. */
interface Plan<C> {
  readonly guard: Guard<C> | undefined;
  readonly to: ChartState<C>;
  readonly actions: readonly Action<C>[];
  /** Neither a target nor an action: the message is ignored on purpose. */
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

const maxEventless = 100;

/**
 * Compiles a chart into a table, once, at start-up.
 * Refuses what lies outside the subset that charts are written in: atomic, compound and final states, guards by name or function,
 * `assign`, `emit`, eventless transitions, entry and exit actions.
 */
export function compile<C extends object, M extends Typed, E extends Typed, I>(machine: AnyStateMachine): CompiledChart<C, M, E, I> {
  return new Compiler<C, M, E, I>(machine).chart();
}

class Compiler<C extends object, M extends Typed, E extends Typed, I> {
  private readonly leaves = new Map<AnyStateNode, MutableState<C>>();

  constructor(private readonly machine: AnyStateMachine) {}

  chart(): CompiledChart<C, M, E, I> {
    const { machine } = this;
    this.collect(machine.root);
    for (const [node, state] of this.leaves) this.fill(node, state);
    const makeContext = machine.config.context as C | ((args: { input: I }) => C) | undefined;
    const initialLeaf = leafOf(machine.root);
    const initial = this.leaf(initialLeaf);
    const entry = this.actions(enterPath(initialLeaf, undefined));
    return {
      id: machine.id,
      states: new Map([...this.leaves.values()].map((state) => [state.name, state])),
      start(subject, input, effects) {
        subject.context = typeof makeContext === "function" ? makeContext({ input }) : ({ ...makeContext } as C);
        subject.state = initial;
        const message = { type: "xstate.init", input };
        for (const action of entry) action(subject, message, effects);
        settle(subject, message, effects);
      },
      step(subject, message, effects) {
        const { state } = subject;
        if (state.final) return "late";
        const plans = state.plans.get(message.type);
        if (plans === undefined) return "unexpected";
        for (const plan of plans) {
          if (plan.guard !== undefined && !plan.guard(subject.context, message)) continue;
          if (plan.ignores) return "ignored";
          take(plan, subject, message, effects);
          settle(subject, message, effects);
          return "moved";
        }
        return "unexpected";
      },
    };
  }

  private collect(node: AnyStateNode): void {
    if (node.type === "parallel" || node.type === "history") this.refuse(node, `${node.type} states`);
    if (node.invoke.length > 0) this.refuse(node, "invoke");
    if (node.after.length > 0) this.refuse(node, "after");
    if (node.output !== undefined) this.refuse(node, "output");
    if (node.type === "final" && node.parent !== this.machine.root) this.refuse(node, "nested final states");
    if (node.type === "final" && node.transitions.size > 0) this.refuse(node, "transitions of a final state");
    if (node.type === "atomic" || node.type === "final") {
      this.leaves.set(node, { name: node.path.join("."), final: node.type === "final", tags: new Set(lineage(node).flatMap((n) => [...n.tags])), plans: new Map(), always: [] });
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

  private plan(from: AnyStateNode, transition: AnyStateNode["always"] extends (infer T)[] | undefined ? T : never): Plan<C> {
    const guard = this.guard(transition.source, transition.guard);
    if (transition.target === undefined || transition.target.length === 0) {
      return { guard, to: this.leaf(from), actions: this.actions(transition.actions), ignores: transition.actions.length === 0 };
    }
    const [target, second] = transition.target;
    if (target === undefined || second !== undefined) return this.refuse(transition.source, "several targets");
    const { source } = transition;
    const targetLine = lineage(target);
    const inside = targetLine.includes(source) && target !== source && transition.reenter !== true;
    const domain = inside ? source : (source.parent === undefined ? [] : lineage(source.parent)).find((n) => targetLine.includes(n) && n !== target) ?? undefined;
    const to = leafOf(target);
    const line = lineage(from);
    const exits = domain === undefined ? line : line.slice(0, line.indexOf(domain));
    return { guard, to: this.leaf(to), actions: this.actions([...exits.flatMap((n) => n.exit), ...transition.actions, ...enterPath(to, domain, target)]), ignores: false };
  }

  private leaf(node: AnyStateNode): MutableState<C> {
    return this.leaves.get(node) ?? this.refuse(node, "a target that is no leaf");
  }

  private guard(node: AnyStateNode, guard: unknown): Guard<C> | undefined {
    if (guard === undefined) return undefined;
    const named = typeof guard === "string" ? (this.machine.implementations.guards as Record<string, unknown>)[guard] : guard;
    if (typeof named !== "function" || "check" in named) return this.refuse(node, `the guard ${typeof guard === "string" ? `"${guard}"` : "combination"}`);
    const holds = named as (args: { context: C; event: Typed }) => boolean;
    return (context, event) => holds({ context, event });
  }

  private actions(list: readonly unknown[]): Action<C>[] {
    return list.map((given) => {
      const action = typeof given === "string" ? (this.machine.implementations.actions as Record<string, unknown>)[given] : given;
      const type = typeof action === "function" ? (action as { type?: string }).type : undefined;
      if (type === "xstate.assign") return assignment<C>((action as unknown as { assignment: Assignment<C> }).assignment);
      if (type === "xstate.emit") return emission<C>((action as unknown as { event: Emission<C> }).event);
      return this.refuse(this.machine.root, `the action ${type ?? String(given)}`);
    });
  }

  private refuse(node: AnyStateNode, what: string): never {
    throw new TypeError(`chart "${this.machine.id}", state "${node.path.join(".") || "(root)"}": ${what} cannot be compiled; charts are made of atomic, compound and final states, guards, assign, emit and eventless transitions`);
  }
}

interface MutableState<C> extends ChartState<C> {
  readonly plans: Map<string, Plan<C>[]>;
  readonly always: Plan<C>[];
}

type Assignment<C> = ((args: { context: C; event: Typed }) => Partial<C>) | { [K in keyof C]?: C[K] | ((args: { context: C; event: Typed }) => C[K]) };
type Emission<C> = Typed | ((args: { context: C; event: Typed }) => Typed);

function assignment<C>(assign: Assignment<C>): Action<C> {
  if (typeof assign === "function") return (subject, event) => void Object.assign(subject.context as object, assign({ context: subject.context, event }));
  const entries = Object.entries(assign) as [keyof C, unknown][];
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) {
    const [key, value] = only;
    return (subject, event) => {
      subject.context[key] = evaluate(value, subject.context, event) as C[keyof C];
    };
  }
  return (subject, event) => {
    const values = entries.map(([, value]) => evaluate(value, subject.context, event));
    entries.forEach(([key], i) => {
      subject.context[key] = values[i] as C[keyof C];
    });
  };
}

const evaluate = <C>(value: unknown, context: C, event: Typed): unknown => (typeof value === "function" ? (value as (args: { context: C; event: Typed }) => unknown)({ context, event }) : value);

function emission<C>(emit: Emission<C>): Action<C> {
  return typeof emit === "function" ? (subject, event, effects) => void effects.push(emit({ context: subject.context, event })) : (_subject, _event, effects) => void effects.push(emit);
}

function take<C>(plan: Plan<C>, subject: Subject<C>, message: Typed, effects: Typed[]): void {
  const { actions } = plan;
  for (let i = 0; i < actions.length; i++) (actions[i] as Action<C>)(subject, message, effects);
  subject.state = plan.to;
}

function settle<C>(subject: Subject<C>, message: Typed, effects: Typed[]): void {
  for (let round = 0; !subject.state.final && subject.state.always.length > 0; round++) {
    if (round > maxEventless) throw new RangeError(`state "${subject.state.name}" follows eventless transitions without end`);
    const plan = subject.state.always.find((p) => p.guard === undefined || p.guard(subject.context, message));
    if (plan === undefined) return;
    const before = subject.state;
    take(plan, subject, message, effects);
    if (plan.ignores && before === subject.state) return;
  }
}

/** The node and the nodes around it, innermost first. */
function lineage(node: AnyStateNode): AnyStateNode[] {
  return node.parent === undefined ? [node] : [node, ...lineage(node.parent)];
}

function leafOf(node: AnyStateNode): AnyStateNode {
  return node.type === "compound" ? leafOf(node.initial.target[0] as AnyStateNode) : node;
}

/** The entry actions from below `domain` down to `leaf`, with the actions of initial transitions below `target`. */
function enterPath(leaf: AnyStateNode, domain: AnyStateNode | undefined, target?: AnyStateNode): unknown[] {
  const line = lineage(leaf);
  const entered = (domain === undefined ? line : line.slice(0, line.indexOf(domain))).reverse();
  const explicit = target === undefined ? 0 : entered.indexOf(target);
  return entered.flatMap((node, i) => [...(i > explicit && node.parent?.initial.target[0] === node ? node.parent.initial.actions : []), ...node.entry]);
}
