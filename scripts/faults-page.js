/**
 * Writes `docs/faults.md`: runs the fault suite and the tests over NATS servers and tells what was seen. `--from FILE` tells of an earlier run, whose figures
 * `CARAWAY_FAULT_FIGURES=FILE` has kept. What stands below "## For a long time" is kept as it is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const path = "docs/faults.md";
const long = "## For a long time";
const given = process.argv.indexOf("--from");
const directory = mkdtempSync(join(tmpdir(), "faults-page-"));
const file = given < 0 ? join(directory, "figures.jsonl") : process.argv[given + 1];
const status = given < 0 ? spawnSync("vitest", ["run", "test/faults", "test/brokers"], { shell: true, stdio: "inherit", env: { ...process.env, CARAWAY_FAULT_FIGURES: file } }).status : 0;
const seen = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
rmSync(directory, { recursive: true });
writeFileSync(path, `${page()}\n${kept()}`);
process.exitCode = status ?? 1;

/** What is written by hand. */
function kept() {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const from = text.indexOf(long);
  return from < 0 ? `${long}\n` : text.slice(from);
}

function page() {
  return `# Faults, what happens then, and how fast

Each row is a case of the fault suite (\`test/faults\`) or of the tests over real NATS servers (\`test/brokers\`): the fault is done to real processes, links and files. In every case
all results were compared, the rules of the invariant checker held, no process, key, socket or temporary file was left; where a
case ends in an error, most look at what that says: what happened, where, since when, and what to do. Written by \`node scripts/faults-page.js\`; the times are of one run with Node
${process.version} on ${platform()} ${arch()}, ${cpus().length} cores, with the rest of the test suite beside, and with a lease (\`heartbeatThreshold\`) of 1.5 s unless a row says
otherwise: what is noticed by silence is noticed after the lease, 30 s by default.

| what happens | how fast |
| --- | --- |
${rows().join("\n")}
`;
}

function rows() {
  const cases = new Map();
  for (const { test, what, ms } of seen) cases.set(test, [...(cases.get(test) ?? []), `${what}: ${ms} ms`]);
  const order = (title) => Number(/^(?:.* > )?F(\d+)/.exec(title)?.[1] ?? 99);
  return [...cases].sort(([a], [b]) => order(a) - order(b) || a.localeCompare(b)).map(([test, figures]) => `| ${plain(test)} | ${figures.map(plain).join("; ")} |`);
}

/** Numbers of a catalogue say nothing to a reader. */
function plain(text) {
  return text.replace(/^(?:.* > )?(?=[A-Z]\d+[,:])/, "").replace(/^[A-Z]\d+(?:, [A-Z]\d+)*: ?/, "").replaceAll("|", "\\|").replace(/^./, (first) => first.toUpperCase());
}
