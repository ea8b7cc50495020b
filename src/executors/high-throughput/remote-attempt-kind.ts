import { compile } from "../../actors/compile.js";
import { InternalConsistencyError } from "../../errors/index.js";
import { attemptMachine, type AttemptContext, type AttemptEffect, type AttemptInput, type AttemptMessage } from "../../state-machines/attempt.js";
import type { Answer, WorkFailure, WorkListener } from "../executor.js";
import type { FrontEnd } from "./front-end.js";
import type { RemoteAttempt, RemoteAttemptKind } from "./remote-attempt.js";

const chart = compile<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput>(attemptMachine);
const nothing = (): void => undefined;

/** What all attempts of a front end share. */
export function remoteAttemptKind(front: FrontEnd, listener: WorkListener): RemoteAttemptKind {
  const recall = (_: unknown, attempt: RemoteAttempt): void => front.recall(attempt);
  return {
    name: "attempt",
    chart,
    perform: {
      "attempt.report": ({ outcome: what }, a) => {
        if (what === "revoked") front.finish(a);
        listener[what](a.work, a.number);
      },
      "attempt.deliver": ({ answer }, a) => {
        front.finish(a);
        listener.answered(a.work, a.number, answer as Answer);
      },
      "attempt.mourn": ({ loss, why, held }, a) => front.mourn(a, loss as WorkFailure | undefined, why, held),
      "attempt.refuse": ({ error }, a) => {
        front.finish(a);
        listener.failed(a.work, a.number, { error: error as Error, charge: "app", held: false });
      },
      "claim.revoke": recall,
      "worker.stop": recall,
      "work.requeue": nothing,
      "timer.start": nothing,
      "timer.cancel": nothing,
    },
    moved: (a, from) => front.moved(from.tags.has("out"), a.is("out")),
    crashed: (a, error) => {
      front.finish(a);
      listener.failed(a.work, a.number, { error: new InternalConsistencyError("CW-INT-001", `${a.path} broke: ${(error as Error).message}`, { cause: error, where: { task: a.work.taskId, attempt: a.number, executor: front.label } }), charge: "app", held: false });
    },
  };
}
