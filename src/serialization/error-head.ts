import { types } from "node:util";
import { CarawayError, catalogue, type ErrorCode, type ErrorJSON } from "../errors/index.js";
import { classNameOf } from "./refusal.js";

type BuiltIn = new (message?: string) => Error;

const builtIns = new Map<string, BuiltIn>([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [Class.name, Class]));
const AGGREGATE = "AggregateError";
const DOM = "DOMException";
const CARAWAY = "CarawayError";

/** `[kind, name, name is enumerable, message, stack, caraway's details?]`: texts and flags only. */
export type ErrorHead = readonly [kind: string, name: string, nameShown: boolean, message: string | undefined, stack: string | undefined, details?: CarawayDetails];
type CarawayDetails = readonly [code: string, retryable: boolean, hint: string];

const CARAWAY_IN_HEAD = ["code", "origin", "retryable", "hint"];

export const isErrorLike = (value: object): value is Error => types.isNativeError(value) || value instanceof Error || isDOMException(value);
const isDOMException = (value: object): boolean => typeof DOMException === "function" && value instanceof DOMException;

/** What of an error travels ahead of its own properties. */
export function headOf(error: Error): ErrorHead {
  const kind = kindOf(error);
  const own = Object.getOwnPropertyDescriptor(error, "name");
  const head = [kind, nameOf(error, kind, own), own?.enumerable === true, textOf(error, "message"), textOf(error, "stack")] as const;
  return kind === CARAWAY && error instanceof CarawayError ? [...head, [error.code, error.retryable, error.hint]] : head;
}

/** The own properties of an error that its head does not carry. */
export function propertiesOf(error: Error): string[] {
  const inHead = new Set(["stack"]);
  for (const key of ["name", "message"] as const) if (textOf(error, key) !== undefined) inHead.add(key);
  if (error instanceof CarawayError) for (const key of CARAWAY_IN_HEAD) inHead.add(key);
  return Object.getOwnPropertyNames(error).filter((key) => !inHead.has(key));
}

/** A field that should be a text; undefined when it is not one, or when reading it throws. */
function textOf(error: Error, key: "name" | "message" | "stack"): string | undefined {
  try {
    const text: unknown = error[key];
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The nearest class of the language (or caraway) that an error descends from. */
function kindOf(error: Error): string {
  if (error instanceof CarawayError) return CARAWAY;
  if (isDOMException(error)) return DOM;
  for (let at: unknown = Object.getPrototypeOf(error); at !== null && typeof at === "object"; at = Object.getPrototypeOf(at)) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (typeof constructor === "function" && (builtIns.has(constructor.name) || constructor.name === AGGREGATE) && Function.prototype.toString.call(constructor).includes("[native code]")) return constructor.name;
  }
  return "Error";
}

/** The name an error gives itself, or else the name of its class. */
function nameOf(error: Error, kind: string, own: PropertyDescriptor | undefined): string {
  const name = textOf(error, "name");
  if (name !== undefined && name !== "" && (own !== undefined || name !== kind || kind === DOM)) return name;
  return classNameOf(error) ?? kind;
}

/** An error with the head's class, name, message and stack; its other properties are yet to be set. */
export function errorFrom(head: ErrorHead): Error {
  const [kind, name, nameShown, message, stack, details] = head;
  const error = instanceFor(kind, name, message, details);
  if (error.name !== name || nameShown) Object.defineProperty(error, "name", { value: name, writable: true, configurable: true, enumerable: nameShown });
  Object.defineProperty(error, "stack", { value: stack ?? `${name}: ${message ?? ""}`, writable: true, configurable: true, enumerable: false });
  return error;
}

function instanceFor(kind: string, name: string, message: string | undefined, details: CarawayDetails | undefined): Error {
  if (kind === AGGREGATE) return new AggregateError([], message);
  if (kind === DOM) return new DOMException(message, name);
  if (kind === CARAWAY && details !== undefined) return carawayErrorFrom(name, message ?? "", details);
  const Class = builtIns.get(kind) ?? Error;
  return message === undefined || message === "" ? new Class() : new Class(message);
}

function carawayErrorFrom(name: string, message: string, [code, retryable, hint]: CarawayDetails): Error {
  if (!Object.hasOwn(catalogue, code)) return Object.assign(new Error(message), { code, retryable, hint });
  const known = code as ErrorCode;
  const json: ErrorJSON = { name, code: known, message, origin: catalogue[known].origin, retryable, where: {}, evidence: {}, hint };
  return CarawayError.fromJSON(json);
}
