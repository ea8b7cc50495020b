/** Writes the generated pages; with `--check` it only compares them with what is there, and fails where they differ. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { pages } from "./docs-pages.js";

const wanted = await pages();
const leftover = (await readdir("docs/machines").catch(() => [])).map((name) => join("docs/machines", name)).filter((path) => !wanted.has(path));

if (process.argv.includes("--check")) await compare();
else await write();

async function write() {
  for (const path of leftover) await rm(path);
  for (const [path, text] of wanted) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  process.stdout.write(`${wanted.size} pages written\n`);
}

async function compare() {
  const faults = leftover.map((path) => `${path}: no longer generated`);
  for (const [path, text] of wanted) {
    const found = await readFile(path, "utf8").catch(() => undefined);
    if (found === undefined) faults.push(`${path}: missing`);
    else if (found !== text) faults.push(`${path}: differs\n${firstDifference(found.split("\n"), text.split("\n"))}`);
  }
  if (faults.length === 0) {
    process.stdout.write(`${wanted.size} pages are up to date\n`);
    return;
  }
  process.stdout.write(`${faults.join("\n")}\n\nRun \`npm run docs:generate\` and commit what it writes.\n`);
  process.exitCode = 1;
}

function firstDifference(found, text) {
  const line = text.findIndex((expected, index) => expected !== found[index]);
  const at = line === -1 ? text.length : line;
  const short = (words) => (words === undefined ? "(end of file)" : words.length > 160 ? `${words.slice(0, 157)}…` : words);
  return `  line ${at + 1}\n  - ${short(found[at])}\n  + ${short(text[at])}`;
}
