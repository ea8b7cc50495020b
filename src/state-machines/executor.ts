import { setup } from "xstate";

export interface ExecutorContext {
  readonly label: string;
  reason: unknown;
}

export interface ExecutorInput {
  readonly label: string;
}

export type ExecutorMessage =
  | { readonly type: "executor.started" }
  | { readonly type: "executor.failed"; readonly error: unknown }
  /** There is work, or room for work. */
  | { readonly type: "work.offered" }
  /** Fewer workers than asked for, or a zombie among them. */
  | { readonly type: "workers.missing" }
  | { readonly type: "workers.complete" }
  /** Work is taken, and none is sent on until `executor.resume`. */
  | { readonly type: "executor.hold" }
  | { readonly type: "executor.resume" }
  /** No new work; what is there is finished. */
  | { readonly type: "executor.drain" }
  | { readonly type: "work.finished" }
  /** No new work, and what is there is stopped. */
  | { readonly type: "executor.stop" }
  | { readonly type: "workers.gone" };

export type ExecutorEffect =
  | { readonly type: "work.send" }
  | { readonly type: "work.refuse"; readonly error: unknown }
  | { readonly type: "work.watch" }
  | { readonly type: "work.cancel" }
  | { readonly type: "workers.stop" }
  | { readonly type: "executor.announce"; readonly outcome: "started" | "stopped" | "failed" };

const executor = setup({
  types: { context: {} as ExecutorContext, events: {} as ExecutorMessage, input: {} as ExecutorInput, emitted: {} as ExecutorEffect, tags: {} as "accepting" | "final" },
});

const send = executor.emit({ type: "work.send" });
const keepReason = executor.assign({ reason: ({ event }: { event: ExecutorMessage }) => ("error" in event ? event.error : undefined) });
const refuse = executor.emit(({ context }) => ({ type: "work.refuse", error: context.reason }));
const announce = (outcome: "started" | "stopped" | "failed") => executor.emit({ type: "executor.announce", outcome });
const fail = { target: "#executor.failed", actions: [keepReason, refuse, executor.emit({ type: "workers.stop" }), announce("failed")] };
const stop = { target: "#executor.stopping", actions: [executor.emit({ type: "work.cancel" }), executor.emit({ type: "workers.stop" })] };
const hold = { target: "#executor.held" };
const drain = { target: "#executor.draining", actions: executor.emit({ type: "work.watch" }) };

/** What takes work and has it done: a pool of threads, or (in another form) blocks of a cluster. */
export const executorMachine = executor.createMachine({
  id: "executor",
  context: ({ input }) => ({ label: input.label, reason: undefined }),
  initial: "starting",
  options: { maxIterations: 100 },
  states: {
    starting: {
      tags: ["accepting"],
      on: {
        "executor.started": { target: "running", actions: [announce("started"), send] },
        "executor.failed": fail,
        "executor.drain": drain,
        "executor.stop": stop,
        "executor.hold": {},
        "executor.resume": {},
        "work.offered": {},
        "workers.missing": {},
        "workers.complete": {},
      },
    },
    running: {
      tags: ["accepting"],
      on: {
        "work.offered": { actions: send },
        "workers.missing": "degraded",
        "workers.complete": {},
        "executor.failed": fail,
        "executor.drain": drain,
        "executor.stop": stop,
        "executor.hold": hold,
        "executor.resume": {},
      },
    },
    degraded: {
      tags: ["accepting"],
      on: {
        "work.offered": { actions: send },
        "workers.missing": {},
        "workers.complete": "running",
        "executor.failed": fail,
        "executor.drain": drain,
        "executor.stop": stop,
        "executor.hold": hold,
        "executor.resume": {},
      },
    },
    // Whoever gave it the work may have given it to others meanwhile: nothing new begins.
    held: {
      tags: ["accepting"],
      on: {
        "executor.resume": { target: "running", actions: send },
        "executor.hold": {},
        "work.offered": {},
        "workers.missing": {},
        "workers.complete": {},
        "executor.failed": fail,
        "executor.drain": drain,
        "executor.stop": stop,
      },
    },
    draining: {
      on: {
        "executor.hold": {},
        "executor.resume": {},
        "executor.started": { actions: send },
        "work.offered": { actions: send },
        "workers.missing": {},
        "workers.complete": {},
        "work.finished": { target: "stopping", actions: executor.emit({ type: "workers.stop" }) },
        "executor.drain": {},
        "executor.failed": fail,
        "executor.stop": stop,
      },
    },
    stopping: {
      on: {
        "executor.hold": {},
        "executor.resume": {},
        "executor.started": {},
        "work.offered": {},
        "work.finished": {},
        "workers.missing": {},
        "workers.complete": {},
        "executor.drain": {},
        "executor.stop": {},
        "executor.failed": {},
        "workers.gone": "stopped",
      },
    },
    stopped: { type: "final", tags: ["final"], entry: announce("stopped") },
    failed: { type: "final", tags: ["final"] },
  },
});
