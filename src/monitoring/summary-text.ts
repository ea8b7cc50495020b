import type { AppStatistics } from "../dataflow/statistics.js";
import type { FailureSummary, RetrySummary, Summary } from "../dataflow/summary.js";
import { progressCounts, type ProgressCounts } from "./progress-counts.js";
import { countText, fit, type Look, oneLine, paint, plural, spanText } from "./progress-style.js";

type TextLook = Pick<Look, "columns" | "color">;

const mostApps = 8;
const mostFailures = 5;
const mostRetries = 5;
const longestName = 28;

/** What a run came to, to be read by a person: counts, times, the slowest apps, what was tried again, what failed and what to do. */
export function summaryText(summary: Summary, look: TextLook): string[] {
  return [headline(summary, look), ...times(summary), ...appTable(summary, look), ...retries(summary, look), ...failures(summary, look)].map((line) => line.trimEnd());
}

function headline({ tasks, counts, wallMs }: Summary, look: TextLook): string {
  const all = progressCounts(counts);
  const parts = outcomes(all, counts.memoized).map(([how, text]) => paint(look, how, text));
  return `${paint(look, "bold", `${plural(tasks, "task")} in ${spanText(wallMs)}`)}: ${parts.join(", ")}`;
}

function outcomes({ done, running, waiting, failed, skipped, cancelled }: ProgressCounts, memoized: number): (readonly ["green" | "red" | "yellow", string])[] {
  const all = [
    ["green", done, `done${memoized > 0 ? ` (${countText(memoized)} from the cache)` : ""}`],
    ["red", failed, "failed"],
    ["yellow", skipped, "not run, since another failed"],
    ["yellow", cancelled, "cancelled"],
    ["yellow", running + waiting, "not ended"],
  ] as const;
  const told = all.filter(([, n]) => n > 0).map(([how, n, words]) => [how, `${countText(n)} ${words}`] as const);
  return told.length === 0 ? [["green", "nothing to do"]] : told;
}

function times({ tasks, stages, wallMs, retries: again, lateErrors }: Summary): string[] {
  if (tasks === 0) return [];
  const all: readonly (readonly [string, number])[] = [
    ["waiting for others", stages.waiting],
    ["staging in", stages.stagingIn],
    ["queued", stages.queued],
    ["running", stages.running],
    ["staging out", stages.stagingOut],
    ["joining", stages.joining],
    ["backing off", stages.backingOff],
  ];
  const told = all.filter(([, ms]) => ms >= 0.5).map(([words, ms]) => `${words} ${spanText(ms / tasks)}`);
  const lines = [`  on workers ${spanText(stages.ranMs)} in all${wallMs > 0 ? `, ${(stages.ranMs / wallMs).toFixed(1)} at a time` : ""}${again > 0 ? `; ${plural(again, "attempt")} tried again` : ""}`];
  if (told.length > 0) lines.push(`  the mean task: ${told.join(", ")}`);
  if (lateErrors > 0) lines.push(`  ${plural(lateErrors, "error")} thrown after a task had ended, or outside of any`);
  return lines;
}

/** The apps that took longest on workers. */
function appTable({ apps }: Summary, look: TextLook): string[] {
  const shown = apps.filter(({ counts }) => progressCounts(counts).total > 0).slice(0, mostApps);
  if (shown.length === 0) return [];
  const rows = [["app", "tasks", "on workers", "mean", "slowest", ""], ...shown.map(appCells)];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length)));
  const lines = rows.map((cells, i) => {
    const line = `  ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ")}`;
    return fit(i === 0 ? paint(look, "dim", line.trimEnd()) : line, look.columns);
  });
  const hidden = apps.length - shown.length;
  return hidden > 0 ? ["", ...lines, paint(look, "dim", `  and ${plural(hidden, "quicker app")}`)] : ["", ...lines];
}

function appCells({ app, counts, ranMs, slowestMs, retries: again }: AppStatistics): string[] {
  const { total, done, failed, skipped, cancelled } = progressCounts(counts);
  const ran = done - counts.memoized + failed + again;
  const notes = [again > 0 ? `${countText(again)} tried again` : "", failed > 0 ? `${countText(failed)} failed` : "", skipped > 0 ? `${countText(skipped)} not run` : "", cancelled > 0 ? `${countText(cancelled)} cancelled` : "", counts.memoized > 0 ? `${countText(counts.memoized)} cached` : ""];
  const timed = ranMs > 0 && ran > 0;
  return [fit(oneLine(app), longestName), countText(total), timed ? spanText(ranMs) : "–", timed ? spanText(ranMs / ran) : "–", timed ? spanText(slowestMs) : "–", notes.filter((note) => note !== "").join(", ")];
}

/** `profile (task 12), attempt 1: …`: what was tried again, and why. */
export function retryNote({ task, app, attempt, error }: RetrySummary, look: Pick<Look, "color">): string {
  return `${paint(look, "yellow", "↻")} ${oneLine(app)} (task ${task}), attempt ${attempt} failed and was tried again: ${oneLine(error)}`;
}

/** `bad (task 11) failed: …`. */
export function failureNote({ task, app, error }: FailureSummary, look: Pick<Look, "color">): string {
  return `${paint(look, "red", "✗")} ${oneLine(app)} (task ${task}) failed: ${oneLine(error)}`;
}

function retries({ retried, retries: total }: Summary, look: TextLook): string[] {
  const shown = retried.slice(0, mostRetries);
  if (shown.length === 0) return [];
  const more = total - shown.length;
  return ["", ...shown.map((note) => `  ${retryNote(note, look)}`), ...(more > 0 ? [`  and ${plural(more, "more attempt")}`] : [])];
}

function failures({ failures: all, counts }: Summary, look: TextLook): string[] {
  const own = all.filter(({ state }) => state === "failed");
  const shown = own.slice(0, mostFailures);
  if (shown.length === 0) return [];
  const lines = shown.flatMap((failure) => [`  ${failureNote(failure, look)}`, ...details(failure, look)]);
  const more = counts.failed - shown.length;
  return ["", ...lines, ...(more > 0 ? [`  and ${plural(more, "more failed task")}`] : [])];
}

function details({ hint, causes, root, blocked, blockedFirst }: FailureSummary, look: TextLook): string[] {
  const cause = causes.at(-1);
  return [
    ...(cause === undefined ? [] : [`      root cause: ${root === undefined ? "" : `${oneLine(root.replace("#", " (task "))}): `}${oneLine(cause)}`]),
    ...(hint === undefined ? [] : [`      ${paint(look, "cyan", "→")} ${oneLine(hint)}`]),
    ...(blocked === 0 ? [] : [`      not run because of it: ${blocked > blockedFirst.length ? `${plural(blocked, "task")}: ` : ""}${blockedFirst.map((other) => `${oneLine(other.app)} (task ${other.task})`).join(", ")}${blocked > blockedFirst.length ? ", …" : ""}`]),
  ];
}
