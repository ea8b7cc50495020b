import { InvalidWorkflowDocument } from "#internal/errors/index";
import { describe, expect, it } from "vitest";
import { readWorkflow } from "#internal/cli/wfformat-document";
import { documentOf, forkJoin } from "./wfformat-documents.js";

const read = (document: unknown) => readWorkflow(typeof document === "string" ? document : JSON.stringify(document), "flow.json");

function faultOf(document: unknown): InvalidWorkflowDocument {
  try {
    read(document);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidWorkflowDocument);
    return error as InvalidWorkflowDocument;
  }
  throw new Error("the document was accepted");
}

const placesOf = (document: unknown) => (faultOf(document).evidence["problems"] as { place: string; message: string }[]).map(({ place, message }) => `${place} ${message}`);

type Parts = { schemaVersion?: unknown; workflow: { specification: { tasks: Record<string, unknown>[]; files: Record<string, unknown>[] }; execution: { tasks: Record<string, unknown>[] } } };

/** The fork and join, with one thing changed. */
function changed(change: (document: Parts) => void): unknown {
  const document = structuredClone(forkJoin(2)) as unknown as Parts;
  change(document);
  return document;
}

describe("a WfFormat document", () => {
  it("is read with its tasks in an order in which parents come first", () => {
    const { tasks, files, name, recordedSeconds } = read(documentOf({ last: { parents: ["middle"] }, middle: { parents: ["first"] }, first: { seconds: 2.5 } }));
    expect(tasks.map(({ id }) => id)).toEqual(["first", "middle", "last"]);
    expect(tasks[0]).toMatchObject({ seconds: 2.5, parents: [], kind: "work" });
    expect({ name, recordedSeconds, files: files.size }).toEqual({ name: "sketch", recordedSeconds: 12, files: 0 });
  });

  it("knows who writes each file, and makes that task a parent of its readers", () => {
    const { tasks, files } = read(documentOf({ writer: { outputFiles: ["a"] }, reader: { inputFiles: ["a", "b"] } }));
    expect(files.get("a")?.producer).toBe("writer");
    expect(files.get("b")?.producer).toBeUndefined();
    expect(tasks.find(({ id }) => id === "reader")?.parents).toEqual(["writer"]);
  });

  it("may name a dependency on one side only", () => {
    const { tasks } = read(documentOf({ one: { children: ["two"] }, two: {} }));
    expect(tasks[1]).toMatchObject({ id: "two", parents: ["one"] });
  });

  it.each([
    ["task_ID0000003", "/usr/bin/mProject", "mProject"],
    ["task_ID0000003", "a whole script\nwith lines", "task"],
    ["FLOW.STEP.ALIGN_17", "a whole script", "ALIGN"],
  ])("tells the kind of %s of the program %j", (id, program, kind) => {
    expect(read(documentOf({ [id]: { program } })).tasks[0]?.kind).toBe(kind);
  });
});

describe("a fault of a WfFormat document", () => {
  it.each([
    ["", "the document is empty"],
    ['{\n  "name": oops\n}', "line 2, column 11 is no JSON"],
    ['{"a": }', "line 1, column 7 is no JSON"],
    ['{"a": [1, 2', "line 1, column 12 is no JSON"],
    ['{"a": 1}\n{}', "line 2, column 1 is no JSON"],
    ["[]", "the document must be an object, but is a list"],
  ])("is told with its line: %j", (text, problem) => {
    expect(placesOf(text)[0]).toContain(problem);
  });

  it.each<[string, (document: Parts) => void, string]>([
    ["a missing version", (document) => delete document.schemaVersion, 'schemaVersion is missing; it must be "1.5"'],
    ["another version", (document) => (document.schemaVersion = "1.4"), 'schemaVersion must be "1.5", but is "1.4"'],
    ["no specification", (document) => delete (document.workflow as Partial<Parts["workflow"]>).specification, "workflow.specification is missing"],
    ["no tasks", (document) => delete (document.workflow.specification as Partial<Parts["workflow"]["specification"]>).tasks, "workflow.specification.tasks is missing"],
    ["an empty list of tasks", (document) => (document.workflow.specification.tasks = []), "workflow.specification.tasks has no task"],
    ["a dangling parent", (document) => (document.workflow.specification.tasks[3] = { ...document.workflow.specification.tasks[3], parents: ["gone"] }), 'workflow.specification.tasks[3].parents[0] names "gone", but there is no such task'],
    ["a dangling child", (document) => (document.workflow.specification.tasks[0] = { ...document.workflow.specification.tasks[0], children: ["gone"] }), 'workflow.specification.tasks[0].children[0] names "gone", but there is no such task'],
    ["a dangling file", (document) => void document.workflow.specification.files.shift(), 'workflow.specification.tasks[0].inputFiles[0] names "data", but there is no such file'],
    ["a task twice", (document) => document.workflow.specification.tasks.push(document.workflow.specification.tasks[0] ?? {}), 'workflow.specification.tasks[4].id is "split", which another task has already'],
    ["a file with two writers", (document) => (document.workflow.specification.tasks[3] = { ...document.workflow.specification.tasks[3], outputFiles: ["part0"] }), 'workflow.specification.tasks[3].outputFiles names "part0", which task "split" writes already'],
    ["a task that never ran", (document) => void document.workflow.execution.tasks.shift(), 'workflow.specification.tasks[0] "split" has no run time: workflow.execution.tasks does not name it'],
    ["a run of no task", (document) => document.workflow.execution.tasks.push({ id: "ghost", runtimeInSeconds: 1 }), 'workflow.execution.tasks[4].id names "ghost", but there is no such task'],
    ["a negative run time", (document) => (document.workflow.execution.tasks[1] = { id: "work_ID0", runtimeInSeconds: -1 }), "workflow.execution.tasks[1].runtimeInSeconds must be a number from 0 up, but is -1"],
    ["a size that is text", (document) => (document.workflow.specification.files[0] = { id: "data", sizeInBytes: "big" }), 'workflow.specification.files[0].sizeInBytes must be a number from 0 up, but is "big"'],
    ["a task that is a string", (document) => (document.workflow.specification.tasks[0] = "split" as never), 'workflow.specification.tasks[0] must be an object, but is "split"'],
    ["a list that is none", (document) => (document.workflow.specification.tasks[0] = { ...document.workflow.specification.tasks[0], inputFiles: "data" }), 'workflow.specification.tasks[0].inputFiles must be a list, but is "data"'],
  ])("is told with its place: %s", (_, change, problem) => {
    expect(placesOf(changed(change))).toContain(problem);
  });

  it("is a cycle, told step by step", () => {
    expect(placesOf(documentOf({ start: {}, a: { parents: ["start", "c"] }, b: { parents: ["a"] }, c: { parents: ["b"] } }))).toEqual(["workflow.specification.tasks[1] waits for itself: a after c after b after a"]);
  });

  it("is one of all that there are", () => {
    const error = faultOf(changed((document) => {
      document.schemaVersion = "2";
      document.workflow.specification.files = [];
    }));
    expect(error).toMatchObject({ code: "CW-DATA-003", where: { file: "flow.json" } });
    expect(error.message).toMatch(/^flow\.json is not a valid WfFormat 1\.5 document: 11 problems:\n {2}- schemaVersion must/);
  });
});
