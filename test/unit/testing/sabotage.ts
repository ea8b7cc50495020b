import { createMachine, type AnyStateMachine } from "xstate";
import { compile } from "#internal/actors/compile";
import type { LaneLink } from "#internal/executors/thread-pool/host";
import type { ThreadPool } from "#internal/executors/thread-pool/pool";
import type { SimulatedKernel } from "#internal/testing/index";

/** Planted faults: each makes one part of a simulated kernel do what it must never do. */
type Kind = { chart: unknown; readonly perform: Record<string, (effect: never, cell: never) => void> };

const taskKind = (sim: SimulatedKernel): Kind => Reflect.get(sim.kernel.table, "kind") as Kind;

export const poolOf = (sim: SimulatedKernel): ThreadPool => [...sim.kernel.table.executors.values()][0] as ThreadPool;

/** Tasks follow another chart. */
export function taskChart(sim: SimulatedKernel, machine: AnyStateMachine): void {
  taskKind(sim).chart = compile(machine);
}

/** An effect of attempts is performed otherwise. */
export function attemptEffect(sim: SimulatedKernel, type: string, perform: (effect: never, cell: never) => void): void {
  (Reflect.get(poolOf(sim), "attemptKind") as Kind).perform[type] = perform;
}

/** The same chart, with another configuration. */
export function altered(machine: AnyStateMachine, change: (config: Record<string, never>) => object): AnyStateMachine {
  return createMachine(change(machine.config as never) as never, machine.implementations as never) as AnyStateMachine;
}

/** What the workers' links answer is otherwise. */
export function links(sim: SimulatedKernel, change: (link: LaneLink) => Partial<LaneLink>): void {
  const { host } = poolOf(sim);
  const open = host.open.bind(host);
  host.open = (lane, events) => {
    const link = open(lane, events);
    const changed = change(link);
    return new Proxy(link, {
      get: (target, name) => {
        const value: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name);
        return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
      },
    });
  };
}

/** What the executor tells the kernel is told again, some time later. */
export function toldAgain(sim: SimulatedKernel, what: "answered" | "failed", ms: number): void {
  const { listener } = sim.kernel.table;
  const once = listener[what].bind(listener) as (...given: unknown[]) => void;
  (listener as unknown as Record<string, unknown>)[what] = (...given: unknown[]) => {
    once(...given);
    sim.at(ms, () => once(...given));
  };
}
