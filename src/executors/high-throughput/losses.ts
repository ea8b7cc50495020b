import { ManagerLost, WorkerLost, type ErrorPlace } from "../../errors/index.js";
import type { Work, WorkFailure } from "../executor.js";
import type { LossNote } from "./records.js";

/** So many attempts cost nothing; from then on a loss is charged, whoever caused it: nothing goes on for ever. */
const freeAttempts = 10;

/** What an attempt costs whose manager was lost: blame is for what could have been running there. */
export function lossOf(work: Work, attempt: number, label: string, { manager, host, block, loss, silentMs, suspect }: LossNote): WorkFailure {
  const where: ErrorPlace = { task: work.taskId, attempt, app: work.app.name, executor: label, block, host };
  const charge = suspect || attempt > freeAttempts ? "lost" : "none";
  const name = `${work.app.name} (task ${work.taskId}, attempt ${attempt})`;
  if (loss === "not-back") {
    const error = new WorkerLost("CW-EXEC-001", `no manager had ${name} when the interchange of "${label}" came back`, { where, evidence: { waitedMs: silentMs } });
    return { error, charge, held: false };
  }
  const words: Readonly<Record<string, string>> = { silent: `was silent for ${silentMs} ms`, disconnected: "ended, or its link did, and it did not come back", replaced: "was replaced by another at the same place", left: "left", "ended-there": "ended it: it was told to stop, or had heard nothing of its head for a whole lease" };
  const hint = loss === "silent" || loss === "ended-there" ? "The network, or the machine, stood still for longer than heartbeatThreshold: raise it where that is usual." : "See the output of its block for what ended it: memory, a signal, its walltime.";
  const error = new ManagerLost("CW-EXEC-006", `the manager of ${name} on ${host} (${block}) ${words[loss] ?? loss}`, { where, evidence: { manager, loss, silentMs, mayHaveRun: suspect }, hint });
  return { error, charge, held: false };
}
