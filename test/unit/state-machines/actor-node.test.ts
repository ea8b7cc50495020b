import { expect, test } from "vitest";
import { compile } from "#internal/actors/compile";
import { InPlace } from "#internal/actors/in-place";
import { actorNodeMachine, type ActorNodeEffect, type ActorNodeMessage } from "#internal/state-machines/actor-node";

const chart = compile<object, ActorNodeMessage, ActorNodeEffect, object>(actorNodeMachine);

function living(): { readonly node: InPlace<object, ActorNodeMessage, ActorNodeEffect, object>; readonly told: string[] } {
  const told: string[] = [];
  return { told, node: new InPlace(chart, {}, { "actors.detach": ({ loss, ms }) => void told.push(`detach ${loss} ${ms}`), "node.end": ({ loss }) => void told.push(`end ${loss}`) }) };
}

test("a node that is to take nothing more takes nothing when it is back, whenever it was told so", () => {
  for (const messages of [["node.drain", "node.detached", "node.back"], ["node.detached", "node.drain", "node.back"]] as const) {
    const { node, told } = living();
    expect(node.is("hosts")).toBe(true);
    for (const type of messages) node.tell(type === "node.detached" ? { type, loss: "disconnected", ms: 5 } : { type });
    expect([node.is("hosts"), node.state.name, told]).toEqual([false, "resting", ["detach disconnected 5"]]);
  }
});

test("a node that is out of reach is given up when no actor may be on it, and one that is there is not", () => {
  const { node, told } = living();
  node.tell({ type: "node.emptied" });
  expect(node.is("hosts")).toBe(true);
  node.tell({ type: "node.detached", loss: "disconnected", ms: 5 });
  node.tell({ type: "node.emptied" });
  node.tell({ type: "node.lost", loss: "block-over" });
  expect([node.is("final"), told]).toEqual([true, ["detach disconnected 5", "end disconnected"]]);
});
