import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { slurm, srun, type SlurmOptions } from "#internal/config/descriptors";
import { JobLedger } from "#internal/providers/job-ledger";
import type { JobSpec } from "#internal/providers/provider";
import { SlurmProvider } from "#internal/providers/slurm";
import { sweep } from "#internal/providers/sweep";
import { bashJob, jobDirectory, over, reported, seen, tryRead, written } from "../unit/providers/jobs.js";
import { noSlurm, scontrol } from "./slurm-host.js";

const why = noSlurm();

/** A provider whose jobs end with the test. */
function provider(options: SlurmOptions = {}, settleMs = 0): SlurmProvider & { begin: (job: JobSpec) => Promise<string> } {
  const made = new SlurmProvider(slurm({ exclusive: false, coresPerNode: 1, ...options }), settleMs);
  return Object.assign(made, {
    begin: async (job: JobSpec) => {
      const id = await made.submit(job);
      onTestFinished(() => made.cancel([id]));
      return id;
    },
  });
}

/** A command in the place of the real one of its name, which it finds as `$real`. */
function shim(name: string, code: string): void {
  const directory = jobDirectory();
  const real = (process.env["PATH"] ?? "").split(":").find((path) => tryRead(join(path, name)) !== undefined);
  writeFileSync(join(directory, name), `#!/bin/bash\nreal=${real}/${name}\n${code}\n`);
  chmodSync(join(directory, name), 0o755);
  const before = process.env["PATH"] ?? "";
  process.env["PATH"] = `${directory}:${before}`;
  onTestFinished(() => void (process.env["PATH"] = before));
}

describe.skipIf(why !== undefined)(why ?? "a job of a real Slurm", () => {
  it("is queued until there is room, then active, then over, with its output and its exit code", async () => {
    const one = provider();
    const directory = join(jobDirectory(), "it's 100% \"mine\"");
    mkdirSync(directory);
    const job = bashJob("", { directory, walltime: 90_000, environment: { OWN: "a 'b'\n$c" }, command: ["bash", "-c", 'echo "$OWN|$CARAWAY_NODE_INDEX|$1"; echo err >&2; until [ -e go ]; do sleep 0.05; done; exit 3', "-", "x y"] });
    const id = await one.begin(job);
    expect(id).toMatch(/^\d+$/);
    expect(await reported(one, id, "active", ...over)).toEqual({ state: "active", message: "RUNNING" });
    expect(scontrol("-o", "show", "job", id)).toMatch(/ TimeLimit=00:02:00 .*Requeue=0|Requeue=0 .* TimeLimit=00:02:00 /);
    expect(await one.find(job.name)).toBe(id);
    writeFileSync(join(directory, "go"), "");
    expect(await reported(one, id, ...over)).toEqual({ state: "failed", exitCode: 3, message: "FAILED: NonZeroExitCode" });
    expect(await one.output(id, job)).toEqual({ stdout: "a 'b'\n$c|0|x y\n", stderr: "err\n" });
    expect(await one.find(job.name)).toBe(id);
  });

  it("waits in the queue for the nodes it needs, where cancelling it is enough", async () => {
    const one = provider({ exclusive: true });
    const all = await one.begin(bashJob("sleep 1000", { nodes: 4 }));
    await reported(one, all, "active");
    const waiting = await one.begin(bashJob("exit 0", { nodes: 4 }));
    expect(await reported(one, waiting, "queued", ...over)).toMatchObject({ state: "queued", message: expect.stringMatching(/^PENDING/) as string });
    await one.cancel([waiting]);
    expect(await reported(one, waiting, ...over)).toMatchObject({ state: "cancelled" });
    await one.cancel([all, waiting]);
    expect(await reported(one, all, ...over)).toMatchObject({ state: "cancelled" });
  });

  it("starts a manager on each of its nodes by srun", async () => {
    const one = provider({ launcher: srun({ options: ["--label"] }) });
    const job = bashJob("echo $CARAWAY_NODE_INDEX $(hostname)", { nodes: 3 });
    const id = await one.begin(job);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "completed", exitCode: 0 });
    expect((await one.output(id, job)).stdout.trim().split("\n").sort()).toEqual([0, 1, 2].map((index) => expect.stringMatching(new RegExp(`^${index}: ${index} n[1-4]$`)) as string));
  });

  it("is given the time to end by itself when it is cancelled, and is killed after that", async () => {
    const one = provider();
    const polite = bashJob("", { command: ["bash", "-c", "trap 'echo told; exit 9' TERM; echo yes > ready; while :; do sleep 0.05; done"] });
    const stubborn = bashJob("", { command: ["bash", "-c", "trap '' TERM; echo yes > ready; while :; do sleep 1000; done"] });
    const ids = [await one.begin(polite), await one.begin(stubborn)];
    for (const { directory } of [polite, stubborn]) await written(join(directory, "ready"));
    await one.cancel(ids);
    for (const id of ids) expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled" });
    expect((await one.output(ids[0] ?? "", polite)).stdout).toBe("told\n");
    await one.cancel([...ids, "999999"]);
  });

  it("has timed out when its walltime was over", async () => {
    const one = provider();
    const job = bashJob("", { walltime: 60_000, command: ["bash", "-c", "echo yes > ready; sleep 1000"] });
    const id = await one.begin(job);
    await written(join(job.directory, "ready"));
    // A minute is the shortest limit that Slurm has: its end is brought forward.
    scontrol("update", `jobid=${id}`, "EndTime=now+1");
    // Slurm looks for jobs that are over their limit twice a minute.
    const report = await seen("its end", async () => {
      const last = (await one.status([id])).get(id);
      return last !== undefined && over.includes(last.state) ? last : undefined;
    }, 60_000);
    expect(report).toMatchObject({ state: "failed", reason: "timed-out", message: expect.stringContaining("TIMEOUT") as string });
  }, 90_000);

  it("that is held says so, and why", async () => {
    const one = provider({ schedulerOptions: "#SBATCH --hold" });
    const id = await one.begin(bashJob("exit 0"));
    expect(await reported(one, id, "held", ...over)).toEqual({ state: "held", message: "PENDING: JobHeldUser" });
    scontrol("release", id);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "completed" });
  });

  it("that cannot be is refused in Slurm's own words", async () => {
    const one = provider({ partition: "nosuch" });
    expect(await one.begin(bashJob("exit 0")).catch((thrown: unknown) => thrown)).toMatchObject({ name: "SubmitException", outcome: "refused", message: expect.stringContaining("invalid partition specified: nosuch") as string });
    const big = provider({ memPerNode: "10TiB" });
    expect(await big.begin(bashJob("exit 0")).catch((thrown: unknown) => thrown)).toMatchObject({ outcome: "refused", message: expect.stringContaining("Requested node configuration is not available") as string });
  });

  it("is asked for together with all others by one command, those that were never there left out", async () => {
    const one = provider();
    const count = join(jobDirectory(), "count");
    const ids = [await one.begin(bashJob("exit 0")), await one.begin(bashJob("exit 7")), await one.begin(bashJob("kill -SEGV $$"))];
    for (const id of ids) await reported(one, id, ...over);
    shim("squeue", `echo >>${count}; exec $real "$@"`);
    const reports = await one.status([...ids, "999998", "nonsense"]);
    expect(ids.map((id) => reports.get(id))).toEqual([{ state: "completed", exitCode: 0, message: "COMPLETED" }, { state: "failed", exitCode: 7, message: "FAILED: NonZeroExitCode" }, expect.objectContaining({ state: "failed", exitCode: 139 })]);
    expect([...reports.keys()].sort()).toEqual([...ids].sort());
    expect(tryRead(count)).toBe("\n");
    expect([...(await one.status(["999998"])).keys()]).toEqual([]);
  });

  it.each([
    ["fails after it has submitted", '"$real" "$@" >/dev/null; echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1', undefined],
    ["hangs after it has submitted", '"$real" "$@" >/dev/null; sleep 1000', "1500ms"],
    ["answers nothing", '"$real" "$@" >/dev/null', undefined],
  ])("whose sbatch %s is found by its name", async (_, code, commandTimeout) => {
    const one = provider({ commandTimeout }, 60_000);
    const job = bashJob("sleep 1000");
    shim("sbatch", code);
    expect(await one.submit(job).catch((thrown: unknown) => thrown)).toMatchObject({ name: "SubmitException", outcome: "unknown" });
    const id = await seen("the job", () => one.find(job.name).catch(() => undefined));
    expect(await reported(one, id, "active", "queued")).toMatchObject({ state: expect.stringMatching(/active|queued/) as string });
    await one.cancel([id]);
    expect(await reported(one, id, ...over)).toMatchObject({ state: "cancelled" });
  });

  it("that was never made is certain not to be there only after a while", async () => {
    const job = bashJob("exit 0");
    const [sure, unsure] = [provider({}, 0), provider({}, 60_000)];
    shim("sbatch", "exit 1");
    for (const one of [sure, unsure]) {
      expect(await one.submit({ ...job, directory: jobDirectory() }).catch((thrown: unknown) => thrown)).toMatchObject({ outcome: "unknown" });
    }
    expect(await sure.find(job.name)).toBe(undefined);
    await expect(unsure.find(job.name)).rejects.toMatchObject({ name: "SchedulerQueryFailed", message: expect.stringContaining("may still be on its way") as string });
    await expect(provider({}, 60_000).find(job.name, Date.now())).rejects.toMatchObject({ name: "SchedulerQueryFailed" });
    expect(await provider({}, 60_000).find(job.name, Date.now() - 61_000)).toBe(undefined);
  });

  it("of a dead kernel is ended by the sweep of its ledger", async () => {
    const path = join(jobDirectory(), "jobs.ledger");
    const ledger = await JobLedger.open(path);
    onTestFinished(() => ledger.close());
    const one = provider();
    const job = bashJob("sleep 1000");
    await ledger.ofProvider("slurm").intend({ name: job.name, executor: "cluster", block: "1" });
    const id = await one.begin(job);
    await reported(one, id, "active");
    expect(await sweep(ledger, () => provider(), 20_000)).toMatchObject({ cancelled: [{ name: job.name }], unresolved: [], ending: [] });
    expect(ledger.unfinished()).toEqual([]);
  });

  it("leaves nothing but its script and its output in its directory", async () => {
    const one = provider();
    const job = bashJob("exit 0");
    await reported(one, await one.begin(job), ...over);
    expect(readdirSync(job.directory).sort()).toEqual([".err", ".out", ".sh"].map((end) => job.name + end));
  });
});
