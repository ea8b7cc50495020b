import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { local, simple, wrapped, type LocalOptions } from "#internal/config/descriptors";
import type { SubmitException } from "#internal/errors/index";
import { LocalProvider } from "#internal/providers/local";
import type { JobSpec } from "#internal/providers/provider";
import { bashJob, jobDirectory, over, processesOf, reported, seen, tryRead, written } from "./jobs.js";

/** A provider and what it was asked for, all of it ended with the test. */
function provider(options: LocalOptions = {}): LocalProvider & { run: (job: JobSpec) => Promise<string> } {
  const made = new LocalProvider(local({ killGrace: "5s", ...options }));
  return Object.assign(made, {
    run: async (job: JobSpec) => {
      const id = await made.submit(job);
      onTestFinished(() => made.cancel([id]));
      return id;
    },
  });
}

const gone = (name: string): Promise<true> => seen(`the end of ${name}`, () => processesOf(name).length === 0 || undefined);
const pidIn = async (path: string): Promise<number> => Number(await written(path));
const alive = (pid: number): boolean => (tryRead(`/proc/${pid}/stat`)?.match(/\) (.)/)?.[1] ?? "Z") !== "Z";

describe("a local job", () => {
  it("runs its command, and leaves its output, its exit code and a script that only its owner can run", async () => {
    const job = bashJob('echo "to out: $1"; echo to err >&2', { command: ["bash", "-c", 'echo "to out: $1"; echo to err >&2', "-", "it's $HOME; `x`\n*"] });
    const one = provider();
    const id = await one.run(job);
    expect(await reported(one, id, ...over)).toEqual({ state: "completed", exitCode: 0 });
    expect(await one.output(id, job)).toEqual({ stdout: "to out: it's $HOME; `x`\n*\n", stderr: "to err\n" });
    expect(statSync(join(job.directory, `${job.name}.sh`)).mode & 0o777).toBe(0o700);
    expect(statSync(join(job.directory, `${job.name}.out`)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["exit 7", { state: "failed", exitCode: 7 }],
    ["kill -SEGV $$", { state: "failed", exitCode: 139, signal: "SIGSEGV" }],
    ["kill -KILL $$", { state: "failed", exitCode: 137, signal: "SIGKILL" }],
  ])("that ends with `%s` says so", async (code, report) => {
    const one = provider();
    expect(await reported(one, await one.run(bashJob(code)), ...over)).toEqual(report);
  });

  it("has the variables of the provider and its own, and what workerInit has made ready", async () => {
    const one = provider({ env: { FROM_PROVIDER: "a b", BOTH: "provider" }, workerInit: "prepared='yes\nand more'\nexport prepared" });
    const job = bashJob('printf "%s|" "$FROM_PROVIDER" "$BOTH" "$OWN" "$prepared" "$CARAWAY_NODE_INDEX"', { environment: { OWN: "$x'y", BOTH: "job" } });
    const id = await one.run(job);
    await reported(one, id, "completed");
    expect((await one.output(id, job)).stdout).toBe("a b|job|$x'y|yes\nand more|0|");
  });

  it("that is cancelled in the moment in which it ends is over at once: the grace is for what lives on", { timeout: 20_000 }, async () => {
    const one = provider({ killGrace: "60s" });
    const cancelled = async (ms: number): Promise<void> => {
      const id = await one.run(bashJob("exec sleep 0.1"));
      // The moment is the fault: within some milliseconds of the end.
      await new Promise((resolve) => setTimeout(resolve, ms));
      await one.cancel([id]);
    };
    for (let round = 0; round < 12; round++) await Promise.all([85, 90, 95, 100, 105, 110].map((ms) => cancelled(ms + round / 3)));
  });

  it("shows the last of a flood of output, beginning with a whole line", async () => {
    const one = provider();
    const job = bashJob("for i in {1..9000}; do echo line $i; done");
    const id = await one.run(job);
    await reported(one, id, "completed");
    const { stdout } = await one.output(id, job);
    expect(stdout).toMatch(/^line \d+\n(.*\n)*line 9000\n$/);
    expect(stdout.length).toBeLessThan(20_000);
  });

  it("is started once for each node by the launcher simple(), and fails where one of them does", async () => {
    const one = provider({ launcher: simple() });
    const job = bashJob('echo "node $CARAWAY_NODE_INDEX"; exit $(( CARAWAY_NODE_INDEX == 1 ? 5 : 0 ))', { nodes: 3 });
    const id = await one.run(job);
    expect(await reported(one, id, ...over)).toEqual({ state: "failed", exitCode: 5 });
    expect((await one.output(id, job)).stdout.trim().split("\n").sort()).toEqual(["node 0", "node 1", "node 2"]);
  });

  it("is started by the prefix of the launcher wrapped()", async () => {
    const one = provider({ launcher: wrapped({ prefix: "env WRAPPED=\"a b\"" }) });
    const job = bashJob('echo "$WRAPPED"');
    const id = await one.run(job);
    await reported(one, id, "completed");
    expect((await one.output(id, job)).stdout).toBe("a b\n");
  });

  it("leaves nothing behind when it ends, in its process group or out of it", async () => {
    const one = provider();
    const job = bashJob("sleep 1000 & setsid sleep 1000 & exit 0");
    expect(await reported(one, await one.run(job), ...over)).toMatchObject({ state: "completed" });
    expect(processesOf(job.name).filter(alive)).toEqual([]);
  });

  it("goes on when it is stopped and continued", async () => {
    const one = provider();
    const directory = jobDirectory();
    const job = bashJob("", { directory, command: ["bash", "-c", "mkfifo gate; echo $$ > pid.new; mv pid.new pid; read -r line < gate; exit 3"] });
    const id = await one.run(job);
    const pid = await pidIn(join(directory, "pid"));
    process.kill(pid, "SIGSTOP");
    await seen("a stopped job", () => tryRead(`/proc/${pid}/stat`)?.includes(") T ") || undefined);
    expect(await reported(one, id, "active", ...over)).toMatchObject({ state: "active" });
    process.kill(pid, "SIGCONT");
    spawn("bash", ["-c", "echo go > gate"], { cwd: directory });
    expect(await reported(one, id, ...over)).toEqual({ state: "failed", exitCode: 3 });
  });

  it("ends when its walltime is over", async () => {
    const one = provider();
    const job = bashJob("sleep 1000", { walltime: 100 });
    expect(await reported(one, await one.run(job), ...over)).toMatchObject({ state: "failed", reason: "timed-out", exitCode: 143, signal: "SIGTERM" });
    await gone(job.name);
  });
});

describe("cancelling a local job", () => {
  it("tells it, and passes over what has ended", async () => {
    const one = provider();
    const done = await one.run(bashJob("exit 0"));
    await reported(one, done, "completed");
    const job = bashJob("", { command: ["bash", "-c", "trap 'echo told; exit 9' TERM; echo ready > ready; while :; do sleep 0.05; done"] });
    const id = await one.run(job);
    await written(join(job.directory, "ready"));
    await one.cancel([id, done, "nonsense"]);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled", exitCode: 9 });
    expect(await reported(one, done, ...over)).toEqual({ state: "completed", exitCode: 0 });
    expect((await one.output(id, job)).stdout).toBe("told\n");
  });

  it("kills what does not end by itself, with everything it has started, stopped or gone its own way", async () => {
    const one = provider({ killGrace: 50 });
    const job = bashJob("", { command: ["bash", "-c", "trap '' TERM; (sleep 1000; true) & setsid bash -c 'echo $$ > ready; kill -STOP $$' & while :; do sleep 1000; done"] });
    const id = await one.run(job);
    await written(join(job.directory, "ready"));
    await one.cancel([id]);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled", signal: "SIGKILL" });
    await gone(job.name);
  });

  it("does what the watcher cannot do any more", async () => {
    const one = provider({ killGrace: 50 });
    const job = bashJob("", { command: ["bash", "-c", "trap '' TERM; echo yes > ready; while :; do sleep 1000; done"] });
    const id = await one.run(job);
    await written(join(job.directory, "ready"));
    process.kill(Number(id.split(":")[0]), "SIGKILL");
    expect(await seen("the death of the watcher", async () => (await one.status([id])).get(id)?.message)).toBe("the process that watched it was killed");
    await one.cancel([id]);
    await gone(job.name);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled" });
  });

  it("is done only when the watcher has ended too, which it does after it has written the exit code down", async () => {
    const tools = jobDirectory();
    writeFileSync(join(tools, "mv"), '#!/bin/bash\nPATH=/usr/bin:/bin\nmv "$@"\nsleep 0.2\n', { mode: 0o700 });
    const one = provider({ env: { PATH: `${tools}:${process.env["PATH"]}` } });
    const id = await one.run(bashJob("sleep 1000"));
    await one.cancel([id]);
    expect(alive(Number(id.split(":")[0]))).toBe(false);
  });

  it("starts no command any more where it was still being prepared", async () => {
    const job = bashJob("echo started > started");
    const one = provider({ workerInit: "echo yes > ready\nsleep 1000" });
    const id = await one.run(job);
    await written(join(job.directory, "ready"));
    await one.cancel([id]);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled", exitCode: 143 });
    expect(tryRead(join(job.directory, "started"))).toBe(undefined);
  });

  it("gives every manager of the launcher simple() the time to end by itself", async () => {
    const one = provider({ launcher: simple() });
    const job = bashJob("", { nodes: 2, command: ["bash", "-c", "trap 'echo told; exit 0' TERM; echo yes > ready.$CARAWAY_NODE_INDEX; while :; do sleep 0.05; done"] });
    const id = await one.run(job);
    for (const index of [0, 1]) await written(join(job.directory, `ready.${index}`));
    await one.cancel([id]);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled" });
    expect((await one.output(id, job)).stdout).toBe("told\ntold\n");
  });

  it("ends a job whose watcher is stopped", async () => {
    const one = provider({ killGrace: 50 });
    const job = bashJob("sleep 1000");
    const id = await one.run(job);
    process.kill(Number(id.split(":")[0]), "SIGSTOP");
    await one.cancel([id]);
    await gone(job.name);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled" });
  });

  it("leaves a process alone that has the pid of a job and another start", async () => {
    const bystander = spawn("sleep", ["1000"], { stdio: "ignore" });
    onTestFinished(() => void bystander.kill("SIGKILL"));
    await once(bystander, "spawn");
    const one = provider({ killGrace: 0 });
    const id = `${bystander.pid}:1:${join(jobDirectory(), "some.job")}`;
    expect(await reported(one, id, ...over)).toMatchObject({ state: "failed" });
    await one.cancel([id]);
    expect(alive(bystander.pid ?? 0)).toBe(true);
  });
});

describe("a local job of another kernel", () => {
  it("is found by its name, followed and ended", async () => {
    const job = bashJob("sleep 1000");
    const id = await provider().run(job);
    const other = provider();
    expect(await other.find(job.name)).toBe(id);
    expect(await reported(other, id, "active")).toEqual({ state: "active" });
    await other.cancel([id]);
    expect(await reported(other, id, ...over)).toMatchObject({ state: "cancelled" });
    expect(await other.find(job.name)).toBe(undefined);
  });

  it("is found by what is left of it where its watcher was killed", async () => {
    const job = bashJob("sleep 1000");
    const id = await provider().run(job);
    await seen("the job", () => processesOf(job.name).length > 1 || undefined);
    process.kill(Number(id.split(":")[0]), "SIGKILL");
    const other = provider({ killGrace: 50 });
    const found = await seen("what is left", async () => {
      const given = await other.find(job.name);
      return given?.startsWith("0:") === true ? given : undefined;
    });
    expect(await reported(other, found, "active")).toMatchObject({ state: "active" });
    await other.cancel([found]);
    await gone(job.name);
  });

  it("is not found by a part of its name", async () => {
    const job = bashJob("sleep 1000");
    await provider().run(job);
    expect(await provider().find(job.name.slice(0, -1))).toBe(undefined);
    expect(await provider().find(job.name.replace(".", "x"))).toBe(undefined);
  });

  it("ends with the job that it was submitted in", async () => {
    const outer = bashJob("sleep 1000");
    const one = provider({ killGrace: 50 });
    const outerId = await one.run(outer);
    process.env["CARAWAY_JOB"] = outer.name;
    const inner = bashJob("sleep 1000");
    const innerId = await one.run(inner).finally(() => delete process.env["CARAWAY_JOB"]);
    await one.cancel([outerId]);
    await gone(inner.name);
    expect(await reported(one, innerId, ...over)).toMatchObject({ state: "failed" });
  });
});

describe("a local provider", () => {
  it.each<[string, Partial<JobSpec>, string]>([
    ["a name with other characters", { name: "../x" }, "name"],
    ["no command", { command: [] }, "no command"],
    ["an argument that cannot be one", { command: ["a\0b"] }, "zero character"],
    ["a variable that cannot be exported", { environment: { "A B": "c" } }, "A B"],
    ["a directory that is not there", { directory: "/nonexistent" }, "files cannot be written"],
  ])("refuses %s, and there is no job then", async (_, more, word) => {
    const error = (await provider().run(bashJob("", more)).catch((thrown: unknown) => thrown)) as SubmitException;
    expect(error).toMatchObject({ name: "SubmitException", outcome: "refused", code: "CW-BLOCK-001" });
    expect(error.message).toContain(word);
  });

  it("refuses a name that was used before", async () => {
    const one = provider();
    const job = bashJob("exit 0");
    await one.run(job);
    expect(await one.run(job).catch((thrown: unknown) => thrown)).toMatchObject({ name: "SubmitException", outcome: "refused" });
  });

  it("says nothing of ids that are none of its own, and that a job without a trace has ended", async () => {
    const one = provider();
    const job = bashJob("sleep 1000");
    const id = await one.run(job);
    expect([...(await one.status(["", "12", "1:2", `x${id}`])).keys()]).toEqual([]);
    await one.cancel([id]);
    rmSync(job.directory, { recursive: true });
    expect((await one.status([id])).get(id)).toMatchObject({ state: "failed", message: expect.stringContaining("no exit code") as string });
    expect(await one.output(id, job)).toEqual({ stdout: "", stderr: "" });
  });
});
