import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { processesWith, until } from "../unit/executors/shell/observe.js";
import { freshMark, type Isolation, nothingLeftOf, poolProcesses, record } from "./cell.js";
import { type Victim, victims } from "./victims.mjs";

const program = fileURLToPath(new URL("./program.mjs", import.meta.url));

/** Starts the program with a victim; everything that it starts carries the mark. */
function start(isolation: Isolation, victim: Victim, mark: string, limitKb?: number): { child: ChildProcess; lines: AsyncIterator<string> } {
  const command = [process.execPath, program, isolation, victim.name, mark];
  const [file = "", ...args] = limitKb === undefined ? command : ["prlimit", `--as=${limitKb * 1024}`, ...command];
  const { VITEST: _, ...env } = process.env;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "ignore"], env: { ...env, PROGRAM_MARK: mark } });
  return { child, lines: createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]() };
}

/** Nothing that carries the mark, and no guardian of the program. */
async function nothingLeft(mark: string, pid: number): Promise<void> {
  await nothingLeftOf(mark);
  await until("its guardian has ended", () => processesWith(`caraway-${pid}-`).length === 0);
  expect(readdirSync("/dev/shm").filter((name) => name.startsWith(`caraway-${pid}-`))).toEqual([]);
}

const survivable = (isolation: Isolation): Victim[] => victims.filter((victim) => victim.needsLimit !== true && (isolation === "process" || victim.killsProcess !== true));

describe.each<Isolation>(["thread", "process"])("isolation %s", (isolation) => {
  test.concurrent.each(survivable(isolation))("SIGKILL of the program ends $name with it, and all its processes", async (victim) => {
    const mark = freshMark();
    const { child, lines } = start(isolation, victim, mark);
    const { value } = (await lines.next()) as { value: string };
    expect(value).toMatch(/^(begun|ended)/);
    if (isolation === "process" && victim.killsProcess !== true) expect(poolProcesses(child.pid)).toHaveLength(1);
    const exited = once(child, "exit");
    const at = performance.now();
    child.kill("SIGKILL");
    expect(await exited).toEqual([null, "SIGKILL"]);
    await nothingLeft(mark, child.pid ?? 0);
    record({ victim: victim.name, action: "SIGKILL", isolation, outcome: "all gone", ms: performance.now() - at });
  });
});

test("a segmentation fault in a thread ends the program, and all its processes", async () => {
  const mark = freshMark();
  const victim = victims.find(({ killsProcess }) => killsProcess) as Victim;
  const { child } = start("thread", victim, mark);
  expect(await once(child, "exit")).toEqual([null, "SIGSEGV"]);
  await nothingLeft(mark, child.pid ?? 0);
  for (const action of ["cancel", "walltime", "close", "SIGKILL"] as const) record({ victim: victim.name, action, isolation: "thread", outcome: "the program dies", ms: 0 });
});
