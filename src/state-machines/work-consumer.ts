import { setup } from "xstate";
import { edited, pauseOf, type CreditStatement, type Draft, type JobOutcome, type ProcessedJob, type ToConsumer } from "./work-pulling.js";

interface ReceivedJob {
  readonly seq: number;
  readonly token: string;
  readonly job: unknown;
}

export interface ConsumerContext {
  /** Deliveries that may be here unconfirmed. */
  readonly credit: number;
  /** Of these, how many are processed at a time. */
  readonly concurrency: number;
  /** So many tokens of jobs that were processed in sessions before are remembered. */
  readonly remember: number;
  readonly resend: number;
  readonly longestResend: number;
  /** 0 while there is none. */
  session: number;
  received: number;
  processed: number;
  /** The latest statement, and the latest that the producer took note of. */
  stated: number;
  noted: number;
  /** The delivery before the gap that was told of last. */
  gapAfter: number;
  waiting: readonly ReceivedJob[];
  /** Being processed; `seq` is 0 where the present session has not delivered it. */
  active: readonly { readonly seq: number; readonly token: string }[];
  /** Processed, and told in statement `since` and all later ones: kept until one of these is noted. */
  done: readonly (ProcessedJob & { readonly token: string; readonly since: number })[];
  /** Of earlier sessions: their producer may not know. */
  known: readonly { readonly token: string; readonly outcome: JobOutcome }[];
  tries: number;
  timers: number;
  outbox: readonly ConsumerEffect[];
}

export interface ConsumerInput {
  readonly credit: number;
  readonly concurrency: number;
  readonly remember: number;
  readonly resend: number;
  readonly longestResend: number;
}

export type ConsumerMessage =
  | ToConsumer
  | { readonly type: "job.processed"; readonly token: string; readonly outcome: JobOutcome }
  | { readonly type: "resend.due"; readonly timer: number }
  | { readonly type: "consumer.close" };

export type ConsumerEffect =
  | { readonly type: "producer.send"; readonly message: CreditStatement }
  | { readonly type: "job.process"; readonly token: string; readonly job: unknown }
  /** One at a time: a new one takes the place of the one before. */
  | { readonly type: "timer.start"; readonly timer: number; readonly ms: number }
  | { readonly type: "timer.cancel" };

type Consuming = Draft<ConsumerContext>;
interface Args {
  readonly context: ConsumerContext;
  readonly event: ConsumerMessage;
}

const consumer = setup({
  types: { context: {} as ConsumerContext, events: {} as ConsumerMessage, input: {} as ConsumerInput, emitted: {} as ConsumerEffect, tags: {} as "attached" | "final" },
  guards: {
    isNewer: ({ context, event }) => event.type === "session.open" && event.session > context.session,
    isPresent: ({ context, event }) => "session" in event && event.session === context.session,
    isAtWork: ({ context }) => context.active.length > 0,
    isAtRest: ({ context }) => context.active.length === 0,
  },
});

const flush = consumer.enqueueActions(({ context, enqueue }) => {
  for (const effect of context.outbox) enqueue.emit(effect);
});
const reaction = (change: (draft: Consuming, event: ConsumerMessage) => void) => [consumer.assign(({ context, event }: Args) => edited(context, (draft) => change(draft, event))), flush];

/** Says how it stands, and says it again until the producer has taken note. */
function state(draft: Consuming, gap = false): void {
  const { session, received, processed, credit, done } = draft;
  const n = ++draft.stated;
  draft.done = done.map((one) => (one.since === 0 ? { ...one, since: n } : one));
  draft.outbox.push({ type: "producer.send", message: { type: "credit.granted", session, n, received, upTo: processed + credit, gap, done: done.map(({ seq, outcome }) => ({ seq, outcome })) } });
  keepTime(draft);
}

function keepTime(draft: Consuming): void {
  if (draft.noted >= draft.stated) draft.outbox.push({ type: "timer.cancel" });
  else draft.outbox.push({ type: "timer.start", timer: ++draft.timers, ms: pauseOf(draft, draft.tries) });
}

function note(draft: Consuming, n: number): void {
  if (n <= draft.noted) return;
  draft.noted = n;
  draft.tries = 0;
  draft.done = draft.done.filter(({ since }) => since === 0 || since > n);
  keepTime(draft);
}

/** What the last session left over is remembered by its tokens, and what had not begun is dropped: it will come again. */
function begin(draft: Consuming, session: number): void {
  remember(draft, draft.done);
  Object.assign(draft, { session, received: 0, processed: 0, stated: 0, noted: 0, gapAfter: -1, waiting: [], done: [], tries: 0, active: draft.active.map(({ token }) => ({ seq: 0, token })) } satisfies Partial<ConsumerContext>);
  state(draft);
}

function remember(draft: Consuming, jobs: readonly { readonly token: string; readonly outcome: JobOutcome }[]): void {
  draft.known = [...draft.known, ...jobs.map(({ token, outcome }) => ({ token, outcome }))].slice(-draft.remember);
}

function receive(draft: Consuming, { seq, token, job, noted }: Extract<ToConsumer, { readonly type: "job.deliver" }>): void {
  note(draft, noted);
  if (seq <= draft.received) state(draft);
  else if (seq > draft.received + 1) reportGap(draft);
  else {
    draft.received = seq;
    accept(draft, { seq, token, job });
  }
}

/** Once for each gap: if that is lost, the producer tries again by itself. */
function reportGap(draft: Consuming): void {
  if (draft.gapAfter === draft.received) return;
  draft.gapAfter = draft.received;
  state(draft, true);
}

function accept(draft: Consuming, delivery: ReceivedJob): void {
  const { seq, token } = delivery;
  const before = draft.known.find((one) => one.token === token);
  if (before !== undefined) {
    draft.known = draft.known.filter((one) => one !== before);
    finish(draft, seq, token, before.outcome);
  } else if (draft.active.some((one) => one.token === token)) draft.active = draft.active.map((one) => (one.token === token ? { seq, token } : one));
  else {
    draft.waiting = [...draft.waiting, delivery];
    work(draft);
  }
}

function work(draft: Consuming): void {
  while (draft.active.length < draft.concurrency) {
    const [next] = draft.waiting;
    if (next === undefined) return;
    draft.waiting = draft.waiting.slice(1);
    draft.active = [...draft.active, { seq: next.seq, token: next.token }];
    draft.outbox.push({ type: "job.process", token: next.token, job: next.job });
  }
}

function processed(draft: Consuming, token: string, outcome: JobOutcome): void {
  const job = draft.active.find((one) => one.token === token);
  if (job === undefined) return;
  draft.active = draft.active.filter((one) => one !== job);
  if (job.seq > 0) finish(draft, job.seq, token, outcome);
  else remember(draft, [{ token, outcome }]);
  work(draft);
}

function finish(draft: Consuming, seq: number, token: string, outcome: JobOutcome): void {
  draft.processed++;
  draft.done = [...draft.done, { seq, token, outcome, since: 0 }];
  state(draft);
}

function stateAgain(draft: Consuming, timer: number): void {
  if (timer !== draft.timers || draft.noted >= draft.stated) return;
  draft.tries++;
  state(draft);
}

function leave(draft: Consuming): void {
  remember(draft, draft.done);
  Object.assign(draft, { waiting: [], done: [], stated: 0, noted: 0, active: draft.active.map(({ token }) => ({ seq: 0, token })) } satisfies Partial<ConsumerContext>);
  draft.outbox.push({ type: "timer.cancel" });
}

const opening = { guard: "isNewer" as const, target: "#work-consumer.attached", actions: reaction((draft, event) => event.type === "session.open" && begin(draft, event.session)) };
const always = { "job.processed": { actions: reaction((draft, event) => event.type === "job.processed" && processed(draft, event.token, event.outcome)) }, "consumer.close": { target: "#work-consumer.closed", actions: reaction((draft) => leave(draft)) } };
const inSession = (change: (draft: Consuming, event: ConsumerMessage) => void) => [{ guard: "isPresent" as const, actions: reaction(change) }, {}];

/**
 * Asks for work by giving credit, processes what comes, and confirms it. What comes twice is known by its number within a session, and by
 * its token beyond, and is not processed twice.
 */
export const workConsumerMachine = consumer.createMachine({
  id: "work-consumer",
  context: ({ input }) => ({
    credit: input.credit,
    concurrency: input.concurrency,
    remember: input.remember,
    resend: input.resend,
    longestResend: input.longestResend,
    session: 0,
    received: 0,
    processed: 0,
    stated: 0,
    noted: 0,
    gapAfter: -1,
    waiting: [],
    active: [],
    done: [],
    known: [],
    tries: 0,
    timers: 0,
    outbox: [],
  }),
  initial: "detached",
  options: { maxIterations: 100 },
  states: {
    detached: {
      on: { ...always, "session.open": [opening, {}], "session.close": {}, "job.deliver": {}, "credit.note": {}, "credit.query": {}, "resend.due": {} },
    },
    attached: {
      tags: ["attached"],
      initial: "idle",
      on: {
        ...always,
        // The same session again: the statement that answered it was lost, or is on its way.
        "session.open": [opening, { guard: "isPresent", actions: reaction((draft) => state(draft)) }, {}],
        "session.close": [{ guard: "isPresent", target: "detached", actions: reaction((draft) => leave(draft)) }, {}],
        "job.deliver": inSession((draft, event) => event.type === "job.deliver" && receive(draft, event)),
        "credit.note": inSession((draft, event) => event.type === "credit.note" && note(draft, event.n)),
        "credit.query": inSession((draft) => state(draft)),
        "resend.due": { actions: reaction((draft, event) => event.type === "resend.due" && stateAgain(draft, event.timer)) },
      },
      states: {
        idle: { always: { guard: "isAtWork", target: "working" } },
        working: { always: { guard: "isAtRest", target: "idle" } },
      },
    },
    closed: { type: "final", tags: ["final"] },
  },
});
