import { AttemptBudget, DeliveredOnce, DependenciesFirst, FairCharges, Fence, OneLiveAttempt, Poison } from "./attempts.js";
import { DrainedFirst, MaxBlocks, MinBlocks, NoJobForgotten, UnknownIsNotGone } from "./blocks.js";
import { ClosesInTime } from "./closing.js";
import { CancelOfEnded, HarmlessGuest, NoCrash, NothingLeft, OneFinalState, SettlesOnce } from "./endings.js";
import { NoGapSkipped, WithinCredit } from "./deliveries.js";
import { DrivenOnce, LostInTime, NewestManager, OneStateEach } from "./managers.js";
import type { InvariantMaker } from "./invariant.js";
import { RecoversInTime } from "./recovery.js";
import { FailureBudget, NoOscillation } from "./scale-actions.js";
import { AsksInTime, ReleasesInTime } from "./scaling-times.js";
import { Conservation, ErrorsTravel, MemoizedValues, NothingAfterCancel, OneAtATime, PriorityOrder, Walltime } from "./scheduling.js";
import { RestartIntensity, ReverseStop } from "./supervision.js";
import { EveryTaskGoesOn } from "./waiting.js";

/** S1 to S27, S30 to S33, L1 to L6, that nothing crashes, and that nothing is left. S28 and S29 are of links, which have no cells. */
export const allInvariants: readonly InvariantMaker[] = [
  NoCrash, OneFinalState, SettlesOnce, DeliveredOnce, DependenciesFirst, AttemptBudget, Fence, FairCharges, OneLiveAttempt, Poison, MemoizedValues, Conservation, OneAtATime, PriorityOrder, Walltime, NothingAfterCancel, CancelOfEnded, ErrorsTravel, MaxBlocks, MinBlocks, DrainedFirst, NoJobForgotten, UnknownIsNotGone, FailureBudget, NoOscillation, OneStateEach, NewestManager, WithinCredit, NoGapSkipped, DrivenOnce, LostInTime, RestartIntensity, ReverseStop, EveryTaskGoesOn, AsksInTime, ReleasesInTime, RecoversInTime, ClosesInTime, HarmlessGuest, NothingLeft,
];

export type { Entry, Finding, Invariant, InvariantMaker, RunFacts } from "./invariant.js";
