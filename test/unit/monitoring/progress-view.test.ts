import { describe, expect, it } from "vitest";
import { visibleWidth } from "#internal/monitoring/progress-style";
import { progressBar, progressBlock, progressLine, type ProgressState } from "#internal/monitoring/progress-view";
import { appOf, counts, summaryOf } from "./summaries.js";

const wide = { columns: 100, rows: 24, color: false };

function stateOf(apps: ProgressState["apps"], more: Partial<ProgressState> = {}): ProgressState {
  const summary = summaryOf(apps.map((app) => ({ ...appOf(app.app, app.counts), retries: app.retries })));
  return { name: "flow", wallMs: 12_300, counts: summary.counts, apps, retries: summary.retries, rate: 84.2, ...more };
}

describe("the live block", () => {
  it("has a line of totals and a line for each app", () => {
    const block = progressBlock(stateOf([appOf("profile", { done: 30, memoized: 10, running: 2, dispatched: 3, waiting: 35 }, { retries: 1 }), appOf("draw", { waiting: 1 })]), wide);
    expect(block).toEqual([
      "flow  40 of 81 · 2 running · 39 waiting · 1 tried again · 84/s · 12 s",
      "  profile  ████████████████▒░░░░░░░░░░░░░░░  40/80  2 running  38 waiting  1 tried again",
      "  draw     ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    0/1  1 waiting",
    ]);
  });

  it("counts tasks that will never be done as ended", () => {
    const [total, row] = progressBlock(stateOf([appOf("a", { done: 4, failed: 1, "dependency-failed": 3, cancelled: 2 })]), wide);
    expect(total).toBe("flow  10 of 10 · 1 failed · 3 not run · 2 cancelled · 84/s · 12 s");
    expect(row).toContain("████████████✗✗✗××××××××");
  });

  it.each([10, 20, 39, 60, 79, 200])("never takes more than %i columns, coloured or not", (columns) => {
    const state = stateOf([appOf("a-very-long-name-of-an-app-that-goes-on", { done: 123_456, running: 7, waiting: 1_000_000, failed: 3 }, { retries: 9 }), appOf("b", { done: 1 })]);
    for (const color of [false, true]) for (const line of progressBlock(state, { columns, rows: 24, color })) expect(visibleWidth(line)).toBeLessThanOrEqual(columns);
  });

  it("shows in few rows the apps that have something going on, and counts the others", () => {
    const apps = [appOf("first", { done: 1 }), appOf("second", { running: 1 }), appOf("third", { done: 2 }), appOf("fourth", { failed: 1 }), appOf("fifth", { waiting: 1 })];
    const block = progressBlock(stateOf(apps), { ...wide, rows: 5 });
    expect(block.map((line) => line.trim().split(" ")[0])).toEqual(["flow", "second", "fourth", "and"]);
    expect(block.at(-1)).toBe("  and 3 other apps");
  });

  it("keeps what app names contain from moving the cursor", () => {
    const [, row] = progressBlock(stateOf([appOf("a\u001B[2Jb\nc", { done: 1 })]), wide);
    expect(row).toMatch(/^ {2}ab c {2}█/);
  });

  it("colours nothing unless asked, and closes every colour it opens", () => {
    const state = stateOf([appOf("a", { done: 1, failed: 1, running: 1, waiting: 1 })]);
    expect(progressBlock(state, wide).join("")).not.toMatch(/\p{Cc}/u);
    const painted = progressBlock(state, { ...wide, color: true }).join("");
    expect(painted.match(/\p{Cc}\[(?:1|2|3[0-7])m/gu)).toHaveLength(painted.match(/\p{Cc}\[(?:22|39)m/gu)?.length ?? -1);
  });
});

describe("a bar", () => {
  it.each([1, 2, 7, 32])("fills its width of %i whatever it shows", (width) => {
    for (const some of [{ done: 1 }, { done: 999, failed: 1 }, { waiting: 5, running: 5, done: 5, failed: 5, cancelled: 5 }, {}]) {
      const { total, ...parts } = groupsOf(some);
      expect(progressBar({ total, ...parts }, width, { color: false })).toHaveLength(width);
    }
  });

  it("shows one failure among thousands", () => {
    expect(progressBar(groupsOf({ done: 9999, failed: 1 }), 10, { color: false })).toBe("█████████✗");
  });
});

function groupsOf({ done = 0, failed = 0, cancelled = 0, running = 0, waiting = 0 }: Partial<Record<"done" | "failed" | "cancelled" | "running" | "waiting", number>>) {
  return { total: done + failed + cancelled + running + waiting, done, failed, skipped: 0, cancelled, running, waiting };
}

describe("the line for logs", () => {
  it("says the same in words", () => {
    expect(progressLine(stateOf([appOf("a", { done: 1200, running: 2, "backing-off": 1 }, { retries: 1 })]))).toBe("flow: 1,200 of 1,203 tasks, 2 running, 1 waiting, 1 tried again, 84/s, 12 s");
  });

  it("speaks of one task", () => {
    expect(progressLine({ ...stateOf([]), counts: counts({ done: 1 }) })).toBe("flow: 1 of 1 task, 84/s, 12 s");
  });
});
