import { compile } from "../../actors/compile.js";
import { InternalConsistencyError } from "../../errors/index.js";
import { attemptMachine, type AttemptContext, type AttemptEffect, type AttemptInput, type AttemptMessage } from "../../state-machines/attempt.js";
import type { Answer } from "../executor.js";
import type { AttemptKind } from "./attempt.js";
import { failureOf, type Loss } from "./failures.js";
import type { ThreadPool } from "./pool.js";

const chart = compile<AttemptContext, AttemptMessage, AttemptEffect, AttemptInput>(attemptMachine);

/** What all attempts of a pool share. */
export function attemptKind(pool: ThreadPool): AttemptKind {
  return {
    name: "attempt",
    chart,
    perform: performers(pool),
    crashed: (a, error) => {
      pool.finish(a);
      pool.listener.failed(a.work, a.number, { error: new InternalConsistencyError("CW-INT-001", `${a.path} broke: ${(error as Error).message}`, { cause: error, where: { task: a.work.taskId, attempt: a.number, executor: pool.label } }), charge: "app", held: false });
    },
  };
}

/** What a pool does for its attempts. */
function performers(pool: ThreadPool): AttemptKind["perform"] {
  const { dispatcher, listener } = pool;
  return {
    "attempt.report": ({ outcome }, a) => {
      if (outcome === "revoked") pool.finish(a);
      listener[outcome](a.work, a.number);
    },
    "attempt.deliver": ({ answer }, a) => {
      pool.finish(a);
      listener.answered(a.work, a.number, answer as Answer);
    },
    "attempt.mourn": ({ loss, why, held }, a) => {
      pool.finish(a);
      if (why === "cancelled" || why === "closing") listener.revoked(a.work, a.number);
      else listener.failed(a.work, a.number, failureOf(a, pool.label, why, loss as Loss | undefined, held && !a.freed));
    },
    "attempt.refuse": ({ error }, a) => {
      pool.finish(a);
      listener.failed(a.work, a.number, { error: error as Error, charge: "app", held: false });
    },
    "claim.revoke": (_, a) => {
      const link = a.lane?.thread?.link;
      if (a.shell || link === undefined) dispatcher.tell(a, { type: "claim.refused" });
      else link.revoke(a.slot, (revoked) => dispatcher.tell(a, { type: revoked ? "claim.revoked" : "claim.refused" }));
    },
    "worker.stop": ({ why }, a) => pool.workforce.stopFor(a, why),
    "work.requeue": (_, a) => {
      a.lane = undefined;
      pool.takeBack(a);
    },
    "timer.start": ({ ms }, a) => {
      a.timer = dispatcher.ports.clock.after(ms, () => dispatcher.tell(a, { type: "walltime.expired" }));
    },
    "timer.cancel": (_, a) => a.timer?.cancel(),
  };
}
