import type { ActorNodeMessage } from "../state-machines/actor-node.js";
import type { AttemptMessage } from "../state-machines/attempt.js";
import type { BlockMessage } from "../state-machines/block.js";
import type { ChildMessage } from "../state-machines/child.js";
import type { ExecutorMessage } from "../state-machines/executor.js";
import type { InterchangeMessage } from "../state-machines/interchange.js";
import type { JobMessage } from "../state-machines/job.js";
import type { KernelMessage } from "../state-machines/kernel.js";
import type { LeaseMessage } from "../state-machines/lease.js";
import type { HostedActorMessage } from "../state-machines/hosted-actor.js";
import type { LinkMessage } from "../state-machines/link.js";
import type { ManagerMessage } from "../state-machines/manager.js";
import type { SessionMessage } from "../state-machines/manager-session.js";
import type { ScalerMessage } from "../state-machines/scaler.js";
import type { SupervisorMessage } from "../state-machines/supervisor.js";
import type { RemoteActorMessage } from "../state-machines/remote-actor.js";
import type { TaskMessage } from "../state-machines/task.js";
import type { ThreadMessage } from "../state-machines/thread.js";
import type { ConsumerMessage } from "../state-machines/work-consumer.js";
import type { ProducerMessage } from "../state-machines/work-producer.js";
import type { WorkerProcessMessage } from "../state-machines/worker-process.js";

/** What each chart is told. */
export interface ChartMessages {
  readonly task: TaskMessage;
  readonly attempt: AttemptMessage;
  readonly thread: ThreadMessage;
  readonly "worker-process": WorkerProcessMessage;
  readonly executor: ExecutorMessage;
  readonly kernel: KernelMessage;
  readonly supervisor: SupervisorMessage;
  readonly child: ChildMessage;
  readonly scaler: ScalerMessage;
  readonly block: BlockMessage;
  readonly job: JobMessage;
  readonly interchange: InterchangeMessage;
  readonly manager: ManagerMessage;
  readonly "manager-session": SessionMessage;
  readonly lease: LeaseMessage;
  readonly link: LinkMessage;
  readonly "actor-node": ActorNodeMessage;
  readonly "remote-actor": RemoteActorMessage;
  readonly "hosted-actor": HostedActorMessage;
  readonly "work-producer": ProducerMessage;
  readonly "work-consumer": ConsumerMessage;
}

export type ChartName = keyof ChartMessages;

/** Who is no chart: the program that uses caraway, its actors, the hosts that workers live on, the disk, the clock, and whoever is at the other end of a link. */
export type Outsider = "program" | "actor" | "host" | "disk" | "clock" | "peer";

/** One way for messages. The sender is the part in whose step (or outside of any step) the message is told. */
export interface Channel {
  readonly from: readonly (ChartName | Outsider)[];
  readonly to: ChartName;
  /** Control goes ahead of all work, and is never dropped; nor is work, whose amount is bounded where it begins. */
  readonly lane: "work" | "control" | "both";
  readonly about: string;
  /** What bounds the messages that wait in it. */
  readonly bound: string;
}

const channel = <const To extends ChartName>(to: To, from: Channel["from"], lane: Channel["lane"], about: string, bound: string): Channel & { readonly to: To } => ({ from, to, lane, about, bound });

/** Who sends what to whom: every channel between the parts of caraway. */
export const channels = {
  dependencies: channel("task", ["task"], "work", "what it depends on has ended", "one for each dependency"),
  memo: channel("task", ["task", "disk"], "work", "whether its result is known already", "one at a time"),
  staging: channel("task", ["task", "disk"], "work", "its files, and commands, are ready or published", "one at a time"),
  "attempt reports": channel("task", ["attempt", "executor", "thread", "task", "host"], "work", "how its attempt fares", "a few for each attempt"),
  joins: channel("task", ["program"], "work", "what the futures came to that its body returned", "one"),
  cancelling: channel("task", ["program", "kernel", "task"], "work", "it is not wanted any more", "one for each call of cancel"),
  retries: channel("task", ["clock"], "work", "its back-off is over", "one timer for a task"),

  dispatch: channel("attempt", ["executor", "task"], "both", "it was sent to a worker, refused, or is to be stopped", "the credit of the workers: a window each"),
  "worker reports": channel("attempt", ["host", "executor", "thread", "attempt"], "both", "what became of it at its worker", "the credit of the workers"),
  claims: channel("attempt", ["attempt", "host"], "work", "whether it was taken back before it began", "one"),
  walltime: channel("attempt", ["clock"], "work", "its time is over", "one timer for an attempt"),

  workers: channel("thread", ["host", "executor", "attempt"], "both", "its life, and whether it has work", "a few for each thread"),
  patience: channel("thread", ["clock"], "work", "it was told to end, and has not", "one timer for a thread"),
  "processes of workers": channel("worker-process", ["host"], "control", "that it is there again, or has ended", "one for each change"),
  "silence of processes": channel("worker-process", ["clock"], "control", "how long it has been silent, or takes to end", "one timer for a process"),

  "pool state": channel("executor", ["host", "program", "manager-session", "executor", "thread", "attempt", "task", "child"], "work", "work and workers come and go", "one for each cause"),

  holds: channel("executor", ["manager-session", "lease"], "control", "whether the pool of a manager may begin anything", "one for each change of its link or its lease"),

  "kernel life": channel("kernel", ["kernel", "task", "program", "host"], "work", "its parts have started or ended, and it is to close", "one for each change"),
  "closing time": channel("kernel", ["clock"], "work", "the time to close is over", "one timer"),

  "supervisor's commands": channel("child", ["supervisor", "program"], "control", "start, stop, wait, forget", "a few for each decision of its supervisor"),
  "actor's ends": channel("child", ["actor", "child", "supervisor"], "control", "its actor has started, or ended", "one for each start and each end"),
  "child's timers": channel("child", ["clock"], "control", "a start, a stop or a back-off has taken its time", "one timer for a child"),

  "child reports": channel("supervisor", ["child"], "control", "how a child fares", "one for each change of a child"),
  "retries of starts": channel("supervisor", ["supervisor", "child"], "both", "a restart that failed, or was put off, is due: it waits behind what came before", "one for each child"),
  administration: channel("supervisor", ["program", "actor", "kernel", "child"], "control", "start, restart, stop and delete a child; shut down", "one for each call: the caller waits"),

  scaling: channel("scaler", ["program", "clock", "block"], "both", "work is there, blocks have changed, it is time to look again", "one for each cause"),
  "scaling answers": channel("scaler", ["scaler"], "both", "what was decided, and that it was done", "one at a time"),
  blocks: channel("block", ["program", "scaler", "host"], "both", "what is to become of a block, and what its managers do", "a few for each block"),
  "jobs of blocks": channel("block", ["job"], "both", "how its job stands", "one for each change of a job"),
  "block's timers": channel("block", ["clock"], "both", "no manager has registered in time; it is tried again", "one timer for a block"),
  "scheduler's answers": channel("job", ["host"], "both", "what its provider says of a job, and what it does not", "one for each question"),

  interchange: channel("interchange", ["program", "peer", "interchange", "manager"], "control", "what was out before it, who is back, and that it is to end", "one for each manager of the one before, and a few"),
  "interchange's timers": channel("interchange", ["clock"], "control", "who has not come in time, and that the time to end is over", "one timer, and one for the look at processes"),
  managers: channel("manager", ["program", "peer", "clock", "interchange", "manager"], "control", "a manager's life, as the head sees it", "a few for each change of its link or its block"),
  "manager's lease": channel("manager", ["clock", "peer"], "control", "how long it has been silent", "one timer for a manager"),
  session: channel("manager-session", ["program", "peer", "host", "lease"], "control", "a manager's link to its head, and what the head wants", "a few for each link"),
  "session's timers": channel("manager-session", ["clock"], "control", "it may try again", "one timer"),
  "lease's signs": channel("lease", ["peer", "clock", "lease"], "control", "signs of the head, and their absence", "one timer, and one for each change"),
  "link's life": channel("link", ["program", "peer", "host"], "control", "greetings, farewells and faults; frames that it only carries are none", "none waits: they are taken within the call"),
  "link's limit": channel("link", ["clock"], "control", "the other side has not answered to its farewell", "one timer for each that closes"),
  "nodes of actors": channel("actor-node", ["program", "peer"], "control", "whether a node takes actors, and what becomes of its manager", "none waits: they are taken within the call"),
  "remote actors": channel("remote-actor", ["program", "peer", "actor"], "work", "where an actor is on a node, and what becomes of that node", "a few for each change of its node"),
  "remote actor's lease": channel("remote-actor", ["clock"], "work", "its node has been out of reach for too long", "one timer for each whose node is out of reach"),
  "hosted actors": channel("hosted-actor", ["peer", "host"], "work", "what its owner wants of an actor, and what became of its thread", "a few for each actor"),
  "hosted actor's patience": channel("hosted-actor", ["clock"], "work", "its thread is still inside a native call", "one timer for each that is ended"),

  offers: channel("work-producer", ["program"], "work", "a job more, and the end of jobs", "the producer's capacity: `ready()` waits for room"),
  consumers: channel("work-producer", ["program", "peer", "actor"], "work", "a consumer comes or goes", "one for each consumer"),
  credit: channel("work-producer", ["peer", "work-consumer"], "work", "how a consumer stands: its credit, and what it has processed", "one for each delivery, and one for each pause while it is not noted"),
  "producer's timers": channel("work-producer", ["clock"], "work", "a consumer has not answered", "one timer for a consumer"),

  deliveries: channel("work-consumer", ["peer", "actor"], "work", "jobs, and that its statement was noted", "the credit that it gave"),
  processing: channel("work-consumer", ["program", "work-consumer"], "both", "a job has been processed; it is to close", "its concurrency"),
  "consumer's timer": channel("work-consumer", ["clock"], "work", "its statement has not been noted", "one timer"),
} as const satisfies Readonly<Record<string, Channel>>;

export type ChannelName = keyof typeof channels;

/** The channels that lead to a chart. */
type ChannelTo<C extends ChartName> = { [N in ChannelName]: (typeof channels)[N]["to"] extends C ? N : never }[ChannelName];

/** The channel that each message comes by: every message of every chart has one, and one only. */
export const routes = {
  task: {
    "dependency.settled": "dependencies", "dependency.failed": "dependencies",
    "memo.missed": "memo", "memo.hit": "memo", "memo.failed": "memo",
    "inputs.staged": "staging", "inputs.failed": "staging", "outputs.published": "staging", "outputs.failed": "staging",
    "attempt.sent": "attempt reports", "attempt.requeued": "attempt reports", "attempt.started": "attempt reports", "attempt.succeeded": "attempt reports", "attempt.failed": "attempt reports", "attempt.released": "attempt reports",
    "join.resolved": "joins", "join.failed": "joins",
    "retry.due": "retries", "task.cancel": "cancelling",
  },
  attempt: {
    "attempt.sent": "dispatch", "attempt.refused": "dispatch", "attempt.cancel": "dispatch",
    "attempt.started": "worker reports", "attempt.answered": "worker reports", "attempt.unclaimed": "worker reports", "attempt.lost": "worker reports", "attempt.haunted": "worker reports",
    "claim.revoked": "claims", "claim.refused": "claims", "walltime.expired": "walltime",
  },
  thread: { "thread.ready": "workers", "work.sent": "workers", "work.drained": "workers", "thread.stop": "workers", "thread.exited": "workers", "patience.expired": "patience" },
  "worker-process": { "sign.heard": "processes of workers", "process.exited": "processes of workers", "silence.due": "silence of processes", "exit.overdue": "silence of processes" },
  executor: {
    "executor.started": "pool state", "executor.failed": "pool state", "work.offered": "pool state", "workers.missing": "pool state", "workers.complete": "pool state",
    "executor.drain": "pool state", "work.finished": "pool state", "executor.stop": "pool state", "workers.gone": "pool state",
    "executor.hold": "holds", "executor.resume": "holds",
  },
  kernel: { "kernel.started": "kernel life", "kernel.failed": "kernel life", "kernel.close": "kernel life", "tasks.settled": "kernel life", "executors.stopped": "kernel life", "close.expired": "closing time" },
  child: {
    "child.start": "supervisor's commands", "child.stop": "supervisor's commands", "child.kill": "supervisor's commands", "child.delay": "supervisor's commands", "child.forget": "supervisor's commands", "child.give-up": "supervisor's commands",
    "actor.started": "actor's ends", "actor.ignored": "actor's ends", "actor.ended": "actor's ends",
    "start.expired": "child's timers", "stop.expired": "child's timers", "delay.expired": "child's timers",
  },
  supervisor: {
    "child.started": "child reports", "child.ignored": "child reports", "child.start-failed": "child reports", "child.stopped": "child reports", "child.ended": "child reports", "child.due": "retries of starts",
    "call.start-child": "administration", "call.restart-child": "administration", "call.terminate-child": "administration", "call.delete-child": "administration", "supervisor.stop": "administration", "supervisor.kill": "administration",
  },
  scaler: {
    "scaler.begin": "scaling", "scaler.tick": "scaling", "work.offered": "scaling", "blocks.changed": "scaling", "scaler.hold": "scaling", "scaler.resume": "scaling", "scaler.stop": "scaling",
    "decision.made": "scaling answers", "actions.taken": "scaling answers",
  },
  block: {
    "block.prepared": "blocks", "block.unprepared": "blocks", "manager.registered": "blocks", "managers.gone": "blocks", "block.drain": "blocks", "block.drained": "blocks", "block.cancel": "blocks",
    "job.queued": "jobs of blocks", "job.active": "jobs of blocks", "job.requeued": "jobs of blocks", "job.ended": "jobs of blocks",
    "registration.expired": "block's timers", "retry.due": "block's timers",
  },
  job: {
    "job.submitted": "scheduler's answers", "job.refused": "scheduler's answers", "job.unanswered": "scheduler's answers", "job.reported": "scheduler's answers", "job.missing": "scheduler's answers", "query.failed": "scheduler's answers",
    "job.found": "scheduler's answers", "job.absent": "scheduler's answers", "lookup.failed": "scheduler's answers",
  },
  interchange: {
    "head.told": "interchange", "manager.returned": "interchange", "interchange.stop": "interchange", "managers.gone": "interchange",
    "managers.missing": "interchange's timers", "stop.expired": "interchange's timers",
  },
  manager: {
    "manager.accepted": "managers", "manager.drain": "managers", "manager.resume": "managers", "manager.retire": "managers", "manager.emptied": "managers", "manager.stop": "managers", "manager.left": "managers", "manager.replaced": "managers", "link.lost": "managers", "link.restored": "managers",
    "manager.heard": "manager's lease", "lease.waned": "manager's lease", "lease.expired": "manager's lease", "reconnect.expired": "manager's lease",
  },
  "manager-session": {
    "pool.started": "session", "pool.failed": "session", "pool.stopped": "session", "link.made": "session", "link.failed": "session", "link.refused": "session", "link.lost": "session", "session.accepted": "session",
    "manager.drain": "session", "manager.stop": "session", "lease.over": "session", "retry.due": "session's timers",
  },
  lease: { "lease.renewed": "lease's signs", "lease.waned": "lease's signs", "lease.expired": "lease's signs", "grace.expired": "lease's signs" },
  link: {
    "greeting.heard": "link's life", "greeting.refused": "link's life", "frame.refused": "link's life", "receiver.threw": "link's life", "link.close": "link's life", "link.destroy": "link's life",
    "farewell.heard": "link's life", "outbox.emptied": "link's life", "stream.ended": "link's life", "stream.broke": "link's life", "limit.expired": "link's limit",
  },
  "actor-node": { "node.drain": "nodes of actors", "node.detached": "nodes of actors", "node.back": "nodes of actors", "node.emptied": "nodes of actors", "node.lost": "nodes of actors" },
  "remote-actor": {
    "node.chosen": "remote actors", "actor.failed": "remote actors", "node.back": "remote actors", "actor.terminate": "remote actors", "node.detached": "remote actors", "node.lost": "remote actors", "thread.exited": "remote actors",
    "lease.expired": "remote actor's lease",
  },
  "hosted-actor": {
    "actor.terminate": "hosted actors", "lease.expired": "hosted actors", "actor.forgotten": "hosted actors", "thread.exited": "hosted actors", "end.known": "hosted actors",
    "patience.expired": "hosted actor's patience",
  },
  "work-producer": { "job.offer": "offers", "producer.close": "offers", "consumer.attached": "consumers", "consumer.ended": "consumers", "credit.granted": "credit", "resend.due": "producer's timers" },
  "work-consumer": {
    "session.open": "deliveries", "session.close": "deliveries", "job.deliver": "deliveries", "credit.note": "deliveries", "credit.query": "deliveries",
    "job.processed": "processing", "consumer.close": "processing", "resend.due": "consumer's timer",
  },
} as const satisfies { readonly [C in ChartName]: { readonly [T in ChartMessages[C]["type"]]: ChannelTo<C> } };

type Routes = typeof routes;

/** The messages of a channel to a chart: what its sender may tell. */
export type Carried<C extends ChartName, N extends ChannelTo<C>> = { [T in keyof Routes[C]]: Routes[C][T] extends N ? Extract<ChartMessages[C], { readonly type: T }> : never }[keyof Routes[C]];
