import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { slurm, type SlurmOptions } from "#internal/config/descriptors";
import { makeProvider } from "#internal/providers/make-provider";
import type { Provider } from "#internal/providers/provider";
import { runCommand } from "#internal/providers/scheduler-command";
import { bashJob, jobDirectory, processesOf, seen, tryRead } from "./jobs.js";

let directory: string;

/** Commands in the place of Slurm's, which is not needed here; one that is not given is not installed. */
beforeEach(() => {
  directory = jobDirectory();
  const before = process.env["PATH"] ?? "";
  process.env["PATH"] = `${directory}:/usr/bin-none:/bin`;
  onTestFinished(() => void (process.env["PATH"] = before));
  for (const name of ["sbatch", "squeue", "sacct", "scancel"]) command(name, "echo not scripted >&2; exit 127");
});

function command(name: string, code: string): void {
  writeFileSync(join(directory, name), `#!/bin/bash\n${code}\n`);
  chmodSync(join(directory, name), 0o755);
}

const provider = (options: SlurmOptions = {}): Promise<Provider> => makeProvider(slurm({ commandTimeout: "10s", ...options }));
const thrown = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: unknown) => error);
const queue = (...rows: readonly (readonly [number, string, number, string])[]): string => rows.map(([id, state, status, reason]) => `printf '%-24s|%-24s|%-12s|%-256s|\\n' ${id} ${state} ${status} '${reason}'`).join("\n");

describe("a submission to Slurm", () => {
  it.each([
    ["is refused in so many words", "echo 'sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified' >&2; exit 1", "refused", "Invalid account"],
    ["fails on the way to the controller", "echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)' >&2; exit 1", "unknown", "Unable to contact"],
    ["fails without a word", "exit 1", "unknown", "exit code 1"],
    ["succeeds and answers nonsense", "echo 'Submitted a job'", "unknown", "which is no job id"],
    ["succeeds and answers half an id", "printf 123", "unknown", "which is no job id"],
    ["is killed", "kill -KILL $$", "unknown", "was killed"],
  ])("that %s says what is known of the job", async (_, code, outcome, word) => {
    command("sbatch", code);
    const error = await thrown((await provider()).submit(bashJob("exit 0")));
    expect(error).toMatchObject({ name: "SubmitException", code: "CW-BLOCK-001", outcome, message: expect.stringContaining(word) as string, evidence: { command: "sbatch" } });
  });

  it("that hangs is killed with all that it has started, and leaves open whether there is a job", async () => {
    command("sbatch", `export CARAWAY_JOB=hanging.${process.pid}; sleep 1000 & sleep 1000; true`);
    const error = await thrown((await provider({ commandTimeout: 300 })).submit(bashJob("exit 0")));
    expect(error).toMatchObject({ outcome: "unknown", message: expect.stringContaining("did not answer within 300 ms") as string });
    await seen("the end of sbatch", () => processesOf(`hanging.${process.pid}`).length === 0 || undefined);
  });

  it("whose answer came, whatever came after it, has succeeded", async () => {
    command("sbatch", "echo Welcome; echo 1234; echo 'the disk is full' >&2; exit 1");
    expect(await (await provider()).submit(bashJob("exit 0"))).toBe("1234");
    command("sbatch", "echo '1235;cluster'; sleep 1000");
    expect(await (await provider({ commandTimeout: 500 })).submit(bashJob("exit 0"))).toBe("1235");
  });

  it("is refused where there is no sbatch", async () => {
    process.env["PATH"] = "/nonexistent";
    expect(await thrown((await provider()).submit(bashJob("exit 0")))).toMatchObject({ outcome: "refused", message: expect.stringContaining("ENOENT") as string });
  });

  it("is refused before sbatch is called where an option cannot be a directive", async () => {
    command("sbatch", "echo 1");
    expect(await thrown((await provider({ partition: "a\nb" })).submit(bashJob("exit 0")))).toMatchObject({ outcome: "refused", message: expect.stringContaining("control characters") as string });
    expect(await thrown((await provider()).submit(bashJob("", { command: [] })))).toMatchObject({ outcome: "refused", cause: { name: "BadLauncher" } });
  });

  it("names its job and its files on the command line, where no variable goes before them, and waits for nothing", async () => {
    const args = join(directory, "args");
    command("sbatch", `printf '%s\\n' "$@" "$SBATCH_WAIT" >${args}; echo 7`);
    process.env["SBATCH_WAIT"] = "1";
    onTestFinished(() => {
      delete process.env["SBATCH_WAIT"];
    });
    const job = bashJob("exit 0");
    await (await provider()).submit(job);
    const stem = join(job.directory, job.name);
    expect(tryRead(args)).toBe(`--parsable\n--job-name=${job.name}\n--output=${stem}.out\n--error=${stem}.err\n--no-requeue\n${stem}.sh\n\n`);
  });
});

describe("a look at Slurm's queue", () => {
  it("asks once for all, and nobody else where all are there", async () => {
    const asked = join(directory, "asked");
    command("squeue", `echo "$@" >>${asked}\n${queue([1, "RUNNING", 0, "None"], [2, "PENDING", 0, "JobHeldUser"])}`);
    const reports = await (await provider()).status(["1", "2"]);
    expect([...reports]).toEqual([["1", { state: "active", message: "RUNNING" }], ["2", { state: "held", message: "PENDING: JobHeldUser" }]]);
    expect(tryRead(asked)).toBe("--noheader --states=all --jobs=1,2 --Format=JobID:24|,State:24|,exit_code:12|,Reason:256|\n");
    expect([...(await (await provider()).status([]))]).toEqual([]);
  });

  it("asks the accounts for what has left the queue, and believes them only of what is over", async () => {
    command("squeue", queue([1, "RUNNING", 0, "None"]));
    command("sacct", "printf '2|TIMEOUT|0:0\\n3|RUNNING|0:0\\n'");
    const reports = await (await provider()).status(["1", "2", "3", "4"]);
    expect([...reports]).toEqual([["1", { state: "active", message: "RUNNING" }], ["2", { state: "failed", reason: "timed-out", exitCode: 0, message: "TIMEOUT" }]]);
  });

  it("still sees the others where Slurm objects to one that has left the queue", async () => {
    command("squeue", `if [[ $* = *--jobs=* ]]; then echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; fi\n${queue([1, "RUNNING", 0, "None"], [9, "RUNNING", 0, "None"])}`);
    command("sacct", "true");
    expect([...(await (await provider()).status(["1", "2"])).keys()]).toEqual(["1"]);
  });

  it("leaves a job out that is nowhere, with accounts and without", async () => {
    command("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    command("sacct", "true");
    const one = await provider();
    expect([...(await one.status(["4"]))]).toEqual([]);
    command("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1");
    expect([...(await one.status(["4"]))]).toEqual([]);
  });

  it.each([
    ["fails", "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1", "Unable to contact slurm controller"],
    ["hangs", "sleep 1000", "did not answer within"],
    ["writes something else", "echo 'Das Warteschlangensystem ist nicht da'", "Das Warteschlangensystem"],
    ["is cut off", `${queue([1, "RUNNING", 0, "None"])} | head -c 70`, "it cannot be read"],
    ["floods", "yes | head -c 34000000", "wrote without an end"],
  ])("that %s says nothing of any job, and what it was told", async (_, code, word) => {
    command("squeue", code);
    const one = await provider({ commandTimeout: code.startsWith("sleep") ? 300 : "10s" });
    for (const look of [() => one.status(["1", "2"]), () => one.find("job")]) {
      expect(await thrown(look())).toMatchObject({ name: "SchedulerQueryFailed", code: "CW-BLOCK-004", message: expect.stringContaining(word) as string, evidence: { command: "squeue" } });
    }
  });

  it("finds a job by its name: the living one before those that are over, then in the accounts", async () => {
    command("squeue", queue([5, "FAILED", 256, "NonZeroExitCode"], [6, "PENDING", 0, "None"], [7, "CANCELLED", 0, "None"]));
    const one = await provider();
    expect(await one.find("job")).toBe("6");
    command("squeue", queue([5, "FAILED", 256, "NonZeroExitCode"]));
    expect(await one.find("job")).toBe("5");
    command("squeue", "true");
    command("sacct", "echo '3|COMPLETED|0:0'");
    expect(await one.find("job")).toBe("3");
    command("sacct", "true");
    expect(await one.find("job")).toBe(undefined);
  });
});

describe("cancelling Slurm's jobs", () => {
  it("is one command, and passes over what has ended", async () => {
    const args = join(directory, "args");
    command("scancel", `echo "$@" >>${args}; echo 'scancel: error: Kill job error on job id 1: Job/step already completing or completed' >&2; exit 1`);
    const one = await provider();
    await one.cancel(["1", "2", "-f", "x"]);
    await one.cancel([]);
    expect(tryRead(args)).toBe("1 2\n");
  });

  it("that fails says so", async () => {
    command("scancel", "echo 'scancel: error: Kill job error on job id 1: Unable to contact slurm controller (connect failure)' >&2; exit 8");
    expect(await thrown((await provider()).cancel(["1"]))).toMatchObject({ name: "SchedulerQueryFailed", message: expect.stringContaining("Unable to contact") as string });
    command("scancel", "sleep 1000");
    expect(await thrown((await provider({ commandTimeout: 300 })).cancel(["1"]))).toMatchObject({ name: "SchedulerQueryFailed" });
  });
});

describe("a command of a scheduler", () => {
  it("has ended when it has, though what it left behind holds its output open", async () => {
    command("lingers", `export CARAWAY_JOB=lingers.${process.pid}; sleep 1000 & echo said; exit 3`);
    const outcome = await runCommand("lingers", [], { deadlineMs: 10_000, environment: process.env });
    expect(outcome).toMatchObject({ end: "exited", code: 3, stdout: "said\n" });
    for (const pid of processesOf(`lingers.${process.pid}`)) process.kill(pid, "SIGKILL");
  });
});
