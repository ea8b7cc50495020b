import type { DependencyResolution, DependencyResolver } from "../config/types.js";
import { CarawayError, SerializationError } from "../errors/index.js";
import { decode, encode, type Encoded } from "../serialization/index.js";
import { AppFuture, DataFuture } from "./future.js";
import type { TaskRecord } from "./task-record.js";

/** One argument as kept: travelling form, a future whose value it will be, or a container with futures in it. */
export type KeptArgument = Encoded | AppFuture<unknown, unknown> | DataFuture | Foreign | Template | Gathered;

/** A promise that is not caraway's, one for all tasks that wait for it: it is listened to once. */
export class Foreign {
  state: "pending" | "fulfilled" | "rejected" = "pending";
  /** What it gave, or was rejected with. */
  value: unknown;
  private waiting: TaskRecord[] | undefined;

  constructor(readonly promise: PromiseLike<unknown>) {}

  /** Calls `told` once the promise has settled, at once where it has. */
  listen(record: TaskRecord, told: (record: TaskRecord, foreign: Foreign) => void): void {
    if (this.state !== "pending") told(record, this);
    else if (this.waiting !== undefined) this.waiting.push(record);
    else {
      this.waiting = [record];
      const settle = (state: "fulfilled" | "rejected", value: unknown): void => {
        const { waiting = [] } = this;
        this.state = state;
        this.value = value;
        this.waiting = undefined;
        for (const one of waiting) told(one, this);
      };
      this.promise.then(
        (value) => settle("fulfilled", value),
        (error: unknown) => settle("rejected", error),
      );
    }
  }
}

const foreigners = new WeakMap<PromiseLike<unknown>, Foreign>();

/** A container with futures in it: copied at the call, filled when they have settled. */
export class Template {
  constructor(readonly tree: unknown) {}
}

/** A leaf of a template that may change after the call: kept as it was. */
class Leaf {
  constructor(readonly encoded: Encoded) {}
}

/** An argument whose promises were found by a resolver of the user's, who also replaces them. */
export class Gathered {
  constructor(
    readonly argument: unknown,
    private readonly resolver: DependencyResolver,
    readonly dependencies: ReadonlyMap<PromiseLike<unknown>, Dependency | DataFuture>,
  ) {}

  value(): unknown {
    return this.resolver.unwrap(this.argument, (promise) => {
      const dependency = this.dependencies.get(promise);
      if (dependency === undefined) throw new TypeError("dependencyResolver.unwrap asked for the value of a promise that gather had not given");
      return fill(dependency);
    });
  }
}

/** How futures are found in arguments. */
export type Gathering = DependencyResolution;

export type Dependency = AppFuture<unknown, unknown> | Foreign;

/** Takes a snapshot of the argument, and adds what it waits for to `dependencies`. */
export function keepArgument(argument: unknown, what: string, dependencies: Dependency[], depth: Gathering): KeptArgument {
  if (typeof depth === "object") return gather(argument, what, dependencies, depth);
  if (argument === null || typeof argument !== "object") return encode(argument, what);
  if (argument instanceof AppFuture || argument instanceof DataFuture) {
    dependencies.push(argument instanceof DataFuture ? argument.parent : argument);
    return argument;
  }
  if (isPromise(argument)) return foreign(argument, dependencies);
  if (depth === "shallow" || !holdsPromise(argument, new Set())) return encode(argument, what);
  return new Template(copy(argument, what, dependencies, new Map()));
}

function gather(argument: unknown, what: string, dependencies: Dependency[], resolver: DependencyResolver): KeptArgument {
  const found = new Map<PromiseLike<unknown>, Dependency | DataFuture>();
  for (const promise of resolver.gather(argument)) {
    if (found.has(promise)) continue;
    if (promise instanceof AppFuture || promise instanceof DataFuture) {
      found.set(promise, promise);
      dependencies.push(promise instanceof DataFuture ? promise.parent : promise);
    } else found.set(promise, foreign(promise, dependencies));
  }
  return found.size === 0 ? encode(argument, what) : new Gathered(argument, resolver, found);
}

function foreign(promise: PromiseLike<unknown>, dependencies: Dependency[]): Foreign {
  let dependency = foreigners.get(promise);
  if (dependency === undefined) foreigners.set(promise, (dependency = new Foreign(promise)));
  dependencies.push(dependency);
  return dependency;
}

function isPromise(value: object): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown }).then === "function";
}

function isContainer(value: object): boolean {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function members(container: object): Iterable<unknown> {
  if (Array.isArray(container) || container instanceof Set) return container as Iterable<unknown>;
  return container instanceof Map ? container.values() : Object.values(container);
}

function holdsPromise(root: object, seen: Set<object>): boolean {
  const open: object[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (next instanceof DataFuture || isPromise(next)) return true;
    if (!isContainer(next)) continue;
    try {
      for (const member of members(next)) if (member !== null && typeof member === "object") open.push(member);
    } catch {
      return false; // A getter threw: what encodes it says where.
    }
  }
  return false;
}

function copy(value: unknown, what: string, dependencies: Dependency[], copies: Map<object, unknown>): unknown {
  if (value === null || typeof value !== "object") return typeof value === "function" || typeof value === "symbol" ? encode(value, what) : value;
  if (value instanceof AppFuture || value instanceof DataFuture) {
    dependencies.push(value instanceof DataFuture ? value.parent : value);
    return value;
  }
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (isPromise(value)) return remember(copies, value, foreign(value, dependencies));
  if (!isContainer(value)) return remember(copies, value, new Leaf(encode(value, what)));
  try {
    return rebuild(value, copies, (member, key) => copy(member, `${what} → ${key}`, dependencies, copies));
  } catch (cause) {
    if (cause instanceof CarawayError) throw cause;
    throw new SerializationError("CW-DATA-001", `${what} cannot travel: reading it threw ${cause instanceof Error ? cause.message : String(cause)}`, { cause, evidence: { what }, hint: "Pass plain data: a getter or a proxy ran and failed." });
  }
}

function remember(copies: Map<object, unknown>, original: object, made: unknown): unknown {
  copies.set(original, made);
  return made;
}

function rebuild(container: object, made: Map<object, unknown>, each: (member: unknown, key: string) => unknown): unknown {
  if (Array.isArray(container)) {
    const array: unknown[] = [];
    made.set(container, array);
    for (let i = 0; i < container.length; i++) array.push(each(container[i], `[${i}]`));
    return array;
  }
  if (container instanceof Map) {
    const map = new Map<unknown, unknown>();
    made.set(container, map);
    for (const [key, member] of container) map.set(key, each(member, `.get(${String(key)})`));
    return map;
  }
  if (container instanceof Set) {
    const set = new Set<unknown>();
    made.set(container, set);
    for (const member of container) set.add(each(member, ".member"));
    return set;
  }
  const object: Record<string, unknown> = {};
  made.set(container, object);
  for (const [key, member] of Object.entries(container)) object[key] = each(member, `.${key}`);
  return object;
}

/** The value with every future in it replaced by what it gave. */
export function fill(value: unknown, made = new Map<object, unknown>()): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof AppFuture) return value.record.value();
  if (value instanceof DataFuture) return value.file;
  if (value instanceof Foreign) return value.value;
  if (value instanceof Leaf) return decode(value.encoded);
  if (!isContainer(value)) return value;
  const known = made.get(value);
  if (known !== undefined) return known;
  return rebuild(value, made, (member) => fill(member, made));
}

/** Whether they travel as they were kept. */
export function areEncoded(args: readonly KeptArgument[]): args is readonly Encoded[] {
  for (let i = 0; i < args.length; i++) {
    const kept = args[i];
    if (typeof kept === "object" && kept !== null && !(kept instanceof Uint8Array) && !("bytes" in kept)) return false;
  }
  return true;
}

/** The argument as it travels, once all it waited for is there. */
export function composeArgument(kept: KeptArgument, what: string): Encoded {
  if (kept instanceof AppFuture) return kept.record.context.value as Encoded;
  if (kept instanceof DataFuture) return encode(kept.file, what);
  if (kept instanceof Foreign) return encode(kept.value, what);
  if (kept instanceof Template) return encode(fill(kept.tree), what);
  if (kept instanceof Gathered) return encode(kept.value(), what);
  return kept;
}

/** The argument as a value, for bodies that run beside the kernel. */
export function argumentValue(kept: KeptArgument): unknown {
  if (kept instanceof AppFuture || kept instanceof DataFuture || kept instanceof Foreign) return fill(kept);
  if (kept instanceof Template) return fill(kept.tree);
  if (kept instanceof Gathered) return kept.value();
  return decode(kept);
}

/** What a task was made to wait for, found again in what was kept of its arguments. */
export function dependenciesOf(record: { readonly args: readonly KeptArgument[]; readonly extra: { readonly inputs?: readonly KeptArgument[] } | undefined }): Dependency[] {
  const found = new Set<Dependency>();
  const add = (one: unknown): void => {
    if (one instanceof DataFuture) found.add(one.parent);
    else if (one instanceof AppFuture || one instanceof Foreign) found.add(one);
  };
  for (const kept of [...record.args, ...(record.extra?.inputs ?? [])]) {
    if (kept instanceof Gathered) for (const dependency of kept.dependencies.values()) add(dependency);
    else if (kept instanceof Template) for (const one of leavesOf(kept.tree)) add(one);
    else add(kept);
  }
  return [...found];
}

function* leavesOf(root: unknown): Generator {
  const seen = new Set<object>();
  const open: unknown[] = [root];
  for (let i = 0; i < open.length; i++) {
    const next = open[i];
    if (next === null || typeof next !== "object" || seen.has(next)) continue;
    seen.add(next);
    if (isContainer(next) && !isPromise(next)) for (const member of members(next)) open.push(member);
    else yield next;
  }
}

/** Every future in what the body of a join app returned. */
export function gatherFutures(value: unknown): (AppFuture<unknown, unknown> | DataFuture | PromiseLike<unknown>)[] {
  const found: (AppFuture<unknown, unknown> | DataFuture | PromiseLike<unknown>)[] = [];
  const seen = new Set<object>();
  const open: unknown[] = [value];
  for (let i = 0; i < open.length; i++) {
    const next = open[i];
    if (next === null || typeof next !== "object" || seen.has(next)) continue;
    seen.add(next);
    if (next instanceof DataFuture || isPromise(next)) found.push(next);
    else if (isContainer(next)) for (const member of members(next)) open.push(member);
  }
  return found;
}

/** Whether the value is a future, or an array or record that may hold some. */
export function isJoinable(value: unknown): boolean {
  return value !== null && typeof value === "object" && (value instanceof DataFuture || isPromise(value) || isContainer(value));
}
