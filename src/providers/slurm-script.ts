import { launcherOf, type SlurmDescriptor } from "../config/providers.js";
import { parseSize } from "../config/units.js";
import { jobScript } from "./job-script.js";
import type { JobSpec } from "./provider.js";

/** A directive that cannot be written on one line. */
export class BadDirective extends Error {}

/** The batch script of a job. */
export function slurmScript(descriptor: SlurmDescriptor, job: JobSpec, stem: string): string {
  const { coresPerNode, workerInit } = descriptor;
  return jobScript({
    name: job.name,
    directives: directives(descriptor, job, stem).map((line) => `#SBATCH ${line}`),
    environment: { ...descriptor.env, ...job.environment },
    workerInit,
    launcher: launcherOf({ ...descriptor, nodesPerBlock: job.nodes }),
    launch: { command: job.command, nodes: job.nodes, tasksPerNode: 1, coresPerNode },
  });
}

/** What a job must have whatever `SBATCH_…` variables say, which go before directives: said on the command line too. */
export function identity({ name }: JobSpec, stem: string): string[] {
  return [`--job-name=${name}`, `--output=${pattern(`${stem}.out`)}`, `--error=${pattern(`${stem}.err`)}`, "--no-requeue"];
}

function directives(descriptor: SlurmDescriptor, job: JobSpec, stem: string): string[] {
  const { partition, account, qos, constraint, coresPerNode, memPerNode, exclusive = true, schedulerOptions = [] } = descriptor;
  const given = { partition, account, qos, constraint, "cpus-per-task": coresPerNode, mem: memPerNode === undefined ? undefined : `${Math.ceil(parseSize(memPerNode, "memPerNode") / 2 ** 20)}M`, time: job.walltime === 0 ? undefined : timeText(job.walltime) };
  const own = [...identity(job, stem), `--nodes=${job.nodes}`, "--ntasks-per-node=1", ...Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])), ...(exclusive ? ["--exclusive"] : [])];
  const more = (typeof schedulerOptions === "string" ? schedulerOptions.split("\n") : schedulerOptions).map((line) => line.trim().replace(/^#SBATCH\s+/, "")).filter((line) => line !== "");
  return [...own.map(quoted), ...more.map(oneLine)];
}

/** Slurm counts whole minutes, and rounds up. */
export function timeText(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${Math.floor(minutes / 1440)}-${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}:00`;
}

/** A percent sign begins a replacement in file names. */
const pattern = (path: string): string => path.replaceAll("%", "%%");

/** Slurm reads directives much like a shell: in double quotes, with backslashes, everything stands for itself. */
function quoted(option: string): string {
  const [, name = "", value = ""] = /^(--[a-z-]+=)?(.*)$/s.exec(oneLine(option)) ?? [];
  return /^[\w@%+=:,./&|()*![\]-]*$/.test(value) ? option : `${name}"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

function oneLine(text: string): string {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw new BadDirective(`the option ${JSON.stringify(text)} has control characters`);
  return text;
}
