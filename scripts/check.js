/** `npm run check`: every check of the project, one after another, all of them even where one fails. `--without-tests` leaves the unit tests out. */
import { spawnSync } from "node:child_process";
import process from "node:process";

const steps = [
  ["types", "npm run --silent build && tsc -p test/tsconfig.json"],
  ["lint", "eslint . --max-warnings 0"],
  ["dependency rules", "node scripts/check-dependencies.js"],
  ["dead code", "knip --no-config-hints"],
  ["packaging", "publint --strict"],
  ["generated pages", "node scripts/docs-generate.js --check"],
  ["unit tests", "vitest run test/unit"],
];
const wanted = steps.filter(([name]) => name !== "unit tests" || !process.argv.includes("--without-tests"));

const outcomes = wanted.map(([name, command]) => {
  process.stdout.write(`\n== ${name}: ${command}\n`);
  const began = performance.now();
  const { status } = spawnSync(command, { shell: true, stdio: "inherit" });
  return { name, well: status === 0, seconds: ((performance.now() - began) / 1000).toFixed(1) };
});

process.stdout.write(`\n${outcomes.map(({ name, well, seconds }) => `${well ? "ok    " : "FAILED"} ${name} (${seconds} s)\n`).join("")}`);
process.exitCode = outcomes.every(({ well }) => well) ? 0 : 1;
