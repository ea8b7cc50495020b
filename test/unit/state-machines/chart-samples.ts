import type { Typed } from "#internal/actors/compile";
import type { AttemptInput, AttemptMessage } from "#internal/state-machines/attempt";
import type { KernelMessage } from "#internal/state-machines/kernel";
import type { TaskInput, TaskMessage } from "#internal/state-machines/task";
import type { ThreadInput, ThreadMessage } from "#internal/state-machines/thread";

interface Sample<I, M> {
  readonly input?: I;
  readonly messages: readonly M[];
}

const error = new Error("planned");
const failure = { attempt: 1, error, charge: "app", cost: 1, retryable: true, delay: 10, held: false } as const;

const task: Sample<TaskInput, TaskMessage> = {
  input: { taskId: 7, spec: { retries: 2, lost: 2, memoized: true, stages: true, publishes: true, joins: true }, waitingFor: 2 },
  messages: [
    { type: "dependency.failed", error },
    { type: "memo.hit", value: 1 },
    { type: "attempt.sent", attempt: 1 },
    { type: "attempt.succeeded", attempt: 1, value: "v" },
    { type: "attempt.failed", ...failure },
    { type: "attempt.failed", ...failure, charge: "lost" },
    { type: "attempt.failed", ...failure, charge: "none", delay: 0, held: true },
    { type: "outputs.failed", ...failure },
    { type: "join.resolved", value: 2 },
    { type: "join.failed", error },
    { type: "task.cancel", error },
  ],
};

const attempt: Sample<AttemptInput, AttemptMessage> = {
  input: { taskId: 7, attempt: 1, walltime: 100 },
  messages: [
    { type: "attempt.started", elapsed: 3 },
    { type: "attempt.answered", answer: "a" },
    { type: "attempt.cancel", why: "cancelled" },
    { type: "attempt.cancel", why: "closing" },
    { type: "attempt.lost", loss: "exit" },
    { type: "attempt.refused", error },
  ],
};

const thread: Sample<ThreadInput, ThreadMessage> = { input: { lane: 1, patience: 50 }, messages: [{ type: "thread.exited", end: { code: 1 } }] };

const kernel: Sample<undefined, KernelMessage> = {
  messages: [
    { type: "kernel.failed", error },
    { type: "kernel.close", mode: "wait", timeout: undefined },
    { type: "kernel.close", mode: "cancel", timeout: 5 },
  ],
};

/** Inputs, and messages with contents, for exploring the charts. */
export const samples: Readonly<Record<string, Sample<unknown, Typed>>> = { task, attempt, thread, kernel };
