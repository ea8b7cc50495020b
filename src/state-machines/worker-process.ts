import { setup } from "xstate";

export interface WorkerProcessContext {
  /** Milliseconds that it may take until its first sign. */
  readonly boot: number;
  /** Milliseconds without a sign after which it is asked for one. */
  readonly waning: number;
  /** Milliseconds without a sign after which it is killed. */
  readonly term: number;
  /** Milliseconds that its end may take then. */
  readonly dying: number;
}

export type WorkerProcessInput = WorkerProcessContext;

export type WorkerProcessMessage =
  /** Anything that has come from it. */
  | { readonly type: "sign.heard" }
  /** It has been silent for as long as was asked for last. */
  | { readonly type: "silence.due" }
  | { readonly type: "process.exited" }
  /** It was killed, and is still there. */
  | { readonly type: "exit.overdue" };

export type WorkerProcessEffect =
  /** One timer: `ms` after its last sign. */
  | { readonly type: "silence.await"; readonly ms: number }
  | { readonly type: "sign.ask" }
  | { readonly type: "process.kill" }
  /** The same timer: `ms` from now. */
  | { readonly type: "exit.await"; readonly ms: number }
  /** Its kernel does not let it end; no code of a task runs in it any more. */
  | { readonly type: "process.forsake" }
  | { readonly type: "timer.cancel" };

const workerProcess = setup({
  types: { context: {} as WorkerProcessContext, events: {} as WorkerProcessMessage, input: {} as WorkerProcessInput, emitted: {} as WorkerProcessEffect, tags: {} as "present" | "final" },
});

const silence = (until: (context: WorkerProcessContext) => number) => workerProcess.emit(({ context }) => ({ type: "silence.await", ms: until(context) }));
const over = { target: "gone", actions: workerProcess.emit({ type: "timer.cancel" }) };

/**
 * A process with workers, as its pool hears it. Its main thread runs no code of tasks and says every now and then that it is there, so one
 * that says nothing for its whole term stands still: it is killed, and what ran in it is lost.
 */
export const workerProcessMachine = workerProcess.createMachine({
  id: "worker-process",
  context: ({ input }) => ({ ...input }),
  initial: "starting",
  options: { maxIterations: 100 },
  states: {
    starting: {
      entry: silence((context) => context.boot),
      on: {
        "sign.heard": "present",
        "silence.due": "lost",
        "process.exited": over,
      },
    },
    present: {
      tags: ["present"],
      entry: silence((context) => context.waning),
      on: {
        "sign.heard": {},
        "silence.due": "suspect",
        "process.exited": over,
      },
    },
    suspect: {
      entry: [workerProcess.emit({ type: "sign.ask" }), silence((context) => context.term)],
      on: {
        "sign.heard": "present",
        "silence.due": "lost",
        "process.exited": over,
      },
    },
    lost: {
      entry: [workerProcess.emit({ type: "process.kill" }), workerProcess.emit(({ context }) => ({ type: "exit.await", ms: context.dying }))],
      on: {
        // What had been on its way.
        "sign.heard": {},
        "process.exited": over,
        "exit.overdue": { target: "forsaken", actions: workerProcess.emit({ type: "process.forsake" }) },
      },
    },
    gone: { type: "final", tags: ["final"] },
    forsaken: { type: "final", tags: ["final"] },
  },
});
