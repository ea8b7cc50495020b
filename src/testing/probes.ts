/**
 * What cannot be seen from transitions: told to the checker by simulated workers, by who watches futures, and by who cancels.
 * All optional; without them the invariants that need them check less.
 */
export type Probe =
  /** User code of an attempt began on a worker. */
  | { readonly probe: "code.started"; readonly task: number; readonly attempt: number; readonly worker: string; readonly at: number }
  /** It ended, by itself or with its worker. */
  | { readonly probe: "code.ended"; readonly task: number; readonly attempt: number; readonly worker: string; readonly at: number }
  /** It threw this. */
  | { readonly probe: "code.threw"; readonly task: number; readonly attempt: number; readonly error: unknown; readonly at: number }
  /** The head holds a manager for lost: what its workers (`manager/…`) run may run elsewhere from now on. */
  | { readonly probe: "manager.lost"; readonly manager: string; readonly at: number }
  /** Something that nobody caught: an exception, or a rejection. `own`: it comes from caraway's own code. */
  | { readonly probe: "process.fault"; readonly message: string; readonly own: boolean; readonly at: number }
  /** A future settled. */
  | { readonly probe: "future.settled"; readonly task: number; readonly succeeded: boolean; readonly value: unknown; readonly at: number }
  /** `cancel()` resolved. */
  | { readonly probe: "cancel.resolved"; readonly task: number; readonly at: number };

export type ProbeSink = (probe: Probe) => void;
