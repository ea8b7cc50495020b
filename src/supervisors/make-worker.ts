import type { Incarnation } from "./incarnation.js";
import { LogicActor } from "./logic-actor.js";
import type { Receiver } from "./envelope.js";
import type { LogicalRef } from "./logical-ref.js";
import { MachineActor, machineKindOf } from "./machine-actor.js";
import type { Body, PreparedChild } from "./prepared.js";
import { RunActor, type Offspring } from "./run-actor.js";
import type { Services } from "./services.js";
import { ThreadActor } from "./thread-actor.js";

export type WorkerBody = Exclude<Body, { readonly kind: "supervisor" }>;

export interface MadeWorker {
  readonly actor: Incarnation & Receiver;
  launch(): void;
}

/** The actor that a specification describes; any but a supervisor. */
export function makeWorker(services: Services, child: PreparedChild, input: unknown, body: WorkerBody, ref: LogicalRef, incarnation: number, makeOffspring: () => Offspring): MadeWorker {
  if (body.kind === "run") {
    const actor = new RunActor(services, child.shutdown, input, ref, incarnation, makeOffspring);
    return { actor, launch: () => actor.launch(body.run) };
  }
  if (body.kind === "machine") {
    const actor = new MachineActor(machineKindOf(body.chart), body.effects, ref, incarnation);
    return { actor, launch: () => actor.launch(input) };
  }
  if (body.kind === "logic") {
    const actor = new LogicActor(services, body.logic, ref, incarnation);
    return { actor, launch: () => actor.launch(input) };
  }
  const actor = new ThreadActor(services, child, input, body, ref, incarnation);
  return { actor, launch: () => actor.launch() };
}
