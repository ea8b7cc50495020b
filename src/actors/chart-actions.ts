/** Anything with a type: messages and effects. */
export interface Typed {
  readonly type: string;
}

/** What guards and actions are called with. */
export interface Args<C> {
  context: C;
  event: Typed;
}

/** A compiled action: it changes `args.context` in place, or appends to `effects`. */
export interface Action<C> {
  (args: Args<C>, effects: Typed[]): void;
  readonly assigns?: boolean;
}

type Assignment<C> = ((args: Args<C>) => Partial<C>) | { [K in keyof C]?: C[K] | ((args: Args<C>) => C[K]) };
type Emission<C> = Typed | ((args: Args<C>) => Typed);

interface Enqueue {
  (): never;
  emit(effect: Typed | ((args: never) => Typed)): void;
}
type Collect<C> = (args: Args<C> & { enqueue: Enqueue }) => void;

/** xstate's `assign`, `emit` or `enqueueActions` (of emits only) as a plain function; undefined for any other action. */
export function compiledAction<C extends object>(action: unknown): Action<C> | undefined {
  if (typeof action !== "function" || !("type" in action)) return undefined;
  if (action.type === "xstate.assign" && "assignment" in action) return Object.assign(assignment<C>(action.assignment as Assignment<C>), { assigns: true });
  if (action.type === "xstate.emit" && "event" in action) return emission<C>(action.event as Emission<C>);
  if (action.type === "xstate.enqueueActions" && "collect" in action) return collection<C>(action.collect as Collect<C>);
  return undefined;
}

/** As many effects as the context says. What else xstate can enqueue is refused when it happens. What it collects with is lent for one call. */
function collection<C>(collect: Collect<C>): Action<C> {
  let into: Typed[] = [];
  const lent = { context: undefined as unknown as C, event: { type: "" } as Typed, enqueue: undefined as unknown as Enqueue };
  const refuse = (): never => {
    throw new TypeError("a chart may enqueue nothing but emits");
  };
  const emit = (effect: Typed | ((args: Args<C>) => Typed)): void => void into.push(typeof effect === "function" ? effect({ context: lent.context, event: lent.event }) : effect);
  lent.enqueue = Object.assign(refuse, { emit, assign: refuse, raise: refuse, sendTo: refuse, sendParent: refuse, cancel: refuse, spawnChild: refuse, stopChild: refuse });
  return ({ context, event }, effects) => {
    into = effects;
    lent.context = context;
    lent.event = event;
    collect(lent);
  };
}

function assignment<C extends object>(assign: Assignment<C>): Action<C> {
  if (typeof assign === "function") return (args) => void Object.assign(args.context, assign(args));
  const entries = Object.entries(assign) as [keyof C, unknown][];
  const [only] = entries;
  return entries.length === 1 && only !== undefined ? assignOne(only[0], only[1]) : assignSome(entries);
}

function assignOne<C>(key: keyof C, given: unknown): Action<C> {
  if (typeof given !== "function") {
    return (args) => {
      args.context[key] = given as C[keyof C];
    };
  }
  const compute = given as (args: Args<C>) => C[keyof C];
  return (args) => {
    args.context[key] = compute(args);
  };
}

/** Every value is computed from the old context, then all are set. */
function assignSome<C>(entries: readonly (readonly [keyof C, unknown])[]): Action<C> {
  const { length } = entries;
  const keys = entries.map(([key]) => key);
  const computes = entries.map(([, given]) => (typeof given === "function" ? (given as (args: Args<C>) => unknown) : () => given));
  const values = new Array<unknown>(length);
  return (args) => {
    for (let i = 0; i < length; i++) values[i] = (computes[i] as (args: Args<C>) => unknown)(args);
    for (let i = 0; i < length; i++) {
      args.context[keys[i] as keyof C] = values[i] as C[keyof C];
      values[i] = undefined;
    }
  };
}

function emission<C>(emit: Emission<C>): Action<C> {
  return typeof emit === "function" ? (args, effects) => void effects.push(emit(args)) : (_args, effects) => void effects.push(emit);
}
