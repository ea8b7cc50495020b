// What `import` costs: inside a fresh process, and as the difference to a process that imports nothing.
import { fileURLToPath } from "node:url";
import { importCaraway } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { clockProgram } from "./program-clock.mjs";

const program = fileURLToPath(new URL("./programs/import.mjs", import.meta.url));
const nothing = "node:path"; // loaded before any program runs

await runFigure({
  name: "import-time",
  title: "Import time, fresh processes",
  metrics: [
    { key: "inside", label: "import() ms", better: "lower" },
    { key: "added", label: "added to the process ms", better: "lower", ratio: false },
  ],
  rounds: 9,
  here: true,
  cases: () => ["caraway", "piscina", "poolifier", "tinypool", "xstate", "rxjs"].map((contender) => ({ contender, variant: "fresh process" })),
  async measure({ contender }) {
    if (contender === "caraway") await importCaraway([]);
    const empty = await clockProgram([program, nothing]);
    const { end, output } = await clockProgram([program, contender]);
    return { inside: Number(output), added: end - empty.end };
  },
});
