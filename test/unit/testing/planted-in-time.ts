import type { RunFacts } from "#internal/testing/index";
import { decision, dispatch, failed, type ForgedRun, look, report, restarted, revoked, settle, timer, told } from "./forged-run.js";

export interface Planted {
  readonly what: string;
  readonly breaks: string;
  readonly facts?: RunFacts;
  readonly run: (run: ForgedRun) => unknown;
}

const soon: RunFacts = { slack: 100 };
const onThreads: RunFacts = { ...soon, executor: () => "threads" };
const onFarm: RunFacts = { ...soon, executor: () => "farm" };
const afterFirst: RunFacts = { ...soon, dependencies: (task) => (task === 2 ? [1] : []) };

/** A supervisor with so many children that run. */
export function family(run: ForgedRun, children: number) {
  const supervisor = run.supervisor().start("starting.waiting", told("child.start", 1));
  for (let key = 1; key <= children; key++) {
    run.child(key).start("stopped").move("child.start", "starting", timer(50)).move("actor.started", "running", { type: "timer.cancel" });
    if (key < children) supervisor.move(report("child.started", key), "starting.waiting", told("child.start", key + 1));
    else supervisor.move(report("child.started", key), "running.idle", { type: "supervisor.announce", outcome: "started" });
  }
  return supervisor;
}

/** A child stops, and says so. */
export const stop = (run: ForgedRun, key: number) => run.child(key).move("child.stop", "stopping", timer(50)).move("actor.ended", "stopped", { type: "timer.cancel" });
export const supervisorStop = { type: "supervisor.stop", at: 0 };

const supervision: readonly Planted[] = [
  { what: "children are restarted more often than the intensity allows", breaks: "S30", run: (run) => { const supervisor = family(run, 1); for (const at of [10, 900]) supervisor.move(report("child.ended", 1, at), "running.working.waiting", restarted(1)).move(report("child.started", 1, at), "running.idle"); } },
  { what: "a restart that begins with the stop of another child is not counted", breaks: "S30", run: (run) => { const supervisor = family(run, 2); for (const at of [10, 900]) supervisor.move(report("child.ended", 1, at), "running.working.waiting", restarted(2, "child.stop")).move(report("child.stopped", 2, at), "running.working.waiting", told("child.start", 1)).move(report("child.started", 1, at), "running.idle"); } },
  { what: "a supervisor goes on after it has given up", breaks: "S30", run: (run) => family(run, 1).move(report("child.ended", 1), "running.idle", { type: "event.announce", event: { report: "reached_max_restart_intensity" } }, { type: "child.retire", key: 1 }) },
  { what: "a child is started after its supervisor has given up", breaks: "S30", run: (run) => family(run, 2).move(report("child.ended", 1), "stopping.waiting", { type: "event.announce", event: { report: "reached_max_restart_intensity" } }, { type: "child.retire", key: 1 }, told("child.stop", 2)).move(report("child.stopped", 2), "stopping.waiting", told("child.start", 2)) },
  { what: "children are stopped in the order of their starts", breaks: "S31", run: (run) => { const supervisor = family(run, 2).move(supervisorStop, "stopping.waiting", told("child.stop", 1)); stop(run, 1); supervisor.move(report("child.stopped", 1), "stopping.waiting", told("child.stop", 2)); stop(run, 2); supervisor.move(report("child.stopped", 2), "stopped"); } },
  { what: "a restart stops the siblings in the order of their starts", breaks: "S31", run: (run) => family(run, 3).move(report("child.ended", 3), "running.working.waiting", restarted(1, "child.stop")).move(report("child.stopped", 1), "running.working.waiting", told("child.stop", 2)) },
  { what: "a child is told to stop before the one after it has stopped", breaks: "S31", run: (run) => family(run, 2).move(supervisorStop, "stopping.waiting", told("child.stop", 2)).move(report("child.started", 2), "stopping.waiting", told("child.stop", 1)) },
  { what: "a child outlives its supervisor", breaks: "S31", run: (run) => { const supervisor = family(run, 2).move(supervisorStop, "stopping.waiting", told("child.stop", 2)); stop(run, 2); supervisor.move(report("child.stopped", 2), "stopped"); } },
  { what: "a start takes longer than it may", breaks: "L5", facts: soon, run: (run) => { run.child(1).start("stopped").move("child.start", "starting", timer(50)); run.elapse(1000); } },
  { what: "a stop takes longer than it may", breaks: "L5", facts: soon, run: (run) => { run.child(1).start("running").move("child.stop", "stopping", timer(50)); run.elapse(1000); } },
  { what: "a pause before a restart never ends", breaks: "L5", facts: soon, run: (run) => { run.child(1).start("stopped").move("child.delay", "backing-off", timer(200)); run.elapse(1000); } },
  { what: "a child that has ended is forgotten", breaks: "L5", run: (run) => family(run, 1).move(report("child.ended", 1), "running.idle") },
];

const waits: readonly Planted[] = [
  { what: "a kernel closes before its tasks have ended", breaks: "L1", run: (run) => { const task = run.begin(1); run.kernel().start("running").move("kernel.close", "closed"); task.move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "a task is not told that what it needs is done", breaks: "L1", facts: afterFirst, run: (run) => { const first = run.begin(1); const second = run.task(2).start("waiting"); first.move({ type: "attempt.succeeded", attempt: 1, value: 1 }, "done", settle("done")); run.elapse(1000); second.move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "a task is not tried again after its pause", breaks: "L1", facts: soon, run: (run) => { const task = run.begin(1).move(failed(1), "backing-off", timer(200)); run.elapse(1000); task.move("retry.due", "live.ready", dispatch(2)).move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "a worker has nothing to do while a task waits for one", breaks: "L1", facts: onThreads, run: (run) => { run.cell("executor", "threads").start("starting").move("executor.started", "running"); for (const n of [0, 1]) run.cell("thread", `threads/${n}`).start("starting").move("thread.ready", "idle"); const out = run.attempt(2).start("queued").move("attempt.sent", "sent"); const attempt = run.attempt(1).start("queued"); run.elapse(1000); for (const one of [attempt, out]) one.move("attempt.cancel", "revoked", revoked); } },
  { what: "a kernel does not close by the time it was told", breaks: "L6", facts: soon, run: (run) => { const kernel = run.kernel().start("running").move({ type: "kernel.close", mode: "wait", timeout: 200 }, "draining", timer(200)); run.elapse(1000); kernel.move("close.expired", "closing").move("executors.stopped", "closed"); } },
  { what: "a kernel does not close once its parts have stopped", breaks: "L6", facts: soon, run: (run) => { const child = run.child(1).start("running"); const kernel = run.kernel().start("running").move({ type: "kernel.close", mode: "cancel", timeout: 200 }, "draining").move("tasks.settled", "closing"); child.move("child.stop", "stopping", timer(400)).move("actor.ended", "stopped").move("child.forget", "gone"); run.elapse(2000); kernel.move("executors.stopped", "closed"); } },
];

const scaling: readonly Planted[] = [
  { what: "no block is asked for while a task waits", breaks: "L3", facts: onFarm, run: (run) => { run.scaler().start("idle").move("scaler.tick", "deciding", look()).move(decision(0), "idle"); const attempt = run.attempt(1).start("queued"); run.elapse(1000); attempt.move("attempt.cancel", "revoked", revoked); } },
  { what: "idle blocks are kept", breaks: "L4", run: (run) => { run.block(1).start("requested"); run.scaler().start("idle").move("scaler.tick", "deciding", look()).move({ ...decision(0), emptyFor: 60 }, "idle"); } },
  { what: "nobody looks whether blocks are idle", breaks: "L4", facts: soon, run: (run) => { run.block(1).start("requested"); run.scaler().start("idle").move("scaler.tick", "deciding", look()).move(decision(3), "idle"); run.elapse(1000); } },
];

/** What breaks the rules that are about supervisors and about what is owed within a time. */
export const plantedInTime: readonly Planted[] = [...supervision, ...waits, ...scaling];
