import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from "xstate";

/** A transition as it is drawn. */
export interface ChartEdge {
  /** Paths of states, names joined by dots. */
  readonly from: string;
  /** Undefined: the state stays as it is. */
  readonly to: string | undefined;
  /** The message; empty for a transition that is taken as soon as its guard holds. */
  readonly event: string;
  readonly guard: string | undefined;
  readonly effects: readonly string[];
  /** It changes nothing and has no effects. */
  readonly ignored: boolean;
}

export interface ChartState {
  readonly path: string;
  readonly name: string;
  readonly kind: AnyStateNode["type"];
  readonly tags: readonly string[];
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** The path of the child that is entered first. */
  readonly initial: string | undefined;
  readonly children: readonly ChartState[];
}

export interface Chart {
  readonly id: string;
  readonly description: string | undefined;
  readonly root: ChartState;
  readonly edges: readonly ChartEdge[];
}

/** What a picture of a chart shows, read from the machine itself. */
export function chartOf(machine: AnyStateMachine): Chart {
  return { id: machine.id, description: machine.config.description, root: stateOf(machine.root), edges: edgesOf(machine.root) };
}

const pathOf = (node: AnyStateNode): string => node.path.join(".");
const childrenOf = (node: AnyStateNode): AnyStateNode[] => Object.values(node.states) as AnyStateNode[];

function stateOf(node: AnyStateNode): ChartState {
  const first = node.type === "compound" ? (node.initial.target[0] as AnyStateNode | undefined) : undefined;
  return {
    path: pathOf(node),
    name: node.key,
    kind: node.type,
    tags: node.tags,
    entry: effectsOf(node.entry),
    exit: effectsOf(node.exit),
    initial: first && pathOf(first),
    children: childrenOf(node).map(stateOf),
  };
}

function edgesOf(node: AnyStateNode): ChartEdge[] {
  const own = [...(node.always ?? []), ...[...node.transitions.values()].flat()] as AnyTransitionDefinition[];
  return [...own.flatMap((transition) => edgesOfTransition(node, transition)), ...childrenOf(node).flatMap(edgesOf)];
}

function edgesOfTransition(node: AnyStateNode, { eventType, guard, actions, target }: AnyTransitionDefinition): ChartEdge[] {
  const targets = (target ?? [undefined]) as (AnyStateNode | undefined)[];
  return targets.map((to) => ({
    from: pathOf(node),
    to: to && pathOf(to),
    event: eventText(String(eventType)),
    guard: guardText(guard),
    effects: effectsOf(actions),
    ignored: to === undefined && actions.length === 0,
  }));
}

/** Whether a transition is written inside the box of its state: it does not leave it. */
export function staysInBox({ from, to }: ChartEdge): boolean {
  return to === undefined || to === from || from === "" || to.startsWith(`${from}.`);
}

/** xstate's own event names in plain words. */
function eventText(type: string): string {
  const after = /^xstate\.after\.(.+?)\.[^.]*$/.exec(type);
  if (after?.[1] !== undefined) return `after ${/^\d+$/.test(after[1]) ? `${after[1]} ms` : after[1]}`;
  const done = /^xstate\.(done|error)\.(?:actor|state)\.(.+)$/.exec(type);
  if (done?.[1] !== undefined && done[2] !== undefined) return `${done[1]} ${done[2]}`;
  return type;
}

function guardText(guard: unknown): string | undefined {
  if (guard === undefined) return undefined;
  if (typeof guard === "string") return guard;
  if (typeof guard === "function") return guard.name === "" ? "guard" : guard.name;
  return typeof guard === "object" && guard !== null && "type" in guard ? String(guard.type) : "guard";
}

/** The names of what is done; assignments to the context are not shown, and what is put together step by step is `…`. */
function effectsOf(actions: readonly unknown[]): string[] {
  return actions.flatMap((action) => effectOf(action) ?? []);
}

function effectOf(action: unknown): string | undefined {
  if (typeof action === "string") return action;
  if (action === null || (typeof action !== "object" && typeof action !== "function") || !("type" in action)) return typeof action === "function" && action.name !== "" ? action.name : undefined;
  if (action.type === "xstate.assign") return undefined;
  if (action.type === "xstate.emit" && "event" in action) return emittedType(action.event);
  return action.type === "xstate.enqueueActions" ? "…" : String(action.type);
}

/** The type of what an `emit` emits; a function is asked with stand-ins for context and message. */
function emittedType(emission: unknown): string {
  const emitted: unknown = typeof emission === "function" ? askWithStandIns(emission as (args: unknown) => unknown) : emission;
  if (typeof emitted !== "object" || emitted === null || !("type" in emitted)) return "…";
  return typeof emitted.type === "string" ? emitted.type : "…";
}

function askWithStandIns(emission: (args: unknown) => unknown): unknown {
  try {
    return emission({ context: standIn, event: standIn });
  } catch (refused) {
    return refused;
  }
}

/** Has every property, and each is itself; counts as 0. */
const standIn: unknown = new Proxy(() => undefined, {
  get: (_target, key) => (key === Symbol.toPrimitive ? () => 0 : standIn),
  has: () => true,
  apply: () => standIn,
});
