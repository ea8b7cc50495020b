import fc from "fast-check";
import { describe, it } from "vitest";
import type { EndReason } from "#internal/supervisors/types";
import { follow, names, script, type Command, type Plan } from "./follow-reference.js";
import { RealWorld } from "./real-worlds.js";
import type { ReferenceChild, ReferenceSpec, StartOutcome } from "./reference-spec.js";
import { ScriptedSystem } from "./scripted-children.js";
import { ScriptedThreads } from "./scripted-threads.js";

const reasons: readonly EndReason[] = ["normal", "shutdown", { shutdown: "moved" }, { error: "broken" }];

const child = (id: string, backoff: boolean): fc.Arbitrary<ReferenceChild> =>
  fc.record({
    id: fc.constant(id),
    restart: fc.constantFrom("permanent", "transient", "temporary"),
    significant: fc.constant(false),
    brutal: fc.boolean(),
    backoff: backoff ? fc.option(fc.record({ min: fc.integer({ min: 1, max: 40 }), max: fc.integer({ min: 40, max: 90 }) }), { nil: undefined }) : fc.constant(undefined),
    stops: backoff ? fc.constantFrom("clean", "fail") : fc.constantFrom("clean", "clean", "hang", "fail"),
  });

function plan(strategy: ReferenceSpec["strategy"], backoff: boolean): fc.Arbitrary<Plan> {
  const outcome: fc.Arbitrary<StartOutcome> = backoff ? fc.constantFrom("ok", "ok", "fail", "ignore") : fc.constantFrom("ok", "ok", "ok", "fail", "ignore", "hang");
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("exit" as const), children: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }), reason: fc.constantFrom(...reasons) }) },
    { weight: 3, arbitrary: fc.nat(5).chain((i) => fc.record({ do: fc.constant("start" as const), child: child(names[i] ?? "a", backoff) })) },
    { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "delete" as const, "terminate" as const), child: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 120 }) }) },
    { weight: 1, arbitrary: fc.constant({ do: "shutdown" as const }) },
  );
  const significance = fc.record({ autoShutdown: strategy === "simple_one_for_one" ? fc.constant("never" as const) : fc.constantFrom("never" as const, "any_significant" as const, "all_significant" as const), flags: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }) });
  return fc
    .record({
      seed: fc.integer(),
      intensity: fc.nat(4),
      period: fc.integer({ min: 1, max: 400 }),
      children: fc.integer({ min: strategy === "simple_one_for_one" ? 1 : 0, max: strategy === "simple_one_for_one" ? 1 : 4 }).chain((n) => fc.tuple(...names.slice(0, n).map((name) => child(name, backoff)))),
      significance,
      commands: fc.array(command, { maxLength: 14 }),
      starts: fc.array(fc.tuple(fc.constantFrom<StartOutcome>("ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "fail", "ignore"), fc.array(outcome, { maxLength: 6 })).map(([first, rest]) => [first, ...rest]), { minLength: 6, maxLength: 6 }),
    })
    .map(({ seed, intensity, period, children, significance: { autoShutdown, flags }, commands, starts }) => {
      const marked = children.map((one, i) => ({ ...one, significant: autoShutdown !== "never" && one.restart !== "permanent" && flags[i] === true }));
      return { seed, spec: { strategy, intensity, period, autoShutdown, children: marked }, commands, starts };
    });
}

const numRuns = Number(process.env["CARAWAY_PROPERTY_RUNS"] ?? 300);

describe("a supervisor does what OTP's does", () => {
  for (const strategy of ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"] as const) {
    it(`${strategy}, with starts and stops that fail and hang`, async () => {
      await fc.assert(fc.asyncProperty(plan(strategy, false), (given) => follow(given, false)), { numRuns });
    }, 120_000);

    it(`${strategy}, with restarts that are put off`, async () => {
      await fc.assert(fc.asyncProperty(plan(strategy, true), (given) => follow(given, true)), { numRuns });
    }, 120_000);

    const withoutWaits = plan(strategy, false).map((given) => ({ ...given, commands: given.commands.filter((command) => command.do !== "wait") }));

    it(`${strategy}, on the scheduler of this machine`, async () => {
      await fc.assert(fc.asyncProperty(withoutWaits, (given) => follow(given, false, ({ spec, starts }) => new ScriptedSystem(new RealWorld(), spec, script(starts)))), { numRuns: Math.ceil(numRuns / 3) });
    }, 120_000);

    it(`${strategy}, with each child in a thread of its own`, async () => {
      await fc.assert(fc.asyncProperty(withoutWaits, (given) => follow(given, false, (one) => new ScriptedThreads(one))), { numRuns: Math.ceil(numRuns / 60), endOnFailure: true });
    }, 120_000);
  }
});
