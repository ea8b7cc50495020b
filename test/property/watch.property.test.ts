import fc from "fast-check";
import { expect, it } from "vitest";
import { simulate } from "#internal/supervisors/simulation";
import type { ActorRef, EndReason, Self } from "#internal/supervisors/types";

type Act = { readonly do: "watch" | "watch by actor" } | { readonly do: "unwatch"; readonly which: number } | { readonly do: "exit"; readonly reason: EndReason } | { readonly do: "crash" | "step" | "settle" | "stop" | "restart" };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("watch" as const, "watch by actor" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("unwatch" as const), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("exit" as const), reason: fc.constantFrom<EndReason[]>("normal", "shutdown", { error: "broken" }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "step" as const, "step" as const, "settle" as const, "stop" as const, "restart" as const) }) },
);

interface Watch {
  readonly notices: EndReason[];
  takeBack: () => void;
  /** How many notices there were when it was taken back. */
  before: number | undefined;
}

it("every watch gives one notice of one end, also of an end that came first; none once it was taken back, also when it was on its way", { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.constantFrom<(false | { min: number; max: number })[]>(false, { min: 5, max: 9 }), fc.array(act, { maxLength: 40 }), async (seed, backoff, acts) => {
      const sim = simulate(seed);
      const selves: Self<never>[] = [];
      const top = await sim.until(sim.system.supervise({ intensity: 1000, children: [{ id: "watcher", run: (self: Self<never>) => void selves.push(self) }, { id: "target", restart: "transient", backoff, run: (self: Self<EndReason>) => self.receive((reason) => self.exit(reason)) }] }, "top"));
      const target = (): ActorRef => sim.system.lookup("simulation/top/target") as ActorRef;
      const watches: Watch[] = [];
      for (const one of acts) {
        const ref = target();
        if (one.do === "watch" || one.do === "watch by actor") {
          const watch: Watch = { notices: [], takeBack: () => undefined, before: undefined };
          const onEnd = (reason: EndReason): void => void watch.notices.push(reason);
          watch.takeBack = one.do === "watch" ? sim.system.watch(ref, onEnd) : (selves[0]?.watch(ref, onEnd) ?? watch.takeBack);
          expect(watch.notices, "no notice comes within the call").toEqual([]);
          watches.push(watch);
        } else if (one.do === "unwatch") {
          const watch = watches[one.which % Math.max(1, watches.length)];
          if (watch === undefined || watch.before !== undefined) continue;
          watch.takeBack();
          watch.before = watch.notices.length;
        } else if (one.do === "exit") ref.tell(one.reason);
        else if (one.do === "crash") sim.crash(ref);
        else if (one.do === "step") await sim.step();
        else if (one.do === "settle") await sim.settle();
        else void (one.do === "stop" ? top.stop("target") : top.restart("target")).catch(() => undefined);
      }
      await sim.settle();
      await sim.until(top.stop("target").catch(() => undefined));
      await sim.settle();
      for (const { notices, before } of watches) expect(notices.length).toBe(before ?? 1);
    }),
    { numRuns: 100 },
  );
});
