import { expect } from "vitest";
import type { EndReason } from "#internal/supervisors/types";
import type { ReferenceChild, ReferenceSpec, StartOutcome } from "./reference-spec.js";
import { ReferenceSupervisor } from "./reference-supervisor.js";
import { ScriptedSystem, simulatedWorld } from "./scripted-children.js";

export type Command =
  | { readonly do: "exit"; readonly children: readonly number[]; readonly reason: EndReason }
  | { readonly do: "start"; readonly child: ReferenceChild }
  | { readonly do: "restart" | "delete" | "terminate"; readonly child: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "shutdown" };

export interface Plan {
  readonly seed: number;
  readonly spec: ReferenceSpec;
  readonly commands: readonly Command[];
  /** What the starts of each child come to, in turn; after that they succeed. */
  readonly starts: readonly (readonly StartOutcome[])[];
}

export const names = ["a", "b", "c", "d", "e", "f"];
export const script = (starts: Plan["starts"]) => {
  const next = new Map<string, number>();
  return (id: string): StartOutcome => {
    const at = next.get(id) ?? 0;
    next.set(id, at + 1);
    return starts[names.indexOf(id)]?.[at] ?? "ok";
  };
};

const simulated = ({ seed, spec, starts }: Plan): ScriptedSystem => new ScriptedSystem(simulatedWorld(seed), spec, script(starts));

/** Gives the same commands to the reference and to a supervisor of scripted children, and compares all that can be seen after each. */
export async function follow(plan: Plan, backoff: boolean, make = simulated): Promise<void> {
  const { spec, commands, starts } = plan;
  const reference = new ReferenceSupervisor(spec, script(starts));
  const real = make(plan);
  const dynamic = spec.strategy === "simple_one_for_one";
  const settle = (): Promise<void> => (backoff ? real.world.settleFor(0) : real.world.settle());
  const same = (what: string): void => {
    expect(real.inOrder ? real.trace : real.trace.toSorted(), what).toEqual(real.inOrder ? reference.trace : reference.trace.toSorted());
    expect(real.world.now(), what).toBe(reference.now);
    if (reference.end === undefined) expect(real.children(), what).toEqual(reference.children.map((one) => `${one.name}: ${one.status}`));
  };
  if (dynamic) reference.children = [];
  else reference.begin();
  const begun = await real.begin();
  expect(begun).toBe(reference.end === undefined ? "ok" : "failed_to_start_child");
  same("the start");
  let instances = 0;
  for (const [i, command] of commands.entries()) {
    const what = `command ${i}: ${JSON.stringify(command)}`;
    const { supervisor } = real;
    if (supervisor === undefined || reference.end !== undefined) break;
    const known = [...real.refs.keys()];
    const nameOf = (n: number): string => (dynamic ? (known[n % Math.max(1, known.length)] ?? "none") : (names[n] ?? "a"));
    if (command.do === "wait") {
      reference.wait(command.ms);
      await real.world.settleFor(command.ms);
    } else if (command.do === "exit") {
      const targets = [...new Set(command.children.map(nameOf))].filter((name) => reference.children.some((one) => one.name === name && one.status === "running"));
      for (const name of targets) real.refs.get(name)?.tell({ exit: command.reason });
      reference.exit(...targets.map((name) => [name, command.reason] as const));
      await settle();
    } else if (command.do === "shutdown") {
      reference.finish("shutdown");
      expect(await real.answered(supervisor.shutdown(), settle), what).toBe("ok");
    } else if (command.do === "start") {
      const id = `i${++instances}`;
      const significant = spec.autoShutdown !== "never" && command.child.restart !== "permanent";
      const asked = dynamic ? (spec.children[0] as ReferenceChild) : { ...command.child, significant };
      const answer = real.answered(supervisor.start(dynamic ? { id } : real.childSpec(asked)), settle);
      const expected = reference.startChild(asked, dynamic ? id : asked.id);
      expect(await answer, what).toBe(expected === "ignore" ? "ok" : expected);
    } else if (command.do === "terminate") {
      const name = nameOf(command.child);
      const ref = real.refs.get(name);
      const byRef = dynamic && ref !== undefined;
      const answer = real.answered(supervisor.stop(byRef ? ref : name), settle);
      expect(await answer, what).toBe(byRef ? reference.terminateInstance(name) : reference.administer("terminate", name));
    } else {
      const name = nameOf(command.child);
      const answer = real.answered(command.do === "restart" ? supervisor.restart(name) : supervisor.delete(name), settle);
      const expected = reference.administer(command.do, name);
      expect(await answer, what).toBe(expected === "ignore" ? "ok" : expected);
    }
    same(what);
  }
  expect(real.broken()).toEqual([]);
  if (reference.end !== undefined) {
    expect([...real.alive], "alive after the end").toEqual([]);
    if (real.supervisor !== undefined) expect(await real.supervisor.ended).toEqual(reference.end);
  }
}
