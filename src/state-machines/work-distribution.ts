import { pauseOf, type CreditStatement, type Draft, type JobOutcome, type ToConsumer } from "./work-pulling.js";

export interface PendingJob {
  readonly token: string;
  readonly job: unknown;
  /** Counts the jobs that were offered: what is older is delivered first. */
  readonly age: number;
  /** How often it was delivered to a consumer that ended, or was given up, before it had confirmed. */
  readonly losses: number;
}

export interface Delivery extends PendingJob {
  readonly seq: number;
}

/** What the producer knows of one consumer. */
export interface AttachedConsumer {
  readonly key: number;
  readonly session: number;
  /** Whether it has answered in this session. */
  readonly open: boolean;
  readonly upTo: number;
  readonly sent: number;
  readonly received: number;
  /** The latest statement that was taken note of. */
  readonly noted: number;
  /** In the order of their numbers. */
  readonly unconfirmed: readonly Delivery[];
  /** Tries in a row that were not answered. */
  readonly tries: number;
  /** Which timer runs for it, 0 where none does: an older one is not heard. */
  readonly timer: number;
}

export type WhyRefused = "queue_full" | "dropped" | "duplicate" | "closed" | "poisoned";

export type ProducerEffect =
  | { readonly type: "consumer.send"; readonly key: number; readonly message: ToConsumer }
  | { readonly type: "job.settle"; readonly token: string; readonly outcome: JobOutcome }
  | { readonly type: "job.refuse"; readonly token: string; readonly why: WhyRefused; readonly losses: number }
  | { readonly type: "timer.start"; readonly key: number; readonly timer: number; readonly ms: number }
  | { readonly type: "timer.cancel"; readonly key: number };

export interface ProducerContext {
  /** Jobs that may wait for a consumer. */
  readonly capacity: number;
  readonly whenFull: "refuse" | "drop_oldest";
  /** A job that was lost with its consumer more often is refused as poison. */
  readonly lost: number;
  /** Unanswered tries after which a consumer is given up, and its work goes to others. */
  readonly patience: number;
  /** Milliseconds before the first try again, and the longest pause between two. */
  readonly resend: number;
  readonly longestResend: number;
  /** Waiting for a consumer with credit, the oldest first. */
  queue: readonly PendingJob[];
  consumers: readonly AttachedConsumer[];
  ages: number;
  sessions: number;
  timers: number;
  /** What the last message wants done. */
  outbox: readonly ProducerEffect[];
}

type Producing = Draft<ProducerContext>;

export const inFlight = ({ consumers }: { readonly consumers: readonly AttachedConsumer[] }): number => consumers.reduce((sum, { unconfirmed }) => sum + unconfirmed.length, 0);

const consumerOf = (draft: Producing, key: number): AttachedConsumer | undefined => draft.consumers.find((one) => one.key === key);

function update(draft: Producing, key: number, change: Partial<AttachedConsumer>): void {
  draft.consumers = draft.consumers.map((one) => (one.key === key ? { ...one, ...change } : one));
}

const send = (draft: Producing, key: number, message: ToConsumer): void => void draft.outbox.push({ type: "consumer.send", key, message });

/** A job that waits or is out is not offered twice: its token says so. */
export function offer(draft: Producing, token: string, job: unknown): void {
  const isKnown = draft.queue.some((one) => one.token === token) || draft.consumers.some(({ unconfirmed }) => unconfirmed.some((one) => one.token === token));
  if (isKnown) {
    refuse(draft, token, "duplicate");
    return;
  }
  draft.queue = [...draft.queue, { token, job, age: ++draft.ages, losses: 0 }];
  distribute(draft);
}

export const refuse = (draft: Producing, token: string, why: WhyRefused, losses = 0): void => void draft.outbox.push({ type: "job.refuse", token, why, losses });

export function dropOldest(draft: Producing): void {
  const [oldest, ...rest] = draft.queue;
  draft.queue = rest;
  if (oldest !== undefined) refuse(draft, oldest.token, "dropped");
}

/** A consumer is there: a session with it begins. */
export function attach(draft: Producing, key: number): void {
  if (consumerOf(draft, key) !== undefined) return;
  draft.consumers = [...draft.consumers, fresh(draft, key, 0)];
  open(draft, key);
}

function fresh(draft: Producing, key: number, timer: number): AttachedConsumer {
  return { key, session: ++draft.sessions, open: false, upTo: 0, sent: 0, received: 0, noted: 0, unconfirmed: [], tries: 0, timer };
}

function open(draft: Producing, key: number): void {
  const consumer = consumerOf(draft, key);
  if (consumer === undefined) return;
  send(draft, key, { type: "session.open", session: consumer.session });
  keepTime(draft, key, true);
}

/** Its unconfirmed work goes to others. */
export function detach(draft: Producing, key: number): void {
  const consumer = consumerOf(draft, key);
  if (consumer === undefined) return;
  draft.consumers = draft.consumers.filter((one) => one.key !== key);
  if (consumer.timer !== 0) draft.outbox.push({ type: "timer.cancel", key });
  takeBack(draft, consumer.unconfirmed);
  distribute(draft);
}

/** Lost jobs wait again, at the place that their age gives them. */
function takeBack(draft: Producing, deliveries: readonly Delivery[]): void {
  const back: PendingJob[] = [];
  for (const { token, job, age, losses } of deliveries) {
    if (losses + 1 > draft.lost) refuse(draft, token, "poisoned", losses + 1);
    else back.push({ token, job, age, losses: losses + 1 });
  }
  if (back.length > 0) draft.queue = [...draft.queue, ...back].sort((a, b) => a.age - b.age);
}

/** What the consumer says of itself: its confirmations count, what it misses is sent again, its new credit is used. */
export function takeStatement(draft: Producing, key: number, statement: CreditStatement): void {
  const consumer = consumerOf(draft, key);
  if (consumer?.session !== statement.session) return;
  const sentBefore = draft.outbox.length;
  confirm(draft, consumer, statement);
  if (statement.gap) sendAgain(draft, key);
  distribute(draft);
  const answered = draft.outbox.some((effect, i) => i >= sentBefore && effect.type === "consumer.send" && effect.key === key);
  if (!answered) send(draft, key, { type: "credit.note", session: statement.session, n: statement.n });
  keepTime(draft, key, true);
}

function confirm(draft: Producing, { key, unconfirmed, received, upTo, noted }: AttachedConsumer, statement: CreditStatement): void {
  const left: Delivery[] = [];
  for (const delivery of unconfirmed) {
    const done = statement.done.find(({ seq }) => seq === delivery.seq);
    if (done === undefined) left.push(delivery);
    else draft.outbox.push({ type: "job.settle", token: delivery.token, outcome: done.outcome });
  }
  update(draft, key, {
    open: true,
    tries: 0,
    received: Math.max(received, statement.received),
    upTo: Math.max(upTo, statement.upTo),
    noted: Math.max(noted, statement.n),
    unconfirmed: left,
  });
}

/** Everything that it has not received, in order. */
function sendAgain(draft: Producing, key: number): boolean {
  const consumer = consumerOf(draft, key);
  const missing = consumer?.unconfirmed.filter(({ seq }) => seq > consumer.received) ?? [];
  for (const delivery of missing) deliver(draft, key, delivery);
  return missing.length > 0;
}

function deliver(draft: Producing, key: number, { seq, token, job }: Delivery): void {
  const consumer = consumerOf(draft, key);
  if (consumer !== undefined) send(draft, key, { type: "job.deliver", session: consumer.session, seq, token, job, noted: consumer.noted });
}

/** The oldest job to the consumer with the most credit left, until there is none of either. */
function distribute(draft: Producing): void {
  for (let job = draft.queue[0]; job !== undefined; job = draft.queue[0]) {
    const consumer = freest(draft.consumers);
    if (consumer === undefined) return;
    const delivery: Delivery = { ...job, seq: consumer.sent + 1 };
    draft.queue = draft.queue.slice(1);
    update(draft, consumer.key, { sent: delivery.seq, unconfirmed: [...consumer.unconfirmed, delivery] });
    deliver(draft, consumer.key, delivery);
    keepTime(draft, consumer.key, false);
  }
}

function freest(consumers: readonly AttachedConsumer[]): AttachedConsumer | undefined {
  let best: AttachedConsumer | undefined;
  for (const one of consumers) if (one.open && one.sent < one.upTo && (best === undefined || one.upTo - one.sent > best.upTo - best.sent)) best = one;
  return best;
}

/** A timer runs while something of the consumer is waited for, and only then: a producer at rest is silent. */
function keepTime(draft: Producing, key: number, anew: boolean): void {
  const consumer = consumerOf(draft, key);
  if (consumer === undefined) return;
  const { timer, tries, received, unconfirmed } = consumer;
  const waits = !consumer.open || unconfirmed.some(({ seq }) => seq > received) || (draft.patience !== Infinity && unconfirmed.length > 0);
  if (waits && (anew || timer === 0)) {
    update(draft, key, { timer: ++draft.timers });
    draft.outbox.push({ type: "timer.start", key, timer: draft.timers, ms: pauseOf(draft, tries) });
  } else if (!waits && timer !== 0) {
    update(draft, key, { timer: 0 });
    draft.outbox.push({ type: "timer.cancel", key });
  }
}

/** The consumer has not answered for a while: what is missing goes out again, until it is given up and asked to begin anew. */
export function tryAgain(draft: Producing, key: number, timer: number): void {
  const consumer = consumerOf(draft, key);
  if (consumer?.timer !== timer) return;
  const tries = consumer.tries + 1;
  update(draft, key, { tries, timer: 0 });
  if (consumer.open && tries > draft.patience) {
    draft.consumers = draft.consumers.map((one) => (one.key === key ? fresh(draft, key, 0) : one));
    takeBack(draft, consumer.unconfirmed);
    open(draft, key);
    distribute(draft);
  } else if (!consumer.open) open(draft, key);
  else {
    if (!sendAgain(draft, key)) send(draft, key, { type: "credit.query", session: consumer.session });
    keepTime(draft, key, true);
  }
}

/** What waits or is out is given up; consumers are told. */
export function abandon(draft: Producing): void {
  for (const { token } of [...draft.queue, ...draft.consumers.flatMap(({ unconfirmed }) => unconfirmed)]) refuse(draft, token, "closed");
  draft.queue = [];
  draft.consumers = draft.consumers.map((one) => ({ ...one, unconfirmed: [] }));
}

export function dismiss(draft: Producing): void {
  for (const { key, session, timer } of draft.consumers) {
    if (timer !== 0) draft.outbox.push({ type: "timer.cancel", key });
    send(draft, key, { type: "session.close", session });
  }
  draft.consumers = [];
}
