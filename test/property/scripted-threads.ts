import type { ChildSpec } from "#internal/supervisors/types";
import { names, type Plan } from "./follow-reference.js";
import type { ReferenceChild, StartOutcome } from "./reference-spec.js";
import { RealWorld } from "./real-worlds.js";
import { ScriptedSystem } from "./scripted-children.js";

const outcomes: readonly StartOutcome[] = ["ok", "fail", "ignore", "hang"];

/** The same children, each in a thread of its own. */
export class ScriptedThreads extends ScriptedSystem {
  /** Of several threads that are stopped at once, nobody knows which is heard first. */
  override readonly inOrder = false;

  private readonly starts = new Map<string, Int32Array>();

  constructor(private readonly plan: Plan) {
    const world = new RealWorld();
    super(world, plan.spec, () => "ok");
    world.events = {
      announced: (id, event) => {
        const { note, ignores = false } = event as { readonly note?: "start" | "down"; readonly ignores?: boolean };
        if (note === "start" && !ignores) this.alive.add(id);
        if (note === "down") this.alive.delete(id);
        if (note !== undefined) this.note(`${note} ${id}`);
      },
      terminated: (id) => {
        if (this.alive.delete(id)) this.note(`down ${id}`);
      },
    };
  }

  override childSpec(child: ReferenceChild): ChildSpec {
    const starts = this.starts.get(child.id) ?? this.planned(child.id);
    this.starts.set(child.id, starts);
    return { ...this.limits(child), on: "thread", module: new URL("./scripted-thread.mjs", import.meta.url), input: { starts, stops: child.stops } };
  }

  /** How many starts there were, and what each comes to. */
  private planned(id: string): Int32Array {
    const planned = this.plan.starts[names.indexOf(id)] ?? [];
    const starts = new Int32Array(new SharedArrayBuffer(4 * (planned.length + 1)));
    planned.forEach((outcome, i) => (starts[i + 1] = outcomes.indexOf(outcome)));
    return starts;
  }

  override children(): string[] {
    for (const { id, ref } of this.supervisor?.children().reverse() ?? []) if (typeof ref === "object") this.refs.set(id, ref);
    return super.children();
  }
}
