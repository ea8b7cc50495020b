import { staysInBox, type Chart, type ChartEdge, type ChartState } from "./chart-model.js";
import { arrange, type Dagre, type PlacedLine } from "./arrange.js";
import { routesOf, type Box, type Point, type Route } from "./routes.js";
import { edgeLabel, stateText, type Label, type StateText } from "./chart-text.js";

/** A state with its place; `x` and `y` are its upper left corner inside its parent. */
export interface PlacedState extends Point {
  readonly state: ChartState;
  readonly text: StateText;
  readonly width: number;
  readonly height: number;
  readonly inside: PlacedLevel | undefined;
}

export interface PlacedEdge extends Route {
  readonly label: (Label & Point) | undefined;
}

/** The children of one state, their edges and the dot that shows where it begins. */
export interface PlacedLevel {
  readonly states: readonly PlacedState[];
  readonly edges: readonly PlacedEdge[];
  readonly start: Point | undefined;
  readonly width: number;
  readonly height: number;
}

const padding = 14;
export const dotRadius = 6;
const startNode = "(start)";

/** Places a chart level by level: each compound state is laid out first and is then one box in its parent. */
export function placeChart(chart: Chart, dagre: Dagre): PlacedLevel {
  return placeLevel(chart.root, chart, dagre);
}

function placeLevel(parent: ChartState, chart: Chart, dagre: Dagre): PlacedLevel {
  const sized = parent.children.map((child) => sizeState(child, chart, dagre));
  const bundles = bundlesOf(parent, chart);
  const nodes = sized.map(({ state, width, height }) => ({ name: state.path, width, height }));
  const lines = bundles.map(({ from, to, label }) => ({ from, to, width: label.width, height: label.height, main: isForward(parent, from, to) }));
  if (parent.initial !== undefined) {
    nodes.unshift({ name: startNode, width: 2 * dotRadius, height: 2 * dotRadius });
    lines.unshift({ from: startNode, to: childToward(parent, parent.initial), width: 0, height: 0, main: true });
  }
  const { boxes, lines: placed, width, height } = arrange(nodes, lines, dagre);
  return { states: sized.map((size) => place(size, boxes.get(size.state.path))), edges: placeEdges(placed, boxes, bundles), start: boxes.get(startNode), width, height };
}

function placeEdges(lines: readonly PlacedLine[], boxes: ReadonlyMap<string, Box>, bundles: readonly Bundle[]): PlacedEdge[] {
  const labels = lines.map((line) => {
    const label = bundles.find(({ from, to }) => from === line.from && to === line.to)?.label;
    return label === undefined || label.lines.length === 0 ? undefined : { ...label, ...line.label };
  });
  const routes = routesOf(lines.map(({ from, to, through }, index) => ({ from, to, through, label: labels[index] })), boxes);
  return routes.map((route, index) => ({ ...route, label: labels[index] }));
}

/** Whether a line leads on to the state that is written next to it: those are kept short and straight. */
function isForward({ children }: ChartState, from: string, to: string): boolean {
  const [source, target] = [children.findIndex(({ path }) => path === from), children.findIndex(({ path }) => path === to)];
  return target === source + 1 && children[target]?.kind !== "final";
}

function place(size: Omit<PlacedState, "x" | "y">, { x, y }: Point = { x: 0, y: 0 }): PlacedState {
  return { ...size, x: x - size.width / 2, y: y - size.height / 2 };
}

function sizeState(state: ChartState, chart: Chart, dagre: Dagre): Omit<PlacedState, "x" | "y"> {
  const text = stateText(state, chart);
  if (state.children.length === 0) return { state, text, width: text.width, height: text.height, inside: undefined };
  const inside = placeLevel(state, chart, dagre);
  return { state, text, width: Math.max(text.width, inside.width + 2 * padding), height: text.height + inside.height + padding, inside };
}

interface Bundle {
  readonly from: string;
  readonly to: string;
  readonly label: Label;
}

/** The transitions drawn among the children of a state; those between the same two are one line with several labels. */
function bundlesOf(parent: ChartState, chart: Chart): Bundle[] {
  const groups = new Map<string, { from: string; to: string; edges: ChartEdge[] }>();
  for (const edge of chart.edges) {
    if (edge.to === undefined || staysInBox(edge) || levelOf(edge.from, edge.to) !== parent.path) continue;
    const [from, to] = [childToward(parent, edge.from), childToward(parent, edge.to)];
    const group = groups.get(`${from} ${to}`) ?? { from, to, edges: [] };
    group.edges.push(edge);
    groups.set(`${from} ${to}`, group);
  }
  return [...groups.values()].map(({ from, to, edges }) => ({ from, to, label: edgeLabel(edges, (edge) => detour(edge, from, to, chart)) }));
}

/** The state among whose children a transition is drawn: the innermost one around both ends. */
function levelOf(from: string, to: string): string {
  const [a, b] = [from.split("."), to.split(".")];
  let shared = 0;
  while (shared < Math.min(a.length, b.length) - 1 && a[shared] === b[shared]) shared += 1;
  return a.slice(0, shared).join(".");
}

function childToward(parent: ChartState, path: string): string {
  return parent.children.find((child) => path === child.path || path.startsWith(`${child.path}.`))?.path ?? path;
}

/** Where a transition begins or ends deeper than its line: named in its label, unless it is where one arrives anyway. */
function detour(edge: ChartEdge, from: string, to: string, chart: Chart): { from?: string; to?: string } {
  const arrival = leafOf(find(chart.root, to));
  return {
    ...(edge.from === from ? {} : { from: edge.from.slice(from.length + 1) }),
    ...(edge.to === undefined || edge.to === to || edge.to === arrival ? {} : { to: edge.to.slice(to.length + 1) }),
  };
}

function find(state: ChartState, path: string): ChartState | undefined {
  if (state.path === path) return state;
  for (const child of state.children) {
    const found = find(child, path);
    if (found) return found;
  }
  return undefined;
}

function leafOf(state: ChartState | undefined): string | undefined {
  if (state?.initial === undefined) return state?.path;
  return leafOf(find(state, state.initial));
}
