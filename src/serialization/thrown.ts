import { DeserializationError, ForeignThrow } from "../errors/index.js";
import { decode, encode, encodeWithCare, type Encoded } from "./encoding.js";
import { classNameOf, inspectSafely } from "./refusal.js";
import { isErrorLike } from "./error-head.js";

/**
 * Encodes what a task threw; never throws. An error keeps class name, message, stack, own properties and causes; a property
 * that cannot travel is replaced by a text that says so. What is no error goes as the cause of a `ForeignThrow`.
 */
export function encodeThrown(thrown: unknown, what: string): Encoded {
  try {
    return encodeWithCare(isError(thrown) ? thrown : foreignThrow(thrown, what), what, true);
  } catch (problem) {
    return encodeRemains(thrown, what, problem);
  }
}

/** The error that `encodeThrown` was given; never throws: what cannot be decoded is an error that says so. */
export function decodeThrown(encoded: Encoded): unknown {
  try {
    const value = decode(encoded);
    return isError(value) ? value : foreignThrow(value, "a task");
  } catch (cause) {
    return cause instanceof DeserializationError ? cause : new DeserializationError("CW-DATA-002", "an error could not be decoded", { cause });
  }
}

function isError(value: unknown): value is Error {
  try {
    return typeof value === "object" && value !== null && isErrorLike(value);
  } catch {
    return false;
  }
}

function foreignThrow(thrown: unknown, what: string): ForeignThrow {
  const shown = inspectSafely(thrown);
  const error = new ForeignThrow("CW-APP-013", `${what} is no Error: ${shown}`, { cause: travels(thrown, what) ? thrown : shown });
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

function travels(thrown: unknown, what: string): boolean {
  try {
    encode(thrown, what);
    return true;
  } catch {
    return false;
  }
}

/** The last resort: what can be told about it in texts. */
function encodeRemains(thrown: unknown, what: string, problem: unknown): Encoded {
  const name = (typeof thrown === "object" && thrown !== null ? classNameOf(thrown) : undefined) ?? "Error";
  const remains = Object.assign(new Error(`${inspectSafely(thrown)} (the error itself could not be encoded: ${inspectSafely(problem instanceof Error ? problem.message : problem)})`), { name });
  remains.stack = `${name}: ${remains.message}`;
  try {
    return encodeWithCare(remains, what, true);
  } catch {
    return remains.message;
  }
}
