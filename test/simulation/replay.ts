/** Runs one counterexample and prints every step: `npx tsx test/simulation/replay.ts '[workload, seed]' [filter]`. */
import { argv } from "node:process";
import { compareWithReference, describeEntry, runWorkload, type Workload } from "#internal/testing/index";

const [given = "", filter = ""] = argv.slice(2);
const [workload, seed] = JSON.parse(given) as [Workload, number];
const show = (line: string): void => {
  if (line.includes(filter)) console.log(line);
};
try {
  const { outcomes } = await runWorkload(workload, seed, { watch: (entry) => show(describeEntry(entry)) });
  console.log(outcomes, compareWithReference(workload, outcomes) ?? "as it may be");
} catch (error) {
  console.log(error);
}
