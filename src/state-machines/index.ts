import type { AnyStateMachine } from "xstate";
import { actorNodeMachine } from "./actor-node.js";
import { attemptMachine } from "./attempt.js";
import { blockMachine } from "./block.js";
import { childMachine } from "./child.js";
import { executorMachine } from "./executor.js";
import { hostedActorMachine } from "./hosted-actor.js";
import { interchangeMachine } from "./interchange.js";
import { jobMachine } from "./job.js";
import { kernelMachine } from "./kernel.js";
import { leaseMachine } from "./lease.js";
import { linkMachine } from "./link.js";
import { managerMachine } from "./manager.js";
import { managerSessionMachine } from "./manager-session.js";
import { remoteActorMachine } from "./remote-actor.js";
import { scalerMachine } from "./scaler.js";
import { supervisorMachine } from "./supervisor.js";
import { taskMachine } from "./task.js";
import { threadMachine } from "./thread.js";
import { workConsumerMachine } from "./work-consumer.js";
import { workProducerMachine } from "./work-producer.js";
import { workerProcessMachine } from "./worker-process.js";

/** Every chart there is, by name. */
export const charts: Readonly<Record<string, AnyStateMachine>> = {
  task: taskMachine,
  attempt: attemptMachine,
  thread: threadMachine,
  "worker-process": workerProcessMachine,
  executor: executorMachine,
  kernel: kernelMachine,
  supervisor: supervisorMachine,
  child: childMachine,
  interchange: interchangeMachine,
  manager: managerMachine,
  "manager-session": managerSessionMachine,
  lease: leaseMachine,
  link: linkMachine,
  "actor-node": actorNodeMachine,
  "remote-actor": remoteActorMachine,
  "hosted-actor": hostedActorMachine,
  block: blockMachine,
  job: jobMachine,
  scaler: scalerMachine,
  "work-producer": workProducerMachine,
  "work-consumer": workConsumerMachine,
};
