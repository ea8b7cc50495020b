/** Writes `docs/killing-matrix.md`: runs the killing matrix and tells what was seen in each cell. `--from FILE` tells of an earlier run. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { victims } from "../test/killing/victims.mjs";

const actions = ["cancel", "walltime", "close", "SIGKILL"];
const given = process.argv.indexOf("--from");
const directory = mkdtempSync(join(tmpdir(), "killing-matrix-"));
const file = given < 0 ? join(directory, "seen.jsonl") : process.argv[given + 1];
const status = given < 0 ? spawnSync("vitest", ["run", "test/killing"], { shell: true, stdio: "inherit", env: { ...process.env, CARAWAY_MATRIX: file } }).status : 0;
const seen = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
rmSync(directory, { recursive: true });
writeFileSync("docs/killing-matrix.md", page());
process.exitCode = status ?? 1;

function page() {
  return `# What can be ended, and how

Each row is a task that is hard to end, or that ends its worker; each column is something that ends tasks. A cell says what became of
the task, and after how many milliseconds the next task had run on the same pool (for \`close\` and SIGKILL: nothing was left). In every
cell it was then checked that no process of the task was left. Written by \`node scripts/killing-matrix.js\` from the tests in
\`test/killing\`; seen with Node ${process.version} on ${platform()} ${arch()}, ${cpus().length} cores, with other work beside.

${["thread", "process"].map(table).join("\n\n")}

- *close* is \`close({ mode: "cancel" })\`; *SIGKILL* is that signal to the whole program.
- A task that ends by itself (\`process.exit\`, memory, segmentation fault, late errors) races with what ends it; the walltime of those
  rows is long, so that column shows how they end by themselves.
- A thread inside a native call such as \`pbkdf2Sync\` cannot be ended. Its task settles all the same, a new thread takes its place, no
  retry begins before it has ended, and \`close\` rejects with \`WaitTimeout\`, naming it. In a process of its own the whole process is
  killed after half a second; other tasks in it run again, uncharged.
- Children are found by the marks in their environment, wherever they have gone. One whose environment was emptied on the way
  (\`env -i\` inside a child) is found only where it stayed in the session of its shell command.
- A process that a function started and that is killed after its worker thread has ended stays in the table of processes (as a zombie, with
  no resources but its number) until the program ends: nobody is left to ask how it ended. In a process of its own it goes with that.
- Off-heap memory was limited by \`prlimit\`; what Linux's own out-of-memory killer does (SIGKILL to a process of its choice) is the same
  as a segmentation fault.
`;
}

function table(isolation) {
  const cell = (victim, action) => {
    const found = seen.find((one) => one.isolation === isolation && one.victim === victim && one.action === action);
    return found === undefined ? "" : found.ms > 0 ? `${found.outcome}, ${Math.round(found.ms)} ms` : found.outcome;
  };
  const head = `## isolation: "${isolation}"\n\n| | ${actions.join(" | ")} |\n| --- |${" --- |".repeat(actions.length)}`;
  return [head, ...victims.map(({ name }) => `| ${[name, ...actions.map((action) => cell(name, action))].join(" | ")} |`)].join("\n");
}
