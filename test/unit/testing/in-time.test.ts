import { expect, test } from "vitest";
import { InvariantChecker, type RunFacts } from "#internal/testing/index";
import { decision, dispatch, failed, ForgedRun, look, report, restarted, revoked, settle, timer, told } from "./forged-run.js";
import { family, stop, supervisorStop } from "./planted-in-time.js";

const soon: RunFacts = { slack: 100 };

/** The rules that the run breaks. */
function broken(facts: RunFacts, plan: (run: ForgedRun) => unknown): string[] {
  const run = new ForgedRun();
  plan(run);
  const checker = new InvariantChecker(facts);
  for (const entry of run.entries) checker.feed(entry);
  checker.end();
  return checker.violations.map(({ invariant }) => invariant);
}

test("as many restarts as the intensity allows, and more after a period, are as they should be", () => {
  expect(broken({}, (run) => {
    const supervisor = family(run, 1);
    for (const at of [10, 1500, 3000]) supervisor.move(report("child.ended", 1, at), "running.working.waiting", restarted(1)).move(report("child.started", 1, at), "running.idle");
  })).toEqual([]);
});

test("children that stop in reverse, also those that were started again meanwhile, and calls to stop single ones, are as they should be", () => {
  expect(broken({}, (run) => {
    const supervisor = family(run, 3).move({ type: "call.terminate-child", call: 1 }, "running.working.waiting", told("child.stop", 1)).move(report("child.stopped", 1), "running.working.waiting", told("child.stop", 2));
    stop(run, 1);
    stop(run, 2);
    supervisor.move(report("child.stopped", 2), "running.working.waiting", told("child.start", 1)).move(report("child.started", 1), "running.idle");
    run.child(1).move("child.start", "starting").move("actor.started", "running");
    supervisor.move(supervisorStop, "stopping.waiting", told("child.stop", 3));
    stop(run, 3);
    supervisor.move(report("child.stopped", 3), "stopping.waiting", told("child.stop", 1));
    stop(run, 1);
    supervisor.move(report("child.stopped", 1), "stopped");
  })).toEqual([]);
});

test("dynamic children may all be told to stop at the same time", () => {
  expect(broken({}, (run) => {
    const supervisor = family(run, 2).move(supervisorStop, "stopping.waiting", told("child.stop", 2), told("child.stop", 1));
    for (const key of [1, 2]) stop(run, key);
    supervisor.move(report("child.stopped", 1), "stopping.waiting").move(report("child.stopped", 2), "stopped");
  })).toEqual([]);
});

test("what has not been seen from its start on is not judged", () => {
  expect(broken(soon, (run) => {
    run.child(1).start("running");
    run.supervisor().jump(supervisorStop, "running.idle", "stopped");
  })).toEqual(["S10"]);
});

test("what is late because the process stood still is not held against anybody", () => {
  expect(broken(soon, (run) => {
    const child = run.child(1).start("stopped").move("child.start", "starting", timer(50));
    const task = run.begin(1).move(failed(1), "backing-off", timer(50));
    run.pass(60_000);
    run.cell("other", 0).start("gone");
    run.pass(20);
    child.move("actor.started", "running");
    task.move("retry.due", "live.ready", dispatch(2)).move("task.cancel", "cancelled", settle("cancelled"));
    run.elapse(1000);
  })).toEqual([]);
});

test("a task waits as long as a promise of the user takes, and a queue for as long as its workers are busy", () => {
  expect(broken({ ...soon, dependencies: (task) => (task === 2 ? [1] : []), executor: () => "threads" }, (run) => {
    run.whole(1);
    const second = run.task(2).start("waiting");
    run.cell("executor", "threads").start("starting").move("executor.started", "running");
    run.cell("thread", "threads/0").start("starting").move("thread.ready", "idle");
    const out = run.attempt(3).start("queued").move("attempt.sent", "sent");
    const waiting = run.attempt(4).start("queued");
    run.elapse(2000);
    for (const one of [waiting, out]) one.move("attempt.cancel", "revoked", revoked);
    second.move("dependency.settled", "live.ready", dispatch(1)).move("task.cancel", "cancelled", settle("cancelled"));
  })).toEqual([]);
});

test.each<[string, (run: ForgedRun) => unknown]>([
  ["there may be none", (run) => { for (const n of [1, 2]) run.block(n).start("requested").move("manager.registered", "ready").move("block.drain", "draining"); }],
  ["the last one died before it came to work", (run) => run.block(1).start("requested").move("job.ended", "ended", { type: "block.mourn", reason: "failed" })],
  ["the scaler rests", (run) => run.scaler().move("scaler.hold", "held")],
  ["the strategy is the user's", (run) => run.scaler().move("scaler.tick", "deciding", { ...look(), times: undefined }).move(decision(1), "idle")],
])("no block need be asked for where %s", (_, plan) => {
  expect(broken({ ...soon, executor: () => "farm" }, (run) => {
    run.scaler().start("idle").move("scaler.tick", "deciding", look()).move(decision(0), "idle");
    plan(run);
    const attempt = run.attempt(1).start("queued");
    run.elapse(2000);
    attempt.move("attempt.cancel", "revoked", revoked);
  })).toEqual([]);
});

test("a kernel closes when its parts have stopped, each of which has a time of its own", () => {
  expect(broken(soon, (run) => {
    const kernel = run.kernel().start("running").move({ type: "kernel.close", mode: "wait", timeout: 100 }, "draining", timer(100)).move("close.expired", "closing");
    for (const key of [2, 1]) {
      const child = run.child(key).start("running").move("child.stop", "stopping", timer(500));
      run.elapse(480);
      child.move("actor.ended", "stopped").move("child.forget", "gone");
    }
    kernel.move("executors.stopped", "closed");
  })).toEqual([]);
});
