import { setup } from "xstate";

export interface SessionContext {
  /** Tries in a row that came to nothing. */
  tries: number;
  /** Why it ended, where it did not end as it was meant to. */
  error: unknown;
}

export type SessionInput = Readonly<Record<string, never>>;

/** What the head knows of it over the present link: nothing; that it is there; or all that it had not been told of before. */
export type Standing = "unlinked" | "registered" | "linked";

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
  /** Work may begin now, or may not begin any more: where the lease allows it too. */
  | { readonly type: "starts.settle" }
  | { readonly type: "pool.stop" }
  | { readonly type: "head.leave"; readonly standing: Standing }
  | { readonly type: "process.end"; readonly failed: boolean; readonly error: unknown };

const session = setup({
  types: { context: {} as SessionContext, events: {} as SessionMessage, input: {}, emitted: {} as SessionEffect, tags: {} as "linked" | "takes-work" | "stopping" | "final" },
});

const keepError = session.assign({ error: ({ event }: { event: SessionMessage }) => ("error" in event ? event.error : undefined) });
const count = session.assign({ tries: ({ context }) => context.tries + 1 });
const restart = session.assign({ tries: 0 });
const make = session.emit({ type: "link.make" });
const retry = session.emit(({ context }) => ({ type: "retry.await", tries: context.tries + 1 }));
const stopPool = session.emit({ type: "pool.stop" });
const stopFrom = (standing: Standing) => ({ target: `#manager-session.stopping.${standing}` as const, actions: stopPool });
const failFrom = (standing: Standing) => ({ target: `#manager-session.stopping.${standing}` as const, actions: [keepError, stopPool] });
const again = { target: "waiting", actions: [retry, count] };
const endFailed = session.emit(({ event }: { event: SessionMessage }) => ({ type: "process.end", failed: true, error: "error" in event ? event.error : undefined }));
const endNow = session.emit(({ context }) => ({ type: "process.end", failed: context.error !== undefined, error: context.error }));
const settle = session.emit({ type: "starts.settle" });
const drop = { target: "waiting", actions: [retry, count, settle] };
const leave = (standing: Standing) => ({ target: "#manager-session.gone", actions: [session.emit({ type: "head.leave", standing }), endNow] });

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
        "manager.stop": stopFrom("unlinked"),
        "lease.over": stopFrom("unlinked"),
        "manager.drain": {},
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
        "link.refused": failFrom("unlinked"),
        "manager.stop": stopFrom("unlinked"),
        "lease.over": stopFrom("unlinked"),
        "pool.failed": failFrom("unlinked"),
        "pool.started": {},
        "link.lost": {},
        "session.accepted": {},
        "retry.due": {},
        "manager.drain": {},
        "pool.stopped": {},
      },
    },
    waiting: {
      on: {
        "retry.due": { target: "connecting", actions: make },
        "manager.stop": stopFrom("unlinked"),
        "lease.over": stopFrom("unlinked"),
        "pool.failed": failFrom("unlinked"),
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "link.refused": {},
        "link.lost": {},
        "session.accepted": {},
        "manager.drain": {},
        "pool.stopped": {},
      },
    },
    registering: {
      on: {
        "session.accepted": { target: "active", actions: [restart, session.emit({ type: "answers.send" })] },
        "link.refused": failFrom("registered"),
        "link.lost": again,
        "manager.stop": stopFrom("registered"),
        "lease.over": stopFrom("registered"),
        "pool.failed": failFrom("registered"),
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "retry.due": {},
        "manager.drain": {},
        "pool.stopped": {},
      },
    },
    active: {
      tags: ["linked", "takes-work"],
      on: {
        "link.lost": drop,
        "manager.drain": "draining",
        "manager.stop": stopFrom("linked"),
        "lease.over": stopFrom("linked"),
        "pool.failed": failFrom("linked"),
        "link.refused": failFrom("linked"),
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "session.accepted": {},
        "retry.due": {},
        "pool.stopped": {},
      },
    },
    // The head sends nothing new; it says so again where the link is made anew.
    draining: {
      tags: ["linked", "takes-work"],
      on: {
        "link.lost": drop,
        "manager.stop": stopFrom("linked"),
        "lease.over": stopFrom("linked"),
        "pool.failed": failFrom("linked"),
        "link.refused": failFrom("linked"),
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
      tags: ["stopping"],
      initial: "unlinked",
      on: {
        "pool.failed": {},
        "pool.started": {},
        "link.made": {},
        "link.failed": {},
        "link.refused": {},
        "session.accepted": {},
        "retry.due": {},
        "manager.drain": {},
        "manager.stop": {},
        "lease.over": {},
      },
      states: {
        unlinked: { on: { "pool.stopped": leave("unlinked"), "link.lost": {} } },
        registered: { on: { "pool.stopped": leave("registered"), "link.lost": "unlinked" } },
        // What its workers and actors say last is told.
        linked: { tags: ["linked"], on: { "pool.stopped": leave("linked"), "link.lost": "unlinked" } },
      },
    },
    gone: { type: "final", tags: ["final"] },
  },
});
