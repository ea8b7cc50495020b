// From the start of the process to the first result on its standard output.
import { fileURLToPath } from "node:url";
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { parslProgram } from "./parsl.mjs";
import { clockProgram } from "./program-clock.mjs";

/** @param {string} name */
const program = (name) => fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url));

/** @type {Record<string, string[]>} */
const programs = {
  caraway: [program("first-caraway")],
  "caraway high throughput": [program("first-high-throughput")],
  piscina: [program("first-piscina")],
  poolifier: [program("first-other"), "poolifier"],
  tinypool: [program("first-other"), "tinypool"],
  "raw message": [program("first-other"), "raw message"],
  "node -e": ["-e", "console.log(49)"],
};

const parsl = "Parsl HTEX";

await runFigure({
  name: "first-result",
  title: "Process start to first result",
  metrics: [
    { key: "first", label: "first result ms", better: "lower" },
    { key: "end", label: "process end ms", better: "lower" },
  ],
  rounds: 9,
  here: true,
  limits: ["node -e"],
  cases: () => [...Object.keys(programs), parsl].map((contender) => ({ contender, variant: "fresh process" })),
  async measure({ contender }) {
    if (contender === parsl) {
      const { args, ...how } = parslProgram({ what: "first", workers: 1 });
      const { first, end } = await clockProgram(args, how);
      return { first, end };
    }
    if (contender.startsWith("caraway")) await importCaraway(["app", "threadPool", "withKernel"]);
    const { first, end } = await clockProgram(programs[contender] ?? []);
    return { first, end };
  },
});
