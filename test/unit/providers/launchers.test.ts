import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simple, single, srun, wrapped } from "#internal/config/descriptors";
import { jobScript } from "#internal/providers/job-script";
import { launchLines } from "#internal/providers/launchers/launch";
import { jobDirectory } from "./jobs.js";

const once = { nodes: 1, tasksPerNode: 1 };
const bash = (script: string, env: NodeJS.ProcessEnv = process.env) => spawnSync("bash", ["-c", script], { encoding: "utf8", env });

/** A directory with an `srun` that prints its arguments. */
function pathWithSrun(): NodeJS.ProcessEnv {
  const directory = jobDirectory();
  writeFileSync(join(directory, "srun"), '#!/bin/bash\nprintf "%s\\n" "$@"\n');
  chmodSync(join(directory, "srun"), 0o755);
  return { ...process.env, PATH: `${directory}:${process.env["PATH"] ?? ""}` };
}

describe("launchers", () => {
  const words = fc.array(fc.string({ unit: "binary", maxLength: 12 }).filter((word) => !word.includes("\0")), { maxLength: 4 });

  it.each([
    ["single", single()],
    ["simple", simple()],
    ["wrapped", wrapped({ prefix: ["env", "A=b c"] })],
  ])("%s gives the command every argument as it is", (_, launcher) => {
    fc.assert(
      fc.property(words, (args) => {
        const lines = launchLines(launcher, { ...once, command: ["bash", "-c", 'printf "%s\\0" "$@"', "-", "first", ...args] });
        expect(bash(lines).stdout.split("\0")).toEqual(["first", ...args, ""]);
      }),
      { numRuns: 12 },
    );
  });

  it("srun is told the nodes, and that managers are bound to nothing and each ends for itself", () => {
    const lines = launchLines(srun({ options: ["--label", "--comment=a b"] }), { command: ["manager", "it's"], nodes: 3, tasksPerNode: 2, coresPerNode: 9 });
    const args = execFileSync("bash", ["-c", lines], { encoding: "utf8", env: pathWithSrun() }).trim().split("\n");
    expect(args).toEqual(["--nodes=3", "--ntasks=6", "--ntasks-per-node=2", "--cpus-per-task=4", "--kill-on-bad-exit=0", "--wait=0", "--input=none", "--cpu-bind=none", "--label", "--comment=a b", "bash", "-c", 'CARAWAY_NODE_INDEX=$SLURM_PROCID exec "$@"', "caraway-node", "manager", "it's"]);
  });

  it("simple starts as many as there are places, tells each which it is, and ends with the first code that is not 0", () => {
    const { stdout, status } = bash(launchLines(simple(), { command: ["bash", "-c", "echo $CARAWAY_NODE_INDEX; exit $(( CARAWAY_NODE_INDEX ? 4 : 0 ))"], nodes: 2, tasksPerNode: 2 }));
    expect(stdout.trim().split("\n").sort()).toEqual(["0", "1", "2", "3"]);
    expect(status).toBe(4);
  });

  it("wrapped leaves a prefix that is text to the shell, and quotes one that is words", () => {
    expect(bash(launchLines(wrapped({ prefix: 'A="$HOME" env' }), { ...once, command: ["bash", "-c", "echo $A"] })).stdout).toBe(`${process.env["HOME"] ?? ""}\n`);
    expect(launchLines(wrapped({ prefix: ["a b", "$c"] }), { ...once, command: ["x"] })).toBe("'a b' '$c' x\n");
  });

  it.each([
    ["nothing", single(), { ...once, command: [] }, "no command"],
    ["an argument with a zero character", single(), { ...once, command: ["a\0"] }, "zero character"],
    ["no nodes", simple(), { ...once, nodes: 0, command: ["x"] }, "0 nodes"],
    ["two managers with single()", single(), { ...once, nodes: 2, command: ["x"] }, "it starts one manager, and 2 are wanted"],
  ])("refuse to start %s", (_, launcher, launch, word) => {
    expect(() => launchLines(launcher, launch)).toThrow(expect.objectContaining({ name: "BadLauncher", code: "CW-BLOCK-005", message: expect.stringContaining(word) as string }));
  });
});

describe("the script of a job", () => {
  it("exports any value as it is, before what prepares the node", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }).filter((value) => !value.includes("\0")), (value) => {
        const script = jobScript({ name: "x", environment: { VALUE: value }, workerInit: "SEEN=$VALUE\nexport SEEN", launcher: single(), launch: { ...once, command: ["bash", "-c", 'printf "%s\\0" "$VALUE" "$SEEN"'] } });
        expect(bash(script).stdout.split("\0")).toEqual([value, value, ""]);
      }),
      { numRuns: 12 },
    );
  });

  it("ends with the exit code of its command", () => {
    expect(bash(jobScript({ name: "x", launcher: single(), launch: { ...once, command: ["bash", "-c", "exit 6"] } })).status).toBe(6);
  });
});
