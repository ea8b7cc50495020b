import { setup } from "xstate";

export interface KernelContext {
  reason: unknown;
}

export type KernelMessage =
  | { readonly type: "kernel.started" }
  /** A part could not start, or broke one of its own rules. */
  | { readonly type: "kernel.failed"; readonly error: unknown }
  | { readonly type: "kernel.close"; readonly mode: "wait" | "cancel"; readonly timeout: number | undefined }
  | { readonly type: "tasks.settled" }
  | { readonly type: "close.expired" }
  | { readonly type: "executors.stopped" };

export type KernelEffect =
  /** Tells `tasks.settled` once no task is open. */
  | { readonly type: "tasks.watch" }
  | { readonly type: "tasks.cancel" }
  | { readonly type: "timer.start"; readonly ms: number }
  | { readonly type: "timer.cancel" }
  | { readonly type: "executors.stop" }
  /** Every open future rejects with the error. */
  | { readonly type: "futures.reject"; readonly error: unknown }
  | { readonly type: "kernel.announce"; readonly outcome: "started" | "closed" | "failed" };

const kernel = setup({
  types: { context: {} as KernelContext, events: {} as KernelMessage, emitted: {} as KernelEffect, tags: {} as "accepting" | "final" },
  guards: {
    cancelsWork: ({ event }) => event.type === "kernel.close" && event.mode === "cancel",
    cancelsInTime: ({ event }) => event.type === "kernel.close" && event.mode === "cancel" && event.timeout !== undefined,
    hasTimeLimit: ({ event }) => event.type === "kernel.close" && event.timeout !== undefined,
  },
});

const watch = kernel.emit({ type: "tasks.watch" });
const cancel = kernel.emit({ type: "tasks.cancel" });
const startTimer = kernel.emit(({ event }) => ({ type: "timer.start", ms: event.type === "kernel.close" ? (event.timeout ?? 0) : 0 }));
const stopExecutors = kernel.emit({ type: "executors.stop" });
const reject = kernel.emit(({ context }) => ({ type: "futures.reject", error: context.reason }));
const announce = (outcome: "started" | "closed" | "failed") => kernel.emit({ type: "kernel.announce", outcome });
const fail = { target: "#kernel.failed", actions: kernel.assign({ reason: ({ event }: { event: KernelMessage }) => ("error" in event ? event.error : undefined) }) };

/** The life of a kernel. It closes in one direction only, and what had started ends in reverse. */
export const kernelMachine = kernel.createMachine({
  id: "kernel",
  context: { reason: undefined },
  initial: "starting",
  options: { maxIterations: 100 },
  states: {
    starting: {
      on: {
        "kernel.started": { target: "running", actions: announce("started") },
        "kernel.failed": fail,
        "kernel.close": { target: "closing", actions: [cancel, stopExecutors] },
      },
    },
    running: {
      tags: ["accepting"],
      on: {
        "kernel.close": [
          { guard: "cancelsInTime", target: "draining", actions: [startTimer, cancel, watch] },
          { guard: "cancelsWork", target: "draining", actions: [cancel, watch] },
          { guard: "hasTimeLimit", target: "draining", actions: [startTimer, watch] },
          { target: "draining", actions: watch },
        ],
        "kernel.failed": fail,
      },
    },
    draining: {
      on: {
        "tasks.settled": { target: "closing", actions: [kernel.emit({ type: "timer.cancel" }), stopExecutors] },
        "close.expired": { target: "closing", actions: [cancel, stopExecutors] },
        // Of several time limits the soonest counts.
        "kernel.close": [
          { guard: "cancelsInTime", actions: [startTimer, cancel] },
          { guard: "cancelsWork", actions: cancel },
          { guard: "hasTimeLimit", actions: startTimer },
          {},
        ],
        "kernel.failed": fail,
      },
    },
    closing: {
      on: {
        "executors.stopped": "closed",
        "tasks.settled": {},
        "close.expired": {},
        "kernel.started": {},
        "kernel.close": {},
        "kernel.failed": fail,
      },
    },
    closed: { type: "final", tags: ["final"], entry: announce("closed") },
    failed: { type: "final", tags: ["final"], entry: [reject, stopExecutors, announce("failed")] },
  },
});
