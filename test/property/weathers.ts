import type { WorkloadParts } from "./workloads.js";

/** What may go wrong in a run, by name, and how many runs of each the default suite makes. */
export const weathers: Readonly<Record<string, { readonly parts: WorkloadParts; readonly runs: number }>> = {
  "where nothing goes wrong": { parts: { commands: true }, runs: 60 },
  "with failures and retries": { parts: { failures: true, commands: true }, runs: 80 },
  "with dying workers and processes": { parts: { failures: true, deaths: true }, runs: 100 },
  "with walltimes and native calls": { parts: { failures: true, walltimes: true, natives: true, commands: true }, runs: 100 },
  "with cancellations at any time": { parts: { failures: true, cancels: true, natives: true, commands: true }, runs: 100 },
  "with a kernel that closes in the middle": { parts: { failures: true, closes: true, natives: true, commands: true }, runs: 80 },
  "with workers that fail to start": { parts: { failures: true, failedStarts: true }, runs: 60 },
  "with executors that break and are replaced": { parts: { failures: true, breaks: true, natives: true, commands: true }, runs: 60 },
  "with executors that are removed": { parts: { failures: true, removals: true, natives: true, commands: true, cancels: true }, runs: 60 },
  "with everything at once, and a head that is busy with other things": { parts: { tasks: 14, failures: true, deaths: true, natives: true, walltimes: true, cancels: true, closes: true, busy: true, removals: true, commands: true }, runs: 150 },
};
