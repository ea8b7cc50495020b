import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ShellHost } from "#internal/executors/shell/index";
import { alive, outcomeOf, processesWith, start, until } from "./observe.js";

let host: ShellHost;
let temporary: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), "caraway-test-"));
  process.env["TMPDIR"] = temporary;
  host = new ShellHost();
});
afterAll(async () => {
  await host.close();
  rmSync(temporary, { recursive: true });
});

const programs: ChildProcess[] = [];
afterEach(() => {
  for (const program of programs.splice(0)) program.kill("SIGKILL");
});

const hostProgram = fileURLToPath(new URL("./fixtures/host-program.mjs", import.meta.url));
const builtHost = import.meta.resolve("#internal/executors/shell/index");
let marks = 0;
const freshMark = () => `mark-${process.pid}-${(marks += 1)}-${Math.trunc(performance.now())}`;
const shellDirectories = () => readdirSync(temporary).filter((name) => name.startsWith("caraway-shell-"));

const killable: [string, string][] = [
  ["a loop", "while :; do :; done"],
  ["a child in the foreground", "sleep 1000; true"],
  ["a child in the background", "sleep 1000 & while :; do sleep 0.01; done"],
  ["a child in a session of its own", "setsid sleep 1000 & while :; do sleep 0.01; done"],
  ["a command that ignores SIGTERM", "trap '' TERM; while :; do sleep 0.01; done"],
  ["a child that ignores SIGTERM, in a session of its own", "setsid bash -c 'trap \"\" TERM; while :; do sleep 0.01; done' & wait"],
  ["a stopped command", "kill -STOP $$; sleep 1000"],
  ["a command that empties its environment", "env -i sleep 1000"],
];

test.each(killable)("kill ends %s and all that belongs to it, and onExit comes once", async (_, command) => {
  for (const grace of [undefined, 0]) {
    const shell = start(host, command);
    const pid = await shell.started;
    expect(shell.running.pid).toBe(pid);
    shell.running.kill(grace);
    const { code, signal, survivors } = await shell.over;
    expect({ code, survivors }).toEqual({ code: null, survivors: undefined });
    expect(signal).toMatch(/^SIG(TERM|KILL)$/);
    expect(processesWith(shell.token)).toEqual([]);
    expect(alive(pid)).toBe(false);
    shell.running.kill();
    expect(await outcomeOf(host, "exit 5")).toMatchObject({ code: 5 });
    expect(shell.exits).toBe(1);
  }
});

test("a command that handles SIGTERM has the grace to do so, also where it is a child of the shell", async () => {
  const ready = join(temporary, "handles");
  const shell = start(host, `bash -c 'trap "echo cleaned; exit 0" TERM; touch ${ready}; while :; do sleep 0.01; done'; true`, { capture: true });
  await until("its trap is set", () => existsSync(ready));
  shell.running.kill(5000);
  const { stdout, survivors } = await shell.over;
  expect({ stdout, survivors }).toEqual({ stdout: "cleaned\n", survivors: undefined });
});

test("a second kill with less grace takes effect", async () => {
  const ready = join(temporary, "ignores");
  const shell = start(host, `trap '' TERM; touch ${ready}; while :; do sleep 0.01; done`);
  await until("it ignores SIGTERM", () => existsSync(ready));
  shell.running.kill(1_000_000);
  shell.running.kill(0);
  expect(await shell.over).toMatchObject({ signal: "SIGKILL" });
});

test("a command killed before it has a process ends as well, and one that could be taken back never begins", async () => {
  const fresh = new ShellHost();
  const began = join(temporary, "began");
  const first = start(fresh, `touch ${began}; sleep 1000`);
  first.running.kill(0);
  expect(await first.over).toMatchObject({ code: null, signal: null });
  expect(existsSync(began)).toBe(false);
  expect(await outcomeOf(fresh, "exit 3")).toMatchObject({ code: 3 });
  const second = start(fresh, "sleep 1000");
  second.running.kill(0);
  expect(await second.over).toMatchObject({ code: null, signal: "SIGKILL" });
  expect(await outcomeOf(fresh, "exit 3")).toMatchObject({ code: 3 });
  await fresh.close();
});

test("killing one command leaves the others alone", async () => {
  const [one, other] = [start(host, "sleep 1000"), start(host, "sleep 0.3; echo fine", { capture: true })];
  await Promise.all([one.started, other.started]);
  one.running.kill(0);
  expect(await other.over).toMatchObject({ code: 0, stdout: "fine\n" });
  expect(await one.over).toMatchObject({ signal: "SIGKILL" });
});

test("close kills what runs, and leaves no process, guardian or file", async () => {
  const before = shellDirectories();
  const own = new ShellHost();
  const shells = [start(own, "sleep 1000"), start(own, "trap '' TERM; sleep 1000"), start(own, "setsid sleep 1000 & exit 0")];
  expect(await shells[2]?.over).toMatchObject({ code: 0 });
  await Promise.all(shells.map(({ started }) => started));
  const guardian = own.guardianPid ?? 0;
  expect(alive(guardian)).toBe(true);
  await own.close();
  expect(await shells[0]?.over).toMatchObject({ signal: "SIGKILL" });
  expect(alive(guardian)).toBe(false);
  for (const { token } of shells) expect(processesWith(token)).toEqual([]);
  expect(shellDirectories()).toEqual(before);
  expect((await outcomeOf(own, ":")).error).toMatchObject({ code: "CW-KERN-001" });
});

test("a host that ran nothing has nothing to close", async () => {
  const own = new ShellHost();
  await own.close();
  expect(own.guardianPid).toBeUndefined();
});

async function hostWithCommands(mark: string) {
  const child = spawn(process.execPath, [hostProgram, builtHost, mark], { stdio: ["ignore", "pipe", "inherit"] });
  programs.push(child);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  expect(line).toMatch(/^started \d+$/);
  await until("all its commands run", () => processesWith(mark).length >= 8);
  return { child, guardian: Number(line.split(" ")[1]) };
}

async function everythingGone(mark: string, guardian: number): Promise<void> {
  await until("no process of the killed host is left", () => processesWith(mark).length === 0 && !alive(guardian));
}

test("a host killed by SIGKILL leaves no process and no file of its commands, whatever they ignore and wherever they went", async () => {
  const before = shellDirectories();
  const mark = freshMark();
  const { child, guardian } = await hostWithCommands(mark);
  child.kill("SIGKILL");
  await everythingGone(mark, guardian);
  await until("its pipes are removed", () => shellDirectories().every((name) => before.includes(name)));
});

test("a host whose guardian was killed by hand is still guarded", async () => {
  const mark = freshMark();
  const { child, guardian } = await hostWithCommands(mark);
  process.kill(guardian, "SIGKILL");
  const guardians = () => processesWith("caraway-guardian").map(({ pid }) => pid).filter((pid) => parentOf(pid) === child.pid);
  await until("there is another guardian", () => guardians().some((pid) => pid !== guardian));
  const [next = 0] = guardians();
  child.kill("SIGKILL");
  await everythingGone(mark, next);
});

test("the guardian shrugs off Ctrl-C and hang-ups", async () => {
  const mark = freshMark();
  const { child, guardian } = await hostWithCommands(mark);
  await until("it has set its traps", () => /SigIgn:\s+0*4007$/m.test(readFileSync(`/proc/${guardian}/status`, "utf8")));
  for (const signal of ["SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"] as const) process.kill(guardian, signal);
  child.kill("SIGINT");
  await once(child, "exit");
  await everythingGone(mark, guardian);
});

function parentOf(pid: number): number {
  return Number(spawnSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" }).stdout);
}

test("a runner killed under its command loses the command, told as such, and no other", async () => {
  const own = new ShellHost();
  const shell = start(own, "sleep 1000");
  const pid = await shell.started;
  process.kill(parentOf(pid), "SIGKILL");
  const { error, survivors } = await shell.over;
  expect(error).toMatchObject({ name: "WorkerLost", retryable: true });
  expect(survivors).toBeUndefined();
  expect(alive(pid)).toBe(false);
  expect(await outcomeOf(own, "exit 6")).toMatchObject({ code: 6 });
  await own.close();
});

test("an idle host does not keep its program alive, a running command does", () => {
  const program = `const { ShellHost } = await import(${JSON.stringify(builtHost)}); new ShellHost().run({ command: "sleep 0.2", strict: true, capture: true, token: "t" }, (o) => console.log("code", o.code));`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", timeout: 10_000 });
  expect({ stdout, status }).toEqual({ stdout: "code 0\n", status: 0 });
});

test("a program run by a command that has commands of its own ends with it, by SIGKILL, to the last", async () => {
  const mark = freshMark();
  const shell = start(host, `${process.execPath} ${hostProgram} ${builtHost} ${mark}`, { capture: true });
  await until("the inner commands run", () => processesWith(mark).length >= 8);
  shell.running.kill(0);
  expect(await shell.over).toMatchObject({ signal: "SIGKILL" });
  await until("all are gone", () => processesWith(mark).length === 0);
});
