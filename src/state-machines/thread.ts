import { setup } from "xstate";

/** What a worker was ended for that used too much memory; bytes. */
export interface MemoryUse {
  readonly used: number;
  readonly peak: number;
  readonly limit: number;
  /** Whose limit it is. */
  readonly of: "worker" | "command" | "node";
  readonly pid: number;
}

/** A process that stood still, as its pool saw it. */
export interface Silence {
  readonly pid: number | undefined;
  /** As far as its pool could have heard it. */
  readonly silentMs: number;
  /** Its last sign, or its start where there was none: milliseconds since 1970. */
  readonly since: number;
  /** What the kernel said of its main thread when it was killed, where that could be seen. */
  readonly state: string | undefined;
}

/** How a worker thread or slot process ended. */
export interface ThreadEnd {
  /** Of the process that has ended with it. */
  readonly pid?: number;
  /** `process.exit` code, or 1 where an error ended it. */
  readonly code: number | null;
  readonly signal?: string | undefined;
  readonly error?: unknown;
  /** It was ended because of the memory that it used. */
  readonly memory?: MemoryUse;
  /** Its process was killed because it stood still. */
  readonly silence?: Silence;
  /** The process around it is gone too. */
  readonly host?: boolean;
  /** The process around it was ended because of another worker in it. */
  readonly onAccountOfAnother?: boolean;
}

export interface ThreadContext {
  readonly lane: number;
  /** Milliseconds to wait for its exit before it counts as a zombie. */
  readonly patience: number;
  end: ThreadEnd | undefined;
}

export interface ThreadInput {
  readonly lane: number;
  readonly patience: number;
}

export type ThreadMessage =
  | { readonly type: "thread.ready" }
  | { readonly type: "work.sent" }
  | { readonly type: "work.drained" }
  /** Ends at once, whatever runs in it. */
  | { readonly type: "thread.stop" }
  | { readonly type: "thread.exited"; readonly end: ThreadEnd }
  | { readonly type: "patience.expired" };

export type ThreadEffect =
  | { readonly type: "lane.open" }
  | { readonly type: "thread.kill" }
  | { readonly type: "timer.start"; readonly ms: number }
  | { readonly type: "timer.cancel" }
  /** Its attempts are settled by their claim words, and the lane gets a new thread if it is wanted. */
  | { readonly type: "lane.vacate"; readonly end: ThreadEnd | undefined; readonly started: boolean }
  /** It does not end: the lane gets a new thread, its attempts settle, and what they may still do is fenced off. */
  | { readonly type: "lane.haunt" }
  | { readonly type: "zombie.bury" };

const thread = setup({
  types: { context: {} as ThreadContext, events: {} as ThreadMessage, input: {} as ThreadInput, emitted: {} as ThreadEffect, tags: {} as "open" | "alive" | "zombie" | "final" },
});

const keepEnd = thread.assign({ end: ({ event }) => ("end" in event ? event.end : undefined) });
const vacate = (started: boolean) => thread.emit(({ context }) => ({ type: "lane.vacate", end: context.end, started }));
const kill = [thread.emit({ type: "thread.kill" }), thread.emit(({ context }) => ({ type: "timer.start", ms: context.patience }))];
const cancelTimer = thread.emit({ type: "timer.cancel" });

/** A worker thread, or a slot process. A stop is never graceful here: what should finish is waited for before. */
export const threadMachine = thread.createMachine({
  id: "thread",
  context: ({ input }) => ({ lane: input.lane, patience: input.patience, end: undefined }),
  initial: "starting",
  options: { maxIterations: 100 },
  states: {
    starting: {
      tags: ["alive"],
      on: {
        "thread.ready": { target: "idle", actions: thread.emit({ type: "lane.open" }) },
        "thread.stop": { target: "stopping", actions: kill },
        "thread.exited": { target: "gone", actions: [keepEnd, vacate(false)] },
      },
    },
    idle: {
      tags: ["open", "alive"],
      on: {
        "work.sent": "busy",
        "work.drained": {},
        "thread.stop": { target: "stopping", actions: kill },
        "thread.exited": { target: "gone", actions: [keepEnd, vacate(true)] },
      },
    },
    busy: {
      tags: ["open", "alive"],
      on: {
        "work.sent": {},
        "work.drained": "idle",
        "thread.stop": { target: "stopping", actions: kill },
        "thread.exited": { target: "gone", actions: [keepEnd, vacate(true)] },
      },
    },
    stopping: {
      tags: ["alive"],
      on: {
        "thread.ready": {},
        "thread.stop": {},
        "work.sent": {},
        "work.drained": {},
        "thread.exited": { target: "gone", actions: [keepEnd, cancelTimer, vacate(true)] },
        "patience.expired": { target: "zombie", actions: thread.emit({ type: "lane.haunt" }) },
      },
    },
    zombie: {
      tags: ["zombie"],
      on: {
        "thread.ready": {},
        "thread.stop": {},
        "work.sent": {},
        "work.drained": {},
        "thread.exited": { target: "gone", actions: [keepEnd, thread.emit({ type: "zombie.bury" })] },
      },
    },
    gone: { type: "final", tags: ["final"] },
  },
});
