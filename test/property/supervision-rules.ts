import { RecoversInTime } from "#internal/testing/invariants/recovery";
import { RestartIntensity, ReverseStop } from "#internal/testing/invariants/supervision";
import type { InvariantMaker } from "#internal/testing/index";

/** S30, S31 and L5: the others are about what a kernel has. */
export const supervisionRules: readonly InvariantMaker[] = [RestartIntensity, ReverseStop, RecoversInTime];
