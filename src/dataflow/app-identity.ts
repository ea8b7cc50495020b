import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AppDefinition } from "./app-definition.js";

/**
 * What the cache knows an app by. A shipped function is its source, what goes along with it, and the file its imports resolve
 * from; a module's function is the module's text. A closure that runs beside the kernel is its source and which of those made
 * at its place it is: what it encloses cannot be seen.
 */
export function identityOf({ kind, code, body, site, turn }: AppDefinition): string {
  if (code?.kind === "function") return `function:${code.shipped.hash}:${code.shipped.file}`;
  if (code?.kind === "module") return `module:${code.url}#${code.name}:${contentOf(code.url)}`;
  return `${kind}:${site === undefined ? "" : `${site.file}:${site.line}:${site.column}:`}${String(body)}:${turn}`;
}

const contents = new Map<string, { readonly mark: string; readonly hash: string }>();

function contentOf(url: string): string {
  if (!url.startsWith("file:")) return "";
  try {
    const path = fileURLToPath(url);
    const { size, mtimeMs } = statSync(path);
    const mark = `${size}:${mtimeMs}`;
    let known = contents.get(url);
    if (known?.mark !== mark) contents.set(url, (known = { mark, hash: process.getBuiltinModule("node:crypto").createHash("sha256").update(readFileSync(path)).digest("hex") }));
    return known.hash;
  } catch {
    return "missing"; // The call says so itself when it runs.
  }
}
