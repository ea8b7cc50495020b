import { describe, expect, it } from "vitest";
import { simulate } from "#internal/supervisors/simulation";
import type { EndReason, RestartKind, Self, Strategy } from "#internal/supervisors/types";
import { follow, type Command } from "../../property/follow-reference.js";
import type { ReferenceChild, StartOutcome } from "../../property/reference-spec.js";

const strategies: readonly Strategy[] = ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"];
const kinds: readonly RestartKind[] = ["permanent", "transient", "temporary"];
const reasons: readonly EndReason[] = ["normal", "shutdown", { shutdown: "moved" }, "killed", { error: "broken" }];
const outcomes: readonly StartOutcome[] = ["ok", "fail", "ignore", "hang"];
const plain: Omit<ReferenceChild, "id"> = { restart: "permanent", significant: false, brutal: false, backoff: undefined, stops: "clean" };

/** What OTP's decision table says of a child that ended: it runs again, its specification stays without it, or goes. */
const table: Readonly<Record<RestartKind, Readonly<Record<string, "restarted" | "kept" | "dropped">>>> = {
  permanent: { normal: "restarted", shutdown: "restarted", '{"shutdown":"moved"}': "restarted", killed: "restarted", '{"error":"broken"}': "restarted" },
  transient: { normal: "kept", shutdown: "kept", '{"shutdown":"moved"}': "kept", killed: "restarted", '{"error":"broken"}': "restarted" },
  temporary: { normal: "dropped", shutdown: "dropped", '{"shutdown":"moved"}': "dropped", killed: "dropped", '{"error":"broken"}': "dropped" },
};

const textOf = (reason: EndReason): string => (typeof reason === "string" ? reason : JSON.stringify(reason));

describe("what follows the end of a child", () => {
  for (const restart of kinds) {
    for (const reason of reasons) {
      const verdict = table[restart][textOf(reason)] ?? "";
      it(`${restart}, ${textOf(reason)}: ${verdict}`, async () => {
        const { system, ports } = simulate(1);
        const supervising = system.supervise({ children: [{ id: "a", restart, run: (self: Self<EndReason>) => self.receive((end) => self.exit(end)) }] });
        await ports.settle();
        const supervisor = await supervising;
        const ref = supervisor.children()[0]?.ref;
        if (typeof ref !== "object") throw new Error("not started");
        ref.tell(reason);
        await ports.settle();
        const [after] = supervisor.children();
        expect(after === undefined ? "dropped" : after.ref === ref ? "restarted" : "kept").toBe(verdict);
        expect([ref.incarnation, ref.alive]).toEqual(verdict === "restarted" ? [2, true] : [1, false]);
        if (verdict !== "restarted") expect(await ref.ended).toEqual(reason);
      });
    }
  }
});

describe("every combination of strategy, restart kind, end, next start and call is as the reference has it", () => {
  const calls: readonly (readonly [string, (victim: number) => readonly Command[]])[] = [
    ["nothing", () => []],
    ["start of the same id", () => [{ do: "start", child: { ...plain, id: "b" } }]],
    ["start of a new id", () => [{ do: "start", child: { ...plain, id: "e" } }]],
    ["restart", (n) => [{ do: "restart", child: n }]],
    ["delete", (n) => [{ do: "delete", child: n }]],
    ["stop", (n) => [{ do: "terminate", child: n }]],
    ["stop, restart, stop, delete", (n) => (["terminate", "restart", "terminate", "delete"] as const).map((what) => ({ do: what, child: n }))],
  ];
  for (const strategy of strategies) {
    for (const restart of kinds) {
      it(`${strategy}, ${restart}`, async () => {
        const dynamic = strategy === "simple_one_for_one";
        const child = (id: string): ReferenceChild => ({ ...plain, id, restart: id === "c" ? "temporary" : restart });
        const begin: readonly Command[] = dynamic ? [{ do: "start", child: child("a") }, { do: "start", child: child("a") }] : [];
        const victim = dynamic ? 0 : 1;
        for (const reason of ["normal", { shutdown: "moved" }, { error: "broken" }] as const) {
          for (const outcome of outcomes) {
            for (const [, call] of calls) {
              const starts = dynamic ? [["ok", "ok", outcome], [], [], [], [], []] : [["ok"], ["ok", outcome], ["ok"], ["ok", outcome], [], []];
              const commands: readonly Command[] = [...begin, { do: "exit", children: [victim], reason }, ...call(victim), { do: "shutdown" }];
              await follow({ seed: 1, spec: { strategy, intensity: 1, period: 1000, autoShutdown: "never", children: dynamic ? [child("a")] : ["a", "b", "c", "d"].map(child) }, commands, starts: starts as StartOutcome[][] }, false);
            }
          }
        }
      });
    }
  }
});
