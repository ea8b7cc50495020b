import fc from "fast-check";
import { describe, test } from "vitest";
import { compareWithReference, runWorkload } from "#internal/testing/index";
import { runs } from "./runs.js";
import { weathers } from "./weathers.js";
import { workloads } from "./workloads.js";

describe("random workflows keep every invariant, end as the reference says, and leave nothing behind", { timeout: 600_000 }, () => {
  for (const [name, { parts, runs: usual }] of Object.entries(weathers)) {
    test(name, () =>
      fc.assert(
        fc.asyncProperty(workloads(parts), fc.nat(), async (workload, seed) => {
          const { outcomes } = await runWorkload(workload, seed);
          const difference = compareWithReference(workload, outcomes);
          if (difference !== undefined) throw new Error(difference);
        }),
        { numRuns: runs(usual) },
      ),
    );
  }
});
