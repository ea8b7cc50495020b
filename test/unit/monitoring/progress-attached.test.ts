import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ScreenEmulator } from "./screen-emulator.js";

const flow = fileURLToPath(new URL("fixtures/flow.mjs", import.meta.url));
/** Gives a program a terminal of its own. */
const terminalMaker = "script";
const hasScript = spawnSync(terminalMaker, ["-qec", "true", "/dev/null"]).status === 0;

/** The environment without what changes how progress looks. */
function plainEnv(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { CI: _ci, NO_COLOR: _no, FORCE_COLOR: _force, CARAWAY_PROGRESS: _asked, ...env } = process.env;
  return { ...env, TERM: "xterm-256color", ...more };
}

async function run(command: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(command, words, { env: plainEnv(env), stdio: ["ignore", "pipe", "pipe"] });
  const exit = once(child, "exit") as Promise<[number | null]>;
  const [[code], out, err] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

describe("a kernel's progress", () => {
  it.each([
    ["on", {}],
    ["unset", { CARAWAY_PROGRESS: "1" }],
  ])("is shown on stderr when asked for: progress %s, %j", async (asked, env) => {
    const { code, out, err } = await run(process.execPath, [flow, asked], env);
    expect({ code, out }).toEqual({ code: 0, out: "said by the program\nafter the kernel\n" });
    expect(err).toMatch(/^7 tasks in .*: 7 done$/m);
    expect(err).toContain("↻ flaky (task 7), attempt 1 failed and was tried again: Error: once");
  });

  it.each([
    ["unset", {}],
    ["off", {}],
    ["off", { CARAWAY_PROGRESS: "1" }],
    ["on", { CARAWAY_PROGRESS: "0" }],
  ])("is off otherwise: progress %s, %j", async (asked, env) => {
    expect(await run(process.execPath, [flow, asked], env)).toMatchObject({ code: 0, err: "" });
  });

  it.skipIf(!hasScript)("lives on a real terminal, below what the program prints, and leaves the summary (needs the command `script`)", async () => {
    const { code, out } = await run(terminalMaker, ["-qec", `stty cols 90 rows 30; '${process.execPath}' '${flow}' on`, "/dev/null"]);
    expect(code).toBe(0);
    const screen = new ScreenEmulator(90);
    const seen: string[] = [];
    for (const chunk of out.replaceAll("\r\n", "\n").split("\u001B[?2026l")) {
      screen.write(chunk);
      seen.push(screen.screen.join("\n"));
    }
    expect(seen.some((moment) => /small flow {2}\d of 7/.test(moment) && /^ {2}nap {4}/m.test(moment) && /^ {2}flaky {2}/m.test(moment))).toBe(true);
    expect(seen.some((moment) => /said by the program\n(?:↻.*\n)*small flow/.test(moment))).toBe(true);
    const last = screen.screen;
    expect(last).not.toContain(expect.stringContaining("█"));
    expect(last.at(-1)).toBe("after the kernel");
    expect(last.some((line) => /^7 tasks in .*: 7 done$/.test(line))).toBe(true);
  });
});
