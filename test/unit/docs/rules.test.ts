import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { allInvariants } from "#internal/testing/index";

it("docs/rules.md says of each rule of the checker what that says of itself", async () => {
  const page = await readFile("docs/rules.md", "utf8");
  const rows = page.slice(0, page.indexOf("## What is late")).matchAll(/^\| ([A-Z]\d+[\w ]*|crash) \| (.+?) \|/gm);
  const told = [...rows].map(([, name, sentence]) => `${name}: ${sentence}`);
  expect(told.toSorted()).toEqual(allInvariants.map((Rule) => new Rule({})).map(({ name, sentence }) => `${name}: ${sentence}`).toSorted());
});
