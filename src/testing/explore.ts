import { isDeepStrictEqual } from "node:util";
import { createActor, createMachine, type AnyMachineSnapshot, type AnyStateMachine, type StateValue } from "xstate";
import { compile, type CompiledChart, type Typed } from "../actors/compile.js";

/** One disagreement between a chart's table and xstate. */
export interface Difference {
  readonly state: string;
  readonly message: Typed;
  readonly answers: readonly boolean[];
  readonly compiled: unknown;
  readonly xstate: unknown;
}

export interface Exploration {
  /** Distinct (state, context key) pairs that were visited. */
  readonly states: number;
  /** Names of the states that were visited. */
  readonly visited: ReadonlySet<string>;
  /** Steps that were compared. */
  readonly steps: number;
  readonly differences: readonly Difference[];
  /** False where `maxStates` cut the exploration short. */
  readonly complete: boolean;
}

export interface ExploreOptions {
  readonly input?: unknown;
  /** Messages to try in every state; those of the chart that are not among them are tried with their type alone. */
  readonly messages?: readonly Typed[];
  /** Contexts with the same key count as one; by default their JSON with numbers cut off at 3. */
  readonly contextKey?: (context: unknown) => string;
  readonly maxStates?: number;
  /** `scripted` (the default): every combination of answers is tried, whatever the context; `real`: the chart's own guards answer. */
  readonly guards?: "scripted" | "real";
}

const longestScript = 7;

/** Answers guards from a script, and turns the script to its next combination. Past the end of a long script the answer is no. */
export class GuardScript {
  asked: string[] = [];

  constructor(public answers: boolean[] = []) {}

  answer(name: string): boolean {
    const at = this.asked.push(name) - 1;
    if (at >= longestScript) return false;
    return (this.answers[at] ??= false);
  }

  rewind(): void {
    this.asked = [];
  }

  /** The next combination of answers among the questions that were asked; false where all have been given. */
  next(): boolean {
    const answers = this.answers.slice(0, this.asked.length);
    this.rewind();
    while (answers.at(-1) === true) answers.pop();
    if (answers.length === 0) return false;
    answers[answers.length - 1] = true;
    this.answers = answers;
    return true;
  }
}

/** A chart beside its table, with guards that answer from a script. */
export class ChartPair {
  readonly script = new GuardScript();
  readonly machine: AnyStateMachine;
  readonly table: CompiledChart<object, Typed, Typed, unknown>;

  constructor(original: AnyStateMachine, guards: "scripted" | "real" = "scripted") {
    const names = guards === "real" ? [] : Object.keys(original.implementations.guards as object);
    this.machine = original.provide({ guards: Object.fromEntries(names.map((name) => [name, () => this.script.answer(name)])) });
    this.machine.options = { ...this.machine.options, maxIterations: 100 };
    this.table = compile(this.machine);
  }

  /** Both begin; the difference, or the snapshot that both agree on. */
  begin(input: unknown): AnyMachineSnapshot | Difference {
    this.script.rewind();
    const expected = attempt(() => collected((scope) => this.machine.getInitialSnapshot(scope, input)));
    const seen = expected.asXstate(this.script);
    this.script.rewind();
    const subject = { state: undefined as never, context: {} };
    const effects: Typed[] = [];
    const actual = attempt(() => this.table.start(subject, input, effects));
    return this.compared({ name: "(start)", message: { type: "xstate.init" } }, expected, seen, actual.failed ? actual : { ...outcome(subject, effects), asked: this.script.asked });
  }

  /** Both take one message; the difference, or the snapshot that both agree on. */
  step(from: AnyMachineSnapshot, message: Typed): AnyMachineSnapshot | Difference {
    const name = nameOf(from);
    const state = this.table.states.get(name);
    if (state === undefined) throw new Error(`the table of "${this.machine.id}" has no state "${name}"`);
    const subject = { state, context: copied(from.context as object) };
    this.script.rewind();
    const expected = attempt(() => collected((scope) => this.machine.transition(from, message, scope)));
    const seen = expected.asXstate(this.script);
    this.script.rewind();
    const effects: Typed[] = [];
    const actual = attempt(() => this.table.step(subject, message, effects));
    if (actual.value === "unexpected") return this.unspoken(from, message);
    return this.compared({ name, message }, expected, seen, actual.failed ? actual : { ...outcome(subject, effects), asked: this.script.asked });
  }

  /** The dispatcher treats such a message as a fault; all that matters is that xstate selects no transition for it either. */
  private unspoken(from: AnyMachineSnapshot, message: Typed): AnyMachineSnapshot | Difference {
    this.script.rewind();
    const selected = this.machine.getTransitionData(from as never, message) as readonly { readonly eventType: string }[];
    return selected.length === 0 ? from : { state: nameOf(from), message, answers: [...this.script.answers], compiled: "unexpected", xstate: selected.map((transition) => transition.eventType) };
  }

  private compared(at: { name: string; message: Typed }, expected: Attempted<Stepped>, seen: unknown, actual: object): AnyMachineSnapshot | Difference {
    const same = expected.failed ? "failed" in actual && actual.failed === true : isDeepStrictEqual(seen, actual);
    if (!same) return { state: at.name, message: at.message, answers: [...this.script.answers], compiled: actual, xstate: seen };
    return expected.failed ? failedSnapshot : expected.value[0];
  }
}

type Stepped = readonly [AnyMachineSnapshot, readonly { readonly type: string; readonly params?: unknown }[]];

/** What xstate's pure `transition()` does, without the actor that it makes each time: that one would ask the guards too. */
function collected(run: (scope: Scope) => AnyMachineSnapshot): Stepped {
  const actions: { type: string; params?: unknown }[] = [];
  const nothing = (): void => undefined;
  const snapshot = run({ self: bystander, system: bystander.system, id: "", sessionId: "", logger: nothing, defer: nothing, emit: nothing, stopChild: nothing, actionExecutor: (action) => void actions.push(action) });
  return [snapshot, actions];
}

type Scope = Parameters<AnyStateMachine["transition"]>[2];

const bystander = createActor(createMachine({}));

interface Attempted<T> {
  readonly failed: boolean;
  readonly value: T;
  asXstate(script: GuardScript): unknown;
}

/** Stands for "both threw". */
const failedSnapshot = { status: "error", value: "(failed)", context: {} } as unknown as AnyMachineSnapshot;

function attempt<T>(run: () => T): Attempted<T> {
  try {
    const value = run();
    const failed = Array.isArray(value) && (value[0] as AnyMachineSnapshot).status === "error";
    return { failed, value, asXstate: (script) => (failed ? "failed" : describe(value as Stepped, script)) };
  } catch (error) {
    return { failed: true, value: error as T, asXstate: () => `failed: ${String(error)}` };
  }
}

function describe([snapshot, actions]: Stepped, script: GuardScript): unknown {
  const effects = actions.filter((action) => action.type === "xstate.emit").map((action) => (action.params as { event: Typed }).event);
  return { state: nameOf(snapshot), context: snapshot.context as object, effects, asked: [...script.asked] };
}

const outcome = (subject: { state: { name: string }; context: object }, effects: readonly Typed[]): object => ({ state: subject.state.name, context: subject.context, effects });

/** The dotted path of the leaf. */
export function stateName(value: StateValue): string {
  if (typeof value === "string") return value;
  const [entry] = Object.entries(value);
  if (entry === undefined) return "";
  const rest = stateName(entry[1] ?? "");
  return rest === "" ? entry[0] : `${entry[0]}.${rest}`;
}

const nameOf = (snapshot: AnyMachineSnapshot): string => stateName(snapshot.value as StateValue);

/** Whether what `begin` and `step` gave is a difference. */
export function isDifference(result: AnyMachineSnapshot | Difference): result is Difference {
  return "answers" in result;
}

/** Compares table and xstate in every reachable state, for every message and every combination of guard answers. */
export function explore(original: AnyStateMachine, options: ExploreOptions = {}): Exploration {
  const { input = {}, contextKey = clampedKey, maxStates = 300 } = options;
  const pair = new ChartPair(original, options.guards);
  const messages = [...(options.messages ?? [])];
  for (const type of original.events as readonly string[]) if (!messages.some((message) => message.type === type)) messages.push({ type });
  const seen = new Set<string>();
  const queue: AnyMachineSnapshot[] = [];
  const visited = new Set<string>();
  const differences: Difference[] = [];
  let steps = 0;
  let complete = true;
  const tally = (run: () => AnyMachineSnapshot | Difference): void => {
    pair.script.answers = [];
    do {
      steps++;
      const result = run();
      if (isDifference(result)) differences.push(result);
      else if (result !== failedSnapshot) {
        const name = nameOf(result);
        visited.add(name);
        const key = `${name} ${contextKey(result.context)}`;
        if (seen.has(key)) continue;
        if (seen.size >= maxStates) complete = false;
        else {
          queue.push(result);
          seen.add(key);
        }
      }
    } while (pair.script.next());
  };
  tally(() => pair.begin(input));
  for (let snapshot = queue.shift(); snapshot !== undefined && differences.length < 20; snapshot = queue.shift()) {
    const from = snapshot;
    if (from.status === "active") for (const message of messages) tally(() => pair.step(from, message));
  }
  return { states: seen.size, visited, steps, differences, complete };
}

function clampedKey(context: unknown): string {
  const around: unknown[] = [];
  return JSON.stringify(context, function (this: unknown, _key, value: unknown) {
    while (around.length > 0 && around.at(-1) !== this) around.pop();
    if (typeof value === "number") return Math.min(value, 3);
    if (typeof value === "bigint" || typeof value === "function") return String(value);
    if (value instanceof Map || value instanceof Set) return [...value] as unknown;
    if (typeof value !== "object" || value === null) return value;
    if (around.includes(value)) return "(cycle)";
    around.push(value);
    return value;
  });
}

/** A copy down to what is not a plain object, array, Map or Set. */
function copied<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copied) as T;
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copied<unknown>(item)])) as T;
  if (value instanceof Set) return new Set(value) as T;
  if (typeof value !== "object" || value === null || (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copied<unknown>(item)])) as T;
}
