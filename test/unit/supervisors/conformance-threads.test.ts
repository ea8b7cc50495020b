import { describe, it } from "vitest";
import { calls, kinds, nameOf, outcomes, planOf, reasons, strategies, type Cell } from "../../property/conformance-table.js";
import { coveringCells } from "../../property/covering.js";
import { follow } from "../../property/follow-reference.js";
import { ScriptedThreads } from "../../property/scripted-threads.js";

describe("the table of supervision is as the reference has it with actors in threads of their own, in all pairs of two of its columns:", () => {
  for (const cell of coveringCells<Cell>([strategies, kinds, reasons, outcomes, calls])) {
    it(nameOf(cell), async () => {
      await follow(planOf(cell, ["a", "b", "c"]), false, (plan) => new ScriptedThreads(plan));
    });
  }
});
