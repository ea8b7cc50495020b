// node bench/run.mjs [figure…] [--quick]: the named figures, or all, one after the other; then the acceptance table.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { printAcceptance } from "./accept.mjs";

const figures = ["noop-throughput", "latency", "chain", "tree", "first-result", "import-time", "memory", "heap-slope", "arguments", "bash", "actors", "links", "idle-actors", "high-throughput", "deaths", "sleeps", "many-managers"];
const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = [...names.filter((name) => !figures.includes(name)), ...process.argv.slice(2).filter((argument) => argument.startsWith("--") && argument !== "--quick")];
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}\nusage: node bench/run.mjs [${figures.join(" | ")}]… [--quick]`);
  process.exit(2);
}

/** @param {string} name @returns {Promise<number | null>} */
const measure = (name) =>
  new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
    const options = process.argv.includes("--quick") ? ["--quick"] : [];
    spawn(process.execPath, [script, ...options], { stdio: "inherit" }).once("error", reject).once("close", resolve);
  });

for (const name of names.length > 0 ? names : figures) if ((await measure(name)) !== 0) process.exitCode = 1;
printAcceptance();
