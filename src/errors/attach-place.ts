import { CarawayError, type ErrorPlace } from "./caraway-error.js";

/** Says on an error itself where it happened: in the `where` of caraway's own, as a property of that name, not enumerable, of others. What was known before stays. */
export function placeError<E extends Error>(error: E, where: ErrorPlace): E {
  if (error instanceof CarawayError) Object.assign(error.where, { ...where, ...error.where });
  else if (!("where" in error) && Object.isExtensible(error)) Object.defineProperty(error, "where", { value: where, enumerable: false, configurable: true, writable: true });
  return error;
}
