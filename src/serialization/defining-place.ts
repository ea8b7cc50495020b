import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";

/** The path of a file given by path or file URL. */
export const pathOfFile = (file: string): string => (file.startsWith("file:") ? fileURLToPath(file) : file);

/** Where a function begins in its file; both from 1. */
export interface Beginning {
  readonly line: number;
  readonly column?: number;
}

/**
 * Where `source` stands in `file`: of several places the one nearest to the line `near`. JavaScript cannot say where a
 * function comes from, so its text is looked for; compiled text is not in the file, and then `near` is the best guess.
 */
export function beginningOf(source: string, file: string, near: number | undefined): Beginning | undefined {
  const places = placesOf(source, textOf(file));
  if (near === undefined) return places.length === 1 ? places[0] : undefined;
  const distance = ({ line }: Beginning): number => Math.abs(line - near);
  return places.reduce<Beginning | undefined>((best, place) => (best === undefined || distance(place) < distance(best) ? place : best), undefined) ?? { line: near };
}

function placesOf(source: string, text: string): Beginning[] {
  const places: Beginning[] = [];
  let line = 1;
  let counted = 0;
  for (let at = text.indexOf(source); at >= 0 && source !== ""; at = text.indexOf(source, at + 1)) {
    for (let end = text.indexOf("\n", counted); end >= 0 && end < at; end = text.indexOf("\n", counted)) {
      counted = end + 1;
      line += 1;
    }
    places.push({ line, column: at - counted + 1 });
  }
  return places;
}

function textOf(file: string): string {
  try {
    const path = pathOfFile(file);
    return isAbsolute(path) ? readFileSync(path, "utf8") : "";
  } catch {
    return ""; // Not a file of this machine: an eval, a REPL, a bundle's virtual module.
  }
}
