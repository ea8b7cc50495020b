import { createRequire } from "node:module";

/** The names of a function's parameters; a destructured one has none. */
export function parameterNames(fn: (...args: never[]) => unknown): readonly string[] {
  const { parse } = createRequire(import.meta.url)("acorn") as typeof import("acorn");
  const source = String(fn);
  for (const text of [`(${source})`, `({${source}})`, `(function ${source})`]) {
    try {
      return names(parse(text, { ecmaVersion: "latest" }).body[0]);
    } catch {
      continue;
    }
  }
  return [];
}

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

function names(statement: unknown): readonly string[] {
  let fn = (statement as Node)["expression"] as Node;
  if (fn.type === "ObjectExpression") fn = (fn["properties"] as Node[])[0]?.["value"] as Node;
  return ((fn["params"] as Node[] | undefined) ?? []).map((param) => {
    const target = param.type === "AssignmentPattern" ? (param["left"] as Node) : param.type === "RestElement" ? (param["argument"] as Node) : param;
    return target.type === "Identifier" ? (target["name"] as string) : "";
  });
}
