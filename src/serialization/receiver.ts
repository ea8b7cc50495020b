import { isNode, lineOf, walk, type SyntaxNode } from "./parsed-function.js";

export interface ReceiverUse {
  readonly word: "this" | "super" | "new.target";
  readonly line: number;
}

/** The first `this`, `super` or `new.target` of a function that belongs to the function itself, not to one inside it. */
export function receiverUse(root: SyntaxNode): ReceiverUse | undefined {
  let found: ReceiverUse | undefined;
  const look = (node: SyntaxNode): boolean => {
    if (found !== undefined) return false;
    const word = wordOf(node);
    if (word !== undefined) found = { word, line: lineOf(node) };
    if (node.type === "ClassBody") {
      for (const key of computedKeys(node)) walk(key, look);
      return false;
    }
    return node === root || (node.type !== "FunctionExpression" && node.type !== "FunctionDeclaration");
  };
  walk(root, look);
  return found;
}

function wordOf(node: SyntaxNode): ReceiverUse["word"] | undefined {
  if (node.type === "ThisExpression") return "this";
  if (node.type === "Super") return "super";
  return node.type === "MetaProperty" && (node["meta"] as { name?: string }).name === "new" ? "new.target" : undefined;
}

/** The parts of a class body that run with the receiver of what is around the class. */
function computedKeys(body: SyntaxNode): SyntaxNode[] {
  return (body["body"] as SyntaxNode[]).flatMap((member) => (member["computed"] === true && isNode(member["key"]) ? [member["key"]] : []));
}
