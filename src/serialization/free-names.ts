import { createRequire } from "node:module";
import { explainName } from "./compiler-marks.js";
import { lineOf, walk, type ParsedFunction, type SyntaxNode } from "./parsed-function.js";

/** A name that a function uses and does not define. */
export interface FreeName {
  readonly name: string;
  /** The name as the user wrote it. */
  readonly shown: string;
  /** What it is, where its looks tell. */
  readonly note?: string;
  /** Line within the expression, from 1. */
  readonly line: number;
}

interface Place {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode | undefined;
}

const requireLazily = createRequire(import.meta.url);
let eslintScope: typeof import("eslint-scope") | undefined;

/** The free names of a function, each once, at its first use; without those it only asks `typeof` for. */
export function freeNames(parsed: ParsedFunction): FreeName[] {
  eslintScope ??= requireLazily("eslint-scope") as typeof import("eslint-scope");
  const scopes = eslintScope.analyze(parsed.program as never, { ecmaVersion: 2026, sourceType: parsed.strict ? "module" : "script", ignoreEval: true });
  const places = identifierPlaces(parsed.program);
  const guarded = new Set([...places.values()].filter(isTypeofGuard).map(({ node }) => node["name"]));
  const found = new Map<string, FreeName>();
  for (const reference of scopes.globalScope?.through ?? []) {
    const { name } = reference.identifier as { name: string };
    if (guarded.has(name) && !reference.isWrite()) continue;
    const place = places.get((reference.identifier as unknown as SyntaxNode).start);
    if (place === undefined) continue;
    const explained = explainName(name, place.parent, place.node);
    const key = `${name} ${explained.shown}`;
    if (!found.has(key)) found.set(key, { name, ...explained, line: lineOf(place.node) });
  }
  return [...found.values()].sort((a, b) => a.line - b.line);
}

function identifierPlaces(program: SyntaxNode): Map<number, Place> {
  const places = new Map<number, Place>();
  walk(program, (node, parent) => {
    if (node.type === "Identifier") places.set(node.start, { node, parent });
    return true;
  });
  return places;
}

const isTypeofGuard = ({ parent }: Place): boolean => parent?.type === "UnaryExpression" && parent["operator"] === "typeof";
