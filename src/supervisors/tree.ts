import type { LogicalRef } from "./logical-ref.js";
import { RunActor, type Family } from "./run-actor.js";
import { SupervisorActor } from "./supervisor-actor.js";
import { ThreadActor } from "./thread-actor.js";
import type { TreeNode } from "./types.js";

/** A supervisor and all below it, children in the order they are started. */
export function treeOf(path: string, actor: SupervisorActor): TreeNode {
  const { state, incarnation } = actor.cell;
  return { id: path.slice(path.lastIndexOf("/") + 1), path, type: "supervisor", state: state.name, incarnation, children: childrenOf(actor) };
}

/** The ref at a path below a supervisor or an actor. Walks down; among many children of one, it looks at each. */
export function findRef(family: Family, path: string): LogicalRef | undefined {
  let found: LogicalRef | undefined;
  for (const { ref, actor } of family.entries) {
    if (ref.path === path && (found === undefined || ref.status !== "ended")) found = ref;
    const inner = path.startsWith(`${ref.path}/`) ? familyOf(actor) : undefined;
    if (inner !== undefined) found = findRef(inner, path) ?? found;
  }
  return found;
}

function childrenOf(family: Family): TreeNode[] {
  return [...family.cell.context.children].flatMap(({ key }) => {
    const member = family.entries.get(key);
    if (member === undefined) return [];
    const { ref, state, actor, prepared } = member;
    return [{ id: ref.id, path: ref.path, type: prepared.body.kind === "supervisor" ? ("supervisor" as const) : ("worker" as const), state: state.name, incarnation: ref.incarnation, children: insideOf(actor) }];
  });
}

/** What is below an actor; of one in a thread, what the thread has told last. */
export function insideOf(actor: unknown): readonly TreeNode[] {
  if (actor instanceof ThreadActor) return actor.inside;
  const family = familyOf(actor);
  return family === undefined ? [] : childrenOf(family);
}

/** How many nodes there are. */
export function sizeOf(nodes: readonly TreeNode[]): number {
  return nodes.reduce((sum, { children }) => sum + 1 + sizeOf(children), 0);
}

/** What an actor is the parent of: its children, or those it has spawned. */
function familyOf(actor: unknown): Family | undefined {
  if (actor instanceof SupervisorActor) return actor;
  return actor instanceof RunActor ? actor.offspring?.family : undefined;
}
