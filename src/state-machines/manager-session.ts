import { setup } from "xstate";

export interface SessionContext {
  /** Tries in a row that came to nothing. */
  tries: number;
  /** Why it ended, where it did not end as it was meant to. */
  error: unknown;
}

export type SessionInput = Readonly<Record<string, never>>;

export type SessionMessage =
  | { readonly type: "pool.started" }
  | { readonly type: "pool.failed"; readonly error: unknown }
  | { readonly type: "link.made" }
  /** The head could not be reached; it may be later. */
  | { readonly type: "link.failed"; readonly error: unknown }
  /** The head will never have this manager: wrong key, another version, a revoked block. */
  | { readonly type: "link.refused"; readonly error: unknown }
  | { readonly type: "link.lost" }
  | { readonly type: "session.accepted" }
  | { readonly type: "retry.due" }
  | { readonly type: "manager.drain" }
  /** All it had is done, and told. */
  | { readonly type: "work.finished" }
  | { readonly type: "manager.stop" }
  /** The head has not been heard of for so long that nobody waits for what is here any more. */
  | { readonly type: "lease.over" }
  | { readonly type: "pool.stopped" };

export type SessionEffect =
  | { readonly type: "link.make" }
  | { readonly type: "head.register" }
  | { readonly type: "retry.await"; readonly tries: number }
  /** From now on what is done is told, and what was not told is told again. */
  | { readonly type: "answers.send" }
  | { readonly type: "work.watch" }
  | { readonly type: "pool.stop" }
  | { readonly type: "head.leave" }
  | { readonly type: "process.end"; readonly failed: boolean; readonly error: unknown };

const session = setup({
  types: { context: {} as SessionContext, events: {} as SessionMessage, input: {}, emitted: {} as SessionEffect, tags: {} as "linked" | "final" },
});

const keepError = session.assign({ error: ({ event }: { event: SessionMessage }) => ("error" in event ? event.error : undefined) });
const count = session.assign({ tries: ({ context }) => context.tries + 1 });
const restart = session.assign({ tries: 0 });
const make = session.emit({ type: "link.make" });
const retry = session.emit(({ context }) => ({ type: "retry.await", tries: context.tries + 1 }));
const stopPool = session.emit({ type: "pool.stop" });
const stop = { target: "stopping", actions: stopPool };
const fail = { target: "stopping", actions: [keepError, stopPool] };
const again = { target: "waiting", actions: [retry, count] };
const endFailed = session.emit(({ event }: { event: SessionMessage }) => ({ type: "process.end", failed: true, error: "error" in event ? event.error : undefined }));
const endNow = session.emit(({ context }) => ({ type: "process.end", failed: context.error !== undefined, error: context.error }));
const watch = session.emit({ type: "work.watch" });

/** The life of a manager in its own process: it keeps a link to the head for as long as there is a head, whatever becomes of single links. */
export const managerSessionMachine = session.createMachine({
  id: "manager-session",
  context: { tries: 0, error: undefined },
  initial: "starting",
  options: { maxIterations: 100 },
  states: {
    starting: {
      on: {
        "pool.started": { target: "connecting", actions: make },
        "pool.failed": { target: "gone", actions: [keepError, endFailed] },
        "manager.stop": stop,
        "lease.over": stop,
        "manager.drain": {},
        "work.finished": {},
        "link.made": {},
        "link.failed": {},
        "link.refused": {},
        "link.lost": {},
        "session.accepted": {},
        "retry.due": {},
        "pool.stopped": {},
      },
    },
    connecting: {
      on: {
        "link.made": { target: "registering", actions: session.emit({ type: "head.register" }) },
        "link.failed": again,
        "link.refused": fail,
        "manager.stop": stop,
        "lease.over": stop,
        "pool.failed": fail,
        "pool.started": {},
        "link.lost": {},
        "session.accepted": {},
        "retry.due": {},
        "manager.drain": {},
        "work.finished": {},
        "pool.stopped": {},
      },
    },
    waiting: {
      on: {
        "retry.due": { target: "connecting", actions: make },
        "manager.stop": stop,
        "lease.over": stop,
        "pool.failed": fail,
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "link.refused": {},
        "link.lost": {},
        "session.accepted": {},
        "manager.drain": {},
        "work.finished": {},
        "pool.stopped": {},
      },
    },
    registering: {
      on: {
        "session.accepted": { target: "active", actions: [restart, session.emit({ type: "answers.send" })] },
        "link.refused": fail,
        "link.lost": again,
        "manager.stop": stop,
        "lease.over": stop,
        "pool.failed": fail,
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "retry.due": {},
        "manager.drain": {},
        "work.finished": {},
        "pool.stopped": {},
      },
    },
    active: {
      tags: ["linked"],
      on: {
        "link.lost": again,
        "manager.drain": { target: "draining", actions: watch },
        "manager.stop": stop,
        "lease.over": stop,
        "pool.failed": fail,
        "link.refused": fail,
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "session.accepted": {},
        "retry.due": {},
        "work.finished": {},
        "pool.stopped": {},
      },
    },
    // The head sends nothing new; it says so again where the link is made anew.
    draining: {
      tags: ["linked"],
      on: {
        "work.finished": stop,
        "link.lost": again,
        "manager.stop": stop,
        "lease.over": stop,
        "pool.failed": fail,
        "link.refused": fail,
        "manager.drain": {},
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "session.accepted": {},
        "retry.due": {},
        "pool.stopped": {},
      },
    },
    stopping: {
      on: {
        "pool.stopped": { target: "gone", actions: [session.emit({ type: "head.leave" }), endNow] },
        "pool.failed": {},
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "link.refused": {},
        "link.lost": {},
        "session.accepted": {},
        "retry.due": {},
        "manager.drain": {},
        "work.finished": {},
        "manager.stop": {},
        "lease.over": {},
      },
    },
    gone: { type: "final", tags: ["final"] },
  },
});
