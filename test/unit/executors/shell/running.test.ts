import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ShellHost } from "#internal/executors/shell/index";
import { outcomeOf, processesWith, spec, start, until } from "./observe.js";

let host: ShellHost;
let directory: string;
beforeAll(() => {
  host = new ShellHost();
});
afterAll(() => host.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "caraway-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a command's exit code is told", async () => {
  expect(await outcomeOf(host, "exit 0")).toMatchObject({ code: 0, signal: null });
  expect(await outcomeOf(host, "exit 7")).toMatchObject({ code: 7, signal: null });
  expect(await outcomeOf(host, "exit 255")).toMatchObject({ code: 255, signal: null });
});

test("a signal that ended the shell is told apart from an exit code of the same number", async () => {
  for (const [name, number] of [["SIGKILL", 9], ["SIGTERM", 15], ["SIGINT", 2], ["SIGHUP", 1], ["SIGSEGV", 11], ["SIGPIPE", 13]] as const) {
    expect(await outcomeOf(host, `kill -${number} $$; sleep 5`), name).toMatchObject({ code: null, signal: name });
    expect(await outcomeOf(host, `exit ${128 + number}`), name).toMatchObject({ code: 128 + number, signal: null });
  }
});

test("a command that is stopped and continued ends when it ends", async () => {
  expect(await outcomeOf(host, "(sleep 0.1; kill -CONT $$) & kill -STOP $$; wait; exit 3")).toMatchObject({ code: 3, signal: null });
});

test("captured stdout is the whole of it, byte for byte, also when it is larger than a pipe", async () => {
  expect(await outcomeOf(host, "printf 'a\\n\\0ü\\n\\n'", { capture: true })).toMatchObject({ code: 0, stdout: "a\n\0ü\n\n" });
  expect(await outcomeOf(host, ":", { capture: true })).toMatchObject({ code: 0, stdout: "" });
  const big = await outcomeOf(host, "head -c 3000000 /dev/zero | tr '\\0' x; echo", { capture: true });
  expect(big.stdout).toBe(`${"x".repeat(3_000_000)}\n`);
});

test("more than 64 MiB of captured output is refused, and the command is ended", async () => {
  const { stdout, error, signal } = await outcomeOf(host, "cat /dev/zero", { capture: true });
  expect({ stdout, signal, code: error?.code }).toEqual({ stdout: undefined, signal: "SIGKILL", code: "CW-APP-012" });
});

test("captured stdout goes to a file too where one is given", async () => {
  const path = join(directory, "out");
  writeFileSync(path, "before\n");
  expect(await outcomeOf(host, "echo one; echo two", { capture: true, stdout: { path, mode: "append" } })).toMatchObject({ stdout: "one\ntwo\n" });
  expect(readFileSync(path, "utf8")).toBe("before\none\ntwo\n");
});

test("with strict a failing command, an unset variable or a failing part of a pipe ends the script; without, they do not", async () => {
  for (const command of ["false; true", "echo \"$no_such_variable_here\"", "false | true"]) {
    expect((await outcomeOf(host, command, { strict: true })).code, command).not.toBe(0);
    expect((await outcomeOf(host, command, { strict: false })).code, command).toBe(0);
  }
});

test("the line numbers in bash's complaints are those of the command", async () => {
  expect((await outcomeOf(host, "\n\nno_such_command_here")).stderrTail).toContain("line 3: no_such_command_here");
});

test("stdout and stderr go to files, appended or truncated, and to the same one in the order of writing", async () => {
  const path = join(directory, "with 'quotes' ünd blanks.log");
  writeFileSync(path, "old\n");
  await outcomeOf(host, "echo out; echo err >&2; echo out2", { stdout: { path, mode: "append" }, stderr: { path, mode: "append" } });
  expect(readFileSync(path, "utf8")).toBe("old\nout\nerr\nout2\n");
  await outcomeOf(host, "echo new", { stdout: { path, mode: "truncate" } });
  expect(readFileSync(path, "utf8")).toBe("new\n");
});

test("an unwritable stdout or stderr path is a BadStdStreamFile that names path and reason, and nothing runs", async () => {
  const path = join(directory, "missing", "out");
  const began = join(directory, "began");
  for (const stream of ["stdout", "stderr"] as const) {
    const { code, error } = await outcomeOf(host, `touch ${began}`, { [stream]: { path, mode: "append" } });
    expect(code).toBeNull();
    expect(error).toMatchObject({ name: "BadStdStreamFile", code: "CW-APP-005", evidence: { stream, path } });
    expect(error?.message).toContain(path);
    expect(error?.message).toContain("ENOENT");
  }
  expect(() => readFileSync(began)).toThrow();
});

test("of 1 MiB of stderr the last lines are kept, at most 4 KiB, whether it goes to a file or not", async () => {
  const path = join(directory, "err");
  writeFileSync(path, "from an earlier attempt\n");
  const command = "for ((i = 0; i < 16384; i++)); do printf '%063d\\n' $i; done >&2; exit 1";
  for (const more of [{}, { stderr: { path, mode: "append" } }] as const) {
    const { stderrTail, code } = await outcomeOf(host, command, more);
    expect(code).toBe(1);
    expect(Buffer.byteLength(stderrTail)).toBeLessThanOrEqual(4096);
    const lines = stderrTail.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(60);
    expect(lines.map(Number)).toEqual(lines.map((_, index) => 16384 - lines.length + index));
  }
  expect((await outcomeOf(host, "echo this one >&2", { stderr: { path, mode: "append" } })).stderrTail).toBe("this one\n");
});

test("a command may write to /dev/stderr and /dev/stdout as files", async () => {
  const outcome = await outcomeOf(host, "echo a; echo b > /dev/stdout; echo c > /dev/stderr; echo d | tee /dev/stderr", { capture: true });
  expect(outcome).toMatchObject({ code: 0, stdout: "a\nb\nd\n", stderrTail: "c\nd\n" });
});

test("stdin is empty", async () => {
  expect(await outcomeOf(host, "cat; echo end", { capture: true })).toMatchObject({ stdout: "end\n" });
});

test("a command inherits the descriptors that an ordinary child would, and no other", async () => {
  const command = "cd /proc/$$/fd; echo *; :";
  const { stdout } = await outcomeOf(host, command, { capture: true, strict: false });
  expect(stdout).toBe(spawnSync("/bin/bash", ["-c", command], { encoding: "utf8" }).stdout);
  expect(stdout).toMatch(/^0 1 2 /);
});

test("no signal is ignored or blocked in a command", async () => {
  const { stdout } = await outcomeOf(host, "grep -E 'SigIgn|SigBlk' /proc/self/status", { capture: true });
  expect(stdout?.match(/[0-9a-f]{16}/g)).toEqual(["0000000000000000", "0000000000000000"]);
});

test("a command runs in its cwd, and its environment is the host's now with its own additions", async () => {
  process.env["CARAWAY_TEST_SET_LATER"] = "yes";
  try {
    const env = { GREETING: "it's \\ $HOME ü\n", "odd-name": "1", LC_TIME: "C", body: "2" };
    const command = 'pwd; printf "%s|" "$GREETING" "$CARAWAY_TEST_SET_LATER" "$body"; env | grep ^odd';
    expect(await outcomeOf(host, command, { cwd: directory, env, capture: true })).toMatchObject({ stdout: `${directory}\n${env.GREETING}|yes|2|odd-name=1\n` });
  } finally {
    delete process.env["CARAWAY_TEST_SET_LATER"];
  }
  expect(await outcomeOf(host, 'pwd; echo "${CARAWAY_TEST_SET_LATER-gone} ${GREETING-gone} ${body-gone}"', { capture: true })).toMatchObject({ stdout: `${process.cwd()}\ngone gone gone\n` });
});

const environmentAtStart = { ...process.env };

test("the environment of a command is that of an ordinary child, and its tokens", async () => {
  const { stdout } = await outcomeOf(host, "env -0", { capture: true, token: "mine" });
  const seen = Object.fromEntries((stdout ?? "").split("\0").filter((entry) => entry !== "").map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
  const { CARAWAY_HOST, CARAWAY_TASK, ...rest } = seen;
  expect(CARAWAY_TASK).toBe("mine");
  expect(CARAWAY_HOST).toContain("caraway-");
  // What the test runner changes in its own environment while it runs is not what is tested.
  const own = (environment: NodeJS.ProcessEnv) => Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(?:_|SHLVL|PWD|OLDPWD|VITEST.*|NODE_.*)$/.test(name) && process.env[name] === environmentAtStart[name]));
  expect(own(rest)).toEqual(own(process.env));
});

test("a missing cwd and a NUL character are told as errors, and the host goes on", async () => {
  expect((await outcomeOf(host, ":", { cwd: join(directory, "nowhere") })).error).toMatchObject({ code: "CW-APP-014", evidence: { cwd: join(directory, "nowhere") } });
  expect((await outcomeOf(host, "echo \0")).error).toMatchObject({ code: "CW-APP-014" });
  expect(await outcomeOf(host, "exit 4")).toMatchObject({ code: 4 });
  expect(host.active).toBe(0);
});

test("a missing bash is told as an error, and leaves nothing behind", async () => {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = directory;
  const other = new ShellHost({ bash: join(directory, "no-bash") });
  expect((await outcomeOf(other, ":")).error).toMatchObject({ code: "CW-APP-014" });
  await other.close();
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  expect(readdirSync(directory)).toEqual([]);
});

test("a command longer than one argument of the system may be runs all the same", async () => {
  const words = Array.from({ length: 40_000 }, (_, index) => `'word ${index}'`).join(" ");
  const { stdout, code, stderrTail } = await outcomeOf(host, `set -- ${words}; echo "\${40000} $# $0"; test ! -e /dev/fd/9`, { capture: true });
  expect({ stdout, code, stderrTail }).toEqual({ stdout: "word 39999 40000 /bin/bash\n", code: 0, stderrTail: "" });
});

test("what a command leaves in the background ends with it, and does not hold up its end", async () => {
  const marker = `left-${process.pid}-${performance.now()}`;
  const { code, stdout } = await outcomeOf(host, `exec -a ${marker} sleep 1000 & echo done`, { capture: true });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "done\n" });
  await until("the background child is gone", () => processesWith(marker).length === 0);
});

test("a process that left its session and holds stdout open does not hold up the end, nor reach into a later command's output", async () => {
  const other = new ShellHost();
  try {
    expect(await outcomeOf(other, "setsid bash -c 'while :; do echo stray; done' & echo mine", { capture: true, strict: false })).toMatchObject({ code: 0, stdout: expect.stringContaining("mine\n") as string });
    for (let round = 0; round < 5; round += 1) expect(await outcomeOf(other, "echo clean", { capture: true })).toMatchObject({ stdout: "clean\n" });
  } finally {
    await other.close();
  }
});

test("many commands run at once, each with its own output, and onExit comes once for each", async () => {
  const all = Array.from({ length: 60 }, (_, index) => start(host, `echo ${index}; echo e${index} >&2; exit $((${index} % 3))`, { capture: true }));
  expect(host.active).toBe(60);
  const outcomes = await Promise.all(all.map(({ over }) => over));
  expect(outcomes.map(({ stdout, stderrTail, code }) => `${stdout}${stderrTail}${code}`)).toEqual(all.map((_, index) => `${index}\ne${index}\n${index % 3}`));
  expect(all.map(({ exits }) => exits)).toEqual(all.map(() => 1));
  expect(host.active).toBe(0);
});

test("times are on the scale of performance.timeOrigin, in order", async () => {
  const before = performance.timeOrigin + performance.now();
  const { startedAt, endedAt } = await outcomeOf(host, "sleep 0.05");
  expect(startedAt).toBeGreaterThanOrEqual(before);
  expect(endedAt - startedAt).toBeGreaterThanOrEqual(50);
  expect(endedAt).toBeLessThanOrEqual(performance.timeOrigin + performance.now());
});

test("onExit never comes before run has returned, even when nothing can be started", () => {
  let called = false;
  host.run(spec(":", { cwd: "/no/such/directory" }), () => (called = true));
  expect(called).toBe(false);
});
