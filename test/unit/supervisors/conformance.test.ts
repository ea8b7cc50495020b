import { describe, expect, it } from "vitest";
import { simulate } from "#internal/supervisors/simulation";
import type { EndReason, RestartKind, Self } from "#internal/supervisors/types";
import { calls, kinds, outcomes, planOf, reasons, strategies, textOf, type Cell } from "../../property/conformance-table.js";
import { follow, script } from "../../property/follow-reference.js";
import { RealWorld } from "../../property/real-worlds.js";
import { ScriptedSystem } from "../../property/scripted-children.js";

/** What OTP's decision table says of a child that ended: it runs again, its specification stays without it, or goes. */
const table: Readonly<Record<RestartKind, Readonly<Record<string, "restarted" | "kept" | "dropped">>>> = {
  permanent: { normal: "restarted", shutdown: "restarted", '{"shutdown":"moved"}': "restarted", killed: "restarted", '{"error":"broken"}': "restarted" },
  transient: { normal: "kept", shutdown: "kept", '{"shutdown":"moved"}': "kept", killed: "restarted", '{"error":"broken"}': "restarted" },
  temporary: { normal: "dropped", shutdown: "dropped", '{"shutdown":"moved"}': "dropped", killed: "dropped", '{"error":"broken"}': "dropped" },
};

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
  for (const strategy of strategies) {
    for (const restart of kinds) {
      const cells = reasons.flatMap((reason) => outcomes.flatMap((outcome) => calls.map((call): Cell => [strategy, restart, reason, outcome, call])));
      it(`${strategy}, ${restart}, in simulation`, async () => {
        for (const cell of cells) await follow(planOf(cell, ["a", "b", "c", "d"]), false);
      });

      it(`${strategy}, ${restart}, in one thread of this machine`, async () => {
        for (const cell of cells) await follow(planOf(cell, ["a", "b", "c", "d"]), false, ({ spec, starts }) => new ScriptedSystem(new RealWorld(), spec, script(starts)));
      });
    }
  }
});
