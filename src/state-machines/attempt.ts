import { setup } from "xstate";

/** Why an attempt is stopped before it answered. */
export type StopReason = "cancelled" | "walltime" | "closing";

export interface AttemptContext {
  /** Milliseconds from the start on the worker; 0 where there is no limit. */
  readonly walltime: number;
  why: StopReason | undefined;
}

export interface AttemptInput {
  readonly walltime: number;
}

export type AttemptMessage =
  /** `far`: its queue is elsewhere, and tells when it was sent some time later. */
  | { readonly type: "attempt.sent"; readonly far?: true }
  /** The worker claimed it; `elapsed` is how long ago, in milliseconds. */
  | { readonly type: "attempt.started"; readonly elapsed: number }
  | { readonly type: "attempt.answered"; readonly answer: unknown }
  | { readonly type: "attempt.cancel"; readonly why: StopReason }
  /** The claim word was still `sent`: user code of it never begins. */
  | { readonly type: "claim.revoked" }
  /** The worker was quicker. */
  | { readonly type: "claim.refused" }
  /** Its worker ended before it was claimed. `far`: it waits again where its queue is, and what it was taken back for is still on its way there. */
  | { readonly type: "attempt.unclaimed"; readonly far?: true }
  /** Its worker ended under it, or with its answer. */
  | { readonly type: "attempt.lost"; readonly loss: unknown }
  /** It had been claimed, and its worker was told to end and does not: it is inside a native call. */
  | { readonly type: "attempt.haunted"; readonly loss: unknown }
  | { readonly type: "attempt.refused"; readonly error: unknown }
  | { readonly type: "walltime.expired" };

export type AttemptEffect =
  | { readonly type: "attempt.report"; readonly outcome: "started" | "requeued" | "revoked" }
  | { readonly type: "attempt.deliver"; readonly answer: unknown }
  | { readonly type: "attempt.mourn"; readonly loss: unknown; readonly why: StopReason | undefined; readonly held: boolean }
  | { readonly type: "attempt.refuse"; readonly error: unknown }
  | { readonly type: "claim.revoke" }
  | { readonly type: "worker.stop"; readonly why: StopReason }
  | { readonly type: "work.requeue" }
  | { readonly type: "timer.start"; readonly ms: number }
  | { readonly type: "timer.cancel" };

const attempt = setup({
  types: { context: {} as AttemptContext, events: {} as AttemptMessage, input: {} as AttemptInput, emitted: {} as AttemptEffect, tags: {} as "queued" | "out" | "live" | "recalled" | "final" },
  guards: {
    isFar: ({ event }) => "far" in event && event.far !== undefined,
    hasWalltime: ({ context }) => context.walltime > 0,
    endedInTime: ({ context, event }) => context.why === "walltime" && "answer" in event && timeOf(event.answer) <= context.walltime,
  },
});

/** How long it ran on its worker, where the answer tells. */
function timeOf(answer: unknown): number {
  return (answer as { readonly ms?: number } | null | undefined)?.ms ?? Infinity;
}

const remember = attempt.assign({ why: ({ event }) => ("why" in event ? event.why : event.type === "walltime.expired" ? "walltime" : undefined) });
const report = (outcome: "started" | "requeued" | "revoked") => attempt.emit({ type: "attempt.report", outcome });
const deliver = attempt.emit(({ event }) => ({ type: "attempt.deliver", answer: "answer" in event ? event.answer : undefined }));
const mourn = attempt.emit(({ context, event }) => ({ type: "attempt.mourn", loss: "loss" in event ? event.loss : undefined, why: context.why, held: event.type === "attempt.haunted" }));
const refuse = attempt.emit(({ event }) => ({ type: "attempt.refuse", error: "error" in event ? event.error : undefined }));
const stopWorker = attempt.emit(({ context }) => ({ type: "worker.stop", why: context.why ?? "cancelled" }));
const startTimer = attempt.emit(({ context, event }) => ({ type: "timer.start", ms: Math.max(0, context.walltime - ("elapsed" in event ? event.elapsed : 0)) }));
const cancelTimer = attempt.emit({ type: "timer.cancel" });

const onStarted = [
  { guard: "hasWalltime" as const, target: "started", actions: [report("started"), startTimer] },
  { target: "started", actions: report("started") },
];

/** One attempt of one task at its executor. Whatever the worker says after a final state is late, and counted. */
export const attemptMachine = attempt.createMachine({
  id: "attempt",
  context: ({ input }) => ({ walltime: input.walltime, why: undefined }),
  initial: "queued",
  options: { maxIterations: 100 },
  states: {
    queued: {
      tags: ["queued"],
      on: {
        "attempt.sent": "sent",
        "attempt.cancel": { target: "revoked", actions: [remember, report("revoked")] },
        "attempt.refused": { target: "lost", actions: refuse },
        // Its executor broke, and what waited there goes to another.
        "attempt.lost": { target: "lost", actions: mourn },
      },
    },
    sent: {
      // Its code may begin, or go on.
      tags: ["out", "live"],
      on: {
        "attempt.sent": {},
        "attempt.started": onStarted,
        "attempt.answered": { target: "answered", actions: deliver },
        "attempt.cancel": { target: "revoking", actions: [remember, attempt.emit({ type: "claim.revoke" })] },
        "attempt.unclaimed": { target: "queued", actions: [report("requeued"), attempt.emit({ type: "work.requeue" })] },
        "attempt.lost": { target: "lost", actions: mourn },
        // Its start had not been seen yet, and its code runs: it must not run a second time beside that.
        "attempt.haunted": { target: "killed", actions: mourn },
      },
    },
    revoking: {
      tags: ["out", "recalled"],
      on: {
        "attempt.sent": {},
        "claim.revoked": { target: "revoked", actions: report("revoked") },
        "claim.refused": { target: "killing", actions: stopWorker },
        "attempt.started": {},
        "attempt.cancel": {},
        "attempt.answered": { target: "killed", actions: mourn },
        // It may be sent again before its queue hears that it is not wanted.
        "attempt.unclaimed": [{ guard: "isFar" }, { target: "revoked", actions: report("revoked") }],
        "attempt.lost": { target: "killed", actions: mourn },
        "attempt.haunted": { target: "killed", actions: mourn },
      },
    },
    started: {
      tags: ["out", "live"],
      on: {
        "attempt.sent": {},
        "attempt.started": {},
        "attempt.answered": [
          { guard: "hasWalltime", target: "answered", actions: [cancelTimer, deliver] },
          { target: "answered", actions: deliver },
        ],
        "attempt.cancel": { target: "killing", actions: [remember, cancelTimer, stopWorker] },
        "walltime.expired": { target: "killing", actions: [remember, stopWorker] },
        "attempt.lost": { target: "lost", actions: [cancelTimer, mourn] },
        // The thread was told to stop for another reason and is stuck under this very attempt.
        "attempt.haunted": { target: "killed", actions: [cancelTimer, mourn] },
      },
    },
    killing: {
      tags: ["out", "recalled"],
      on: {
        "attempt.sent": {},
        "attempt.started": {},
        "attempt.cancel": {},
        "walltime.expired": {},
        "claim.revoked": {},
        "claim.refused": {},
        // The answer of one that ended within its walltime may have been on its way while that ran out.
        "attempt.answered": [
          { guard: "endedInTime", target: "answered", actions: deliver },
          { target: "killed", actions: mourn },
        ],
        "attempt.lost": { target: "killed", actions: mourn },
        "attempt.unclaimed": [{ guard: "isFar" }, { target: "killed", actions: mourn }],
        "attempt.haunted": { target: "killed", actions: mourn },
      },
    },
    answered: { type: "final", tags: ["final"] },
    revoked: { type: "final", tags: ["final"] },
    lost: { type: "final", tags: ["final"] },
    killed: { type: "final", tags: ["final"] },
  },
});
