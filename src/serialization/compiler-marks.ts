import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { walk, type SyntaxNode } from "./parsed-function.js";

/** What stands for `import.meta` in a shipped function. */
export const META = "__caraway_meta__";
const META_PARTS = new Set(["url", "filename", "dirname"]);

const VITE_IMPORT = "__vite_ssr_dynamic_import__";
const VITE_META = "__vite_ssr_import_meta__";
const VITE_STATIC = /^__(?:vite_ssr|vi)_import_\d+__$/;

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What of a function must be written differently to run outside its module, and what cannot be. */
export interface Rewriting {
  readonly edits: readonly Edit[];
  /** Uses of `import.meta` that have no meaning outside a module, as `import.meta.env`. */
  readonly unknownMeta: readonly { readonly text: string; readonly node: SyntaxNode }[];
}

/** Finds `import.meta`, and what vitest made of `import(…)` and of it. `path` is the file that defines the function. */
export function rewriting(program: SyntaxNode, path: string): Rewriting {
  const edits: Edit[] = [];
  const unknownMeta: { text: string; node: SyntaxNode }[] = [];
  walk(program, (node, parent) => {
    if (isMeta(node)) {
      const part = propertyOf(node, parent);
      if (part !== undefined && META_PARTS.has(part)) edits.push({ start: node.start, end: node.end, text: META });
      else unknownMeta.push({ text: part === undefined ? "import.meta" : `import.meta.${part}`, node });
    } else if (node.type === "CallExpression") edits.push(...dynamicImport(node, path));
    return true;
  });
  return { edits, unknownMeta };
}

function isMeta(node: SyntaxNode): boolean {
  if (node.type === "Identifier") return node["name"] === VITE_META;
  return node.type === "MetaProperty" && (node["meta"] as { name?: string }).name === "import";
}

/** The name of the property that is read from a node, if it is. */
function propertyOf(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  if (parent?.type !== "MemberExpression" || parent["object"] !== node || parent["computed"] === true) return undefined;
  return (parent["property"] as { name?: string }).name;
}

function dynamicImport(call: SyntaxNode, path: string): Edit[] {
  const callee = call["callee"] as SyntaxNode;
  if (callee.type !== "Identifier" || callee["name"] !== VITE_IMPORT) return [];
  const [specifier] = call["arguments"] as SyntaxNode[];
  const edits = [{ start: callee.start, end: callee.end, text: "import" }];
  if (specifier?.type !== "Literal" || typeof specifier["value"] !== "string") return edits;
  const original = specifierBeforeVite(specifier["value"], path);
  return [...edits, { start: specifier.start, end: specifier.end, text: JSON.stringify(original) }];
}

/** Vite turns `./x.js` into a path from its root, or into `/@fs/…` outside it. */
function specifierBeforeVite(specifier: string, path: string): string {
  if (specifier.startsWith("/@fs/")) return relativeTo(path, specifier.slice("/@fs".length));
  if (!specifier.startsWith("/")) return specifier;
  for (let root = dirname(path); ; root = dirname(root)) {
    const candidate = join(root, specifier);
    if (existsSync(candidate)) return relativeTo(path, candidate);
    if (root === dirname(root)) return specifier;
  }
}

function relativeTo(path: string, target: string): string {
  const way = relative(dirname(path), target);
  return way.startsWith(".") ? way : `./${way}`;
}

export function applyEdits(text: string, edits: readonly Edit[], shift: number): string {
  let result = text;
  for (const { start, end, text: replacement } of [...edits].sort((a, b) => b.start - a.start)) result = result.slice(0, start - shift) + replacement + result.slice(end - shift);
  return result;
}

/** Names that a compiler put into the function and that `reviveFunction` provides, or that `rewriting` replaces. */
export const providedNames: ReadonlySet<string> = new Set(["__name", "__using", "__callDispose", META, VITE_IMPORT, VITE_META]);

const compilerHelper = /^__(?:awaiter|generator|asyncGenerator|asyncValues|await|async|spreadArray|spreadValues|spreadProps|objRest|rest|assign|values|read|decorate|param|metadata|esDecorate|runInitializers|publicField|privateGet|privateSet|privateAdd|privateMethod|privateIn|classPrivateField\w+|addDisposableResource|disposeResources|importDefault|importStar|toESM|toCommonJS|require|template|forAwait|yieldStar|pow|defNormalProp)\d*$/;
const commonJs = new Set(["require", "module", "exports", "__dirname", "__filename"]);

/** What an outside name is, as far as its looks tell; `node` is where it is used. */
export function explainName(name: string, parent: SyntaxNode | undefined, node: SyntaxNode): { readonly shown: string; readonly note?: string } {
  if (VITE_STATIC.test(name)) {
    const part = propertyOf(node, parent);
    const shown = part === undefined ? "an import (import * as …)" : part === "default" ? "a default import" : part;
    return { shown, note: `an import; vitest calls it ${name}${part === undefined ? "" : `.${part}`}` };
  }
  if (commonJs.has(name)) return { shown: name, note: "shipped functions have none: use await import(…), import.meta.dirname or import.meta.filename" };
  if (/^cov_[0-9a-z]+$/.test(name)) return { shown: name, note: "a counter that istanbul put there: exclude the file from coverage, put /* istanbul ignore next */ before the function, or measure with V8 coverage" };
  if (/^_?stryMut|^_\$jscoverage|^__coverage__/.test(name)) return { shown: name, note: "put there by a tool that instruments the code: exclude the file from it" };
  if (compilerHelper.test(name)) return { shown: name, note: "a helper of the compiler: compile for a newer target, es2022 or later" };
  if (name === "arguments") return { shown: name, note: "the arguments of the function around the arrow" };
  return { shown: name };
}
