import { expect, test } from "vitest";
import { failureOf, type Loss } from "#internal/executors/thread-pool/failures";
import type { CarawayError } from "#internal/errors/index";
import type { Attempt } from "#internal/executors/thread-pool/attempt";

const attempt = (number = 1) => ({ number, lane: { index: 2 }, work: { taskId: 9, walltime: 100, app: { name: "tally" } } }) as unknown as Attempt;
const loss = (more: Partial<Loss>): Loss => ({ end: { code: 1 }, fate: "started", bystander: false, ...more });
const outOfMemory = Object.assign(new Error("reached heap limit"), { code: "ERR_WORKER_OUT_OF_MEMORY" });

test.each<[string, Loss, string, string]>([
  ["process.exit", loss({ end: { code: 3 } }), "AppExit", "app"],
  ["memory that ran out", loss({ end: { code: 1, error: outOfMemory } }), "MemoryExceeded", "app"],
  ["an engine that failed", loss({ end: { code: 1, error: new Error("fatal") } }), "WorkerLost", "lost"],
  ["the death of the process", loss({ end: { code: null, signal: "SIGSEGV", host: true } }), "ManagerLost", "lost"],
  ["the death of the process, after its end", loss({ end: { code: null, signal: "SIGSEGV", host: true }, fate: "ended" }), "WorkerLost", "none"],
  ["a stop on account of another", loss({ bystander: true }), "WorkerLost", "none"],
  ["an exit after its end", loss({ fate: "ended" }), "WorkerLost", "none"],
])("%s is told of and charged as what it was", (_, what, name, charge) => {
  const failure = failureOf(attempt(), "threads", undefined, what, false);
  expect([failure.error.name, failure.charge]).toEqual([name, charge]);
  expect(failure.error).toMatchObject({ where: { task: 9, attempt: 1, app: "tally", executor: "threads", worker: "threads/2" } });
  expect(failure.error.message).toContain("tally");
});

test.each([
  ["T (stopped)", /SIGSTOP/],
  ["t (stopped by a debugger)", /debugger/],
  ["D (in a call of its kernel that cannot be interrupted)", /file system/],
  ["R (running)", /fewer tasks/],
  [undefined, /out of memory/],
])("a process that stood still (%s) is told of with what was seen of it, since when, and what to do", (state, advice) => {
  const since = Date.UTC(2026, 0, 2, 3, 4, 5);
  const { error, charge } = failureOf(attempt(), "threads", undefined, loss({ end: { code: null, signal: "SIGKILL", host: true, pid: 77, silence: { pid: 77, silentMs: 30_120, since, state } } }), false);
  expect(charge).toBe("lost");
  expect(error).toMatchObject({ name: "ManagerLost", code: "CW-EXEC-006", evidence: { pid: 77, silentMs: 30_120, since: "2026-01-02T03:04:05.000Z", state }, where: { worker: "threads/2" } });
  expect(error.message).toBe(`the process that ran tally (task 9, attempt 1) stood still and was killed: it said nothing for 30.1 s, since 2026-01-02T03:04:05.000Z${state === undefined ? "" : `; its state in /proc was ${state}`}`);
  expect((error as CarawayError).hint).toMatch(advice);
});

test("a walltime is the app's, whatever became of the worker, and says whether its code goes on", () => {
  expect(failureOf(attempt(), "threads", "walltime", loss({ bystander: true }), true)).toMatchObject({ charge: "app", held: true, error: { name: "AppTimeout", evidence: { walltimeMs: 100, stillRunning: true } } });
});

test("losses that cost nothing cost something in the end: nothing goes on for ever", () => {
  expect(failureOf(attempt(10), "threads", undefined, loss({ fate: "ended" }), false).charge).toBe("none");
  expect(failureOf(attempt(11), "threads", undefined, loss({ fate: "ended" }), false).charge).toBe("lost");
});
