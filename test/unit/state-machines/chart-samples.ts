import type { Typed } from "#internal/actors/compile";
import type { ActorNodeMessage } from "#internal/state-machines/actor-node";
import type { AttemptInput, AttemptMessage } from "#internal/state-machines/attempt";
import type { BlockInput, BlockMessage } from "#internal/state-machines/block";
import type { ChildInput, ChildMessage } from "#internal/state-machines/child";
import type { HostedActorInput, HostedActorMessage } from "#internal/state-machines/hosted-actor";
import type { InterchangeInput, InterchangeMessage } from "#internal/state-machines/interchange";
import type { JobInput, JobMessage, ReportedJob } from "#internal/state-machines/job";
import type { KernelMessage } from "#internal/state-machines/kernel";
import type { LeaseInput, LeaseMessage } from "#internal/state-machines/lease";
import type { LinkInput, LinkMessage } from "#internal/state-machines/link";
import type { RemoteActorMessage } from "#internal/state-machines/remote-actor";
import type { ScalerInput, ScalerMessage } from "#internal/state-machines/scaler";
import type { SupervisorInput, SupervisorMessage } from "#internal/state-machines/supervisor";
import type { TaskInput, TaskMessage } from "#internal/state-machines/task";
import type { ThreadInput, ThreadMessage } from "#internal/state-machines/thread";
import type { ConsumerInput, ConsumerMessage } from "#internal/state-machines/work-consumer";
import type { ProducerInput, ProducerMessage } from "#internal/state-machines/work-producer";

interface Sample<I, M> {
  readonly input?: I;
  readonly messages: readonly M[];
}

const error = new Error("planned");
const failure = { attempt: 1, error, charge: "app", cost: 1, retryable: true, delay: 10, held: false } as const;

const task: Sample<TaskInput, TaskMessage> = {
  input: { spec: { retries: 2, lost: 2, memoized: true, stages: true, publishes: true, joins: true }, waitingFor: 2 },
  messages: [
    { type: "dependency.failed", error },
    { type: "memo.hit", value: 1 },
    { type: "attempt.sent", attempt: 1 },
    { type: "attempt.succeeded", attempt: 1, value: "v" },
    { type: "attempt.failed", ...failure },
    { type: "attempt.failed", ...failure, charge: "lost" },
    { type: "attempt.failed", ...failure, charge: "none", delay: 0, held: true },
    { type: "outputs.failed", ...failure },
    { type: "join.resolved", value: 2 },
    { type: "join.failed", error },
    { type: "task.cancel", error },
  ],
};

const attempt: Sample<AttemptInput, AttemptMessage> = {
  input: { walltime: 100 },
  messages: [
    { type: "attempt.started", elapsed: 3 },
    { type: "attempt.unclaimed" },
    { type: "attempt.unclaimed", far: true },
    { type: "attempt.answered", answer: "a" },
    { type: "attempt.cancel", why: "cancelled" },
    { type: "attempt.cancel", why: "closing" },
    { type: "attempt.lost", loss: "exit" },
    { type: "attempt.refused", error },
  ],
};

const thread: Sample<ThreadInput, ThreadMessage> = { input: { lane: 1, patience: 50 }, messages: [{ type: "thread.exited", end: { code: 1 } }] };

const kernel: Sample<undefined, KernelMessage> = {
  messages: [
    { type: "kernel.failed", error },
    { type: "kernel.close", mode: "wait", timeout: undefined },
    { type: "kernel.close", mode: "cancel", timeout: 5 },
  ],
};

const child: Sample<ChildInput, ChildMessage> = {
  input: { key: 3, limits: { shutdown: 100, startTimeout: 50 } },
  messages: [
    { type: "child.delay", token: 1, ms: 10 },
    { type: "actor.started", incarnation: 1 },
    { type: "actor.ignored", incarnation: 1 },
    { type: "actor.ended", incarnation: 1, reason: { error } },
    { type: "actor.ended", incarnation: 1, reason: "shutdown" },
    { type: "start.expired", incarnation: 1 },
    { type: "stop.expired", incarnation: 1 },
    { type: "delay.expired", token: 1 },
  ],
};

const traits = { restart: "permanent", significant: false, brutal: false, backsOff: false, resetAfter: 10 } as const;
const newChild = { key: 1, id: "a", traits };

const supervisor: Sample<SupervisorInput, SupervisorMessage> = {
  input: { strategy: "one_for_all", intensity: 1, period: 5, autoShutdown: "any_significant", children: [newChild, { key: 2, id: "b", traits: { ...traits, restart: "temporary", significant: true } }] },
  messages: [
    { type: "child.started", key: 1, incarnation: 1, at: 1 },
    { type: "child.started", key: 2, incarnation: 1, at: 1 },
    { type: "child.ignored", key: 1, at: 1 },
    { type: "child.start-failed", key: 1, reason: { error }, at: 2 },
    { type: "child.start-failed", key: 2, reason: { error }, at: 2 },
    { type: "child.stopped", key: 1, reason: "shutdown", at: 2 },
    { type: "child.stopped", key: 2, reason: "killed", at: 2 },
    { type: "child.ended", key: 1, incarnation: 1, reason: { error }, at: 2 },
    { type: "child.ended", key: 2, incarnation: 1, reason: "normal", at: 2 },
    { type: "child.due", key: 1, token: 1, at: 3 },
    { type: "call.start-child", call: 1, child: { key: 3, id: "c", traits: { ...traits, restart: "transient" } }, at: 3 },
    { type: "call.start-child", call: 2, child: newChild, at: 3 },
    { type: "call.restart-child", call: 3, id: "a", at: 3 },
    { type: "call.terminate-child", call: 4, id: "a", at: 3 },
    { type: "call.terminate-child", call: 5, key: 2, at: 3 },
    { type: "call.delete-child", call: 6, id: "a", at: 3 },
    { type: "supervisor.stop", reason: "shutdown", at: 4 },
    { type: "supervisor.kill", at: 4 },
  ],
};

const statement = { type: "credit.granted", session: 1, n: 1, received: 0, upTo: 1, gap: false, done: [] } as const;
const producer: Sample<ProducerInput, ProducerMessage> = {
  input: { capacity: 2, whenFull: "drop_oldest", lost: 1, patience: 1, resend: 10, longestResend: 40, sessionsFrom: 0 },
  messages: [
    { type: "job.offer", token: "a", job: 1 },
    { type: "job.offer", token: "b", job: 2 },
    { type: "consumer.attached", key: 1 },
    { type: "consumer.ended", key: 1 },
    { ...statement, key: 1 },
    { ...statement, key: 1, n: 2, received: 1, upTo: 3, gap: true },
    { ...statement, key: 1, n: 3, received: 1, upTo: 2, done: [{ seq: 1, outcome: { answer: 7 } }] },
    { type: "resend.due", key: 1, timer: 1 },
    { type: "resend.due", key: 1, timer: 2 },
    { type: "producer.close", wait: true },
    { type: "producer.close", wait: false },
  ],
};

const delivery = { type: "job.deliver", session: 1, seq: 1, token: "a", job: 1, noted: 1 } as const;
const consumer: Sample<ConsumerInput, ConsumerMessage> = {
  input: { credit: 2, concurrency: 1, remember: 2, resend: 10, longestResend: 40 },
  messages: [
    { type: "session.open", session: 1 },
    { type: "session.open", session: 2 },
    { type: "session.close", session: 1 },
    delivery,
    { ...delivery, seq: 2, token: "b" },
    { ...delivery, session: 2 },
    { type: "credit.note", session: 1, n: 1 },
    { type: "credit.note", session: 1, n: 2 },
    { type: "credit.query", session: 1 },
    { type: "job.processed", token: "a", outcome: { answer: 7 } },
    { type: "resend.due", timer: 1 },
    { type: "consumer.close" },
  ],
};

const block: Sample<BlockInput, BlockMessage> = {
  input: { registrationTimeout: 100, retryAfter: 10 },
  messages: (["completed", "failed", "cancelled", "lost"] as const).map((reason) => ({ type: "job.ended", reason })),
};

const job: Sample<JobInput, JobMessage> = {
  input: { patience: 2 },
  messages: (["new", "queued", "held", "active", "completed", "failed", "cancelled", "unknown"] as const).map((state) => ({ type: "job.reported", report: { state, ...(state === "failed" ? { exitCode: 1, reason: "preempted" } : {}) } satisfies ReportedJob })),
};

const scaler: Sample<ScalerInput, ScalerMessage> = {
  input: { limits: { init: 1, min: 0, max: 3, budget: 3 }, period: 5, times: { period: 5, maxIdleTime: 20 } },
  messages: [
    { type: "decision.made", request: 0, release: [], outstanding: 0, emptyFor: 0, next: undefined },
    { type: "decision.made", request: 0, release: [], outstanding: 2, emptyFor: 0, next: 5 },
    { type: "decision.made", request: 2, release: [], outstanding: 9, emptyFor: 0, next: 5 },
    { type: "decision.made", request: 1, release: ["a"], outstanding: 1, emptyFor: 0, next: 5 },
  ],
};

const lease: Sample<LeaseInput, LeaseMessage> = {
  input: { waning: 10, term: 20, grace: 5 },
  messages: [
    { type: "lease.expired", idle: true },
    { type: "lease.expired", idle: false },
  ],
};

const link: Sample<LinkInput, LinkMessage> = {
  input: { limit: 5000 },
  messages: [
    { type: "greeting.refused", error },
    { type: "frame.refused", error },
    { type: "receiver.threw", error },
    { type: "link.close", reason: "done" },
    { type: "link.destroy", reason: "now" },
    { type: "farewell.heard", reason: "bye" },
    { type: "stream.ended" },
    { type: "stream.ended", error },
    { type: "stream.broke", error, code: "ECONNRESET" },
    { type: "stream.broke", error, code: undefined },
  ],
};

const interchange: Sample<InterchangeInput, InterchangeMessage> = {
  input: { isFirst: false, awaited: 2 },
  messages: [
    { type: "managers.missing", count: 1 },
    { type: "managers.missing", count: 2 },
    { type: "interchange.stop", within: 50 },
  ],
};

const remoteActor: Sample<Readonly<Record<string, never>>, RemoteActorMessage> = {
  input: {},
  messages: [
    { type: "actor.failed", error },
    { type: "node.detached", loss: "disconnected", ms: 100 },
    ...(["silent", "replaced", "block-over"] as const).map((loss) => ({ type: "node.lost" as const, loss })),
  ],
};

const actorNode: Sample<object, ActorNodeMessage> = {
  input: {},
  messages: [
    { type: "node.detached", loss: "disconnected", ms: 100 },
    { type: "node.lost", loss: "ended" },
  ],
};

const hostedActor: Sample<HostedActorInput, HostedActorMessage> = { input: { patience: 50 }, messages: [{ type: "lease.expired" }] };

/** Inputs, and messages with contents, for exploring the charts. */
export const samples: Readonly<Record<string, Sample<unknown, Typed>>> = { task, attempt, thread, kernel, child, supervisor, block, job, scaler, interchange, lease, link, "actor-node": actorNode, "remote-actor": remoteActor, "hosted-actor": hostedActor, "work-producer": producer, "work-consumer": consumer };
