import { describe, expect, it } from "vitest";
import { visibleWidth } from "#internal/monitoring/progress-style";
import { summaryText } from "#internal/monitoring/summary-text";
import { appOf, failureOf, summaryOf } from "./summaries.js";

const look = { columns: 100, color: false };

describe("the closing summary", () => {
  it("tells counts, times, the slowest apps, retries, and failures with root cause, hint and what was not run", () => {
    const apps = [
      appOf("slow", { done: 8, memoized: 2 }, { waitedMs: 4000, ranMs: 2400, slowestMs: 900, retries: 2 }),
      appOf("bad", { failed: 1, "dependency-failed": 4 }, { ranMs: 10, slowestMs: 10 }),
      appOf("glue", { done: 1 }),
    ];
    const failures = [
      failureOf({ task: 11, app: "bad", error: "JoinError: bad joined task 7, which failed", hint: "Mend the root cause.", root: "leaf#7", causes: ["TypeError: x is not iterable"], blocked: 4, blockedFirst: [{ task: 12, app: "after" }, { task: 13, app: "after" }] }),
    ];
    const retried = [{ task: 3, app: "slow", attempt: 1, error: "AppExit: ended its worker" }];
    expect(summaryText(summaryOf(apps, { failures, retried, lateErrors: 1 }), look)).toEqual([
      "16 tasks in 2.0 s: 11 done (2 from the cache), 1 failed, 4 not run, since another failed",
      "  on workers 2.4 s in all, 1.2 at a time; 2 attempts tried again",
      "  the mean task: waiting for others 250 ms, running 151 ms",
      "  1 error thrown after a task had ended, or outside of any",
      "",
      "  app   tasks  on workers    mean  slowest",
      "  slow     10       2.4 s  240 ms   900 ms  2 tried again, 2 cached",
      "  bad       5       10 ms   10 ms    10 ms  1 failed, 4 not run",
      "  glue      1           –       –        –",
      "",
      "  ↻ slow (task 3), attempt 1 failed and was tried again: AppExit: ended its worker",
      "  and 1 more attempt",
      "",
      "  ✗ bad (task 11) failed: JoinError: bad joined task 7, which failed",
      "      root cause: leaf (task 7): TypeError: x is not iterable",
      "      → Mend the root cause.",
      "      not run because of it: 4 tasks: after (task 12), after (task 13), …",
    ]);
  });

  it("is short where all went well", () => {
    expect(summaryText(summaryOf([appOf("a", { done: 1 }, { ranMs: 1, slowestMs: 1 })]), look)).toHaveLength(6);
  });

  it("tells a few of many", () => {
    const apps = Array.from({ length: 12 }, (_, i) => appOf(`app${i}`, { failed: 1 }, { ranMs: 12 - i, slowestMs: 1 }));
    const failures = apps.map(({ app }, i) => failureOf({ task: i, app }));
    const text = summaryText(summaryOf(apps, { failures }), look);
    expect(text).toContain("  and 4 quicker apps");
    expect(text).toContain("  and 7 more failed tasks");
    expect(text.filter((line) => line.includes("✗"))).toHaveLength(5);
  });

  it("tells what was left when the run was ended", () => {
    expect(summaryText(summaryOf([appOf("a", { done: 1, cancelled: 2, running: 1, waiting: 1 })]), look)[0]).toBe("5 tasks in 2.0 s: 1 done, 2 cancelled, 2 not ended");
  });

  it("keeps its table within the terminal, and colours only where wanted", () => {
    const apps = [appOf("a".repeat(80), { done: 1_000_000 }, { ranMs: 1e9, slowestMs: 1e6, retries: 12 })];
    const text = summaryText(summaryOf(apps), { columns: 50, color: true });
    const table = text.slice(text.indexOf("") + 1);
    for (const line of table) expect(visibleWidth(line)).toBeLessThanOrEqual(50);
    expect(text.join("")).toMatch(/\p{Cc}/u);
    expect(summaryText(summaryOf(apps), look).join("")).not.toMatch(/\p{Cc}/u);
  });
});
