import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slurm, type SlurmOptions } from "#internal/config/descriptors";
import { slurmScript, timeText } from "#internal/providers/slurm-script";
import { accountingLines, queueLines, refusal, reportOf, submittedId, Unreadable } from "#internal/providers/slurm-text";

const pad = (text: string | number, width: number): string => String(text).padEnd(width);
const line = (id: number, state: string, status: number, reason: string): string => `${pad(id, 24)}|${pad(state, 24)}|${pad(status, 12)}|${pad(reason, 256)}|\n`;

describe("what sbatch writes", () => {
  it.each([
    ["4\n", "4"],
    ["4;cluster-1\n", "4"],
    ["Welcome to the cluster\n12345\nHave fun 3\n", "12345"],
    ["12\n13\n", undefined],
    ["12", undefined],
    ["", undefined],
    ["Submitted batch job 3\n", undefined],
    ["-1\n", undefined],
  ])("%j holds the id %s", (stdout, id) => {
    expect(submittedId(stdout)).toBe(id);
  });

  it.each([
    ["sbatch: error: invalid partition specified: nosuch\nsbatch: error: Batch job submission failed: Invalid partition name specified\n", "invalid partition specified: nosuch; Batch job submission failed: Invalid partition name specified"],
    ["sbatch: error: Batch job submission failed: Requested node configuration is not available\n", "Batch job submission failed: Requested node configuration is not available"],
    ["sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n", undefined],
    ["sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n", undefined],
    ["sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received\n", undefined],
    ["sbatch: error: Batch job submission failed: Unexpected message received\n", undefined],
    ["sbatch: error: Batch job submission failed: Transport endpoint is not connected\n", undefined],
    ["Killed\n", undefined],
    ["", undefined],
  ])("%j refuses a job with %j", (stderr, why) => {
    expect(refusal(stderr)).toBe(why);
  });
});

describe("what squeue writes", () => {
  it("is read field by field, with whatever reason there is, past what a site adds", () => {
    const text = `Welcome\n\n${line(3, "COMPLETED", 0, "None")}${line(17, "PENDING", 0, "ReqNodeNotAvail, UnavailableNodes:n[1-4]|x")}`;
    expect(queueLines(text)).toEqual([{ id: "3", state: "COMPLETED", status: 0, reason: "None" }, { id: "17", state: "PENDING", status: 0, reason: "ReqNodeNotAvail, UnavailableNodes:n[1-4]|x" }]);
    expect(queueLines("")).toEqual([]);
  });

  it.each([
    ["slurm_load_jobs error: Unable to contact slurm controller\n"],
    ["\x1b[31mMaintenance tonight\x1b[0m\n"],
    [line(3, "COMPLETED", 0, "None").slice(0, 60)],
    [`${line(3, "COMPLETED", 0, "None").slice(0, 60)}\n`],
    [line(3, "COMPLETED", 0, "None").trimEnd().slice(0, -1) + "\n"],
    ["3 debug okjob root R 0:02 2 n[1-2]\n"],
    [line(3, "3", 0, "None")],
    [line(3, "FAILED", -1, "None")],
  ])("is not made sense of where it makes none: %j", (text) => {
    expect(() => queueLines(text)).toThrow(Unreadable);
  });

  it("cut off anywhere is refused or says nothing else of any job", () => {
    const lines = [line(3, "COMPLETED", 768, "None"), line(17, "PENDING", 0, "Priority")];
    const whole = lines.join("");
    for (let length = 0; length <= whole.length; length += 1) {
      let read;
      try {
        read = queueLines(whole.slice(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(Unreadable);
        continue;
      }
      expect(read).toEqual(queueLines(whole).slice(0, read.length));
      expect([0, lines[0]?.length, whole.length]).toContain(length);
    }
  });

  it("gives reports or a fault that names the text, whatever it is", () => {
    const noise = fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.array(fc.oneof(fc.constant(line(5, "RUNNING", 0, "None")), fc.string({ maxLength: 60 }), fc.constant("\n"), fc.constant("|")), { maxLength: 6 }).map((parts) => parts.join("")));
    fc.assert(
      fc.property(noise, (text) => {
        for (const parse of [queueLines, accountingLines]) {
          try {
            for (const one of parse(text)) expect(reportOf(one).state).not.toBe(undefined);
          } catch (error) {
            expect(error).toBeInstanceOf(Unreadable);
          }
        }
        submittedId(text);
        refusal(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe("what sacct writes", () => {
  it("is read with its decorations", () => {
    expect(accountingLines("2|TIMEOUT|0:0\n8|CANCELLED by 0|0:15\n10|NODE_FAIL|1:0\n")).toEqual([
      { id: "2", state: "TIMEOUT", status: 0, reason: "None" },
      { id: "8", state: "CANCELLED", status: 15, reason: "None" },
      { id: "10", state: "NODE_FAIL", status: 256, reason: "None" },
    ]);
    expect(() => accountingLines("sacct: some news\n")).toThrow(Unreadable);
    expect(() => accountingLines("2|TIMEOUT|0:")).toThrow(Unreadable);
  });
});

describe("a state of Slurm", () => {
  it.each([
    ["PENDING", "Priority", { state: "queued", message: "PENDING: Priority" }],
    ["PENDING", "JobHeldUser", { state: "held" }],
    ["PENDING", "JobHeldAdmin", { state: "held" }],
    ["PENDING", "DependencyNeverSatisfied", { state: "held" }],
    ["PENDING", "PartitionConfig", { state: "queued", message: "PENDING: PartitionConfig" }],
    ["CONFIGURING", "None", { state: "queued", message: "CONFIGURING" }],
    ["POWER_UP_NODE", "None", { state: "queued" }],
    ["REQUEUED", "None", { state: "queued" }],
    ["REQUEUE_FED", "None", { state: "queued" }],
    ["REQUEUE_HOLD", "None", { state: "held" }],
    ["RESV_DEL_HOLD", "None", { state: "held" }],
    ["SPECIAL_EXIT", "None", { state: "held" }],
    ["RUNNING", "None", { state: "active", message: "RUNNING" }],
    ["COMPLETING", "None", { state: "active" }],
    ["SUSPENDED", "None", { state: "active", message: "SUSPENDED" }],
    ["STOPPED", "None", { state: "active" }],
    ["RESIZING", "None", { state: "active" }],
    ["SIGNALING", "None", { state: "active" }],
    ["STAGE_OUT", "None", { state: "active" }],
    ["COMPLETED", "None", { state: "completed", exitCode: 0 }],
    ["CANCELLED", "None", { state: "cancelled" }],
    ["REVOKED", "None", { state: "cancelled" }],
    ["FAILED", "NonZeroExitCode", { state: "failed", exitCode: 0, message: "FAILED: NonZeroExitCode" }],
    ["FAILED", "OutOfMemory", { state: "failed", reason: "out-of-memory" }],
    ["TIMEOUT", "TimeLimit", { state: "failed", reason: "timed-out" }],
    ["DEADLINE", "None", { state: "failed", reason: "timed-out" }],
    ["NODE_FAIL", "NodeDown", { state: "failed", reason: "node-failed" }],
    ["BOOT_FAIL", "None", { state: "failed", reason: "node-failed" }],
    ["LAUNCH_FAILED", "None", { state: "failed", reason: "node-failed" }],
    ["RECONFIG_FAIL", "None", { state: "failed", reason: "node-failed" }],
    ["PREEMPTED", "None", { state: "failed", reason: "preempted" }],
    ["OUT_OF_MEMORY", "OutOfMemory", { state: "failed", reason: "out-of-memory" }],
    ["RUNN", "None", { state: "unknown", message: "RUNN" }],
    ["constructor", "None", { state: "unknown" }],
  ])("%s (%s) is told in the words of providers", (state, reason, report) => {
    expect(reportOf({ id: "1", state, reason, status: 0 })).toMatchObject(report);
  });

  it.each([
    [768, { exitCode: 3 }],
    [9, { exitCode: 0, signal: "SIGKILL" }],
    [2304, { exitCode: 9 }],
    [11 + 128, { exitCode: 0, signal: "SIGSEGV" }],
  ])("that is final has the exit code and the signal of the status %i", (status, exit) => {
    expect(reportOf({ id: "1", state: "FAILED", reason: "None", status })).toEqual({ state: "failed", message: "FAILED", ...exit });
  });
});

describe("the batch script of a job", () => {
  const script = (options: SlurmOptions, job = {}): string[] => slurmScript(slurm(options), { name: "caraway.x.1", command: ["manager"], nodes: 1, walltime: 0, directory: "/d", environment: {}, ...job }, "/d/x").split("\n");

  it("says in its directives what the options ask for", () => {
    const lines = script({ partition: "debug", account: "me", qos: "low", constraint: "(a|b)&c", coresPerNode: 8, memPerNode: "1500kB", exclusive: true, schedulerOptions: "#SBATCH --mail-type=END\n\n  --comment='two words'", workerInit: "module load node" }, { nodes: 2, walltime: 30 * 60_000 });
    expect(lines.slice(0, 18)).toEqual([
      "#!/bin/bash", "#SBATCH --job-name=caraway.x.1", "#SBATCH --output=/d/x.out", "#SBATCH --error=/d/x.err", "#SBATCH --no-requeue", "#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=1", "#SBATCH --partition=debug", "#SBATCH --account=me", "#SBATCH --qos=low", "#SBATCH --constraint=(a|b)&c",
      "#SBATCH --cpus-per-task=8", "#SBATCH --mem=2M", "#SBATCH --time=0-00:30:00", "#SBATCH --exclusive", "#SBATCH --mail-type=END", "#SBATCH --comment='two words'", "# caraway.x.1",
    ]);
    expect(lines).toContain("module load node");
    expect(lines.some((text) => text.startsWith("srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --cpus-per-task=8 "))).toBe(true);
  });

  it("has its nodes for itself unless that is not wanted, and no more directives than asked for", () => {
    expect(script({})).toContain("#SBATCH --exclusive");
    expect(script({ exclusive: false }).filter((text) => text.startsWith("#SBATCH"))).toHaveLength(6);
  });

  it.each(["a\nb", "a\rb", "a\0b", "a\x1bb"])("is refused with the control characters of %j", (partition) => {
    expect(() => script({ partition })).toThrow("control characters");
    expect(() => script({ schedulerOptions: [`--comment=${partition}`] })).toThrow("control characters");
  });

  it.each([
    [1, "0-00:01:00"],
    [60_000, "0-00:01:00"],
    [60_001, "0-00:02:00"],
    [90 * 60_000, "0-01:30:00"],
    [3 * 86_400_000 + 61_000, "3-00:02:00"],
  ])("gives a walltime of %i ms as %s", (ms, text) => {
    expect(timeText(ms)).toBe(text);
  });
});
