import type { EndReason } from "../state-machines/end-reason.js";

/** A message, or a notice, with the ways to answer it. */
export interface Envelope {
  readonly message?: unknown;
  readonly reply?: ((answer: unknown) => void) | undefined;
  readonly refuse?: ((error: unknown) => void) | undefined;
  /** Of the control lane: called instead of the handler. */
  readonly notice?: () => void;
  /** Of a message that has come over a link: the number of the question there, 0 of what was told. */
  readonly linked?: number;
  /** It was handled, at least in part. */
  begun?: boolean;
}

/** The actor that is behind a ref for the time being. */
export interface Receiver {
  /** What it can take now: nothing while it starts or is at work, notices alone while it has no handler. */
  readonly takes: "nothing" | "control" | "all";
  handle(envelope: Envelope): void;
  /** Of a chart: where it is. */
  snapshot?(): object;
  kill?(reason: EndReason): void;
  /** Nobody waits any more for the answer to what it was asked. */
  askOver?(envelope: Envelope): void;
}
