import { setup } from "xstate";
import { abandon, attach, detach, dismiss, dropOldest, inFlight, offer, refuse, takeStatement, tryAgain, type ProducerContext, type ProducerEffect } from "./work-distribution.js";
import { edited, type CreditStatement } from "./work-pulling.js";

export interface ProducerInput extends Pick<ProducerContext, "capacity" | "whenFull" | "lost" | "patience" | "resend" | "longestResend"> {
  /** Sessions are numbered from here: a producer in the place of an earlier one needs greater numbers. */
  readonly sessionsFrom: number;
}

export type ProducerMessage =
  | { readonly type: "job.offer"; readonly token: string; readonly job: unknown }
  | { readonly type: "consumer.attached"; readonly key: number }
  /** It is gone: its unconfirmed work goes to others. */
  | { readonly type: "consumer.ended"; readonly key: number }
  | (CreditStatement & { readonly key: number })
  | { readonly type: "resend.due"; readonly key: number; readonly timer: number }
  /** Takes no more; ends when all is confirmed, or at once where it should not wait. */
  | { readonly type: "producer.close"; readonly wait: boolean };

interface Args {
  readonly context: ProducerContext;
  readonly event: ProducerMessage;
}

const producer = setup({
  types: { context: {} as ProducerContext, events: {} as ProducerMessage, input: {} as ProducerInput, emitted: {} as ProducerEffect, tags: {} as "room" | "final" },
  guards: {
    isFull: ({ context }) => context.queue.length >= context.capacity,
    hasRoom: ({ context }) => context.queue.length < context.capacity,
    hasWork: ({ context }) => context.queue.length + inFlight(context) > 0,
    isDone: ({ context }) => context.queue.length + inFlight(context) === 0,
    dropsOldest: ({ context }) => context.whenFull === "drop_oldest",
    doesNotWait: ({ event }) => event.type === "producer.close" && !event.wait,
  },
});

/** What the change just made wants done, in its order. */
const flush = producer.enqueueActions(({ context, enqueue }) => {
  for (const effect of context.outbox) enqueue.emit(effect);
});
type Change = Parameters<typeof edited<ProducerContext>>[1];
const reaction = (change: (draft: Parameters<Change>[0], event: ProducerMessage) => void) => [producer.assign(({ context, event }: Args) => edited(context, (draft) => change(draft, event))), flush];

const accept = reaction((draft, event) => event.type === "job.offer" && offer(draft, event.token, event.job));
const acceptForOldest = reaction((draft, event) => {
  if (event.type !== "job.offer") return;
  dropOldest(draft);
  offer(draft, event.token, event.job);
});
const refuseOffer = (why: "queue_full" | "closed") => reaction((draft, event) => event.type === "job.offer" && refuse(draft, event.token, why));
const consumers = {
  "consumer.attached": { actions: reaction((draft, event) => event.type === "consumer.attached" && attach(draft, event.key)) },
  "consumer.ended": { actions: reaction((draft, event) => event.type === "consumer.ended" && detach(draft, event.key)) },
  "credit.granted": { actions: reaction((draft, event) => event.type === "credit.granted" && takeStatement(draft, event.key, event)) },
  "resend.due": { actions: reaction((draft, event) => event.type === "resend.due" && tryAgain(draft, event.key, event.timer)) },
};
const giveUp = { guard: "doesNotWait" as const, target: "#work-producer.closed", actions: reaction((draft) => abandon(draft)) };

/**
 * Gives jobs to the consumers that ask for them. A job is confirmed once, when a consumer says that it was processed; until then it
 * waits, or is out with one consumer, and it goes back to the others when that one ends.
 */
export const workProducerMachine = producer.createMachine({
  id: "work-producer",
  context: ({ input }) => ({
    capacity: input.capacity,
    whenFull: input.whenFull,
    lost: input.lost,
    patience: input.patience,
    resend: input.resend,
    longestResend: input.longestResend,
    queue: [],
    consumers: [],
    ages: 0,
    sessions: input.sessionsFrom,
    timers: 0,
    outbox: [],
  }),
  initial: "open",
  options: { maxIterations: 100 },
  states: {
    open: {
      initial: "idle",
      on: { ...consumers, "job.offer": { actions: accept }, "producer.close": [giveUp, { target: "#work-producer.draining" }] },
      states: {
        idle: { tags: ["room"], always: [{ guard: "isFull", target: "full" }, { guard: "hasWork", target: "busy" }] },
        busy: { tags: ["room"], always: [{ guard: "isFull", target: "full" }, { guard: "isDone", target: "idle" }] },
        full: {
          always: { guard: "hasRoom", target: "busy" },
          on: { "job.offer": [{ guard: "dropsOldest", actions: acceptForOldest }, { actions: refuseOffer("queue_full") }] },
        },
      },
    },
    draining: {
      always: { guard: "isDone", target: "closed" },
      on: { ...consumers, "job.offer": { actions: refuseOffer("closed") }, "producer.close": [giveUp, {}] },
    },
    closed: { type: "final", tags: ["final"], entry: reaction((draft) => dismiss(draft)) },
  },
});
