import process from "node:process";
import type { Summary } from "../dataflow/summary.js";
import { endedOf, progressCounts } from "./progress-counts.js";
import { RateMeter } from "./progress-rate.js";
import { openPanel } from "./progress-panels.js";
import type { ScreenStream } from "./progress-screen.js";
import type { Look } from "./progress-style.js";
import { progressBlock, progressLine, type ProgressState } from "./progress-view.js";
import { failureNote, retryNote, summaryText } from "./summary-text.js";

/** What progress looks at: a kernel, or whatever can tell as much. */
export interface Observed {
  summary(): Summary;
  /** Calls back once all is over, however it ended. */
  whenClosed(told: () => void): void;
  readonly config?: { readonly projectName?: string };
}

export interface ProgressStream extends ScreenStream {
  readonly isTTY?: boolean | undefined;
  readonly rows?: number | undefined;
}

/** Where progress is shown, and what it needs from outside. */
export interface ProgressSurroundings {
  /** Takes the progress. */
  readonly stderr: ProgressStream;
  /** Others' output, which goes above the live block where it is on the same terminal. */
  readonly stdout: ProgressStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back again and again without keeping the program alive; answers with how to stop. */
  every(ms: number, call: () => void): () => void;
}

const redrawEvery = 125;
const lookEvery = 1000;
/** Plain lines: not more often than this, unless something failed. */
const lineEvery = 5000;
const mostNotes = 5;

const surroundings = (): ProgressSurroundings => ({
  stderr: process.stderr,
  stdout: process.stdout,
  env: process.env,
  every: (ms, call) => {
    const timer = setInterval(call, ms).unref();
    return () => clearInterval(timer);
  },
});

/**
 * Shows how a run goes until it is over, then its summary: as a live block on a terminal, as a line now and then elsewhere
 * (also where CI is set or TERM is dumb). Writes to stderr only. NO_COLOR and FORCE_COLOR are obeyed.
 */
export function showProgress(observed: Observed, around: ProgressSurroundings = surroundings()): void {
  const { stderr, env } = around;
  const live = stderr.isTTY === true && !isSet(env["CI"]) && env["TERM"] !== "dumb";
  const end = live ? liveProgress(observed, around) : plainProgress(observed, around);
  observed.whenClosed(() => {
    const summary = observed.summary();
    end(summary.tasks === 0 ? "" : `${summaryText(summary, { columns: stderr.columns ?? 100, color: colors(around) }).join("\n")}\n`);
  });
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== "" && value !== "0" && value !== "false";

/** Whether colours are wanted: https://no-color.org, https://force-color.org. */
function colors({ stderr, env }: ProgressSurroundings): boolean {
  if (isSet(env["NO_COLOR"])) return false;
  return isSet(env["FORCE_COLOR"]) || (stderr.isTTY === true && env["TERM"] !== "dumb");
}

/** Reads moments of a run. */
class Watcher {
  private readonly rate = new RateMeter();
  private toldRetries = 0;
  private toldFailures = 0;
  /** Apps keep the place they first had. */
  private readonly order = new Map<string, number>();

  constructor(private readonly observed: Observed) {}

  read(): ProgressState & { readonly summary: Summary } {
    const summary = this.observed.summary();
    for (const { app } of summary.apps) if (!this.order.has(app)) this.order.set(app, this.order.size);
    const place = ({ app }: { readonly app: string }) => this.order.get(app) ?? 0;
    return {
      name: this.observed.config?.projectName ?? "caraway",
      wallMs: summary.wallMs,
      counts: summary.counts,
      apps: [...summary.apps].sort((a, b) => place(a) - place(b)),
      retries: summary.retries,
      rate: this.rate.read(summary.wallMs, endedOf(progressCounts(summary.counts))),
      summary,
    };
  }

  /** Lines for failures and retries that were not told yet; a few, since the summary has them all. */
  news(summary: Summary, look: Pick<Look, "color">): string[] {
    const failed = summary.failures.filter(({ state }) => state === "failed");
    const notes = [
      ...summary.retried.slice(this.toldRetries, mostNotes).map((note) => retryNote(note, look)),
      ...failed.slice(this.toldFailures, mostNotes).map((note) => failureNote(note, look)),
    ];
    this.toldRetries = summary.retried.length;
    this.toldFailures = failed.length;
    return notes;
  }
}

/** Ends with what is left on the screen. */
type End = (text: string) => void;

function liveProgress(observed: Observed, around: ProgressSurroundings): End {
  const { stderr, stdout } = around;
  const panel = openPanel(stderr, stdout.isTTY === true ? [stdout] : []);
  const watcher = new Watcher(observed);
  const color = colors(around);
  const draw = (): void => {
    const state = watcher.read();
    if (state.summary.tasks === 0) return;
    for (const note of watcher.news(state.summary, { color })) panel.print(`${note}\n`);
    panel.show(progressBlock(state, { columns: (stderr.columns ?? 80) - 1, rows: stderr.rows ?? 24, color }));
  };
  const stop = around.every(redrawEvery, draw);
  return (text) => {
    stop();
    panel.leave(text);
  };
}

function plainProgress(observed: Observed, around: ProgressSurroundings): End {
  const { stderr } = around;
  const watcher = new Watcher(observed);
  const color = colors(around);
  let [lastAt, lastLine] = [0, ""];
  const stop = around.every(lookEvery, () => {
    const state = watcher.read();
    const notes = watcher.news(state.summary, { color });
    for (const note of notes) stderr.write(`${note}\n`);
    if (state.summary.tasks === 0 || (notes.length === 0 && state.wallMs - lastAt < lineEvery)) return;
    const moved = JSON.stringify(state.counts);
    if (moved === lastLine) return;
    lastAt = state.wallMs;
    lastLine = moved;
    stderr.write(`${progressLine(state)}\n`);
  });
  return (text) => {
    stop();
    if (text !== "") stderr.write(text);
  };
}
