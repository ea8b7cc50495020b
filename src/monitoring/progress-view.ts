import type { AppStatistics, StateCounts } from "../dataflow/statistics.js";
import { endedOf, progressCounts, type ProgressCounts } from "./progress-counts.js";
import { countText, fit, type Look, oneLine, paint, type Paint, plural, rateText, spanText } from "./progress-style.js";

/** A moment of a run, as progress shows it. */
export interface ProgressState {
  /** What the run is called. */
  readonly name: string;
  readonly wallMs: number;
  readonly counts: StateCounts;
  /** In the order they are shown in. */
  readonly apps: readonly Pick<AppStatistics, "app" | "counts" | "retries">[];
  readonly retries: number;
  /** Tasks that ended, per second. */
  readonly rate: number;
}

const longestName = 24;
const widestBar = 32;

/** The live block: a line of totals, and one for each app, within the look's width and height. */
export function progressBlock(state: ProgressState, look: Look): string[] {
  const room = Math.max(1, look.rows - 2);
  const shown = state.apps.length > room ? liveliest(state.apps, room - 1) : state.apps;
  const rows = appRows(shown, look);
  const hidden = state.apps.length - shown.length;
  if (hidden > 0) rows.push(paint(look, "dim", `  and ${plural(hidden, "other app")}`));
  return [totalLine(state, look), ...rows].map((line) => fit(line, look.columns));
}

function totalLine({ name, wallMs, counts, retries, rate }: ProgressState, look: Look): string {
  const all = progressCounts(counts);
  const parts = [`${countText(endedOf(all))} of ${countText(all.total)}`, ...groups(all, retries).map(([how, text]) => paint(look, how, text)), rateText(rate), spanText(wallMs)];
  return `${paint(look, "bold", oneLine(name))}  ${parts.join(paint(look, "dim", " · "))}`;
}

/** What is not nothing, in words. */
function groups({ running, waiting, failed, skipped, cancelled }: ProgressCounts, retries: number): readonly (readonly [Paint, string])[] {
  const all: readonly (readonly [Paint, number, string])[] = [
    ["cyan", running, "running"],
    ["dim", waiting, "waiting"],
    ["red", failed, "failed"],
    ["yellow", skipped, "not run"],
    ["yellow", cancelled, "cancelled"],
    ["yellow", retries, "tried again"],
  ];
  return all.filter(([, n]) => n > 0).map(([how, n, words]) => [how, `${countText(n)} ${words}`]);
}

function appRows(apps: ProgressState["apps"], look: Look): string[] {
  const counted = apps.map(({ app, counts, retries }) => ({ name: fit(oneLine(app), longestName), counts: progressCounts(counts), retries }));
  const nameWidth = Math.max(0, ...counted.map(({ name }) => name.length));
  const ratios = counted.map(({ counts }) => `${countText(endedOf(counts))}/${countText(counts.total)}`);
  const ratioWidth = Math.max(0, ...ratios.map((text) => text.length));
  const barWidth = Math.min(widestBar, look.columns - nameWidth - ratioWidth - 34);
  return counted.map(({ name, counts, retries }, i) => {
    const words = groups(counts, retries).map(([how, text]) => paint(look, how, text)).join("  ");
    return `  ${name.padEnd(nameWidth)}${barWidth < 6 ? "" : `  ${progressBar(counts, barWidth, look)}`}  ${(ratios[i] ?? "").padStart(ratioWidth)}  ${words}`.trimEnd();
  });
}

/** The parts of a total as cells: whatever is not nothing shows, and the cells add up to the width. */
export function progressBar(counts: ProgressCounts, width: number, look: Pick<Look, "color">): string {
  const { total, done, running, waiting, failed, skipped, cancelled } = counts;
  const lost = skipped + cancelled;
  const parts: readonly (readonly [number, string, Paint])[] = [[done, "█", "green"], [failed, "✗", "red"], [lost, "×", "yellow"], [running, "▒", "cyan"], [waiting, "░", "dim"]];
  const cells = share(parts.map(([n]) => n), total, width);
  return parts.map(([, mark, how], i) => paint(look, how, mark.repeat(cells[i] ?? 0))).join("") + (total === 0 ? paint(look, "dim", "░".repeat(width)) : "");
}

/** Shares a width by parts: at least one cell for whatever is there, the rest by size. */
function share(parts: readonly number[], total: number, width: number): number[] {
  const cells = parts.map((n) => (n === 0 ? 0 : Math.max(1, Math.floor((n / total) * width))));
  let spare = total === 0 ? 0 : width - cells.reduce((sum, n) => sum + n, 0);
  while (spare !== 0) {
    const step = Math.sign(spare);
    const best = indexOfLargest(parts.map((n, i) => (n === 0 ? -Infinity : step * ((n / total) * width - (cells[i] ?? 0)))));
    cells[best] = (cells[best] ?? 0) + step;
    spare -= step;
  }
  return cells;
}

const indexOfLargest = (values: readonly number[]): number => values.reduce((best, value, i) => (value > (values[best] ?? -Infinity) ? i : best), 0);

/** Those with open work or failures first, in their own order. */
function liveliest(apps: ProgressState["apps"], room: number): ProgressState["apps"] {
  const weigh = (counts: ProgressCounts) => (counts.running > 0 ? 0 : counts.failed > 0 ? 1 : counts.waiting > 0 ? 2 : 3);
  const chosen = new Set([...apps].sort((a, b) => weigh(progressCounts(a.counts)) - weigh(progressCounts(b.counts))).slice(0, Math.max(0, room)));
  return apps.filter((app) => chosen.has(app));
}

/** The same moment as one line for logs, without colours. */
export function progressLine({ name, wallMs, counts, retries, rate }: ProgressState): string {
  const all = progressCounts(counts);
  const words = groups(all, retries).map(([, text]) => text);
  return `${oneLine(name)}: ${[`${countText(endedOf(all))} of ${plural(all.total, "task")}`, ...words, rateText(rate), spanText(wallMs)].join(", ")}`;
}
