import type { RecordedWorkflow } from "./wfformat-document.js";
import type { ReplayRecord } from "./wfformat-run.js";

/** What a replay did that the recorded workflow does not allow; nothing where all is well. */
export function violations({ tasks }: RecordedWorkflow, { reports, failures, missingOutputs }: Pick<ReplayRecord, "reports" | "failures" | "missingOutputs">): string[] {
  const found: string[] = failures.map(({ id, error }) => `${id} failed: ${error}`);
  const byId = new Map(reports.map((report) => [report.id, report]));
  for (const { id } of reports.filter((report) => byId.get(report.id) !== report)) found.push(`${id} answered twice`);
  for (const { id, parents } of tasks) {
    const report = byId.get(id);
    if (report === undefined) {
      if (!failures.some((failure) => failure.id === id)) found.push(`${id} did not run`);
      continue;
    }
    for (const parent of parents) {
      const before = byId.get(parent);
      if (before === undefined) found.push(`${id} ran, but its parent ${parent} did not end well`);
      else if (report.startedAt < before.endedAt) found.push(`${id} started ${(before.endedAt - report.startedAt).toFixed(3)} ms before its parent ${parent} ended`);
    }
    for (const name of report.missing) found.push(`${id} did not find its input ${name}`);
  }
  return [...found, ...missingOutputs.map((name) => `${name} was not written as declared`)];
}
