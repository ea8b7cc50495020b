import { setup } from "xstate";

/** How a provider's job ended, or that nobody knows it any more. */
export type JobEnd = "completed" | "failed" | "cancelled" | "timed-out" | "node-failed" | "preempted" | "lost";

/** What a look at the queue told of a job. */
export interface ReportedJob {
  readonly state: "new" | "queued" | "held" | "active" | "completed" | "failed" | "cancelled" | "unknown";
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly reason?: "timed-out" | "node-failed" | "preempted" | "out-of-memory" | undefined;
  readonly message?: string | undefined;
}

export interface JobContext {
  /** So many looks in a row that do not list it lead to a look-up by its name. */
  readonly patience: number;
  /** How far it came: nothing takes it back. */
  furthest: "new" | "queued" | "active";
  /** Looks in a row that did not list it. */
  misses: number;
  /** Look-ups in a row that found no job of its name. */
  absences: number;
  /** The latest report. */
  report: ReportedJob | undefined;
}

export interface JobInput {
  readonly patience: number;
}

export type JobMessage =
  /** The provider gave it an id, now or late. */
  | { readonly type: "job.submitted" }
  /** The provider said that there is no such job. */
  | { readonly type: "job.refused" }
  /** Whether there is one is not known. */
  | { readonly type: "job.unanswered" }
  | { readonly type: "job.reported"; readonly report: ReportedJob }
  /** A look that worked did not list it. */
  | { readonly type: "job.missing" }
  /** The look itself failed: that says nothing of any job. */
  | { readonly type: "query.failed" }
  /** Found by its name. */
  | { readonly type: "job.found" }
  /** There certainly is no job of its name. */
  | { readonly type: "job.absent" }
  | { readonly type: "lookup.failed" };

export type JobEffect =
  /** Look for it by its name: at once, or after a pause. */
  | { readonly type: "job.find"; readonly soon: boolean }
  | { readonly type: "job.announce"; readonly news: "queued" | "active" | "requeued" }
  | { readonly type: "job.announce-end"; readonly reason: JobEnd; readonly report: ReportedJob | undefined };

/** So many look-ups must find nothing before a submission that was not answered counts as never made. */
const absencesNeeded = 2;

const job = setup({
  types: { context: {} as JobContext, events: {} as JobMessage, input: {} as JobInput, emitted: {} as JobEffect, tags: {} as "watched" | "final" },
  guards: {
    saysQueued: ({ event }) => says(event) === "queued",
    saysHeld: ({ event }) => says(event) === "held",
    saysWaiting: ({ event }) => says(event) === "queued" || says(event) === "held",
    saysActive: ({ event }) => says(event) === "active",
    saysCompleted: ({ event }) => says(event) === "completed",
    saysFailed: ({ event }) => says(event) === "failed",
    saysCancelled: ({ event }) => says(event) === "cancelled",
    wasSubmitted: ({ context }) => context.furthest !== "new",
    wasActive: ({ context }) => context.furthest === "active",
    wasWaitingAndSaysHeld: ({ context, event }) => context.furthest !== "active" && says(event) === "held",
    wasActiveAndSaysWaiting: ({ context, event }) => context.furthest === "active" && (says(event) === "queued" || says(event) === "held"),
    isMissedTooOften: ({ context }) => context.furthest !== "new" && context.misses + 1 >= context.patience,
    isAbsentAgain: ({ context }) => context.absences + 1 >= absencesNeeded,
  },
});

function says(event: JobMessage): ReportedJob["state"] | undefined {
  return event.type === "job.reported" ? event.report.state : undefined;
}

function endOf({ state, reason }: ReportedJob): JobEnd {
  if (reason !== undefined && reason !== "out-of-memory" && state !== "completed") return reason;
  return state === "completed" || state === "cancelled" ? state : "failed";
}

const note = job.assign({ report: ({ context, event }) => (event.type === "job.reported" ? event.report : context.report) });
const heard = job.assign({ misses: 0, absences: 0, report: ({ context, event }) => (event.type === "job.reported" ? event.report : context.report) });
const reached = (furthest: "queued" | "active") => job.assign({ furthest });
const announce = (news: "queued" | "active" | "requeued") => job.emit({ type: "job.announce", news });
const announceEnd = job.emit(({ context, event }) => ({ type: "job.announce-end", reason: event.type === "job.reported" ? endOf(event.report) : "failed", report: context.report }));
const announceLoss = job.emit(({ context }) => ({ type: "job.announce-end", reason: "lost", report: context.report }));
const miss = job.assign({ misses: ({ context }) => context.misses + 1 });
const find = (soon: boolean) => job.emit({ type: "job.find", soon });

const accepted = { target: "#job.queued", actions: [heard, reached("queued"), announce("queued")] };
const begun = { guard: "saysActive" as const, target: "#job.active.running", actions: [heard, reached("active"), announce("active")] };
const missed = { target: "#job.unknown", actions: miss };
const doubtful = { target: "#job.unknown", actions: [miss, note] };
const missedAgain = [{ guard: "isMissedTooOften" as const, actions: [miss, note, find(true)] }, { actions: [miss, note] }];
/** The end of a job that was never seen to be active: that it was is said first. */
const endedUnseen = [
  { guard: "saysCompleted" as const, target: "#job.completed", actions: [heard, reached("active"), announce("active"), announceEnd] },
  { guard: "saysFailed" as const, target: "#job.failed", actions: [heard, announceEnd] },
  { guard: "saysCancelled" as const, target: "#job.cancelled", actions: [heard, announceEnd] },
];
const ended = [
  { guard: "saysCompleted" as const, target: "#job.completed", actions: [heard, announceEnd] },
  { guard: "saysFailed" as const, target: "#job.failed", actions: [heard, announceEnd] },
  { guard: "saysCancelled" as const, target: "#job.cancelled", actions: [heard, announceEnd] },
];
/** Answers to questions that are not open. */
const settled = { "job.submitted": {}, "job.refused": {}, "job.unanswered": {}, "query.failed": {}, "job.found": {}, "job.absent": {}, "lookup.failed": {} };

/** A provider's job, in PSI/J's words. Reports move it forward only; `unknown` never means gone: a second source decides. */
export const jobMachine = job.createMachine({
  id: "job",
  context: ({ input }) => ({ patience: input.patience, furthest: "new", misses: 0, absences: 0, report: undefined }),
  initial: "new",
  options: { maxIterations: 100 },
  states: {
    new: {
      on: {
        "job.submitted": accepted,
        "job.refused": { target: "failed", actions: announceEnd },
        "job.unanswered": { target: "unknown", actions: find(true) },
        "job.reported": {},
        "job.missing": {},
        "query.failed": {},
        "job.found": accepted,
        "job.absent": {},
        "lookup.failed": {},
      },
    },
    queued: {
      tags: ["watched"],
      on: {
        ...settled,
        "job.reported": [begun, ...endedUnseen, { guard: "saysHeld", target: "held", actions: heard }, { guard: "saysQueued", actions: heard }, doubtful],
        "job.missing": missed,
      },
    },
    held: {
      tags: ["watched"],
      on: {
        ...settled,
        "job.reported": [begun, ...endedUnseen, { guard: "saysQueued", target: "queued", actions: heard }, { guard: "saysHeld", actions: heard }, doubtful],
        "job.missing": missed,
      },
    },
    active: {
      tags: ["watched"],
      initial: "running",
      states: {
        running: {
          on: {
            ...settled,
            "job.reported": [...ended, { guard: "saysActive", actions: heard }, { guard: "saysWaiting", target: "requeued", actions: [heard, announce("requeued")] }, doubtful],
            "job.missing": missed,
          },
        },
        requeued: {
          on: {
            ...settled,
            "job.reported": [...ended, begun, { guard: "saysWaiting", actions: [heard, announce("requeued")] }, doubtful],
            "job.missing": missed,
          },
        },
      },
    },
    unknown: {
      tags: ["watched"],
      on: {
        "job.submitted": [{ guard: "wasSubmitted" }, accepted],
        "job.refused": [{ guard: "wasSubmitted" }, { target: "failed", actions: announceEnd }],
        "job.unanswered": {},
        "job.reported": [
          begun,
          ...endedUnseen,
          { guard: "wasActiveAndSaysWaiting", target: "active.requeued", actions: [heard, announce("requeued")] },
          { guard: "wasWaitingAndSaysHeld", target: "held", actions: heard },
          { guard: "saysQueued", target: "queued", actions: heard },
          ...missedAgain,
        ],
        "job.missing": missedAgain,
        "query.failed": {},
        "job.found": [{ guard: "wasSubmitted", actions: heard }, accepted],
        "job.absent": [
          { guard: "wasSubmitted", target: "failed", actions: announceLoss },
          { guard: "isAbsentAgain", target: "failed", actions: announceEnd },
          { actions: [job.assign({ absences: ({ context }) => context.absences + 1 }), find(false)] },
        ],
        "lookup.failed": [{ guard: "wasSubmitted" }, { actions: find(false) }],
      },
    },
    completed: { type: "final", tags: ["final"] },
    failed: { type: "final", tags: ["final"] },
    cancelled: { type: "final", tags: ["final"] },
  },
});
