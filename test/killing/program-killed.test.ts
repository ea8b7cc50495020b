import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { processesWith, until } from "../unit/executors/shell/observe.js";
import { type Action, freshMark, type Isolation, nothingLeftOf, poolProcesses, record } from "./cell.js";
import { type Victim, victims } from "./victims.mjs";

const program = fileURLToPath(new URL("./program.mjs", import.meta.url));

/** Starts the program with a victim; everything that it starts carries the mark. */
function start(isolation: Isolation, victim: Victim, mark: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const { VITEST: _, ...env } = process.env;
  const child = spawn(process.execPath, [program, isolation, victim.name, mark], { stdio: ["ignore", "pipe", "ignore"], env: { ...env, PROGRAM_MARK: mark } });
  return { child, lines: createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]() };
}

/** Nothing that carries the mark, and no guardian of the program. */
async function nothingLeft(mark: string, pid: number): Promise<void> {
  await nothingLeftOf(mark);
  await until("its guardian has ended", () => processesWith(`caraway-${pid}-`).length === 0);
  expect(readdirSync("/dev/shm").filter((name) => name.startsWith(`caraway-${pid}-`))).toEqual([]);
}

const actions: readonly Action[] = ["cancel", "walltime", "close", "SIGKILL"];
const survivable = (isolation: Isolation): Victim[] => victims.filter((victim) => isolation === "process" || (victim.needsLimit !== true && victim.killsProcess !== true));

describe.each<Isolation>(["thread", "process"])("isolation %s", (isolation) => {
  test.concurrent.each(survivable(isolation))("SIGKILL of the program ends $name with it, and all its processes", async (victim) => {
    const mark = freshMark();
    const { child, lines } = start(isolation, victim, mark);
    const { value } = (await lines.next()) as { value: string };
    expect(value).toMatch(/^(begun|ended)/);
    if (isolation === "process" && victim.ends === undefined) expect(poolProcesses(child.pid)).toHaveLength(1);
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
  for (const action of actions) record({ victim: victim.name, action, isolation: "thread", outcome: "the program dies", ms: 0 });
});

test("off-heap memory that runs out in a thread fails the task, or ends the program and all its processes", async () => {
  const mark = freshMark();
  const victim = victims.find(({ needsLimit }) => needsLimit) as Victim;
  const { child, lines } = start("thread", victim, mark);
  const exited = once(child, "exit");
  const seen: string[] = [];
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    seen.push(line.value);
    if (line.value.startsWith("ended")) child.kill("SIGKILL");
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  const outcome = seen.find((line) => line.startsWith("ended"))?.slice("ended ".length) ?? `the program dies (${signal ?? `exit code ${code}`})`;
  expect(outcome).toMatch(/^(RangeError|the program dies)/);
  await nothingLeft(mark, child.pid ?? 0);
  for (const action of actions) record({ victim: victim.name, action, isolation: "thread", outcome, ms: 0 });
});
