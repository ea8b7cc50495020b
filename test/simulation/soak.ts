/**
 * Long runs of the property tests: `npx tsx test/simulation/soak.ts [seconds] [part]`. Prints each failure, shrunk, with what repeats it.
 */
import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { argv, env } from "node:process";
import { compareWithReference, runWorkload } from "#internal/testing/index";
import { weathers } from "../property/weathers.js";
import { workloads } from "../property/workloads.js";

const [seconds = "60", only, seed] = argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
let rounds = 0;
let failures = 0;

for (let turn = 0; Date.now() < until && failures < 5; turn++) {
  for (const [name, { parts, runs }] of Object.entries(weathers)) {
    if (only !== undefined && only !== "" && !name.includes(only)) continue;
    const details = await fc.check(
      fc.asyncProperty(workloads(parts), fc.nat(), async (workload, random) => {
        if (env["SOAK_LAST"] !== undefined) writeFileSync(env["SOAK_LAST"], JSON.stringify([workload, random]));
        const { outcomes } = await runWorkload(workload, random);
        const difference = compareWithReference(workload, outcomes);
        if (difference !== undefined) throw new Error(difference);
      }),
      { numRuns: runs, interruptAfterTimeLimit: Math.max(1, until - Date.now()), ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
    rounds += details.numRuns;
    if (env["SOAK_PROGRESS"] !== undefined) console.log(`${new Date().toISOString()} ${name}: ${details.numRuns}`);
    if (!details.failed || details.counterexample === null) continue;
    failures++;
    console.log(`\n=== ${name}: seed ${details.seed}, path ${details.counterexamplePath ?? ""}, ${details.numShrinks} shrinks\n${JSON.stringify(details.counterexample)}\n${String((details.errorInstance as Error | null)?.message).slice(0, 6000)}`);
    break;
  }
}
console.log(`${rounds} runs, ${failures} failures`);
