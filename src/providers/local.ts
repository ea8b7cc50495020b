import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { launcherOf, type LocalDescriptor } from "../config/providers.js";
import { parseDuration } from "../config/units.js";
import { BadLauncher, SchedulerQueryFailed, SubmitException } from "../errors/index.js";
import { checkJob, exitOf, outputOf, stemOf, writeExit, writeJob, type JobExit } from "./job-files.js";
import { jobScript } from "./job-script.js";
import { factsOf, isAlive, jobProcesses, signal, type JobProcess, type ProcessFacts } from "./local-processes.js";
import { WATCHER_SCRIPT } from "./local-watcher.js";
import type { JobOutput, JobReport, JobSpec, Provider } from "./provider.js";
import { signalName } from "./signal-name.js";

/** How much longer than its grace a job may take to end before it is ended from here, and then again before that is given up; milliseconds. */
const patience = { watcher: 500, kernel: 3000 };

/** What the id of a local job says: its watcher, and where its files are. Whoever has the id needs no more. */
interface LocalJob extends ProcessFacts {
  readonly name: string;
  readonly stem: string;
}

/** Jobs are processes of this machine, each under a watcher of its own, which outlives whoever submitted it. */
export class LocalProvider implements Provider {
  readonly kind = "local";
  readonly statusInterval: number;
  private readonly killGrace: number;
  /** By their names. */
  private readonly submitted = new Map<string, string>();

  constructor(private readonly descriptor: LocalDescriptor) {
    this.statusInterval = parseDuration(descriptor.statusInterval ?? "1s", "statusInterval");
    this.killGrace = parseDuration(descriptor.killGrace ?? "2s", "killGrace");
  }

  async submit(job: JobSpec): Promise<string> {
    checkJob(job);
    const stem = stemOf(job);
    const { workerInit } = this.descriptor;
    const launcher = launcherOf({ ...this.descriptor, nodesPerBlock: job.nodes });
    try {
      await writeJob(stem, jobScript({ name: job.name, workerInit, launcher, launch: { command: job.command, nodes: job.nodes, tasksPerNode: 1 } }));
    } catch (cause) {
      throw refused(job, cause instanceof BadLauncher ? cause.message : "its files cannot be written", cause);
    }
    const watcher = await this.start(job, stem);
    const id = `${watcher.pid}:${watcher.start}:${stem}`;
    this.submitted.set(job.name, id);
    return id;
  }

  private async start(job: JobSpec, stem: string): Promise<ProcessFacts> {
    const outer = process.env["CARAWAY_JOB"];
    const own = { CARAWAY_JOB: outer === undefined ? job.name : `${outer}:${job.name}`, CARAWAY_JOB_FILES: stem };
    const child = spawn("/bin/bash", ["-p", "-c", WATCHER_SCRIPT, "caraway-job", stem, job.name, String(job.walltime / 1000), String(this.killGrace / 1000)], {
      detached: true,
      cwd: job.directory,
      stdio: "ignore",
      env: { ...process.env, ...this.descriptor.env, ...job.environment, ...own },
    });
    // A child that has ended stays to be seen until its end is read, which is later than this.
    const facts = child.pid === undefined ? undefined : (factsOf(child.pid) ?? { pid: child.pid, start: 0 });
    child.unref();
    const started = new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    await started.catch((cause: unknown) => {
      throw refused(job, "its process cannot be started", cause);
    });
    return facts as ProcessFacts;
  }

  async status(ids: readonly string[]): Promise<ReadonlyMap<string, JobReport>> {
    const reports = new Map<string, JobReport>();
    const unwatched: (readonly [string, LocalJob])[] = [];
    for (const id of ids) {
      const job = jobOf(id);
      if (job === undefined) continue;
      const exit = await exitOf(job.stem);
      if (exit !== undefined) reports.set(id, reportOf(exit));
      else if (isAlive(job)) reports.set(id, { state: "active" });
      else unwatched.push([id, job]);
    }
    if (unwatched.length === 0) return reports;
    const processes = scan();
    for (const [id, job] of unwatched) reports.set(id, await this.withoutWatcher(job, processes));
    return reports;
  }

  /** Its watcher may have ended in between, or was killed: then a job is what is left of it. */
  private async withoutWatcher(job: LocalJob, processes: readonly JobProcess[]): Promise<JobReport> {
    const exit = await exitOf(job.stem);
    if (exit !== undefined) return reportOf(exit);
    if (belonging(job, processes).length > 0) return { state: "active", message: "the process that watched it was killed" };
    return { state: "failed", message: "it left no exit code: the process that watched it was killed, or the directory of its files is gone" };
  }

  find(name: string): Promise<string | undefined> {
    return Promise.resolve().then(() => this.submitted.get(name) ?? idIn(scan(), name));
  }

  async cancel(ids: readonly string[]): Promise<void> {
    const jobs = ids.map(jobOf).filter((job) => job !== undefined);
    await Promise.all(jobs.map((job) => this.end(job)));
  }

  /** Tells the watcher, and does its work where it cannot. Resolves once nothing of the job is left: a watcher that has written the exit code down ends a moment later. */
  private async end(job: LocalJob): Promise<void> {
    if ((await exitOf(job.stem)) === undefined) for (const one of isAlive(job) ? [job] : belonging(job, scan())) signal(one, "SIGTERM", "SIGCONT");
    const started = performance.now();
    for (let wait = 10; ; wait = Math.min(100, wait * 2)) {
      if (!isAlive(job) && (await exitOf(job.stem)) !== undefined) return;
      const left = isAlive(job) ? undefined : belonging(job, scan());
      if (left?.length === 0) return this.ended(job);
      const elapsed = performance.now() - started;
      if (elapsed > this.killGrace + patience.watcher) for (const one of [job, ...belonging(job, scan())]) signal(one, "SIGKILL");
      if (elapsed > this.killGrace + patience.watcher + patience.kernel) throw new SchedulerQueryFailed("CW-BLOCK-004", `the job ${job.name} does not end, although it was killed`, { where: { job: job.name }, evidence: { pids: left?.map(({ pid }) => pid) } });
      await pause(wait);
    }
  }

  private async ended(job: LocalJob): Promise<void> {
    if ((await exitOf(job.stem)) === undefined) await writeExit(job.stem, { code: 137, ending: "cancelled" }).catch(() => undefined); // its directory is gone: then its id says no more than that it has ended
  }

  output(_id: string, job: JobSpec): Promise<JobOutput> {
    return outputOf(stemOf(job));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function jobOf(id: string): LocalJob | undefined {
  const [, pid, start, stem = ""] = /^(\d+):(\d+):(\/.*)$/s.exec(id) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), start: Number(start), stem, name: stem.slice(stem.lastIndexOf("/") + 1) };
}

/** Every process of a job, those of the jobs within it too. */
function belonging(job: LocalJob, processes: readonly JobProcess[]): JobProcess[] {
  return processes.filter(({ jobs }) => jobs.includes(job.name));
}

/** The id of the job of this name: by its watcher, or, where that was killed, without one. */
function idIn(processes: readonly JobProcess[], name: string): string | undefined {
  const own = processes.filter(({ jobs }) => jobs.at(-1) === name);
  const one = own.find(({ watches }) => watches) ?? own[0];
  if (one === undefined) return undefined;
  return one.watches ? `${one.pid}:${one.start}:${one.stem}` : `0:0:${one.stem}`;
}

function scan(): JobProcess[] {
  try {
    return jobProcesses();
  } catch (cause) {
    throw new SchedulerQueryFailed("CW-BLOCK-004", "the processes of this machine cannot be listed", { cause, evidence: { path: "/proc" } });
  }
}

/** What an exit code means, with the signal that shells hide in it. */
function reportOf({ code, ending }: JobExit): JobReport {
  const signalNumber = code > 128 && code <= 192 ? code - 128 : undefined;
  const report = { exitCode: code, ...(signalNumber === undefined ? {} : { signal: signalName(signalNumber) }) };
  if (ending === "cancelled") return { state: "cancelled", ...report };
  if (ending === "timed-out") return { state: "failed", reason: "timed-out", message: "its walltime was over", ...report };
  return { state: code === 0 ? "completed" : "failed", ...report };
}

function refused(job: JobSpec, why: string, cause: unknown): SubmitException {
  return new SubmitException("CW-BLOCK-001", `the job ${job.name} was not submitted: ${why}`, { where: { job: job.name }, evidence: { outcome: "refused", directory: job.directory, launcher: "local" }, cause });
}
