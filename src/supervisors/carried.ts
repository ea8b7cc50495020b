import { inspect } from "node:util";
import { CarawayError } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";

/** An error on its way between threads: what copying it there would lose is told beside it. */
interface CarriedError {
  readonly carried: "caraway" | "error";
  readonly json?: ReturnType<CarawayError["toJSON"]>;
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string | undefined;
  readonly cause?: readonly [unknown];
  readonly own?: Readonly<Record<string, unknown>>;
}

const standard: Readonly<Record<string, new (message: string) => Error>> = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const deepest = 10;

/** What was thrown, in a form that can be copied to another thread: errors keep name, message, stack, causes and own properties. */
export function carry(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return copyable(thrown);
  if (depth > deepest) return copyable(thrown.message);
  if (thrown instanceof CarawayError) {
    const { where, evidence, ...json } = thrown.toJSON();
    return [{ carried: "caraway", json: { ...json, cause: undefined, where: eachCopyable(where), evidence: eachCopyable(evidence) }, ...causeOf(thrown, depth) } satisfies CarriedError];
  }
  const own = eachCopyable(Object.fromEntries(Object.entries(thrown).filter(([key]) => key !== "cause" && key !== "stack" && key !== "message")));
  return [{ carried: "error", name: thrown.name, message: thrown.message, stack: thrown.stack, own, ...causeOf(thrown, depth) } satisfies CarriedError];
}

/** What `carry` was given. */
export function uncarry(carried: unknown): unknown {
  if (!isCarried(carried)) return carried;
  const [{ json, name = "Error", message = "", stack, own, cause }] = carried;
  const options = cause === undefined ? undefined : { cause: uncarry(cause[0]) };
  if (json !== undefined) {
    const error = CarawayError.fromJSON(json);
    return options === undefined ? error : Object.defineProperty(error, "cause", { value: options.cause, enumerable: false, configurable: true, writable: true });
  }
  const error = new (standard[name] ?? Error)(message);
  if (options !== undefined) Object.defineProperty(error, "cause", { value: options.cause, enumerable: false, configurable: true, writable: true });
  if (error.name !== name) Object.defineProperty(error, "name", { value: name, enumerable: false, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  return Object.assign(error, own);
}

export function carryReason(reason: EndReason): EndReason {
  if (typeof reason === "string") return reason;
  return "error" in reason ? { error: carry(reason.error) } : { shutdown: carry(reason.shutdown) };
}

export function uncarryReason(reason: EndReason): EndReason {
  if (typeof reason === "string") return reason;
  return "error" in reason ? { error: uncarry(reason.error) } : { shutdown: uncarry(reason.shutdown) };
}

const isCarried = (value: unknown): value is readonly [CarriedError] => Array.isArray(value) && value.length === 1 && typeof value[0] === "object" && value[0] !== null && "carried" in value[0];

const causeOf = ({ cause }: Error, depth: number): { readonly cause?: readonly [unknown] } => (cause === undefined ? {} : { cause: [carry(cause, depth + 1)] });

const eachCopyable = (record: object): Record<string, unknown> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, copyable(value)]));

/** The value, or a text of it where it cannot be copied. */
function copyable<T>(value: T): T | string {
  if (typeof value !== "object" || value === null) return typeof value === "function" || typeof value === "symbol" ? inspect(value) : value;
  try {
    return structuredClone(value);
  } catch {
    return inspect(value, { depth: 3 });
  }
}
