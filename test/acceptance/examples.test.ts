import { describe, expect, it } from "vitest";
import { caraway, scratch } from "./program.js";

describe("an example", () => {
  it.each([
    ["first-workflow", "1 + 4 + 9 = 14\n"],
    ["high-throughput", "36 FROM BLOCK-1\n"],
    ["actor-on-a-block", "it says: caraway again\ncaraway was seen 2 times\nits end: NodeLost\nit is back, with nothing counted: 0 as incarnation 2\n"],
    ["bash-files", "different words: 4\nsorted: anise, caraway, caraway, cumin, dill\n"],
    ["join", "pi is about 3.14159, from 54 pieces that were cut where it mattered\n"],
  ])("runs and prints what it says: %s", async (name, printed) => {
    const script = new URL(`../../examples/${name}.mjs`, import.meta.url).pathname;
    expect(await caraway(["run", "--no-progress", script], {}, await scratch())).toEqual({ code: 0, out: printed, err: "" });
  });
});
