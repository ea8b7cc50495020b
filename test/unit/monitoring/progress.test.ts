import type { Summary } from "caraway";
import { describe, expect, it } from "vitest";
import { showProgress, type ProgressSurroundings } from "#internal/monitoring/progress";
import { ScreenEmulator } from "./screen-emulator.js";
import { appOf, failureOf, summaryOf } from "./summaries.js";

/** A run whose moments the test sets, on streams it reads, with time that passes when it says so. */
class Stage {
  readonly stderr: ScreenEmulator & { isTTY: boolean };
  readonly stdout = new ScreenEmulator();
  summary: Summary = summaryOf([], { wallMs: 0 });
  period = 0;
  private told: () => void = () => undefined;
  private tick: () => void = () => undefined;

  constructor(env: ProgressSurroundings["env"] = {}, terminal = true) {
    this.stderr = Object.assign<ScreenEmulator, { isTTY: boolean }>(new ScreenEmulator(100), { isTTY: terminal });
    const every = (ms: number, call: () => void): (() => void) => {
      [this.period, this.tick] = [ms, call];
      return () => (this.tick = () => undefined);
    };
    showProgress({ summary: () => this.summary, whenClosed: (told) => (this.told = told), config: { projectName: "flow" } }, { stderr: this.stderr, stdout: this.stdout, env, every });
  }

  /** Time passes until `wallMs`, with the run as it is then. */
  at(wallMs: number, apps: Summary["apps"], more: Partial<Summary> = {}): void {
    for (let now = this.summary.wallMs; now < wallMs; now += this.period) {
      this.summary = summaryOf(apps, { ...more, wallMs: Math.min(wallMs, now + this.period) });
      this.tick();
    }
  }

  close(): void {
    this.told();
  }
}

describe("progress on a terminal", () => {
  it("draws eight times a second at most, and nothing before there is a task", () => {
    const stage = new Stage();
    stage.at(1000, []);
    expect(stage.stderr.writes).toEqual([]);
    expect(stage.period).toBeGreaterThanOrEqual(125);
  });

  it("shows apps in the order they came, and puts failures and retries above the block", () => {
    const stage = new Stage({ NO_COLOR: "1" });
    stage.at(1000, [appOf("early", { done: 1, running: 1 })]);
    stage.at(2000, [appOf("late", { waiting: 2 }), appOf("early", { done: 1, failed: 1 }, { retries: 1 })], {
      failures: [failureOf({ task: 2, app: "early" })],
      retried: [{ task: 2, app: "early", attempt: 1, error: "Error: once" }],
    });
    expect(stage.stderr.screen.map((line) => line.replace(/ +[█░].*/, ""))).toEqual([
      "↻ early (task 2), attempt 1 failed and was tried again: Error: once",
      "✗ early (task 2) failed: Error: no",
      "flow  2 of 4 · 2 waiting · 1 failed · 1 tried again · 1.0/s · 2.0 s",
      "  early",
      "  late",
    ]);
  });

  it("takes the block away at the end and leaves the summary", () => {
    const stage = new Stage({ NO_COLOR: "1" });
    stage.at(1000, [appOf("a", { done: 2 })]);
    stage.close();
    expect(stage.stderr.screen[0]).toBe("2 tasks in 1.0 s: 2 done");
    expect(stage.stderr.screen.join("\n")).not.toContain("█");
    const before = stage.stderr.writes.length;
    stage.stderr.write("after\n");
    expect(stage.stderr.writes.length).toBe(before + 1);
  });

  it("says nothing at the end of a run without tasks", () => {
    const stage = new Stage();
    stage.close();
    expect(stage.stderr.writes).toEqual([]);
  });

  it("tells a few failures only, since the summary has them all", () => {
    const stage = new Stage({ NO_COLOR: "1" });
    stage.at(1000, [appOf("a", { failed: 9 })], { failures: Array.from({ length: 9 }, (_, task) => failureOf({ task })) });
    expect(stage.stderr.screen.filter((line) => line.startsWith("✗"))).toHaveLength(5);
  });

  it.each([
    [{}, true],
    [{ NO_COLOR: "1" }, false],
    [{ NO_COLOR: "" }, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("has colours with %j: %s", (env, colored) => {
    const stage = new Stage(env);
    stage.at(1000, [appOf("a", { done: 1, running: 1 })]);
    expect(/\p{Cc}\[3\dm/u.test(stage.stderr.writes.join(""))).toBe(colored);
  });
});

describe.each([
  ["where stderr is no terminal", {}, false],
  ["in CI", { CI: "true" }, true],
  ["on a dumb terminal", { TERM: "dumb" }, true],
])("progress %s", (_, env, terminal) => {
  it("is a plain line every few seconds, only where something moved", () => {
    const stage = new Stage({ ...env, NO_COLOR: "1" }, terminal);
    stage.at(20_000, [appOf("a", { done: 3, running: 2 })]);
    expect(stage.stderr.writes).toEqual(["flow: 3 of 5 tasks, 2 running, 0.6/s, 5.0 s\n"]);
    stage.at(40_000, [appOf("a", { done: 4, running: 1 })]);
    expect(stage.stderr.writes).toHaveLength(2);
    expect(stage.stderr.writes.join("")).not.toMatch(/\p{Cc}\[/u);
  });

  it("tells at once what failed", () => {
    const stage = new Stage({ ...env, NO_COLOR: "1" }, terminal);
    stage.at(1000, [appOf("a", { done: 1, failed: 1 })], { failures: [failureOf({ task: 2, app: "a" })] });
    expect(stage.stderr.writes).toEqual(["✗ a (task 2) failed: Error: no\n", "flow: 2 of 2 tasks, 1 failed, 2.0/s, 1.0 s\n"]);
  });

  it("ends with the summary", () => {
    const stage = new Stage({ ...env, NO_COLOR: "1" }, terminal);
    stage.at(1000, [appOf("a", { done: 1 })]);
    stage.close();
    expect(stage.stderr.writes.at(-1)).toMatch(/^1 task in 1\.0 s: 1 done\n/);
  });
});

describe("progress in logs", () => {
  it("has colours where they are asked for", () => {
    const stage = new Stage({ FORCE_COLOR: "1" }, false);
    stage.at(1000, [appOf("a", { failed: 1 })], { failures: [failureOf({})] });
    expect(stage.stderr.writes[0]).toContain("\u001B[31m✗\u001B[39m");
  });
});
