import { describe, expect, test } from "vitest";
import { Observable } from "rxjs";
import { allInvariants, checkInvariants, describeViolation, InvariantChecker, type CheckOptions, type Entry, type RunFacts } from "#internal/testing/index";
import { decision, dispatch, failed, ForgedRun, granted, release, request, revoked, settle } from "./forged-run.js";
import { plantedInTime, type Planted } from "./planted-in-time.js";

const budget = (retries: number, lost = 3): RunFacts => ({ budget: () => ({ retries, lost }) });

/** A task whose first attempt has failed and whose second has begun. */
const retried = (run: ForgedRun, failure = failed(1)): void => {
  const task = run.begin(1);
  run.attempt(1).start("queued").move("attempt.sent", "sent").move("attempt.answered", "answered", { type: "attempt.deliver" });
  task.move(failure, "live.ready", dispatch(2));
  run.attempt(1, 2).start("queued").move("attempt.sent", "sent").move("attempt.answered", "answered", { type: "attempt.deliver" });
  task.move({ type: "attempt.succeeded", attempt: 2, value: 1 }, "done", settle("done"));
};

const planted: readonly Planted[] = [
  { what: "a part breaks", breaks: "crash", run: (run) => run.cell("executor", "threads").start("running").crash("work.offered", "running") },
  { what: "a task never ends", breaks: "S1", run: (run) => run.task(1).start("waiting") },
  { what: "a task moves after its end", breaks: "S1", run: (run) => run.whole(1).task(1).move({ type: "dependency.settled" }, "waiting") },
  { what: "a task is started twice", breaks: "S1", run: (run) => run.whole(1).task(1).start("done") },
  { what: "a task is settled twice", breaks: "S2", run: (run) => run.begin(1).move("task.cancel", "cancelled", settle("cancelled"), settle("cancelled")) },
  { what: "a task ends without being settled", breaks: "S2", run: (run) => run.task(1).start("waiting").move("task.cancel", "cancelled") },
  { what: "a task is settled as something else", breaks: "S2", run: (run) => run.task(1).start("waiting").move("task.cancel", "cancelled", settle("failed")) },
  { what: "a future gives another value", breaks: "S2", run: (run) => run.whole(1, 7).probe({ probe: "future.settled", task: 1, succeeded: true, value: 8 }) },
  { what: "a future settles twice", breaks: "S2", run: (run) => run.whole(1, 7).probe({ probe: "future.settled", task: 1, succeeded: true, value: 7 }).probe({ probe: "future.settled", task: 1, succeeded: true, value: 7 }) },
  { what: "a future settles before its task has ended", breaks: "S2", run: (run) => { const task = run.begin(1); run.probe({ probe: "future.settled", task: 1, succeeded: false, value: undefined }); task.move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "an attempt tells its outcome twice", breaks: "S3", run: (run) => run.whole(1).attempt(1).move("attempt.answered", "answered", { type: "attempt.deliver" }) },
  { what: "a result is taken twice", breaks: "S3", run: (run) => { run.begin(1).move({ type: "attempt.succeeded", attempt: 1, value: 1 }, "staging-out").move({ type: "attempt.succeeded", attempt: 1, value: 1 }, "done", settle("done")); } },
  { what: "a task starts before what it needs", breaks: "S4", facts: { dependencies: (task) => (task === 2 ? [1] : []) }, run: (run) => { const first = run.task(1).start("waiting"); run.whole(2); first.move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "a task starts though what it needs has failed", breaks: "S4", run: (run) => run.task(1).start("waiting").move("dependency.failed", "live.ready", dispatch(1)).move("task.cancel", "cancelled", settle("cancelled")) },
  { what: "a retry beyond the budget", breaks: "S5 budget", facts: budget(0), run: (run) => retried(run) },
  { what: "a gap in the numbers of attempts", breaks: "S5 budget", run: (run) => run.task(1).start("live.ready", dispatch(2)).move("task.cancel", "cancelled", settle("cancelled")) },
  { what: "the answer of an old attempt is taken", breaks: "S5 fence", run: (run) => run.begin(1).move(failed(1), "live.ready", dispatch(2)).move({ type: "attempt.succeeded", attempt: 1, value: 1 }, "done", settle("done")) },
  { what: "a failure that is not retryable is retried", breaks: "S6", facts: budget(5), run: (run) => retried(run, failed(1, { retryable: false })) },
  { what: "a loss spends the app's budget", breaks: "S6", facts: budget(0), run: (run) => run.begin(1).move(failed(1, { charge: "lost" }), "failed", settle("failed")) },
  { what: "an uncharged failure ends a task", breaks: "S6", facts: budget(1), run: (run) => run.begin(1).move(failed(1, { charge: "none" }), "failed", settle("failed")) },
  { what: "two attempts live at once", breaks: "S7", run: (run) => { const task = run.begin(1); const one = run.attempt(1).start("queued").move("attempt.sent", "sent"); const two = run.attempt(1, 2).start("queued"); task.move("task.cancel", "cancelled", settle("cancelled")); one.move("attempt.answered", "answered", { type: "attempt.deliver" }); two.move("attempt.cancel", "revoked", revoked); } },
  { what: "code of two attempts runs at once", breaks: "S7", run: (run) => { for (const attempt of [1, 2]) run.probe({ probe: "code.started", task: 1, attempt, worker: `w${attempt}` }); for (const attempt of [1, 2]) run.probe({ probe: "code.ended", task: 1, attempt, worker: `w${attempt}` }); } },
  { what: "code of one attempt begins twice", breaks: "S7", run: (run) => { for (let i = 0; i < 2; i++) run.probe({ probe: "code.started", task: 1, attempt: 1, worker: "w" }).probe({ probe: "code.ended", task: 1, attempt: 1, worker: "w" }); } },
  { what: "a task is lost more often than allowed", breaks: "S8", facts: budget(0, 0), run: (run) => retried(run, failed(1, { charge: "lost" })) },
  { what: "the error of a poisoned task names no losses", breaks: "S8", facts: budget(0, 0), run: (run) => { run.begin(1).move(failed(1, { charge: "lost" }), "failed", settle("failed")); run.probe({ probe: "future.settled", task: 1, succeeded: false, value: new Error("lost") }); } },
  { what: "a memoized value that nobody gave", breaks: "S9", run: (run) => run.whole(1, "given").task(2).start("memo").move({ type: "memo.hit", value: "made up" }, "memoized", settle("memoized")) },
  { what: "a memoized value of an unequal call", breaks: "S9", facts: { memoKey: (task) => `key ${task}` }, run: (run) => run.whole(1, "given").task(2).start("memo").move({ type: "memo.hit", value: "given" }, "memoized", settle("memoized")) },
  { what: "a cell leaves a state it was not in", breaks: "S10", run: (run) => run.cell("thread", "threads/0").start("starting").jump("thread.exited", "busy", "gone") },
  { what: "the kernel counts another number of tasks", breaks: "S10", facts: { counts: () => ({ done: 2 }) }, run: (run) => run.whole(1) },
  { what: "a worker runs two tasks at once", breaks: "S11", run: (run) => { for (const task of [1, 2]) run.probe({ probe: "code.started", task, attempt: 1, worker: "w" }); run.probe({ probe: "code.ended", task: 2, attempt: 1, worker: "w" }); } },
  { what: "a worker gives its place back twice", breaks: "S11", run: (run) => { run.probe({ probe: "code.started", task: 1, attempt: 1, worker: "w" }); for (let i = 0; i < 2; i++) run.probe({ probe: "code.ended", task: 1, attempt: 1, worker: "w" }); } },
  { what: "a task with a lower priority is sent first", breaks: "S12", facts: { executor: () => "threads", priority: (task) => task }, run: (run) => { const first = run.attempt(1).start("queued"); const second = run.attempt(2).start("queued").move("attempt.sent", "sent"); for (const one of [first, second]) one.move("attempt.cancel", "revoked", revoked); } },
  { what: "a younger task of the same priority is sent first", breaks: "S12", facts: { executor: () => "threads" }, run: (run) => { const first = run.attempt(1).start("queued"); const second = run.attempt(2).start("queued").move("attempt.sent", "sent"); for (const one of [first, second]) one.move("attempt.cancel", "revoked", revoked); } },
  { what: "an attempt outlives its walltime", breaks: "S13", facts: { grace: 100 }, run: (run) => { const attempt = run.attempt(1).start("queued").move("attempt.sent", "sent").move("attempt.started", "started", { type: "timer.start", ms: 50 }); run.pass(200); attempt.move("attempt.answered", "answered", { type: "attempt.deliver" }).late("x", "answered"); run.cell("executor", "threads").start("running"); } },
  { what: "a cancelled task is dispatched", breaks: "S14", run: (run) => { run.task(1).start("waiting").move("task.cancel", "cancelled", settle("cancelled")); run.attempt(1).start("queued").move("attempt.cancel", "revoked", revoked); } },
  { what: "code begins after its cancellation was confirmed", breaks: "S14", run: (run) => run.probe({ probe: "cancel.resolved", task: 1 }).probe({ probe: "code.started", task: 1, attempt: 1, worker: "w" }).probe({ probe: "code.ended", task: 1, attempt: 1, worker: "w" }) },
  { what: "code of a revoked attempt begins", breaks: "S14", run: (run) => { run.attempt(1).start("queued").move("attempt.cancel", "revoked", revoked); run.probe({ probe: "code.started", task: 1, attempt: 1, worker: "w" }).probe({ probe: "code.ended", task: 1, attempt: 1, worker: "w" }); } },
  { what: "a cancel changes what has ended", breaks: "S15", run: (run) => run.whole(1).task(1).move("task.cancel", "cancelled") },
  { what: "an error loses its cause", breaks: "S16", run: (run) => { const thrown = new Error("it failed", { cause: new RangeError("why") }); const arrived = Object.assign(new Error("it failed"), { stack: thrown.stack }); run.probe({ probe: "code.threw", task: 1, attempt: 1, error: thrown }); run.begin(1).move(failed(1, { error: arrived }), "failed", settle("failed")); } },
  { what: "more blocks than there may be", breaks: "S17", run: (run) => { run.scaler().start("idle").move(decision(9), "acting", request()); for (const n of [1, 2, 3]) run.block(n).start("requested"); } },
  { what: "a block whose submission was not answered does not count", breaks: "S17", run: (run) => { run.scaler().start("idle").move(decision(9), "acting", request()); run.block(1).start("requested").move("block.prepared", "submitting", { type: "job.submit" }); run.job(1).start("new").move("job.unanswered", "unknown"); for (const n of [2, 3]) run.block(n).start("requested"); } },
  { what: "blocks are released below the least", breaks: "S18", run: (run) => { run.block(1).start("requested"); run.scaler().start("idle").move("scaler.tick", "deciding", { type: "blocks.consider" }).move(decision(0), "acting", release("block-1")); } },
  { what: "the first blocks are asked for twice", breaks: "S18", run: (run) => run.scaler().start("idle").move("scaler.begin", "acting", request({ initial: true })).move("scaler.begin", "acting", request({ initial: true })) },
  { what: "a released block is not drained", breaks: "S19", run: (run) => run.block(1).start("requested").move("manager.registered", "ready").move("block.drain", "ending", { type: "job.cancel", reason: "scaled-in" }) },
  { what: "a draining block is cancelled at a time limit", breaks: "S19", run: (run) => run.block(1).start("requested").move("manager.registered", "ready").move("block.drain", "draining").move("retry.due", "ending", { type: "job.cancel", reason: "scaled-in" }) },
  { what: "a job is submitted twice", breaks: "S20", run: (run) => run.block(1).start("requested").move("block.prepared", "submitting", { type: "job.submit" }).move("retry.due", "submitting", { type: "job.submit" }) },
  { what: "a block ends while its job may be there", breaks: "S20", run: (run) => { const block = run.block(1).start("requested").move("block.prepared", "submitting", { type: "job.submit" }); run.job(1).start("new").move("job.unanswered", "unknown"); block.move("job.ended", "ended", { type: "block.close" }); } },
  { what: "a submission that was not answered is given up", breaks: "S20", run: (run) => run.job(1).start("new").move("job.unanswered", "unknown").move("lookup.failed", "failed") },
  { what: "a failed query makes a job unknown", breaks: "S21", run: (run) => run.job(1).start("new").move("job.submitted", "queued").move("query.failed", "unknown") },
  { what: "a job that is not listed is gone", breaks: "S21", run: (run) => run.job(1).start("new").move("job.submitted", "queued").move("job.missing", "failed") },
  { what: "blocks are asked for though all have died", breaks: "S22", run: (run) => { run.scaler().start("idle").move(decision(9), "acting", request()); for (const n of [1, 2, 3]) run.block(n).start("requested").move("job.ended", "ended", { type: "block.mourn", reason: "failed" }); } },
  { what: "blocks are added and released by turns", breaks: "S23", run: (run) => { const scaler = run.scaler().start("idle"); for (let i = 0; i < 4; i++) scaler.move(decision(3), "acting", request()).move(decision(3), "acting", { ...release(), limits: { min: 0, max: 2, budget: 2 } }); } },
  { what: "a manager is in a state that there is not", breaks: "S24", run: (run) => run.manager().start("registering").move("manager.accepted", "asleep").move("manager.left", "gone") },
  { what: "a manager whose link has ended is offered work", breaks: "S24", run: (run) => run.manager().start("registering").move("manager.accepted", "active").move("link.lost", "detached", { type: "work.offer" }).move("manager.left", "gone") },
  { what: "a lost manager is active again", breaks: "S24", run: (run) => run.manager().start("registering").move("link.lost", "lost", { type: "work.lose" }).move("link.restored", "active").move("manager.left", "gone") },
  { what: "a manager goes on after another has taken its place", breaks: "S25", run: (run) => { const old = run.manager().start("registering").move("manager.accepted", "active"); const other = run.manager(2).start("registering").move("manager.accepted", "active"); old.move("lease.waned", "suspect").move("manager.replaced", "lost", { type: "work.lose" }); other.move("manager.left", "gone"); } },
  { what: "an older manager comes to the place of a newer one", breaks: "S25", run: (run) => { for (const n of [2, 1]) run.manager(n).start("registering"); for (const n of [2, 1]) run.manager(n).move("manager.left", "gone"); } },
  { what: "a consumer is sent more than it asked for", breaks: "S26", run: (run) => run.consumer().start("idle").move({ type: "session.open", session: 1 }, "open", granted(0, 2)).move({ type: "job.deliver", session: 1, seq: 3 }, "open").move("consumer.close", "closed") },
  { what: "a consumer passes over a gap", breaks: "S27", run: (run) => run.consumer().start("idle").move({ type: "session.open", session: 1 }, "open", granted(0, 9)).move({ type: "job.deliver", session: 1, seq: 1 }, "open", granted(1, 9)).move({ type: "job.deliver", session: 1, seq: 3 }, "open", granted(3, 9)).move("consumer.close", "closed") },
  { what: "what a failed executor had is driven twice", breaks: "S32", facts: { executor: () => "threads" }, run: (run) => { const task = run.begin(1); const attempt = run.attempt(1).start("queued").move("attempt.sent", "sent"); run.cell("executor", "threads").start("running").move("executor.failed", "failed"); attempt.move("attempt.lost", "lost"); task.move("executor.replaced", "live.ready", dispatch(2)).move("executor.replaced", "live.ready", dispatch(3)).move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "what a failed executor had is driven again as the same attempt", breaks: "S32", facts: { executor: () => "threads" }, run: (run) => { const task = run.task(1).start("waiting"); const attempt = run.attempt(1).start("queued").move("attempt.sent", "sent"); run.cell("executor", "threads").start("running").move("executor.failed", "failed"); attempt.move("attempt.lost", "lost"); task.move("dependency.settled", "live.ready", dispatch(1)).move("task.cancel", "cancelled", settle("cancelled")); } },
  { what: "a silent manager is never held for lost", breaks: "L2", facts: { grace: 100 }, run: (run) => { const manager = run.manager().start("registering").move("manager.accepted", "active", { type: "lease.watch", lease: 500 }).move("lease.waned", "suspect"); run.pass(700); manager.late("manager.heard", "suspect").move("manager.left", "gone"); } },
  { what: "the work of a lost manager is not", breaks: "L2", run: (run) => run.manager().start("registering").move("link.lost", "lost") },
  ...plantedInTime,
  { what: "a rejection of caraway's own is left to the process", breaks: "S33", run: (run) => run.probe({ probe: "process.fault", message: "TypeError: undefined is not a function", own: true }) },
  { what: "an attempt is left open", breaks: "R1", run: (run) => run.attempt(1).start("queued") },
  { what: "a thread outlives its kernel", breaks: "R1", run: (run) => { run.cell("thread", "threads/0").start("starting"); run.cell("kernel", "kernel").start("running").move("kernel.close", "closed"); } },
];

describe("the checker finds what was planted, and nothing else", () => {
  for (const { what, breaks, facts = {}, run } of planted) {
    test(`${breaks}: ${what}`, () => {
      const forged = new ForgedRun();
      run(forged);
      const checker = new InvariantChecker(facts);
      for (const entry of forged.entries) checker.feed(entry);
      checker.end();
      expect(checker.violations.map(({ invariant }) => invariant)).toEqual([breaks]);
      expect(checker.violation?.story.length).toBeGreaterThan(0);
    });
  }

  test("every invariant has something planted for it", () => {
    const planned = new Set(planted.map(({ breaks }) => breaks));
    expect(allInvariants.map((Rule) => new Rule({}).name).filter((name) => !planned.has(name))).toEqual([]);
  });
});

test("a sound run breaks nothing", () => {
  const run = new ForgedRun();
  run.whole(2, "two").pass(3);
  retried(run);
  run.task(1).late({ type: "attempt.succeeded", attempt: 1 }, "done").late("task.cancel", "done");
  run.task(3).start("memo").move({ type: "memo.hit", value: "two" }, "memoized", settle("memoized"));
  const checker = new InvariantChecker(budget(1));
  for (const entry of run.entries) checker.feed(entry);
  checker.end();
  expect(checker.violations).toEqual([]);
});

test("what was driven again after its executor broke may fail in its turn, and be tried again", () => {
  const run = new ForgedRun();
  const task = run.begin(1);
  const attempt = run.attempt(1).start("queued").move("attempt.sent", "sent");
  run.cell("executor", "threads").start("running").move("executor.failed", "failed");
  attempt.move("attempt.lost", "lost");
  task.move({ type: "attempt.failed", attempt: 1 }, "live.ready", dispatch(2)).move({ type: "attempt.failed", attempt: 2 }, "live.ready", dispatch(3)).move("task.cancel", "cancelled", settle("cancelled"));
  const checker = new InvariantChecker({ executor: () => "threads" });
  for (const entry of run.entries) checker.feed(entry);
  expect(checker.violations.filter(({ invariant }) => invariant === "S32")).toEqual([]);
});

test("a task that was cancelled before its executor broke is owed nothing, though its attempt had not ended", () => {
  const run = new ForgedRun();
  const task = run.begin(1);
  const attempt = run.attempt(1).start("queued").move("attempt.sent", "sent");
  task.move("task.cancel", "cancelled", settle("cancelled"));
  run.cell("executor", "threads").start("running").move("executor.failed", "failed");
  attempt.move("attempt.lost", "killed");
  const checker = new InvariantChecker({ executor: () => "threads" });
  for (const entry of run.entries) checker.feed(entry);
  checker.end();
  expect(checker.violations.filter(({ invariant }) => invariant === "S32")).toEqual([]);
});

test("a pool on its own, whose attempts are nobody's tasks, owes no other attempt when it breaks", () => {
  const run = new ForgedRun();
  const attempt = run.attempt(1).start("queued").move("attempt.sent", "sent");
  run.cell("executor", "threads").start("running").move("executor.failed", "failed");
  attempt.move("attempt.lost", "lost");
  const checker = new InvariantChecker({ executor: () => "threads" });
  for (const entry of run.entries) checker.feed(entry);
  checker.end();
  expect(checker.violations.filter(({ invariant }) => invariant === "S32")).toEqual([]);
});

describe("a checker that remembers so many ended tasks", () => {
  const checked = (run: ForgedRun, facts: CheckOptions = {}) => {
    const checker = new InvariantChecker({ ...facts, remember: 2 });
    for (const entry of run.entries) checker.feed(entry);
    checker.end();
    return checker;
  };

  test("finds what is wrong with the last of them", () => {
    const run = new ForgedRun();
    for (const id of [1, 2, 3, 4]) run.whole(id);
    run.task(4).move("task.cancel", "cancelled");
    expect(checked(run).violations.map(({ invariant }) => invariant)).toEqual(["S15"]);
  });

  test("does not look at what comes of older ones, and keeps no story of them", () => {
    const run = new ForgedRun();
    for (const id of [1, 2, 3, 4]) run.whole(id);
    run.task(1).move("task.cancel", "cancelled");
    const checker = checked(run);
    expect(checker.violations).toEqual([]);
    expect(checker.story("task/1")).toEqual([]);
    expect(checker.story("task/4").length).toBeGreaterThan(0);
  });

  test("counts the forgotten ones still", () => {
    const run = new ForgedRun();
    for (const id of [1, 2, 3, 4]) run.whole(id);
    expect(checked(run, { counts: () => ({ done: 4 }) }).violations).toEqual([]);
    expect(checked(run, { counts: () => ({ done: 3 }) }).violations.map(({ invariant }) => invariant)).toEqual(["S10"]);
  });

  test("knows that one that others depend on was done", () => {
    const run = new ForgedRun();
    for (const id of [1, 2, 3, 4, 5]) run.whole(id);
    expect(checked(run, { dependencies: (task) => (task === 5 ? [1] : []) }).violations).toEqual([]);
  });
});

test("a stream is checked to its end", async () => {
  const run = new ForgedRun().whole(1);
  run.task(2).start("waiting");
  const violation = await checkInvariants(new Observable<Entry>((subscriber) => {
    for (const entry of run.entries) subscriber.next(entry);
    subscriber.complete();
  }));
  expect(violation?.invariant).toBe("S1");
});

test("a violation tells the rule, what was seen, and all that happened to the things involved", () => {
  const run = new ForgedRun().whole(1).whole(2);
  run.task(1).move("dependency.settled", "waiting");
  const violation = checkInvariants(run.entries);
  const text = violation === undefined ? "" : describeViolation(violation);
  expect(text).toContain("S1 is broken: every submitted task ends in exactly one final state");
  expect(text).toContain("task 1 had ended as \"done\", and took \"dependency.settled\"");
  expect(text).toContain("attempt/1#1 attempt.answered: sent → answered [attempt.deliver]");
  expect(text).not.toContain("task/2");
});
