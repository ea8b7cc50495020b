import type { EndReason } from "../state-machines/end-reason.js";
import type { Envelope } from "./envelope.js";
import type { ActorRef } from "./types.js";

/** What every ref of this library can do for the library, whether its actor lives in this thread or in another. */
export abstract class RefBehind {
  /** Takes what was told or asked elsewhere; time limits are kept there. */
  abstract deliver(envelope: Envelope): void;
  /** One notice at the end of the present incarnation, or at once where it has ended. */
  abstract watch(onEnd: (reason: EndReason) => void): () => void;
}

export type Addressable = ActorRef & RefBehind;

export const isAddressable = (value: unknown): value is Addressable => value instanceof RefBehind;
