import process from "node:process";
import { nearest } from "../config/suggest.js";
import { CarawayError } from "../errors/index.js";
import { exitCodes, printJson, runCommand, table, UsageError, type Command, type Terminal } from "./command.js";
import { version } from "./version.js";

interface Entry {
  readonly about: string;
  readonly load: () => Promise<Command>;
}

const commands: Readonly<Record<string, Entry>> = {
  init: { about: "write a small project that runs", load: async () => (await import("./init.js")).init },
  check: { about: "find every fault of a configuration", load: async () => (await import("./check.js")).check },
  run: { about: "run a workflow, showing how it goes", load: async () => (await import("./run.js")).run },
  charts: { about: "draw the state charts", load: async () => (await import("./charts.js")).charts },
  verify: { about: "check a recorded run against the rules", load: async () => (await import("./verify.js")).verify },
  errors: { about: "explain an error code", load: async () => (await import("./errors.js")).errors },
};

/** Commands that keep their place and are not built yet. */
const later = ["status", "why", "inspect", "logs", "story", "runs", "report", "perf", "simulate", "bundle", "attach", "log", "plugins", "bugreport", "usage", "clean"];

/** The `caraway` command: runs what the words ask for and answers the exit code (0 well, 1 failed, 2 wrong use or configuration). */
export async function main(words: readonly string[], terminal: Terminal = processTerminal, cwd = process.cwd()): Promise<number> {
  try {
    return await dispatch(words, terminal, cwd);
  } catch (error) {
    return report(error, terminal, words.includes("--json"));
  }
}

const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

async function dispatch([name, ...rest]: readonly string[], terminal: Terminal, cwd: string): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    terminal.out(overview());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  if (name === "--version" || name === "-v") {
    terminal.out(`${version()}\n`);
    return exitCodes.ok;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return runCommand(await entry.load(), rest, terminal, cwd);
  if (later.includes(name)) throw new UsageError(`caraway ${name} is not built yet`);
  const meant = nearest(name, [...Object.keys(commands), ...later]);
  throw new UsageError(`caraway has no command ${JSON.stringify(name)}${meant === undefined ? "" : `; did you mean ${meant}?`}`);
}

function overview(): string {
  const rows = Object.entries(commands).map(([name, { about }]): [string, string] => [name, about]);
  return `caraway ${version()}: workflows of functions and shell commands, run in parallel\n\ncaraway COMMAND [options]\n\n${table(rows)}\nEach has --help. Not built yet: ${later.join(", ")}.\n`;
}

function report(error: unknown, terminal: Terminal, json: boolean): number {
  const code = error instanceof UsageError || (error instanceof CarawayError && error.origin === "configuration") ? exitCodes.usage : exitCodes.failed;
  if (json) {
    const told = error instanceof CarawayError ? error.toJSON() : { name: error instanceof Error ? error.name : "Error", message: error instanceof Error ? error.message : String(error) };
    printJson(terminal, { error: told });
  } else terminal.err(describe(error));
  return code;
}

function describe(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n`;
  if (error instanceof CarawayError) return `${error.code} ${error.name}: ${error.message}\n  ${error.hint}\n`;
  return `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}
