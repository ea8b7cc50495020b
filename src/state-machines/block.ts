import { setup } from "xstate";
import type { JobEnd } from "./job.js";

/** Why a block ended. */
export type BlockEnd = JobEnd | "never-registered" | "scaled-in";

export interface BlockContext {
  /** Milliseconds from the job's start until a manager of it must have registered. */
  readonly registrationTimeout: number;
  /** Milliseconds until an act that had no effect is tried again. */
  readonly retryAfter: number;
  /** Stored before the act that ends it. */
  reason: BlockEnd | undefined;
  /** Who ended it: we, because we wanted to or since no manager came, or its job by itself. */
  by: "us" | "time" | "job" | undefined;
  /** A manager of it has registered. */
  registered: boolean;
}

export interface BlockInput {
  readonly registrationTimeout: number;
  readonly retryAfter: number;
}

export type BlockMessage =
  /** Its intent is stored, and how its managers are started is known. */
  | { readonly type: "block.prepared" }
  | { readonly type: "block.unprepared" }
  | { readonly type: "job.queued" }
  | { readonly type: "job.active" }
  /** Its scheduler put it back into the queue. */
  | { readonly type: "job.requeued" }
  | { readonly type: "job.ended"; readonly reason: JobEnd }
  | { readonly type: "manager.registered" }
  /** The last of its managers. */
  | { readonly type: "managers.gone" }
  | { readonly type: "registration.expired" }
  /** Ends once nothing runs on it. */
  | { readonly type: "block.drain" }
  | { readonly type: "block.drained" }
  /** Ends whatever runs on it. */
  | { readonly type: "block.cancel" }
  | { readonly type: "retry.due" };

export type BlockEffect =
  /** Store the intent, then find out how its managers are started. */
  | { readonly type: "block.prepare" }
  | { readonly type: "job.submit" }
  /** Where its job has no id yet: once it has one. */
  | { readonly type: "job.cancel"; readonly reason: BlockEnd }
  | { readonly type: "managers.drain" }
  | { readonly type: "timer.start"; readonly message: "registration.expired" | "retry.due"; readonly ms: number }
  | { readonly type: "timer.cancel" }
  /** No manager of it has registered, and none is awaited any more. */
  | { readonly type: "block.mourn"; readonly reason: BlockEnd }
  | { readonly type: "block.close"; readonly reason: BlockEnd; readonly registered: boolean };

const block = setup({
  types: { context: {} as BlockContext, events: {} as BlockMessage, input: {} as BlockInput, emitted: {} as BlockEffect, tags: {} as "serving" | "manned" | "settled" | "final" },
  guards: {
    hasRegistered: ({ context }) => context.registered,
    saysLost: ({ event }) => event.type === "job.ended" && event.reason === "lost",
  },
});

const jobEnded = block.assign({
  reason: ({ context, event }) => context.reason ?? ("reason" in event ? event.reason : "failed"),
  by: ({ context }) => context.by ?? "job",
});
const wanted = (reason: "scaled-in" | "cancelled") => block.assign({ reason: ({ context }) => context.reason ?? reason, by: "us" });
const mourn = block.emit(({ context }) => ({ type: "block.mourn", reason: context.reason ?? "failed" }));
const close = block.enqueueActions(({ context: { reason = "failed", registered, by }, enqueue }) => {
  if (by === "job" && !registered) enqueue.emit({ type: "block.mourn", reason });
  enqueue.emit({ type: "block.close", reason, registered });
});
const overdue = block.assign({ reason: ({ context }) => (context.registered ? "lost" : "never-registered"), by: "time" });
const manned = block.assign({ registered: true });
const cancelJob = block.emit(({ context }) => ({ type: "job.cancel", reason: context.reason ?? "cancelled" }));
const drainManagers = [block.emit({ type: "managers.drain" }), block.emit(({ context }) => ({ type: "timer.start", message: "retry.due", ms: context.retryAfter }))];
const awaitRegistration = block.emit(({ context }) => ({ type: "timer.start", message: "registration.expired", ms: context.registrationTimeout }));
const awaitEnd = block.emit(({ context }) => ({ type: "timer.start", message: "retry.due", ms: context.retryAfter }));
const cancelTimer = block.emit({ type: "timer.cancel" });

const toEnd = (reason: "scaled-in" | "cancelled") => ({ target: "#block.ending", actions: [wanted(reason), cancelTimer] });
const unsubmitted = (reason: "scaled-in" | "cancelled") => ({ target: "#block.ended", actions: wanted(reason) });
const over = { target: "#block.ended", actions: [jobEnded, cancelTimer] };
const register = { target: "#block.ready", actions: [manned, cancelTimer] };
const start = { target: "#block.starting", actions: awaitRegistration };
/** A manager that is there knows better than a scheduler that has lost its job. */
const overUnlessLost = [{ guard: "saysLost" as const }, over];

/** One job of a provider and the managers in it. Present until it is certain that its job is not, or not any more. */
export const blockMachine = block.createMachine({
  id: "block",
  context: ({ input }) => ({ registrationTimeout: input.registrationTimeout, retryAfter: input.retryAfter, reason: undefined, by: undefined, registered: false }),
  initial: "requested",
  options: { maxIterations: 100 },
  states: {
    requested: {
      tags: ["serving"],
      entry: block.emit({ type: "block.prepare" }),
      on: {
        "block.prepared": { target: "submitting", actions: block.emit({ type: "job.submit" }) },
        "block.unprepared": { target: "ended", actions: jobEnded },
        "block.drain": unsubmitted("scaled-in"),
        "block.cancel": unsubmitted("cancelled"),
        "job.queued": {},
        "job.active": {},
        "job.requeued": {},
        "job.ended": {},
        "manager.registered": {},
        "managers.gone": {},
        "registration.expired": {},
        "block.drained": {},
        "retry.due": {},
      },
    },
    submitting: {
      tags: ["serving"],
      on: {
        "job.queued": "queued",
        "job.active": start,
        "job.requeued": {},
        "job.ended": over,
        "manager.registered": register,
        "block.drain": toEnd("scaled-in"),
        "block.cancel": toEnd("cancelled"),
        "block.prepared": {},
        "block.unprepared": {},
        "managers.gone": {},
        "registration.expired": {},
        "block.drained": {},
        "retry.due": {},
      },
    },
    queued: {
      tags: ["serving"],
      on: {
        "job.active": start,
        "job.ended": over,
        "manager.registered": register,
        "block.drain": toEnd("scaled-in"),
        "block.cancel": toEnd("cancelled"),
        "block.prepared": {},
        "block.unprepared": {},
        "job.queued": {},
        "job.requeued": {},
        "managers.gone": {},
        "registration.expired": {},
        "block.drained": {},
        "retry.due": {},
      },
    },
    starting: {
      tags: ["serving"],
      on: {
        "job.requeued": { target: "queued", actions: cancelTimer },
        "job.ended": over,
        "manager.registered": register,
        "registration.expired": [
          { guard: "hasRegistered", target: "ending", actions: overdue },
          { target: "ending", actions: [overdue, mourn] },
        ],
        "block.drain": toEnd("scaled-in"),
        "block.cancel": toEnd("cancelled"),
        "block.prepared": {},
        "block.unprepared": {},
        "job.queued": {},
        "job.active": {},
        "managers.gone": {},
        "block.drained": {},
        "retry.due": {},
      },
    },
    ready: {
      tags: ["serving", "manned"],
      on: {
        "managers.gone": start,
        "job.ended": overUnlessLost,
        "block.drain": { target: "draining", actions: [wanted("scaled-in"), ...drainManagers] },
        "block.cancel": toEnd("cancelled"),
        "block.prepared": {},
        "block.unprepared": {},
        "job.queued": {},
        "job.active": {},
        "job.requeued": {},
        "manager.registered": {},
        "registration.expired": {},
        "block.drained": {},
        "retry.due": {},
      },
    },
    draining: {
      tags: ["manned"],
      on: {
        "block.drained": { target: "ending", actions: cancelTimer },
        "managers.gone": { target: "ending", actions: cancelTimer },
        "manager.registered": { actions: drainManagers },
        "retry.due": { actions: drainManagers },
        "job.ended": overUnlessLost,
        "block.cancel": { target: "ending", actions: cancelTimer },
        "block.prepared": {},
        "block.unprepared": {},
        "job.queued": {},
        "job.active": {},
        "job.requeued": {},
        "registration.expired": {},
        "block.drain": {},
      },
    },
    ending: {
      entry: [cancelJob, awaitEnd],
      on: {
        "job.ended": over,
        "job.queued": { actions: cancelJob },
        "job.active": { actions: cancelJob },
        "retry.due": { actions: [cancelJob, awaitEnd] },
        "block.prepared": {},
        "block.unprepared": {},
        "job.requeued": {},
        "manager.registered": {},
        "managers.gone": {},
        "registration.expired": {},
        "block.drain": {},
        "block.drained": {},
        "block.cancel": {},
      },
    },
    ended: {
      type: "final",
      tags: ["final"],
      entry: close,
    },
  },
});
