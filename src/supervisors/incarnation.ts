import type { EndReason } from "../state-machines/end-reason.js";

/** Who is told how an incarnation fares, by its number. */
export interface IncarnationHost {
  reportStarted(incarnation: number): void;
  /** The start said that there is nothing to do. */
  reportIgnored(incarnation: number): void;
  /** Once; also for a start that failed. */
  reportEnded(incarnation: number, reason: EndReason): void;
}

/** One actor behind a ref. */
export interface Incarnation {
  /** Asks it to end with `shutdown`; it takes the time it needs. */
  stop(): void;
  /** It has ended when this returns (one in a thread: when that is gone), with `killed`, or with the reason of a simulated fault. */
  kill(reason?: EndReason): void;
}
