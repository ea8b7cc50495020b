import type { AnyStateNode } from "xstate";

/** The node and the nodes around it, innermost first. */
export function lineage(node: AnyStateNode): AnyStateNode[] {
  return node.parent === undefined ? [node] : [node, ...lineage(node.parent)];
}

/** The leaf that entering a node ends in. */
export function leafOf(node: AnyStateNode): AnyStateNode {
  return node.type === "compound" ? leafOf(node.initial.target[0] as AnyStateNode) : node;
}

/** The nodes on the way from below `domain` (from the root where there is none) down to `node`, outermost first. */
export function below(domain: AnyStateNode | undefined, node: AnyStateNode): AnyStateNode[] {
  const line = lineage(node);
  return (domain === undefined ? line : line.slice(0, line.indexOf(domain))).reverse();
}

/** The innermost state that a transition does not leave; undefined where it leaves the root itself. */
export function domainOf(source: AnyStateNode, target: AnyStateNode, reenter: boolean): AnyStateNode | undefined {
  const around = lineage(target);
  if (!reenter && around.includes(source)) return source;
  const common = around.slice(1).find((node) => node !== source && lineage(source).includes(node));
  return common ?? (reenter ? undefined : lineage(source).at(-1));
}

/** A chart that is done leaves its final state and its root. */
export function completion(leaf: AnyStateNode): unknown[] {
  return leaf.type === "final" ? lineage(leaf).flatMap((node) => node.exit) : [];
}
