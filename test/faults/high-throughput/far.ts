import type { Block } from "#internal/index";
import { createActorSystem, type ActorSystem } from "#internal/supervisors/system";
import type { ActorRef, ChildSpec, DeadLetter, EndReason, Supervisor } from "#internal/supervisors/types";
import { label, withCluster, type Cluster, type ClusterOptions } from "./cluster.js";

const moduleOf = (name: string): URL => new URL(`../../unit/supervisors/modules/${name}`, import.meta.url);

export interface Far {
  readonly cluster: Cluster;
  readonly block: Block;
  readonly system: ActorSystem;
  readonly top: Supervisor;
  readonly letters: DeadLetter[];
  start(id: string, more?: Partial<ChildSpec>, name?: string): Promise<ActorRef>;
}

/** A supervisor in a system of its own, and a block for its children. */
export const withFar = (options: ClusterOptions, body: (far: Far) => Promise<void>): Promise<void> => withCluster(options, (cluster) => farOf(cluster, body));

export async function farOf(cluster: Cluster, body: (far: Far) => Promise<void>): Promise<void> {
  const block = await cluster.kernel.block(label);
  const system = createActorSystem({ name: "far" });
  const letters: DeadLetter[] = [];
  system.deadLetters$.subscribe((letter) => letters.push(letter));
  const top = await system.supervise({ intensity: 5 }, "top");
  const start = async (id: string, more: Partial<ChildSpec> = {}, name = "clerk.mjs"): Promise<ActorRef> => {
    const ref = await top.start({ id, on: block, module: moduleOf(name), restart: "temporary", ...more });
    if (ref === undefined) throw new Error("ignored");
    return ref;
  };
  try {
    await body({ cluster, block, system, top, letters, start });
  } finally {
    await system.stop();
  }
}

interface Place {
  readonly block: string;
  readonly pid: number;
}
export const placeOf = async (ref: ActorRef): Promise<Place> => (await ref.ask({ type: "where from" }, { timeout: "20s" })) as Place;
export const endOf = ({ system }: Far, ref: ActorRef): Promise<EndReason> => new Promise((resolve) => void system.watch(ref, resolve));
export const errorOf = (reason: EndReason): unknown => (typeof reason === "object" && "error" in reason ? reason.error : reason);
