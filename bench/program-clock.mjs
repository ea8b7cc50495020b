// Watches a program from outside: when its first output came, when it ended.
import { spawn } from "node:child_process";

/**
 * Runs `node`, or another command, with the arguments; milliseconds from the spawn to the first output and to the end.
 * @param {string[]} args
 * @param {{ command?: string, env?: NodeJS.ProcessEnv }} [how]
 */
export async function clockProgram(args, { command = process.execPath, env = process.env } = {}) {
  const start = performance.now();
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let [first, output, errors] = [Number.NaN, "", ""];
  child.stdout.on("data", (chunk) => {
    if (output === "") first = performance.now() - start;
    output += String(chunk);
  });
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${String(code)}: ${errors.slice(-500)}`);
  return { first, end: performance.now() - start, output };
}
