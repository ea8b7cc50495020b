import { NotYetSupported, SupervisionError } from "../errors/index.js";

/** A `SupervisionError` whose message and `reason` hold OTP's word. */
export function refusal(reason: string, message: string, details: { readonly actor?: string; readonly evidence?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {}): SupervisionError {
  const { actor, evidence, cause } = details;
  return new SupervisionError("CW-SUP-001", `${reason}: ${message}`, {
    evidence: { ...evidence, reason },
    ...(actor === undefined ? {} : { where: { actor } }),
    ...(cause === undefined ? {} : { cause }),
  });
}

export function notYet(what: string): NotYetSupported {
  return new NotYetSupported("CW-CONF-002", `${what} is not built yet`, { evidence: { option: what } });
}
