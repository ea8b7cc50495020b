import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { constants, runInThisContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
import { DeserializationError } from "../errors/index.js";
import { callDispose, name as giveName, using as useResource } from "./compiler-helpers.js";
import { META } from "./compiler-marks.js";
import { pathOfFile } from "./defining-place.js";
import { decode } from "./encoding.js";
import type { ShippedFunction } from "./ship-function.js";

type Revived = (...args: unknown[]) => unknown;
type Scope = Readonly<Record<string, unknown>>;

const cache = new Map<string, Revived>();

/**
 * The function that was shipped, made anew in this thread; the same one for the same hash and place. Imports inside it
 * resolve from its file. Throws `DeserializationError` when it, or a value it uses, cannot be made.
 */
export function reviveFunction(shipped: ShippedFunction): Revived {
  const key = `${shipped.hash} ${shipped.line ?? 0} ${shipped.file}`;
  let revived = cache.get(key);
  if (revived === undefined) {
    acceptImports();
    revived = revive(shipped);
    cache.set(key, revived);
  }
  return revived;
}

function revive(shipped: ShippedFunction): Revived {
  const scope: Record<string, unknown> = {};
  const binders: ((scope: Scope) => void)[] = [];
  const main = compile(shipped, binders);
  for (const { name, fn, value } of shipped.using) scope[name] = fn === undefined ? decode(value) : compile(fn, binders);
  for (const bind of binders) bind(scope);
  return main;
}

const BIND = "__caraway_bind__";

/** Evaluates the source in a function that declares the names it mentions; they get their values when all functions exist. */
function compile(shipped: ShippedFunction, binders: ((scope: Scope) => void)[]): Revived {
  const { source, mentions, file, line = 1, column, sloppy } = shipped;
  const names = mentions.length === 0 ? "" : `let ${mentions.join(",")};${BIND}((s)=>{${mentions.map((name) => `${name}=s.${name};`).join("")}});`;
  const ahead = `(function(__name,__using,__callDispose,${META},${BIND}){${sloppy === true ? "" : '"use strict";'}${names}return (`;
  const make = evaluate(shipped, `${ahead}${source}\n)})`, { filename: file, lineOffset: line - 1, columnOffset: column === undefined ? 0 : column - 1 - ahead.length });
  const revived = make(giveName, useResource, callDispose, metaOf(file), (bind: (scope: Scope) => void) => binders.push(bind)) as Revived;
  if (revived.name !== shipped.name) giveName(revived, shipped.name);
  return revived;
}

function evaluate(shipped: ShippedFunction, code: string, place: { filename: string; lineOffset: number; columnOffset: number }): Revived {
  try {
    return runInThisContext(code, { ...place, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }) as Revived;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DeserializationError("CW-DATA-002", `function ${shipped.name} could not be compiled here: ${reason}`, { cause, evidence: { node: process.version, file: shipped.file }, hint: "Run the same version of Node on both sides." });
  }
}

function metaOf(file: string): { url: string; filename: string; dirname: string } {
  const filename = pathOfFile(file);
  return { url: pathToFileURL(filename).href, filename, dirname: dirname(filename) };
}

let accepted = false;

/**
 * Node warns once in each thread that scripts with the main loader are experimental. In a worker nobody can act on that:
 * one import is made ahead, with the warning kept from being shown while it starts.
 */
function acceptImports(): void {
  if (accepted || isMainThread) return;
  accepted = true;
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning");
  Object.defineProperty(process, "emitWarning", { value: () => undefined, configurable: true, writable: true });
  try {
    void runInThisContext('import("node:process")', { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER });
  } finally {
    if (own === undefined) delete (process as { emitWarning?: unknown }).emitWarning;
    else Object.defineProperty(process, "emitWarning", own);
  }
}
