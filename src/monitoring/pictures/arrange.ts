import type { Box, Point } from "./routes.js";

/** What is used of dagre; its own types do not resolve under ES modules. */
interface Graph {
  setGraph(options: Readonly<Record<string, string | number>>): void;
  setNode(name: string, size: Size): void;
  setEdge(from: string, to: string, label: Size & { readonly labelpos: "c"; readonly weight: number }): void;
  graph(): Laid;
  node(name: string): Laid;
  edge(edge: { readonly v: string; readonly w: string }): Laid;
}

export interface Dagre {
  readonly Graph: new () => Graph;
  layout(graph: Graph): unknown;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Laid extends Partial<Size> {
  readonly x?: number;
  readonly y?: number;
  readonly points?: readonly Point[];
}

/** A box to place. */
export interface Node extends Size {
  readonly name: string;
}

/** A line to draw, with the size of its label; a main line is kept short and straight. */
export interface Line extends Size {
  readonly from: string;
  readonly to: string;
  readonly main: boolean;
}

export interface PlacedLine extends Line {
  /** The middle of the label. */
  readonly label: Point;
  readonly through: readonly Point[];
}

export interface Arrangement extends Size {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly lines: readonly PlacedLine[];
}

const variants = ["network-simplex", "tight-tree", "longest-path"].flatMap((ranker) => [1, 4].flatMap((weight) => [false, true].map((reversed) => ({ ranker, weight, reversed }))));

/** Layers of boxes and the ways of the lines between them (Sugiyama, by dagre): of some layouts, the one with the straightest lines and the fewest crossings. */
export function arrange(nodes: readonly Node[], lines: readonly Line[], dagre: Dagre): Arrangement {
  const [first, ...others] = variants.map((variant) => arrangeOnce(nodes, lines, variant, dagre));
  if (first === undefined) return { boxes: new Map(), lines: [], width: 0, height: 0 };
  return others.reduce((best, next) => (cost(next) < cost(best) ? next : best), first);
}

function arrangeOnce(nodes: readonly Node[], lines: readonly Line[], { ranker, weight, reversed }: (typeof variants)[number], dagre: Dagre): Arrangement {
  const graph = new dagre.Graph();
  graph.setGraph({ rankdir: "TB", ranker, nodesep: 34, edgesep: 14, ranksep: 52, marginx: 4, marginy: 4 });
  for (const { name, width, height } of reversed ? nodes.toReversed() : nodes) graph.setNode(name, { width, height });
  for (const { from, to, width, height, main } of reversed ? lines.toReversed() : lines) graph.setEdge(from, to, { width, height, labelpos: "c", weight: main ? weight : 1 });
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    boxes: new Map(nodes.map((node) => [node.name, { width: node.width, height: node.height, ...middle(graph.node(node.name)) }])),
    lines: lines.map((line) => {
      const laid = graph.edge({ v: line.from, w: line.to });
      return { ...line, label: middle(laid), through: (laid.points ?? []).slice(1, -1) };
    }),
    width,
    height,
  };
}

const middle = ({ x = 0, y = 0 }: Laid): Point => ({ x, y });

/** How hard a layout is to read: how far lines go sideways and round about, how often they cross, and its size. */
function cost({ boxes, lines, width, height }: Arrangement): number {
  const ways = lines.map(({ from, to, through }) => [boxes.get(from), ...through, boxes.get(to)].filter((point) => point !== undefined));
  const sideways = ways.map((way, index) => (lines[index]?.main === true ? 3 : 1) * steps(way).reduce((sum, [a, b]) => sum + Math.abs(a.x - b.x), 0));
  const crossings = ways.flatMap((way, index) => ways.slice(index + 1).flatMap((other) => steps(way).flatMap((a) => steps(other).filter((b) => cross(a, b)))));
  return sideways.reduce((sum, length) => sum + length, 0) + crossings.length * 150 + width + height;
}

type Step = readonly [Point, Point];

const steps = (way: readonly Point[]): Step[] => way.slice(1).map((point, index) => [way[index] ?? point, point]);

function cross([a, b]: Step, [c, d]: Step): boolean {
  const side = (p: Point, q: Point, r: Point): number => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}
