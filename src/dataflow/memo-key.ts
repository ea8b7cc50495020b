import type { Hash } from "node:crypto";
import { statSync } from "node:fs";
import { DataFile } from "../data/file.js";
import { encode, type Encoded } from "../serialization/index.js";
import type { AppDefinition } from "./app-definition.js";
import { identityOf } from "./app-identity.js";
import { argumentValue, type KeptArgument } from "./arguments.js";
import { parameterNames } from "./parameters.js";
import type { TaskRecord } from "./task-record.js";

/** What changes when a file's content does: its size and time. */
export function fingerprint(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "missing" : `${stat.size}:${stat.mtimeMs}:${stat.ino}`;
}

/**
 * What a call is known by: the app's identity and source, arguments, files as they are now, and declared outputs; not what
 * `cacheIgnore` names. Equal values give equal keys, whatever the order of their properties.
 */
export function keyOf(record: TaskRecord): string {
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  const { app, plan, extra } = record;
  const { env, cwd, cacheIgnore = [] } = plan.options;
  const ignored = new Set<string | number>(cacheIgnore);
  const names = cacheIgnore.some((one) => typeof one === "string") ? parametersOf(app) : [];
  hash.update(identityOf(app));
  record.args.forEach((argument, i) => {
    hash.update(`\u0000${i}:`);
    if (!ignored.has(i) && !ignored.has(names[i] ?? i)) addArgument(hash, argument, `argument ${i + 1} of ${app.name}`);
  });
  hash.update(`\u0000${plan.returns}${plan.strict}`);
  if (!ignored.has("inputs")) for (const input of extra?.inputs ?? []) addArgument(hash, input, `inputs of ${app.name}`);
  if (env !== undefined && !ignored.has("env")) add(hash.update("env"), env, new Map(), "env");
  if (cwd !== undefined && !ignored.has("cwd")) hash.update(`cwd:${cwd}`);
  const { outputs } = extra ?? {};
  if (outputs !== undefined && !ignored.has("outputs")) hash.update(JSON.stringify(Array.isArray(outputs) ? outputs.map(String) : Object.entries(outputs).map(([name, file]) => [name, String(file)])));
  return hash.digest("hex");
}

const parameters = new WeakMap<object, readonly string[]>();

function parametersOf(app: AppDefinition): readonly string[] {
  let names = parameters.get(app);
  if (names === undefined) parameters.set(app, (names = app.source === undefined ? [] : parameterNames(app.source)));
  return names;
}

function addArgument(hash: Hash, argument: KeptArgument, what: string): void {
  add(hash, argumentValue(argument), new Map(), what);
}

function add(hash: Hash, value: unknown, seen: Map<object, number>, what: string): void {
  if (value === null || typeof value !== "object") {
    hash.update(`${typeof value}:${Object.is(value, -0) ? "-0" : String(value)}\u0001`);
    return;
  }
  const before = seen.get(value);
  if (before !== undefined) {
    hash.update(`again:${before}\u0001`);
    return;
  }
  seen.set(value, seen.size);
  if (value instanceof DataFile) hash.update(`file:${value.url}:${value.scheme === "file" ? fingerprint(value.path) : ""}\u0001`);
  else if (!addContainer(hash, value, seen, what)) addEncoded(hash, encode(value, what));
}

/** Plain containers part by part, so that files in them are seen and the order of properties is not. */
function addContainer(hash: Hash, value: object, seen: Map<object, number>, what: string): boolean {
  const each = (parts: Iterable<unknown>, open: string): true => {
    hash.update(open);
    for (const part of parts) add(hash, part, seen, what);
    hash.update("end\u0001");
    return true;
  };
  if (Array.isArray(value)) return each(value, "array:");
  if (value instanceof Map) return each([...value].flat(), "map:");
  if (value instanceof Set) return each(value, "set:");
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const keys = Object.keys(value).sort();
  return each(keys.flatMap((key) => [key, (value as Record<string, unknown>)[key]]), prototype === null ? "bare:" : "object:");
}

function addEncoded(hash: Hash, encoded: Encoded): void {
  if (encoded instanceof Uint8Array) hash.update("bytes:").update(encoded);
  else if (encoded !== null && typeof encoded === "object") {
    hash.update("parts:").update(encoded.bytes);
    for (const buffer of encoded.buffers) hash.update(new Uint8Array(buffer));
  } else hash.update(`${typeof encoded}:${String(encoded)}`);
  hash.update("\u0001");
}
