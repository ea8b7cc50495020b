import type { Incarnation, IncarnationHost } from "./incarnation.js";
import { LogicActor } from "./logic-actor.js";
import type { LogicalRef, Receiver } from "./logical-ref.js";
import { MachineActor } from "./machine-actor.js";
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
export function makeWorker(services: Services, child: PreparedChild, body: WorkerBody, ref: LogicalRef, incarnation: number, host: IncarnationHost, makeOffspring: () => Offspring): MadeWorker {
  if (body.kind === "run") {
    const actor = new RunActor(services, child, ref, incarnation, host, makeOffspring);
    return { actor, launch: () => actor.launch(body.run) };
  }
  if (body.kind === "machine") {
    const actor = new MachineActor(services, body, ref, incarnation, host);
    return { actor, launch: () => actor.launch(child.input) };
  }
  if (body.kind === "logic") {
    const actor = new LogicActor(services, body.logic, ref, host);
    return { actor, launch: () => actor.launch(child.input) };
  }
  const actor = new ThreadActor(services, child, body, ref, incarnation, host);
  return { actor, launch: () => actor.launch() };
}
