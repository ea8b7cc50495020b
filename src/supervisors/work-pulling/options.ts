import { durationFault, parseDuration, type Duration } from "../../config/units.js";
import { refusal } from "../refusal.js";

/** A whole number of at least `least`, `"infinity"` where that is allowed; a refusal that names the option otherwise. */
export function wholeNumber(what: string, value: unknown, least: number, orInfinity = false): number {
  if (orInfinity && (value === "infinity" || value === Infinity)) return Infinity;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw refusal(`invalid_${what}`, `${what} must be a whole number from ${least} up${orInfinity ? ', or "infinity"' : ""}, but is ${String(value)}`);
}

/** Milliseconds, more than none. */
export function pause(what: string, value: Duration): number {
  const fault = durationFault(value);
  if (fault !== undefined) throw refusal(`invalid_${what}`, `${what} ${fault}`);
  const ms = parseDuration(value, what);
  if (ms <= 0) throw refusal(`invalid_${what}`, `${what} must be more than nothing`);
  return ms;
}

/** Refuses options that do not exist: a misspelt one would be without effect. */
export function checkNames(given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) if (!known.includes(name)) throw refusal("invalid_option", `there is no option ${JSON.stringify(name)}; there are ${known.join(", ")}`);
}

/** How the pauses between tries grow. */
export interface ResendOptions {
  /** Before what was not answered is sent again: 1 s; doubled with every try. */
  readonly resend?: Duration;
  /** 30 s. */
  readonly longestResend?: Duration;
}

export function resendPauses({ resend = "1s", longestResend = "30s" }: ResendOptions): { readonly resend: number; readonly longestResend: number } {
  const pauses = { resend: pause("resend", resend), longestResend: pause("longestResend", longestResend) };
  if (pauses.longestResend < pauses.resend) throw refusal("invalid_longestResend", "longestResend must not be less than resend");
  return pauses;
}
