import { resolve } from "node:path";
import { checkConfig, describeProblem, type ConfigProblem } from "../config/check.js";
import { configFileNames, findConfigFile, loadConfigFile, selectProfile } from "../config/find.js";
import { exitCodes, printJson, type Command, type Invocation } from "./command.js";

/** `caraway check [config]`: every problem of a configuration at once. */
export const check: Command = {
  name: "check",
  usage: "[config] [--profile NAME]",
  about: "Finds everything that is wrong with a configuration file: keys that do not exist, wrong values, options\nthat contradict each other. Ends with 2 where there is an error, with 0 where there are warnings at most.",
  options: { profile: { type: "string", value: "NAME", about: "the profile that must exist (default: CARAWAY_PROFILE)" } },
  most: 1,
  run: async ({ arguments: [given], options, json, terminal, cwd }: Invocation) => {
    const path = given === undefined ? findConfigFile(cwd) : resolve(cwd, given);
    if (path === undefined) {
      if (json) printJson(terminal, { path: null, problems: [] });
      else terminal.out(`no configuration here (${configFileNames.join(", ")}): the defaults hold\n`);
      return exitCodes.ok;
    }
    const config = await loadConfigFile(path, cwd);
    selectProfile(config, profileOf(options["profile"]));
    const problems = await checkConfig(config);
    if (json) printJson(terminal, { path, problems });
    else terminal.out(summary(path, problems));
    return problems.some(({ severity }) => severity === "error") ? exitCodes.usage : exitCodes.ok;
  },
};

function profileOf(option: string | boolean | undefined): string | undefined {
  const profile = typeof option === "string" ? option : process.env["CARAWAY_PROFILE"];
  return profile === "" ? undefined : profile;
}

function summary(path: string, problems: readonly ConfigProblem[]): string {
  if (problems.length === 0) return `${path}: nothing wrong\n`;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const lines = problems.map((problem) => `  ${problem.severity === "error" ? "error  " : "warning"} ${describeProblem(problem)}\n`);
  return `${path}: ${count(errors, "error")}, ${count(problems.length - errors, "warning")}\n${lines.join("")}`;
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
