import { AppNotFound } from "../../errors/index.js";
import type { ShippedFunction } from "../../serialization/function-source.js";

/** The exported function of a module, imported where tasks run. Rejects with `AppNotFound`, naming the module and what it does export. */
export async function moduleApp(url: string, name: string): Promise<(...args: unknown[]) => unknown> {
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    const hint = (cause as { code?: unknown } | null)?.code === "ERR_UNKNOWN_FILE_EXTENSION" ? { hint: "Install tsx beside your program: workers load TypeScript through it." } : {};
    throw new AppNotFound("CW-APP-008", `the module ${url} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, { where: { app: name, file: url }, cause, ...hint });
  }
  const found = module[name];
  if (typeof found === "function") return found as (...args: unknown[]) => unknown;
  const functions = Object.keys(module).filter((key) => typeof module[key] === "function");
  throw new AppNotFound("CW-APP-008", `the module ${url} exports no function named "${name}"`, { where: { app: name, file: url }, evidence: { exports: functions }, hint: `It exports ${functions.length === 0 ? "no functions" : functions.join(", ")}.` });
}

/** Without one of these words, code reaches no module. */
const waysOut = /\b(?:import|require|process|constructor|eval|Function|globalThis)\b/;
/** Without one of these, it reaches none of the user's. */
const waysToFiles = /\b(?:import|require|constructor|eval|Function)\b/;
/** These need no loader. */
const builtIns = /\bimport\s*\(\s*(["'`])(?:node:[\w/]+|caraway\/task)\1\s*\)/g;

/** How far a shipped function, or one that it uses, may reach: to no module, to those of Node, or to any file. */
export function reachOf({ source, using }: ShippedFunction): "nowhere" | "node" | "files" {
  const reaches = using.flatMap(({ fn }) => (fn === undefined ? [] : [reachOf(fn)]));
  if (reaches.includes("files") || waysToFiles.test(source.replace(builtIns, ""))) return "files";
  return reaches.includes("node") || waysOut.test(source) ? "node" : "nowhere";
}
