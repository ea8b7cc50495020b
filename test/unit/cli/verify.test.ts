import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Recording } from "#internal/testing/recording";
import { ForgedRun } from "../testing/forged-run.js";
import { caraway, scratch } from "./terminal.js";

async function recorded(run: ForgedRun): Promise<string> {
  const directory = await scratch();
  const recording = new Recording(join(directory, "run.ndjson"));
  for (const entry of run.entries) recording.take(entry);
  recording.end();
  return directory;
}

const broken = (): ForgedRun => {
  const run = new ForgedRun().whole(1).whole(2);
  run.task(1).move("dependency.settled", "waiting");
  return run;
};

describe("caraway verify", () => {
  it("ends with 0 where no rule is broken", async () => {
    expect(await caraway(["verify", "run.ndjson"], await recorded(new ForgedRun().whole(1)))).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/run\.ndjson: 6 steps, no rule is broken\n$/) as string });
  });

  it("ends with 1, the rule and the story where one is", async () => {
    const { code, out } = await caraway(["verify", "run.ndjson"], await recorded(broken()));
    expect(code).toBe(1);
    expect(out).toContain("S1 is broken: every submitted task ends in exactly one final state");
    expect(out).toContain('task 1 had ended as "done", and took "dependency.settled"');
    expect(out).toContain("attempt/1#1 attempt.answered: sent → answered");
    expect(out).not.toContain("task/2");
  });

  it("says the same as JSON", async () => {
    const directory = await recorded(broken());
    const { code, out } = await caraway(["verify", "run.ndjson", "--json"], directory);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ violation: { invariant: "S1", involved: ["task/1", "attempt/1"] } });
    expect(JSON.parse((await caraway(["verify", "run.ndjson", "--json"], await recorded(new ForgedRun().whole(1)))).out)).toMatchObject({ entries: 6, whole: true, violation: null });
  });

  it("passes time limits by as much as --grace says", async () => {
    const run = new ForgedRun();
    const manager = run.manager().start("registering").move("manager.accepted", "active", { type: "lease.watch", lease: 100 }).move("lease.waned", "suspect");
    run.pass(2000);
    manager.move("manager.left", "gone");
    const directory = await recorded(run);
    expect((await caraway(["verify", "run.ndjson"], directory)).code).toBe(1);
    expect((await caraway(["verify", "run.ndjson", "--grace", "5000"], directory)).code).toBe(0);
    expect(await caraway(["verify", "run.ndjson", "--grace", "soon"], directory)).toMatchObject({ code: 2, err: '--grace is a number of milliseconds, not "soon"\n' });
  });

  it("ends with 2 where there is no recording", async () => {
    const directory = await scratch();
    await writeFile(join(directory, "x"), "hello\n");
    expect(await caraway(["verify"], directory)).toMatchObject({ code: 2, err: "caraway verify wants the path of a recording\n" });
    expect(await caraway(["verify", "x"], directory)).toMatchObject({ code: 2, err: expect.stringContaining("CW-DATA-004 RecordingUnreadable") as string });
    expect((await caraway(["verify", "y"], directory)).code).toBe(2);
    expect((await caraway(["verify", "--help"], directory)).out).toContain("caraway verify recording [--grace MS]");
  });
});
