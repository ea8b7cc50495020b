import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { exitCodes, printJson, UsageError, type Command, type Invocation } from "./command.js";

/** `caraway run <script>`: a workflow as the main program of a process of its own. */
export const run: Command = {
  name: "run",
  usage: "[options] <script> [arguments of the script…]",
  about: "Runs a workflow in a process of its own and shows how it goes. What follows the script is passed on to it.\nEnds with the script's exit code, or with 128 + the signal that ended it.\n\ncaraway run --wfformat FILE [--scale X] [--threads N] replays a recorded execution (WfFormat 1.5).",
  options: {
    profile: { type: "string", value: "NAME", about: "the profile of the configuration to use" },
    progress: { type: "boolean", about: "show progress (the default; --no-progress turns it off)" },
    wfformat: { type: "string", value: "FILE", about: "replay this recorded execution instead of a script" },
    scale: { type: "string", value: "X", about: "what recorded times are multiplied by (default 1)" },
    threads: { type: "string", value: "N", about: "how many threads replay it (default: the cores)" },
  },
  most: Infinity,
  passesOn: true,
  run: (invocation) => (typeof invocation.options["wfformat"] === "string" ? replayRecord(invocation, invocation.options["wfformat"]) : runScript(invocation)),
};

async function replayRecord({ options, arguments: extra, json, terminal, cwd }: Invocation, file: string): Promise<number> {
  if (extra.length > 0) throw new UsageError(`caraway run --wfformat takes no script, but got ${extra.join(" ")}`);
  const asked = {
    file: resolve(cwd, file),
    scale: numberOption("scale", options["scale"] ?? "1", (value) => value >= 0, "a number from 0 up"),
    threads: options["threads"] === undefined ? undefined : numberOption("threads", options["threads"], (value) => Number.isInteger(value) && value > 0, "a whole number from 1 up"),
    progress: options["progress"] !== false && !json,
    json,
    out: (text: string) => { terminal.out(text); },
  };
  const { replay } = await import("./wfformat.js");
  return replay(asked);
}

function numberOption(name: string, text: string | boolean, fits: (value: number) => boolean, words: string): number {
  const value = typeof text === "string" && text.trim() !== "" ? Number(text) : Number.NaN;
  if (!Number.isFinite(value) || !fits(value)) throw new UsageError(`--${name} must be ${words}, but is ${JSON.stringify(text)}`);
  return value;
}

async function runScript({ options, arguments: [script, ...rest], json, terminal, cwd }: Invocation): Promise<number> {
  if (script === undefined) throw new UsageError("caraway run needs a script; `caraway run --help` tells more");
  const path = resolve(cwd, script);
  if (!existsSync(path)) throw new UsageError(`there is no file ${path}`);
  const profile = options["profile"];
  const env = {
    ...process.env,
    CARAWAY_PROGRESS: options["progress"] === false || json ? "0" : "1",
    ...(typeof profile === "string" && { CARAWAY_PROFILE: profile }),
  };
  const began = performance.now();
  const ending = await runAsMain([...process.execArgv, ...typeScriptFlags(path), path, ...rest], env, cwd);
  const code = ending.signal === null ? (ending.code ?? exitCodes.failed) : 128 + constants.signals[ending.signal];
  if (json) printJson(terminal, { script: path, code, signal: ending.signal, seconds: Math.round(performance.now() - began) / 1000 });
  return code;
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs a Node program with this one's terminal; signals reach it, and it is waited for. */
async function runAsMain(words: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Ending> {
  const { execa } = await import("execa");
  const child = execa(process.execPath, words, { cwd, env, extendEnv: false, stdio: "inherit", reject: false, forceKillAfterDelay: false });
  // A terminal sends its signals to the program as well: there they are only kept from ending this process first.
  const fromTerminal: readonly NodeJS.Signals[] = process.stdin.isTTY ? ["SIGINT", "SIGHUP"] : [];
  const forward = (signal: NodeJS.Signals): void => {
    if (!fromTerminal.includes(signal)) child.kill(signal);
  };
  const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
  for (const signal of signals) process.on(signal, forward);
  try {
    const { exitCode, signal, cause } = await child;
    if (exitCode === undefined && signal === undefined) throw cause;
    return { code: exitCode ?? null, signal: signal ?? null };
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}

/** How Node is told to run TypeScript: by the tsx of the project, else by itself where it can. */
function typeScriptFlags(path: string): string[] {
  if (!/\.[mc]?tsx?$/.test(path) || process.execArgv.some((flag) => /\btsx\b/.test(flag))) return [];
  try {
    return ["--import", pathToFileURL(createRequire(path).resolve("tsx")).href];
  } catch (cause) {
    if ("typescript" in process.features && Boolean(process.features.typescript)) return [];
    throw new UsageError(`${path} is TypeScript, and nothing here runs TypeScript: install tsx in the project (npm install --save-dev tsx)`, { cause });
  }
}
