import { expect, test } from "vitest";
import { nodeOptions } from "#internal/executors/thread-pool/pool-process";

test.each([
  [[], []],
  [["--max-old-space-size=100", "--enable-source-maps"], ["--max-old-space-size=100", "--enable-source-maps"]],
  [["-e", "console.log(1)", "--no-warnings"], ["--no-warnings"]],
  [["--input-type=module", "--eval", "1"], []],
  [["--inspect-brk=0", "--inspect", "--watch", "--test"], []],
  [["--require", "/x/tsx/dist/preflight.cjs", "--import", "file:///x/tsx/dist/loader.mjs"], []],
  [["--import=tsx", "--import", "tsx", "--import", "./own.mjs"], ["--import", "./own.mjs"]],
  [["-r", "./own.cjs", "--conditions", "x"], ["-r", "./own.cjs", "--conditions", "x"]],
])("of the program's options %j the pool's process has %j", (own, kept) => {
  expect(nodeOptions(own)).toEqual(kept);
});
