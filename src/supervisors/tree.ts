import type { SupervisorActor } from "./supervisor-actor.js";
import type { ChildCell } from "./child-cell.js";
import type { TreeNode } from "./types.js";

/** A supervisor and all below it, children in the order they are started. */
export function treeOf(path: string, actor: SupervisorActor): TreeNode {
  const { state, incarnation } = actor.cell;
  return { id: idOf(path), path, type: "supervisor", state: state.name, incarnation, children: childrenOf(actor) };
}

function childrenOf(actor: SupervisorActor): TreeNode[] {
  return actor.cell.context.children.flatMap(({ key }) => {
    const entry = actor.entries.get(key);
    return entry === undefined ? [] : [nodeOf(entry)];
  });
}

function nodeOf({ ref, state, prepared, actor }: ChildCell): TreeNode {
  const inner = prepared.body.kind === "supervisor" ? (actor as SupervisorActor | undefined) : undefined;
  return { id: ref.id, path: ref.path, type: inner === undefined ? "worker" : "supervisor", state: state.name, incarnation: ref.incarnation, children: inner === undefined ? [] : childrenOf(inner) };
}

const idOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
