import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { CallSite } from "../serialization/function-source.js";

const linesAbove = 3;

/**
 * What the program calls the app it makes at this place: `square` in `const square = app(…)` or `square: app(…)`.
 * Where it has no name: `app at file:line`.
 */
export function nameAtCall(site: CallSite | undefined, maker: string): string {
  if (site === undefined) return maker;
  return assignedName(site) ?? `${maker} at ${basename(pathOf(site.file))}:${site.line}`;
}

const pathOf = (file: string): string => (file.startsWith("file:") ? fileURLToPath(file) : file);

function assignedName({ file, line, column }: CallSite): string | undefined {
  const lines = linesOf(pathOf(file));
  const at = lines?.[line - 1];
  if (lines === undefined || at === undefined) return undefined;
  const before = [...lines.slice(Math.max(0, line - 1 - linesAbove), line - 1), at.slice(0, column - 1)].join("\n");
  return nameIn(before);
}

/** The name that the text before a call gives to its result. */
export function nameIn(before: string): string | undefined {
  const text = before.replace(/(?:[\w$]+\s*\.\s*)*$/, "").trimEnd();
  const declared = /(?:const|let|var)\s+([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*(?::[^=]*(?:=>[^=]*)*)?=$/u.exec(text);
  if (declared !== null) return declared[1];
  return /(?:^|[\s{,;(.#])["']?([\p{ID_Start}$_][\p{ID_Continue}$]*)["']?\s*(?::|(?<![=!<>])=)$/u.exec(text)?.[1];
}

function linesOf(path: string): string[] | undefined {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return undefined; // Not a file of this machine: an eval, a REPL, a bundle's virtual module.
  }
}
