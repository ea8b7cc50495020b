import { userInfo } from "node:os";
import type { SlurmDescriptor } from "../config/providers.js";
import { parseDuration } from "../config/units.js";
import { BadLauncher, SchedulerQueryFailed, SubmitException } from "../errors/index.js";
import { checkJob, outputOf, stemOf, writeJob } from "./job-files.js";
import type { JobOutput, JobReport, JobSpec, Provider } from "./provider.js";
import { runCommand, type CommandOutcome } from "./scheduler-command.js";
import { BadDirective, identity, slurmScript } from "./slurm-script.js";
import { accountingFormat, accountingLines, isOver, queueFormat, queueLines, refusal, reportOf, submittedId, Unreadable, type QueueLine } from "./slurm-text.js";

/** So long a job may still turn up whose submission was not answered, in milliseconds. */
const onItsWay = 60_000;
/** How much of a command's words an error shows. */
const shown = 4000;

/** Jobs of a Slurm cluster, by its commands. Its answers are judged by what is written, never by what is missing. */
export class SlurmProvider implements Provider {
  readonly kind = "slurm";
  readonly statusInterval: number;
  private readonly deadlineMs: number;
  /** Jobs whose submission was not answered: when that was, in milliseconds of the epoch. */
  private readonly unanswered = new Map<string, number>();

  constructor(
    private readonly descriptor: SlurmDescriptor,
    private readonly settleMs = onItsWay,
  ) {
    this.statusInterval = parseDuration(descriptor.statusInterval ?? "5s", "statusInterval");
    this.deadlineMs = parseDuration(descriptor.commandTimeout ?? "30s", "commandTimeout");
  }

  async submit(job: JobSpec): Promise<string> {
    checkJob(job);
    const stem = stemOf(job);
    const path = await this.write(job, stem);
    const outcome = await this.run("sbatch", ["--parsable", ...identity(job, stem), path], job.directory);
    const id = submittedId(outcome.stdout);
    if (id !== undefined) return id;
    const why = outcome.end === "missing" ? outcome.stderr : outcome.end === "exited" && outcome.code !== 0 ? refusal(outcome.stderr) : undefined;
    if (why !== undefined) throw submitFailed(job, `was refused: ${why}`, "refused", outcome);
    this.unanswered.set(job.name, Date.now());
    throw submitFailed(job, `may have been submitted, or not: sbatch ${endOf(outcome, this.deadlineMs)}`, "unknown", outcome);
  }

  private async write(job: JobSpec, stem: string): Promise<string> {
    try {
      return await writeJob(stem, slurmScript(this.descriptor, job, stem));
    } catch (cause) {
      const why = cause instanceof BadDirective || cause instanceof BadLauncher ? cause.message : "its files cannot be written";
      throw new SubmitException("CW-BLOCK-001", `the job ${job.name} was not submitted: ${why}`, { where: { job: job.name }, evidence: { outcome: "refused", directory: job.directory }, cause });
    }
  }

  async status(ids: readonly string[]): Promise<ReadonlyMap<string, JobReport>> {
    const wanted = ids.filter((id) => /^\d+$/.test(id));
    const reports = new Map<string, JobReport>();
    if (wanted.length === 0) return reports;
    for (const line of await this.listed(wanted)) reports.set(line.id, reportOf(line));
    const gone = wanted.filter((id) => !reports.has(id));
    // The queue forgets a job some minutes after its end; what keeps accounts does not.
    for (const line of await this.accounts(gone.length === 0 ? undefined : [`--jobs=${gone.join(",")}`])) {
      const report = reportOf(line);
      if (isOver(report) && !reports.has(line.id)) reports.set(line.id, report);
    }
    return reports;
  }

  async find(name: string, since?: number): Promise<string | undefined> {
    const submitted = this.unanswered.get(name) ?? since;
    const queued = await this.queue([`--name=${name}`]);
    const living = queued.find((line) => !isOver(reportOf(line))) ?? queued.at(-1);
    const id = living?.id ?? (await this.accounts([`--name=${name}`, "--starttime=now-30days"])).at(-1)?.id;
    if (id === undefined && submitted !== undefined && Date.now() - submitted < this.settleMs) {
      throw new SchedulerQueryFailed("CW-BLOCK-004", `the job ${name} is not in the queue, and may still be on its way there`, { where: { job: name }, evidence: { submitted: new Date(submitted).toISOString(), waitedMs: Date.now() - submitted, ofMs: this.settleMs } });
    }
    if (id !== undefined) this.unanswered.delete(name);
    return id;
  }

  async cancel(ids: readonly string[]): Promise<void> {
    const wanted = ids.filter((id) => /^\d+$/.test(id));
    if (wanted.length === 0) return;
    const outcome = await this.run("scancel", wanted);
    const complaints = outcome.stderr.split("\n").filter((line) => line.trim() !== "" && !/already complet|invalid job id specified/i.test(line));
    if (outcome.end !== "exited" || (outcome.code !== 0 && complaints.length > 0)) throw this.queryFailed("scancel", outcome);
  }

  output(_id: string, job: JobSpec): Promise<JobOutput> {
    return outputOf(stemOf(job));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Those of the jobs that the queue still has. */
  private async listed(ids: readonly string[]): Promise<QueueLine[]> {
    const lines = await this.queue([`--jobs=${ids.join(",")}`], true);
    if (lines !== undefined) return lines;
    // Slurm objects to a job that is not in the queue any more, and says nothing of the others then.
    return ids.length === 1 ? [] : (await this.queue([`--user=${userInfo().username}`])).filter(({ id }) => ids.includes(id));
  }

  private async queue(which: readonly string[]): Promise<QueueLine[]>;
  private async queue(which: readonly string[], mayObject: true): Promise<QueueLine[] | undefined>;
  private async queue(which: readonly string[], mayObject = false): Promise<QueueLine[] | undefined> {
    const outcome = await this.run("squeue", ["--noheader", "--states=all", ...which, `--Format=${queueFormat}`]);
    if (mayObject && outcome.end === "exited" && outcome.code !== 0 && /invalid job id specified/i.test(outcome.stderr)) return undefined;
    if (outcome.end !== "exited" || outcome.code !== 0) throw this.queryFailed("squeue", outcome);
    return this.read("squeue", outcome, queueLines);
  }

  /** Nothing where the cluster keeps no accounts: most questions are answered without. */
  private async accounts(which: readonly string[] | undefined): Promise<QueueLine[]> {
    if (which === undefined) return [];
    const outcome = await this.run("sacct", ["--noheader", "--allocations", "--parsable2", ...which, `--format=${accountingFormat}`]);
    if (outcome.end === "missing" || (outcome.end === "exited" && /accounting storage is disabled/i.test(outcome.stderr))) return [];
    if (outcome.end !== "exited" || outcome.code !== 0) throw this.queryFailed("sacct", outcome);
    return this.read("sacct", outcome, accountingLines);
  }

  private read(command: string, outcome: CommandOutcome, parse: (stdout: string) => QueueLine[]): QueueLine[] {
    try {
      return parse(outcome.stdout);
    } catch (cause) {
      if (cause instanceof Unreadable) throw this.queryFailed(command, outcome, cause);
      throw cause;
    }
  }

  private run(command: string, args: readonly string[], cwd?: string): Promise<CommandOutcome> {
    return runCommand(command, args, { deadlineMs: this.deadlineMs, environment: command === "sbatch" ? environment() : { ...environment(), LC_ALL: "C" }, ...(cwd === undefined ? {} : { cwd }) });
  }

  private queryFailed(command: string, outcome: CommandOutcome, cause?: Unreadable): SchedulerQueryFailed {
    const what = cause === undefined ? endOf(outcome, this.deadlineMs) : `has answered, and ${cause.message}`;
    return new SchedulerQueryFailed("CW-BLOCK-004", `Slurm could not be asked: ${command} ${what}`, { evidence: { command, ...evidence(outcome) }, ...(cause === undefined ? {} : { cause }) });
  }
}

function endOf({ end, code, stderr, stdout }: CommandOutcome, deadlineMs: number): string {
  const said = stderr.trim() === "" ? "" : `: ${stderr.trim().slice(0, 500)}`;
  switch (end) {
    case "exited":
      return code === 0 ? `has answered ${JSON.stringify(stdout.slice(0, 200))}, which is no job id` : `ended with exit code ${String(code)}${said}`;
    case "hanging":
      return `did not answer within ${deadlineMs} ms, and was killed${said}`;
    case "killed":
      return `was killed${said}`;
    case "flooding":
      return "wrote without an end, and was killed";
    case "missing":
      return `could not be started${said}`;
  }
}

function evidence({ end, code, stdout, stderr }: CommandOutcome): Readonly<Record<string, unknown>> {
  return { end, exitCode: code, stdout: stdout.slice(0, shown), stderr: stderr.slice(0, shown) };
}

function submitFailed(job: JobSpec, what: string, outcome: "refused" | "unknown", command: CommandOutcome): SubmitException {
  return new SubmitException("CW-BLOCK-001", `the job ${job.name} ${what}`, { where: { job: job.name }, evidence: { outcome, command: "sbatch", ...evidence(command) } });
}

/**
 * The environment of Slurm's commands, without what changes how they do their work. Inside a Slurm job its own variables would be taken
 * for wishes about the new one.
 */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => {
    if (/^(SQUEUE|SACCT|SCANCEL)_|^SBATCH_(ARRAY_INX|WAIT|TEST_ONLY)$/.test(name)) return false;
    return process.env["SLURM_JOB_ID"] === undefined || !name.startsWith("SLURM_") || name === "SLURM_CONF" || name === "SLURM_CLUSTERS";
  });
  return Object.fromEntries(kept);
}
