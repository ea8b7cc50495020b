import { inspect, types } from "node:util";
import { SerializationError } from "../errors/index.js";
import { isDetached } from "./move.js";

/** What is wrong with a value, and what its owner can do about it. */
export interface Refusal {
  /** Completes the sentence "… cannot travel: ". */
  readonly found: string;
  readonly hint: string;
  readonly cause?: unknown;
}

/** The steps to a place inside a value, innermost part last; long ones are chained so that none is copied twice. */
export interface Trail {
  readonly before: Trail | undefined;
  readonly steps: readonly string[];
}

const SHOWN_STEPS = 24;

/** `.rows[3].callback` from its steps; the middle of a very long one is left out. */
export function pathOf(trail: Trail | undefined): string {
  const parts: (readonly string[])[] = [];
  for (let at = trail; at !== undefined; at = at.before) parts.push(at.steps);
  const steps = parts.reverse().flat().filter((step) => step !== "");
  if (steps.length <= SHOWN_STEPS) return steps.join("");
  const half = SHOWN_STEPS / 2;
  return `${steps.slice(0, half).join("")}…(${steps.length - SHOWN_STEPS} more)…${steps.slice(-half).join("")}`;
}

/** The step to a property: `.name`, `[3]` or `["odd name"]`. */
export function stepTo(key: string, inArray: boolean): string {
  if (inArray && /^\d+$/.test(key)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

export function refusalError(what: string, path: string, refusal: Refusal): SerializationError {
  const place = path === "" ? what : `${what} → ${path}`;
  return new SerializationError("CW-DATA-001", `${place} cannot travel: ${refusal.found}`, {
    evidence: { what, path, found: refusal.found },
    hint: refusal.hint,
    ...("cause" in refusal ? { cause: refusal.cause } : {}),
  });
}

/** A short text for any value, made without running any of its code. */
export function inspectSafely(value: unknown, room = 200): string {
  let text: string;
  try {
    text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 1, maxArrayLength: 5, maxStringLength: room, breakLength: Infinity, customInspect: false });
  } catch (error) {
    text = `a value that cannot be shown (${typeof error})`;
  }
  return text.length > room ? `${text.slice(0, room)}…` : text;
}

/** The name of the class an object says it is of; undefined when it does not say, or throws when asked. */
export function classNameOf(value: object): string | undefined {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || typeof prototype !== "object") return undefined;
    const constructor: unknown = (prototype as { constructor?: unknown }).constructor;
    return typeof constructor === "function" && typeof constructor.name === "string" && constructor.name !== "" ? constructor.name : undefined;
  } catch {
    return undefined;
  }
}

export function refusedFunction(value: object): Refusal {
  const name = Object.getOwnPropertyDescriptor(value, "name")?.value as unknown;
  const called = typeof name === "string" && name !== "" ? ` (${name})` : "";
  const isClass = /^class\b/.test(Function.prototype.toString.call(value));
  return {
    found: isClass ? `it is a class${called}` : `it is a function${called}`,
    hint: "Pass data instead; a function goes along with an app through `using: { … }`, or lives in a module that the worker imports.",
  };
}

export const refusedSymbol = (value: symbol): Refusal => ({ found: `it is a symbol (${String(value)})`, hint: "Use a string in its place." });

const sharing = "Tasks share no memory: pass a copy, or move(x) a buffer that is not shared.";
const weak = "Weak collections cannot be listed; pass a Map, a Set or the object itself.";
const special: readonly (readonly [is: (value: unknown) => boolean, found: string, hint: string])[] = [
  [types.isSharedArrayBuffer, "it is a SharedArrayBuffer", sharing],
  [types.isPromise, "it is a promise", "Await it first, and pass its value."],
  [types.isWeakMap, "it is a WeakMap", weak],
  [types.isWeakSet, "it is a WeakSet", weak],
  [(value) => value instanceof WeakRef, "it is a WeakRef", weak],
  [types.isSymbolObject, "it is a symbol object", "Use a string in its place."],
  [types.isGeneratorObject, "it is a generator", "Spread it into an array: [...x]."],
];

/** Why an object that is no plain data is refused. */
export function refusedObject(value: object): Refusal {
  for (const [is, found, hint] of special) if (is(value)) return { found, hint };
  const memory: unknown = ArrayBuffer.isView(value) ? value.buffer : value;
  if (types.isSharedArrayBuffer(memory)) return { found: "it is a view on a SharedArrayBuffer", hint: sharing };
  if (types.isArrayBuffer(memory) && isDetached(memory)) return { found: "its memory was moved away before", hint: "A buffer that was given to move(x), or transferred, is empty afterwards." };
  const name = classNameOf(value);
  if (name === undefined) return { found: "it is an object with a prototype of its own", hint: "Pass a plain object: { ...x }." };
  return { found: `it is an instance of ${name}, which has no codec`, hint: `Pass plain data made from it, or call registerCodec({ name: "${name}", class: ${name}, encode, decode }) on both sides.` };
}

export const refusedReading = (cause: unknown): Refusal => ({
  found: `reading it threw ${inspectSafely(cause instanceof Error ? cause.message : cause)}`,
  hint: "Pass plain data: a getter or a proxy ran and failed.",
  cause,
});
