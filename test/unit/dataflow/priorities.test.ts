import { expect, it } from "vitest";
import { held, Latch, passing } from "./latch.js";
import { sharedKernel } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

sharedKernel({ executors: [testExecutor({ maxThreads: 1 })] });

it("a smaller priority is sooner, unset is last, and within a level the first come is first", async () => {
  const gate = new Latch();
  const order = new Latch();
  const blocker = held(gate.name);
  await gate.arrived();
  const late = [passing(order.name, "unset 1"), passing(order.name, "unset 2")];
  const levels = [5, 1, 5, -3].map((priority, i) => passing.with({ priority })(order.name, `${priority} (${i})`));
  gate.open();
  await Promise.all([blocker, ...late, ...levels]);
  await order.arrived(6);
  expect(order.arrivals).toEqual(["-3 (3)", "1 (1)", "5 (0)", "5 (2)", "unset 1", "unset 2"]);
  gate.close();
  order.close();
});
