import { createRequire } from "node:module";
import type { Node } from "acorn";
import { InvalidApp } from "../errors/index.js";

/** Any node, with the fields of all kinds; each is looked at only where its type has it. */
export type SyntaxNode = Node & Readonly<Record<string, unknown>>;

export interface ParsedFunction {
  /** An expression that evaluates to the function; a method has become a function expression. */
  readonly expression: string;
  /** The program `(expression)`: positions in it are one character further than in the expression. */
  readonly program: SyntaxNode;
  readonly root: SyntaxNode;
  /** Whether it can run as strict code, as modules do. */
  readonly strict: boolean;
  /** Lines of the original source ahead of the expression. */
  readonly linesAhead: number;
  /** Whether the expression begins where the original source does. */
  readonly sameStart: boolean;
}

const requireLazily = createRequire(import.meta.url);
let acorn: typeof import("acorn") | undefined;

/** Parses what `Function.prototype.toString` gives: expressions, declarations and methods. Throws `InvalidApp` for what cannot be shipped. */
export function parseFunction(source: string, label: string): ParsedFunction {
  const reasons: string[] = [];
  for (const strict of [true, false]) {
    try {
      return parseExpression(source, strict) ?? parseMethod(source, strict);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new InvalidApp("CW-APP-009", `the source of ${label} could not be parsed: ${reasons[0] ?? "it is no function"}`, { evidence: { source: source.slice(0, 400) } });
}

function parseExpression(source: string, strict: boolean): ParsedFunction | undefined {
  const program = attempt(`(${source}\n)`, strict);
  if (program === undefined) return undefined;
  const [statement] = program["body"] as SyntaxNode[];
  const root = statement?.["expression"] as SyntaxNode;
  return { expression: source, program, root, strict, linesAhead: 0, sameStart: true };
}

/** `name(…) {…}` of an object or a class, with its modifiers, as `function (…) {…}`. */
function parseMethod(source: string, strict: boolean): ParsedFunction {
  const code = `(class extends Object {${source}\n})`;
  const program = parse(code, strict);
  const [statement] = program["body"] as SyntaxNode[];
  const body = (statement?.["expression"] as SyntaxNode)["body"] as SyntaxNode;
  const [member] = body["body"] as SyntaxNode[];
  const value = member?.["value"] as SyntaxNode | undefined;
  if (value?.type !== "FunctionExpression") throw new SyntaxError("it is no function, arrow or method");
  const expression = `${value["async"] === true ? "async " : ""}function${value["generator"] === true ? "*" : ""} ${code.slice(value.start, value.end)}`;
  const linesAhead = code.slice(0, value.start).split("\n").length - 1;
  // One that uses `super` parses only as a method; what is told about it is told from there.
  const parsed = parseExpression(expression, strict) ?? { expression, program, root: value, strict };
  return { ...parsed, linesAhead, sameStart: false };
}

function attempt(code: string, strict: boolean): SyntaxNode | undefined {
  try {
    return parse(code, strict);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parse(code: string, strict: boolean): SyntaxNode {
  acorn ??= requireLazily("acorn") as typeof import("acorn");
  return acorn.parse(code, { ecmaVersion: "latest", sourceType: strict ? "module" : "script", locations: true, ranges: true }) as unknown as SyntaxNode;
}

export const isNode = (value: unknown): value is SyntaxNode => typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

/** Calls `visit` for a node and all inside it, outermost first; inside one for which it answers false it does not go. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => boolean, parent?: SyntaxNode): void {
  if (!visit(node, parent)) return;
  for (const key of Object.keys(node)) {
    const child = node[key];
    if (Array.isArray(child)) for (const item of child as unknown[]) { if (isNode(item)) walk(item, visit, node); }
    else if (isNode(child)) walk(child, visit, node);
  }
}

/** The 1-based line of a node within the expression. */
export const lineOf = (node: SyntaxNode): number => (node["loc"] as { start: { line: number } }).start.line;
