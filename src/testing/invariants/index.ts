import { AttemptBudget, DeliveredOnce, DependenciesFirst, FairCharges, Fence, OneLiveAttempt, Poison } from "./attempts.js";
import { CancelOfEnded, NoCrash, NothingLeft, OneFinalState, SettlesOnce } from "./endings.js";
import type { InvariantMaker } from "./invariant.js";
import { Conservation, ErrorsTravel, MemoizedValues, NothingAfterCancel, OneAtATime, PriorityOrder, Walltime } from "./scheduling.js";

/** S1 to S16, that nothing crashes, and that nothing is left. */
export const allInvariants: readonly InvariantMaker[] = [
  NoCrash, OneFinalState, SettlesOnce, DeliveredOnce, DependenciesFirst, AttemptBudget, Fence, FairCharges, OneLiveAttempt, Poison, MemoizedValues, Conservation, OneAtATime, PriorityOrder, Walltime, NothingAfterCancel, CancelOfEnded, ErrorsTravel, NothingLeft,
];

export type { Entry, Finding, Invariant, InvariantMaker, RunFacts } from "./invariant.js";
