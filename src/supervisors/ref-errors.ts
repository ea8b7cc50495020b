import { AskTimeout, type SupervisionError } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { refusal } from "./refusal.js";
import type { DeadLetter } from "./types.js";
import type { StoryEntry } from "../actors/flight-recorder.js";

/** The error within a reason, where there is one. */
export function causeOf(reason: EndReason | undefined): unknown {
  if (typeof reason !== "object" || !("error" in reason)) return undefined;
  const { error } = reason;
  if (typeof error !== "object" || error === null || !("start_timeout" in error)) return error;
  return refusal("start_timeout", `it had not started after ${String(error.start_timeout)} ms`);
}

/** Why what was asked reached nobody. */
export function undelivered(path: string, reason: DeadLetter["reason"], capacity: number, end: EndReason | undefined): SupervisionError {
  if (reason === "dropped") return refusal("dropped", `the mailbox of ${path} is full (${capacity} messages), and a newer message has taken the place of this one`, { actor: path });
  if (reason === "mailbox_full") return refusal("mailbox_full", `the mailbox of ${path} is full (${capacity} messages)`, { actor: path });
  return refusal("noproc", `${path} has ended`, { actor: path, cause: causeOf(end) });
}

/** What was known of an actor when its answer was due. */
interface Silent {
  readonly path: string;
  readonly status: string;
  readonly waiting: number;
  readonly busy: { readonly message: string; readonly at: number } | undefined;
  readonly story: readonly StoryEntry[];
}

export function unanswered(ms: number, { path, status, waiting, busy, story }: Silent): AskTimeout {
  const handling = busy === undefined ? {} : { handling: busy.message, since: busy.at };
  return new AskTimeout("CW-SUP-002", `${path} did not answer within ${ms} ms${busy === undefined ? "" : `; it is handling "${busy.message}"`}`, { where: { actor: path, story }, evidence: { timeout: ms, status, waiting, ...handling } });
}
