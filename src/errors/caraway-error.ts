import { catalogue, type ErrorCode, type ErrorOrigin } from "./catalogue.js";

/** Where a thing happened. Only what is known is there. */
export interface ErrorPlace {
  task?: number;
  attempt?: number;
  app?: string;
  executor?: string;
  worker?: string;
  block?: string;
  job?: string;
  host?: string;
  /** `file:line:column` of the call. */
  callSite?: string;
  file?: string;
  actor?: string;
  story?: readonly unknown[];
}

export interface ErrorDetails {
  where?: ErrorPlace;
  /** Facts that were seen: exit code, tails of output, times. */
  evidence?: Readonly<Record<string, unknown>>;
  /** What to do; the catalogue's hint where none is given. */
  hint?: string;
  retryable?: boolean;
  cause?: unknown;
}

export interface ErrorJSON {
  name: string;
  code: ErrorCode;
  message: string;
  stack?: string;
  origin: ErrorOrigin;
  retryable: boolean;
  where: ErrorPlace;
  evidence: Readonly<Record<string, unknown>>;
  hint: string;
  cause?: unknown;
}

/** What every error of caraway is: a stable code, what happened, where, the evidence, and what to do about it. */
export class CarawayError extends Error {
  readonly code: ErrorCode;
  readonly origin: ErrorOrigin;
  readonly retryable: boolean;
  readonly where: ErrorPlace;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    const known = catalogue[code];
    this.code = code;
    this.name = known.name;
    this.origin = known.origin;
    this.retryable = details.retryable ?? known.retryable;
    this.where = { ...details.where };
    this.evidence = { ...details.evidence };
    this.hint = details.hint ?? known.hint;
  }

  toJSON(): ErrorJSON {
    const { name, code, message, stack, origin, retryable, where, evidence, hint, cause } = this;
    return {
      name, code, message, origin, retryable, where, evidence, hint,
      ...(stack === undefined ? {} : { stack }),
      ...(cause === undefined ? {} : { cause: cause instanceof CarawayError ? cause.toJSON() : cause instanceof Error ? { name: cause.name, message: cause.message, stack: cause.stack } : cause }),
    };
  }

  /** The error that `toJSON` described, as an instance of its own class. */
  static fromJSON(json: ErrorJSON): CarawayError {
    const { stack, cause, ...rest } = json;
    const details: ErrorDetails = { where: rest.where, evidence: rest.evidence, hint: rest.hint, retryable: rest.retryable };
    if (cause !== undefined) details.cause = revive(cause);
    const Class = errorClasses.get(rest.name) ?? CarawayError;
    const error = new Class(rest.code, rest.message, details);
    if (stack !== undefined) error.stack = stack;
    return error;
  }
}

function revive(cause: unknown): unknown {
  if (cause === null || typeof cause !== "object") return cause;
  if ("code" in cause && typeof cause.code === "string" && cause.code in catalogue) return CarawayError.fromJSON(cause as ErrorJSON);
  if (!("message" in cause)) return cause;
  const { name, message, stack } = cause as { name?: string; message: string; stack?: string };
  const error = new Error(message);
  if (name !== undefined) error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

type ErrorClass = new (code: ErrorCode, message: string, details?: ErrorDetails) => CarawayError;
const errorClasses = new Map<string, ErrorClass>();

/** Makes a class known to `fromJSON` by its name. */
export function registerErrorClass(Class: ErrorClass): void {
  errorClasses.set(Class.name, Class);
}
