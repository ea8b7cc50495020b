import type { AnyStateMachine } from "xstate";
import { chartOf, type ChartEdge, type ChartState } from "./chart-model.js";

/** The chart as a Mermaid state diagram: nested states, guards in brackets, effects after a slash. Ignored messages are left out. */
export function toMermaid(machine: AnyStateMachine): string {
  const { id, root, edges } = chartOf(machine);
  const lines = [
    "---",
    `title: ${id}`,
    "---",
    "stateDiagram-v2",
    ...initialOf(root, "  "),
    ...root.children.flatMap((child) => stateLines(child, "  ")),
    ...edges.filter((edge) => !edge.ignored && edge.from !== "").map((edge) => edgeLine(edge)),
    ...edges.filter((edge) => !edge.ignored && edge.from === "").flatMap((edge) => root.children.filter((child) => child.kind !== "final").map((child) => edgeLine({ ...edge, from: child.path, to: edge.to ?? child.path }))),
    ...finals(root),
  ];
  return `${lines.join("\n")}\n`;
}

const idOf = (path: string): string => path.replaceAll(/\W/g, "_");

function initialOf(state: ChartState, indent: string): string[] {
  return state.initial === undefined ? [] : [`${indent}[*] --> ${idOf(state.initial)}`];
}

function stateLines(state: ChartState, indent: string): string[] {
  const actions = [...state.entry.map((effect) => `entry / ${effect}`), ...state.exit.map((effect) => `exit / ${effect}`)];
  const own = [`${indent}state "${state.name}" as ${idOf(state.path)}`];
  if (state.children.length === 0) return [...own, ...(actions.length === 0 ? [] : [`${indent}${idOf(state.path)} : ${clean(actions.join(", "))}`])];
  const inside = state.children.flatMap((child) => stateLines(child, `${indent}  `));
  const regions = state.kind === "parallel" ? state.children.flatMap((child, index) => [...(index === 0 ? [] : [`${indent}  --`]), ...stateLines(child, `${indent}  `)]) : inside;
  return [...own, `${indent}state ${idOf(state.path)} {`, ...initialOf(state, `${indent}  `), ...regions, `${indent}}`];
}

function edgeLine({ from, to, event, guard, effects }: ChartEdge): string {
  const label = [event, guard === undefined ? "" : `[${guard}]`, effects.length === 0 ? "" : `/ ${effects.join(", ")}`].filter((part) => part !== "").join(" ");
  const arrow = `  ${idOf(from)} --> ${idOf(to ?? from)}`;
  return label === "" ? arrow : `${arrow} : ${clean(label)}`;
}

function finals(state: ChartState): string[] {
  return [...(state.kind === "final" ? [`  ${idOf(state.path)} --> [*]`] : []), ...state.children.flatMap(finals)];
}

/** Text that Mermaid reads as text: its own marks as character codes. */
function clean(text: string): string {
  return text.replaceAll(/[:;#]/g, (mark) => `#${mark.charCodeAt(0)};`);
}
