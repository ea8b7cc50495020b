import { describe, expect, it } from "vitest";
import { readWorkflow } from "#internal/cli/wfformat-document";
import type { TaskReport } from "#internal/cli/wfformat-task";
import { violations } from "#internal/cli/wfformat-verify";
import { documentOf } from "./wfformat-documents.js";

const workflow = readWorkflow(JSON.stringify(documentOf({ parent: {}, child: { parents: ["parent"] } })), "pair.json");
const parent: TaskReport = { id: "parent", startedAt: 0, endedAt: 10, missing: [] };
const child: TaskReport = { id: "child", startedAt: 10, endedAt: 20, missing: [] };
const found = (reports: readonly TaskReport[], more: Partial<Parameters<typeof violations>[1]> = {}) => violations(workflow, { reports, failures: [], missingOutputs: [], ...more });

describe("what a replay is checked for", () => {
  it("is nothing where all held", () => {
    expect(found([parent, child])).toEqual([]);
  });

  it.each<[string, string[]]>([
    ["child started 0.500 ms before its parent parent ended", found([parent, { ...child, startedAt: 9.5 }])],
    ["child did not run", found([parent])],
    ["child ran, but its parent parent did not end well", found([child], { failures: [{ id: "parent", error: "Error: no" }] })],
    ["parent failed: Error: no", found([child], { failures: [{ id: "parent", error: "Error: no" }] })],
    ["parent answered twice", found([parent, { ...parent }, child])],
    ["child did not find its input part0", found([parent, { ...child, missing: ["part0"] }])],
    ["result was not written as declared", found([parent, child], { missingOutputs: ["result"] })],
  ])("is %s", (violation, all) => {
    expect(all).toContain(violation);
  });
});
