import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bin, caraway, scratch } from "./terminal.js";

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(cwd: string, words: readonly string[], flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [...flags, bin, "run", ...words], { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]).then(([[code], out, err]) => ({ code: code as number | null, out, err }));
  return { child, ended };
}

async function withScript(source: string, name = "flow.mjs"): Promise<string> {
  const cwd = await scratch();
  await writeFile(join(cwd, name), source);
  return cwd;
}

describe("caraway run", () => {
  it("runs the script as the main program, with what follows it as its arguments", async () => {
    const cwd = await withScript("console.log(JSON.stringify([process.argv.slice(1), process.cwd()]));");
    const { code, out } = await start(cwd, ["flow.mjs", "--profile", "x", "--", "y", "--help"]).ended;
    expect(JSON.parse(out)).toEqual([[join(cwd, "flow.mjs"), "--profile", "x", "--", "y", "--help"], cwd]);
    expect(code).toBe(0);
  });

  it.each([
    [[], {}, { CARAWAY_PROGRESS: "1" }],
    [["--no-progress"], {}, { CARAWAY_PROGRESS: "0" }],
    [["--profile", "site"], { CARAWAY_PROFILE: "laptop" }, { CARAWAY_PROGRESS: "1", CARAWAY_PROFILE: "site" }],
    [[], { CARAWAY_PROFILE: "laptop" }, { CARAWAY_PROGRESS: "1", CARAWAY_PROFILE: "laptop" }],
  ])("tells the script of %j (with %j) by its environment", async (words, env, expected) => {
    const cwd = await withScript("const { CARAWAY_PROGRESS, CARAWAY_PROFILE } = process.env; console.log(JSON.stringify({ CARAWAY_PROGRESS, CARAWAY_PROFILE }));");
    expect(JSON.parse((await start(cwd, [...words, "flow.mjs"], [], env).ended).out)).toEqual(expected);
  });

  it("ends with the script's exit code", async () => {
    expect((await start(await withScript("process.exitCode = 7;"), ["flow.mjs"]).ended).code).toBe(7);
  });

  it("hands on the flags of its own process", async () => {
    const cwd = await withScript("console.log(JSON.stringify(process.execArgv));");
    expect(JSON.parse((await start(cwd, ["flow.mjs"], ["--no-deprecation"]).ended).out)).toEqual(["--no-deprecation"]);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("forwards %s and waits for what the script makes of it", async (signal) => {
    const cwd = await withScript(`process.on("${signal}", () => { console.log("got it"); process.exit(3); }); setInterval(() => {}, 1000); console.log("ready");`);
    const { child, ended } = start(cwd, ["flow.mjs"]);
    await once(child.stdout ?? child, "data");
    child.kill(signal);
    expect(await ended).toMatchObject({ code: 3, out: expect.stringContaining("got it") as string });
  });

  it("ends with 128 + the signal that ended the script", async () => {
    expect((await start(await withScript('process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);'), ["flow.mjs"]).ended).code).toBe(137);
  });

  it("runs TypeScript by the tsx of the project", async () => {
    const cwd = await withScript("enum Answer { all = 42 }\nconsole.log(Answer.all satisfies number);", "flow.ts");
    await mkdir(join(cwd, "node_modules"));
    await symlink(dirname(fileURLToPath(import.meta.resolve("tsx/package.json"))), join(cwd, "node_modules", "tsx"));
    expect(await start(cwd, ["flow.ts"]).ended).toEqual({ code: 0, out: "42\n", err: "" });
  });

  it.skipIf("typescript" in process.features && Boolean(process.features.typescript))("says how to run TypeScript where nothing does", async () => {
    const { code, err } = await start(await withScript("let x: number;", "flow.ts"), ["flow.ts"]).ended;
    expect(code).toBe(2);
    expect(err).toContain("npm install --save-dev tsx");
  });

  it("tells how it went as JSON, and asks for no progress then", async () => {
    const cwd = await withScript("process.exitCode = process.env.CARAWAY_PROGRESS === '0' ? 5 : 6;");
    const { code, out } = await start(cwd, ["--json", "flow.mjs"]).ended;
    expect(code).toBe(5);
    expect(JSON.parse(out)).toEqual({ script: join(cwd, "flow.mjs"), code: 5, signal: null, seconds: expect.any(Number) as number });
  });

  it.each([
    [["nowhere.mjs"], "there is no file"],
    [["--wfformat", "x.json", "--scale", "slow"], '--scale must be a number from 0 up, but is "slow"'],
    [["--wfformat", "x.json", "--threads", "0"], '--threads must be a whole number from 1 up, but is "0"'],
    [["--wfformat", "x.json", "flow.mjs"], "takes no script"],
    [["--progres", "flow.mjs"], "did you mean --progress?"],
  ])("refuses %j", async (words, err) => {
    expect(await caraway(["run", ...words], await scratch())).toMatchObject({ code: 2, err: expect.stringContaining(err) as string });
  });
});
