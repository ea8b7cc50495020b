import { InvalidWorkflowDocument } from "../errors/index.js";
import { jsonFaultAt } from "./wfformat-json.js";
import { type DocumentProblem, describe, isPlain, problemsText, Reader } from "./wfformat-problems.js";

export interface RecordedFile {
  readonly id: string;
  readonly bytes: number;
  /** The task that wrote it; undefined for what was there before. */
  readonly producer: string | undefined;
}

export interface RecordedTask {
  readonly id: string;
  /** What kind of work it is: the program, or what the names of its like have in common. */
  readonly kind: string;
  readonly seconds: number;
  /** Tasks that must have ended first: the declared ones and those that write its input files. */
  readonly parents: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A recorded execution: its tasks in an order in which parents come first. */
export interface RecordedWorkflow {
  readonly name: string;
  readonly tasks: readonly RecordedTask[];
  readonly files: ReadonlyMap<string, RecordedFile>;
  /** How long it took where it was recorded, in seconds. */
  readonly recordedSeconds: number | undefined;
}

/**
 * Reads a WfFormat 1.5 document (https://github.com/wfcommons/WfFormat).
 *
 * @throws InvalidWorkflowDocument with every problem and its place
 */
export function readWorkflow(text: string, source: string): RecordedWorkflow {
  const parsed = parseJson(text);
  if ("problem" in parsed) throw invalid(source, [parsed.problem]);
  const reader = new Reader();
  const workflow = readRoot(parsed.value, reader);
  if (workflow === undefined || reader.problems.length > 0) throw invalid(source, reader.problems);
  return workflow;
}

function invalid(source: string, problems: readonly DocumentProblem[]): InvalidWorkflowDocument {
  return new InvalidWorkflowDocument("CW-DATA-003", `${source} is not a valid WfFormat 1.5 document: ${problemsText(problems)}`, { where: { file: source }, evidence: { problems } });
}

function parseJson(text: string): { readonly value: unknown } | { readonly problem: DocumentProblem } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    if (text.trim() === "") return { problem: { place: "the document", message: "is empty" } };
    const lines = text.slice(0, jsonFaultAt(text)).split("\n");
    return { problem: { place: `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`, message: `is no JSON: ${error instanceof Error ? error.message : String(error)}` } };
  }
}

function readRoot(value: unknown, reader: Reader): RecordedWorkflow | undefined {
  if (!isPlain(value)) {
    reader.note("the document", `must be an object, but is ${describe(value)}`);
    return undefined;
  }
  const version = value["schemaVersion"];
  if (version !== "1.5") reader.note("schemaVersion", version === undefined ? 'is missing; it must be "1.5"' : `must be "1.5", but is ${describe(version)}`);
  const workflow = reader.object(value, "workflow", "");
  const specification = reader.object(workflow, "specification", "workflow");
  const execution = reader.object(workflow, "execution", "workflow");
  const files = readFiles(specification, reader);
  const executed = readExecutions(execution, reader);
  const tasks = readTasks(specification, executed, files, reader);
  if (reader.problems.length > 0) return undefined;
  const makespan = execution?.["makespanInSeconds"];
  return {
    name: typeof value["name"] === "string" ? value["name"] : "workflow",
    tasks: inOrder(tasks, reader),
    files: producers(files, tasks),
    recordedSeconds: typeof makespan === "number" ? makespan : undefined,
  };
}

type Specification = Readonly<Record<string, unknown>> | undefined;

function readFiles(specification: Specification, reader: Reader): Map<string, number> {
  const files = new Map<string, number>();
  for (const { value, place } of reader.objects(specification, "files", "workflow.specification", false)) {
    const id = reader.string(value, "id", place);
    const bytes = reader.amount(value, "sizeInBytes", place);
    if (id === undefined) continue;
    if (files.has(id)) reader.note(`${place}.id`, `is ${describe(id)}, which another file has already`);
    files.set(id, bytes);
  }
  return files;
}

interface Execution {
  readonly seconds: number;
  readonly program: string | undefined;
  readonly place: string;
}

function readExecutions(execution: Specification, reader: Reader): Map<string, Execution> {
  const executed = new Map<string, Execution>();
  for (const { value, place } of reader.objects(execution, "tasks", "workflow.execution", true)) {
    const id = reader.string(value, "id", place);
    const seconds = reader.amount(value, "runtimeInSeconds", place);
    const command = value["command"];
    const program = isPlain(command) && typeof command["program"] === "string" ? command["program"] : undefined;
    if (id !== undefined) executed.set(id, { seconds, program, place });
  }
  return executed;
}

interface Draft extends RecordedTask {
  readonly place: string;
}

function readTasks(specification: Specification, executed: ReadonlyMap<string, Execution>, files: ReadonlyMap<string, number>, reader: Reader): Map<string, Draft> {
  const found = reader.objects(specification, "tasks", "workflow.specification", true);
  if (specification !== undefined && Array.isArray(specification["tasks"]) && found.length === 0) reader.note("workflow.specification.tasks", "has no task");
  const tasks = new Map<string, Draft>();
  const ids = new Set(found.map(({ value }) => value["id"]));
  for (const { value, place } of found) {
    const id = reader.string(value, "id", place);
    if (id === undefined) continue;
    if (tasks.has(id)) reader.note(`${place}.id`, `is ${describe(id)}, which another task has already`);
    const run = executed.get(id);
    if (run === undefined) reader.note(place, `${describe(id)} has no run time: workflow.execution.tasks does not name it`);
    const known = (key: string, names: ReadonlySet<unknown> | ReadonlyMap<string, unknown>, what: string): string[] =>
      reader.strings(value, key, place).flatMap((one) => {
        if (names.has(one.value)) return [one.value];
        reader.note(one.place, `names ${describe(one.value)}, but there is no such ${what}`);
        return [];
      });
    const name = typeof value["name"] === "string" ? value["name"] : id;
    tasks.set(id, { id, place, kind: kindOf(name, run?.program), seconds: run?.seconds ?? 0, parents: known("parents", ids, "task"), inputs: known("inputFiles", files, "file"), outputs: known("outputFiles", files, "file") });
  }
  for (const [id, { place }] of executed) if (!ids.has(id)) reader.note(`${place}.id`, `names ${describe(id)}, but there is no such task`);
  return withAllParents(tasks, found, ids, reader);
}

/** Programs with a short name are named by it; others by their task's name without its number and its path. */
function kindOf(name: string, program: string | undefined): string {
  const base = program?.split("/").at(-1) ?? "";
  if (/^[\w.+-]{1,40}$/.test(base)) return base;
  const stem = name.replace(/[_-]?(?:ID)?\d+$/, "");
  return stem.split(/[.:]/).at(-1) || name;
}

/** Adds the parents that only the parents' own lists of children name, and the writers of input files. */
function withAllParents(tasks: ReadonlyMap<string, Draft>, found: readonly { readonly value: Readonly<Record<string, unknown>>; readonly place: string }[], ids: ReadonlySet<unknown>, reader: Reader): Map<string, Draft> {
  const parents = new Map([...tasks].map(([id, task]) => [id, new Set(task.parents)]));
  for (const { value, place } of found) {
    for (const child of reader.strings(value, "children", place)) {
      if (ids.has(child.value)) parents.get(child.value)?.add(String(value["id"]));
      else reader.note(child.place, `names ${describe(child.value)}, but there is no such task`);
    }
  }
  const writer = new Map<string, string>();
  for (const { id, outputs, place } of tasks.values()) {
    for (const output of outputs) {
      if (writer.has(output)) reader.note(`${place}.outputFiles`, `names ${describe(output)}, which task ${describe(writer.get(output))} writes already`);
      else writer.set(output, id);
    }
  }
  for (const { id, inputs } of tasks.values()) {
    for (const input of inputs) {
      const from = writer.get(input);
      if (from !== undefined && from !== id) parents.get(id)?.add(from);
    }
  }
  return new Map([...tasks].map(([id, task]) => [id, { ...task, parents: [...(parents.get(id) ?? [])] }]));
}

/** Parents before children (Kahn 1962); a cycle is noted, step by step. */
function inOrder(tasks: ReadonlyMap<string, Draft>, reader: Reader): RecordedTask[] {
  const open = new Map([...tasks.values()].map(({ id, parents }) => [id, parents.length]));
  const children = childrenOf([...tasks.values()]);
  const ordered: RecordedTask[] = [];
  const next = [...tasks.values()].filter(({ parents }) => parents.length === 0);
  for (let task = next.shift(); task !== undefined; task = next.shift()) {
    ordered.push(task);
    for (const child of children.get(task.id) ?? []) {
      const left = (open.get(child) ?? 0) - 1;
      open.set(child, left);
      const ready = left === 0 ? tasks.get(child) : undefined;
      if (ready !== undefined) next.push(ready);
    }
  }
  if (ordered.length < tasks.size) noteCycle(tasks, open, reader);
  return ordered;
}

function noteCycle(tasks: ReadonlyMap<string, Draft>, open: ReadonlyMap<string, number>, reader: Reader): void {
  const path: Draft[] = [];
  let at = [...tasks.values()].find(({ id }) => (open.get(id) ?? 0) > 0);
  while (at !== undefined && !path.includes(at)) {
    path.push(at);
    at = at.parents.map((parent) => tasks.get(parent)).find((parent) => parent !== undefined && (open.get(parent.id) ?? 0) > 0);
  }
  const cycle = at === undefined ? path : path.slice(path.indexOf(at));
  const [first] = cycle;
  reader.note(first?.place ?? "workflow.specification.tasks", `waits for itself: ${[...cycle, ...(first === undefined ? [] : [first])].map(({ id }) => id).join(" after ")}`);
}

/** The children of each task. */
export function childrenOf(tasks: readonly RecordedTask[]): Map<string, string[]> {
  const children = new Map<string, string[]>(tasks.map(({ id }) => [id, []]));
  for (const { id, parents } of tasks) for (const parent of parents) children.get(parent)?.push(id);
  return children;
}

function producers(files: ReadonlyMap<string, number>, tasks: ReadonlyMap<string, RecordedTask>): Map<string, RecordedFile> {
  const writer = new Map([...tasks.values()].flatMap(({ id, outputs }) => outputs.map((output) => [output, id] as const)));
  return new Map([...files].map(([id, bytes]) => [id, { id, bytes, producer: writer.get(id) }]));
}
