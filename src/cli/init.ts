import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { exitCodes, printJson, type Command, type Invocation } from "./command.js";
import { version } from "./version.js";

const workflow = `import { app, bashApp, sh, withKernel } from "caraway";

await withKernel(undefined, async () => {
  const square = app(function square(x) {
    return x * x;
  });
  const sum = app(function sum(numbers) {
    return numbers.reduce((total, n) => total + n, 0);
  });
  const greet = bashApp(function greet(name) {
    return sh\`echo hello, \${name}\`;
  }, { returns: "stdout" });

  const squares = [1, 2, 3, 4].map((n) => square(n)); // run in parallel
  const total = sum(squares); // runs when they are done
  console.log(\`\${(await greet("world")).trim()}: the squares add up to \${await total}\`);
});
`;

const config = `import { defineConfig, threadPool } from "caraway";

export default defineConfig({
  executors: [threadPool({ maxThreads: 2 })],
  retries: 1,
  profiles: {
    // CARAWAY_PROFILE=careful, or caraway run --profile careful workflow.mjs
    careful: { retries: { app: 3, backoff: "1s" } },
  },
});
`;

const manifest = (name: string): string =>
  `${JSON.stringify({ name, private: true, type: "module", scripts: { start: "caraway run workflow.mjs" }, dependencies: { caraway: `^${version()}` } }, undefined, 2)}\n`;

/** `caraway init [dir]`: a small project that runs. Never overwrites a file. */
export const init: Command = {
  name: "init",
  usage: "[dir]",
  about: "Writes a small project that runs: package.json (unless there is one), workflow.mjs and caraway.config.mjs.\nRefuses to overwrite a workflow or a configuration.",
  options: {},
  most: 1,
  run: async ({ arguments: [given = "."], json, terminal, cwd }: Invocation) => {
    const directory = resolve(cwd, given);
    const kept = existsSync(join(directory, "package.json"));
    const files = [...(kept ? [] : [{ name: "package.json", text: manifest(packageName(directory)) }]), { name: "workflow.mjs", text: workflow }, { name: "caraway.config.mjs", text: config }];
    const inTheWay = files.map(({ name }) => join(directory, name)).filter((path) => existsSync(path));
    if (inTheWay.length > 0) {
      if (json) printJson(terminal, { written: [], inTheWay });
      else terminal.err(`nothing written, since there is already:\n${inTheWay.map((path) => `  ${path}\n`).join("")}`);
      return exitCodes.failed;
    }
    await mkdir(directory, { recursive: true });
    for (const { name, text } of files) await writeFile(join(directory, name), text, { flag: "wx" });
    const written = files.map(({ name }) => join(directory, name));
    if (json) printJson(terminal, { written, inTheWay: [] });
    else terminal.out(`${written.map((path) => `wrote ${path}\n`).join("")}\nnext: ${nextStep(relative(cwd, directory), kept)}\n`);
    return exitCodes.ok;
  },
};

function nextStep(directory: string, kept: boolean): string {
  const steps = [...(directory === "" ? [] : [`cd ${directory}`]), kept ? "npm install caraway" : "npm install", kept ? "npx caraway run workflow.mjs" : "npm start"];
  return steps.join(" && ");
}

/** The directory's name as npm allows it. */
function packageName(directory: string): string {
  const name = basename(directory).toLowerCase().replaceAll(/[^a-z0-9._-]+/g, "-").replace(/^[._-]+/, "");
  return name === "" ? "workflow" : name;
}
