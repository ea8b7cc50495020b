/** Checks who imports whom (`.dependency-cruiser.cjs`), and that no source file was overlooked while doing so. */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";
import { cruise } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";

const sources = readdirSync("src", { recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name.replaceAll("\\", "/")}`);
const { forbidden, options } = createRequire(import.meta.url)("../.dependency-cruiser.cjs");
const tsConfig = extractTSConfig(resolve("tsconfig.json"));
const { output } = await cruise(["src"], { ...options, tsConfig: { fileName: resolve("tsconfig.json") }, ruleSet: { forbidden }, validate: true, outputType: "json" }, undefined, { tsConfig });
const { modules, summary } = JSON.parse(output);

const seen = new Set(modules.map(({ source }) => source));
const overlooked = sources.filter((source) => !seen.has(source));
const faults = summary.violations.filter(({ rule }) => rule.severity === "error");

for (const { rule, from, to, cycle } of faults) {
  const { comment } = forbidden.find(({ name }) => name === rule.name) ?? {};
  const where = cycle === undefined ? `${from} -> ${to}` : [from, ...cycle.map(({ name }) => name)].join(" -> ");
  process.stdout.write(`${where}\n  ${rule.name}: ${comment ?? ""}\n`);
}
for (const source of overlooked) process.stdout.write(`${source} was not looked at\n`);
process.stdout.write(`${sources.length - overlooked.length} modules, ${faults.length} forbidden imports\n`);
process.exitCode = faults.length > 0 || overlooked.length > 0 ? 1 : 0;
