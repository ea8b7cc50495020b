import { setup } from "xstate";
import type { EndReason } from "./end-reason.js";
import { beginningWith, decide, edit, finish, noteStep, planBeginning, planEnd, planKill, refuseLate, takeStep } from "./supervision.js";
import type { AutoShutdown, NewChild, StepReport, Strategy, SupervisorContext, SupervisorEffect, SupervisorRequest } from "./supervision.js";

export interface SupervisorInput {
  readonly strategy: Strategy;
  readonly intensity: number;
  /** Milliseconds. */
  readonly period: number;
  readonly autoShutdown: AutoShutdown;
  /** Started first, in this order. */
  readonly children: readonly NewChild[];
}

export type SupervisorMessage =
  | SupervisorRequest
  | StepReport
  /** Goes ahead of what waits, also of a start that takes long. */
  | { readonly type: "supervisor.stop"; readonly reason: EndReason; readonly at: number }
  | { readonly type: "supervisor.kill"; readonly at: number };

interface Args {
  readonly context: SupervisorContext;
  readonly event: SupervisorMessage;
}

const supervisor = setup({
  types: { context: {} as SupervisorContext, events: {} as SupervisorMessage, input: {} as SupervisorInput, emitted: {} as SupervisorEffect, tags: {} as "open" | "final" },
  guards: {
    isEnding: ({ context }) => context.end !== undefined,
    hasOperation: ({ context }) => context.operation !== undefined,
    hasStep: ({ context }) => context.steps.size > 0,
    nothingIsAwaited: ({ context }) => context.awaiting.size === 0,
  },
});

const requests = ["child.ended", "child.due", "call.start-child", "call.restart-child", "call.terminate-child", "call.delete-child"] as const;
const reports = ["child.started", "child.ignored", "child.start-failed", "child.stopped"] as const;
const each = <T extends string, R>(types: readonly T[], reaction: R): { readonly [K in T]: R } => Object.fromEntries(types.map((type) => [type, reaction])) as { [K in T]: R };

const isRequest = (event: SupervisorMessage): event is SupervisorRequest => (requests as readonly string[]).includes(event.type);
const isReport = (event: SupervisorMessage): event is StepReport => (reports as readonly string[]).includes(event.type);

/** What the change just made wants done, in its order. */
const send = supervisor.enqueueActions(({ context, enqueue }) => {
  for (const effect of context.outbox) enqueue.emit(effect);
});
const begin = supervisor.assign(({ context }: Args) => edit(context, planBeginning));
const take = supervisor.assign(({ context }: Args) => edit(context, takeStep));
const note = supervisor.assign(({ context, event }: Args) => edit(context, (draft) => isReport(event) && noteStep(draft, event)));
const wait = supervisor.assign({ queue: ({ context, event }: Args) => (isRequest(event) ? context.queue.with(event) : context.queue) });
const consider = supervisor.assign(({ context, event }: Args) => edit(context, (draft) => decide(draft, event.at)));
const conclude = supervisor.assign(({ context, event }: Args) =>
  edit(context, (draft) => {
    finish(draft);
    decide(draft, event.at);
  }),
);
const end = supervisor.assign(({ context, event }: Args) => edit(context, (draft) => planEnd(draft, event.type === "supervisor.stop" ? event.reason : "shutdown")));
const kill = supervisor.assign(({ context }: Args) => edit(context, planKill));
const refuse = supervisor.assign(({ context, event }: Args) => edit(context, (draft) => isRequest(event) && refuseLate(draft, event)));
const announceStart = supervisor.emit({ type: "supervisor.announce", outcome: "started", reason: "normal" });
const announceEnd = supervisor.emit(({ context }) => ({ type: "supervisor.announce", outcome: "ended", reason: context.end ?? "normal" }));

const toStopping = { guard: "isEnding" as const, target: "#supervisor.stopping" };
const nextStep = { guard: "hasStep" as const, target: "waiting", actions: [take, send] };
const waiting = { always: { guard: "nothingIsAwaited" as const, target: "stepping" }, on: each(reports, { actions: [note, send] }) };
const onStop = { "supervisor.stop": { target: "#supervisor.stopping", actions: [end, send] }, "supervisor.kill": { target: "#supervisor.stopped", actions: [kill, send] } };

/**
 * The life of a supervisor, with the semantics of OTP's: one thing is done at a time, and what comes meanwhile waits.
 * Decisions are made by the functions of `supervision.ts`; each step of an operation is a child started or stopped.
 */
export const supervisorMachine = supervisor.createMachine({
  id: "supervisor",
  context: ({ input: { strategy, intensity, period, autoShutdown, children } }) => beginningWith({ strategy, intensity, period, autoShutdown }, children),
  initial: "starting",
  options: { maxIterations: 100 },
  states: {
    starting: {
      initial: "stepping",
      entry: begin,
      on: { ...each(requests, { actions: wait }), ...onStop },
      states: {
        stepping: { always: [toStopping, nextStep, { target: "#supervisor.running", actions: [announceStart, conclude, send] }] },
        waiting,
      },
    },
    running: {
      tags: ["open"],
      initial: "deciding",
      on: onStop,
      states: {
        idle: { on: { ...each(requests, { target: "deciding", actions: [wait, consider, send] }), ...each(reports, {}) } },
        deciding: { always: [toStopping, { guard: "hasOperation", target: "working" }, { target: "idle" }] },
        working: {
          initial: "stepping",
          on: each(requests, { actions: wait }),
          states: {
            stepping: { always: [toStopping, nextStep, { target: "#supervisor.running.deciding", actions: [conclude, send] }] },
            waiting,
          },
        },
      },
    },
    stopping: {
      initial: "stepping",
      on: { ...each(requests, { actions: [refuse, send] }), "supervisor.stop": {}, "supervisor.kill": onStop["supervisor.kill"] },
      states: {
        stepping: { always: [nextStep, { target: "#supervisor.stopped" }] },
        waiting,
      },
    },
    stopped: { type: "final", tags: ["final"], entry: announceEnd },
  },
});
