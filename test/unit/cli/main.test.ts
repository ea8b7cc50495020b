import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { bin, caraway } from "./terminal.js";

const names = ["init", "check", "run", "charts", "errors"];
const later = ["status", "why", "inspect", "logs", "story", "runs", "report", "perf", "simulate", "bundle", "attach", "log", "plugins", "bugreport", "usage", "clean"];

describe("the caraway command", () => {
  it("starts from its binary", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [bin, "--version"]);
    expect(stdout).toBe(`${manifest.version}\n`);
  });

  it("lists its commands, as an answer to --help and as a complaint about nothing", async () => {
    const asked = await caraway(["--help"]);
    expect(asked.code).toBe(0);
    for (const name of names) expect(asked.out).toMatch(new RegExp(`^ {2}${name} `, "m"));
    expect(await caraway([])).toEqual({ ...asked, code: 2 });
  });

  it.each(names)("explains %s with its options", async (name) => {
    const { code, out } = await caraway([name, "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^caraway ${name} `));
    expect(out).toContain("--json");
    expect(out).toContain("-h, --help");
  });

  it.each(later)("says that %s is not built yet", async (name) => {
    expect(await caraway([name, "anything"])).toEqual({ code: 2, out: "", err: `caraway ${name} is not built yet\n` });
  });

  it.each([
    [["chart"], 'caraway has no command "chart"; did you mean charts?\n'],
    [["zzz"], 'caraway has no command "zzz"\n'],
    [["toString"], 'caraway has no command "toString"\n'],
    [["check", "--profil", "x"], "caraway check has no option --profil; did you mean --profile?\n"],
    [["check", "a", "b"], "caraway check takes at most 1 argument, but got 2: a b\n"],
    [["run"], "caraway run needs a script; `caraway run --help` tells more\n"],
  ])("refuses %j with 2 and a suggestion", async (words, err) => {
    expect(await caraway(words)).toEqual({ code: 2, out: "", err });
  });

  it("answers faults as JSON where JSON is asked for", async () => {
    const { code, out, err } = await caraway(["errors", "CW-NO", "--json"]);
    expect([code, err]).toEqual([2, ""]);
    expect(JSON.parse(out)).toMatchObject({ error: { name: "UsageError" } });
  });
});
