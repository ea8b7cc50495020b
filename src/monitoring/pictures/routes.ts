/** Lines between boxes. They cross a layer only straight up or down, where the layout left room, and bend only between layers: so they never cross a box. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  /** `x` and `y` are the middle. */
  readonly width: number;
  readonly height: number;
}

export interface Way {
  readonly from: string;
  readonly to: string;
  /** One point for each layer that is crossed. */
  readonly through: readonly Point[];
  readonly label: { readonly height: number; readonly y: number } | undefined;
}

export interface Route {
  /** The `d` of an SVG path. */
  readonly path: string;
  readonly tip: Point;
  readonly upward: boolean;
}

type Side = "top" | "bottom";
interface Port {
  readonly way: Way;
  readonly end: "from" | "to";
  readonly wish: number;
}

const gap = 16;
const corner = 14;

export function routesOf(ways: readonly Way[], boxes: ReadonlyMap<string, Box>): Route[] {
  const bands = bandsOf(ways, boxes);
  const ports = portsOf(ways, boxes);
  return ways.map((way) => {
    const [from, to] = [boxes.get(way.from), boxes.get(way.to)];
    if (!from || !to) return { path: "", tip: { x: 0, y: 0 }, upward: false };
    const upward = to.y < from.y;
    const step = upward ? -1 : 1;
    const begin = { x: ports.get(way)?.from ?? from.x, y: from.y + (step * from.height) / 2 };
    const tip = { x: ports.get(way)?.to ?? to.x, y: to.y - (step * to.height) / 2 };
    const half = (y: number): number => step * (bands.get(Math.round(y)) ?? 0);
    const stops = [
      { x: begin.x, enter: begin.y, leave: from.y + half(from.y) },
      ...way.through.map(({ x, y }) => ({ x, enter: y - half(y), leave: y + half(y) })),
      { x: tip.x, enter: to.y - half(to.y), leave: tip.y },
    ];
    return { path: pathThrough(stops), tip, upward };
  });
}

/** Half the height of each layer, by the middle of the layer. */
function bandsOf(ways: readonly Way[], boxes: ReadonlyMap<string, Box>): Map<number, number> {
  const bands = new Map<number, number>();
  const widen = (y: number, height: number): void => void bands.set(Math.round(y), Math.max(bands.get(Math.round(y)) ?? 0, height / 2));
  for (const { y, height } of boxes.values()) widen(y, height);
  for (const { label } of ways) if (label) widen(label.y, label.height);
  return bands;
}

/** Where each line leaves and enters: near the middle of where it comes from, the lines of a side apart and in order. */
function portsOf(ways: readonly Way[], boxes: ReadonlyMap<string, Box>): Map<Way, { from?: number; to?: number }> {
  const sides = new Map<string, { box: Box; ports: Port[] }>();
  for (const way of ways) {
    const [from, to] = [boxes.get(way.from), boxes.get(way.to)];
    if (!from || !to) continue;
    const upward = to.y < from.y;
    add(sides, way.from, from, upward ? "top" : "bottom", { way, end: "from", wish: way.through[0]?.x ?? to.x });
    add(sides, way.to, to, upward ? "bottom" : "top", { way, end: "to", wish: way.through.at(-1)?.x ?? from.x });
  }
  const found = new Map<Way, { from?: number; to?: number }>();
  for (const { box, ports } of sides.values()) {
    const sorted = ports.sort((a, b) => a.wish - b.wish);
    for (const [index, x] of spread(sorted.map(({ wish }) => wish), box).entries()) {
      const port = sorted[index];
      if (port) found.set(port.way, { ...found.get(port.way), [port.end]: x });
    }
  }
  return found;
}

function add(sides: Map<string, { box: Box; ports: Port[] }>, name: string, box: Box, side: Side, port: Port): void {
  const key = `${side} ${name}`;
  const known = sides.get(key) ?? { box, ports: [] };
  known.ports.push(port);
  sides.set(key, known);
}

/** Sorted wishes moved apart by at least a gap, and into the side of a box. */
function spread(wishes: readonly number[], box: Box): number[] {
  const reach = Math.max(0, box.width / 2 - corner);
  const [left, right] = [box.x - reach, box.x + reach];
  const apart = Math.min(gap, (right - left) / Math.max(1, wishes.length - 1));
  const places: number[] = [];
  for (const wish of wishes) places.push(Math.max((places.at(-1) ?? left - apart) + apart, Math.min(wish, right)));
  for (let index = places.length - 1, most = right; index >= 0; index -= 1, most -= apart) {
    const place = places[index] ?? most;
    places[index] = Math.min(place, most);
    if (place <= most) break;
  }
  return places;
}

function pathThrough(stops: readonly { x: number; enter: number; leave: number }[]): string {
  let [x, y] = [0, 0];
  const parts = stops.map((stop, index) => {
    const bend = index === 0 ? `M${round(stop.x)} ${round(stop.enter)}` : Math.abs(stop.x - x) < 0.5 ? `L${round(stop.x)} ${round(stop.enter)}` : curve(x, y, stop);
    [x, y] = [stop.x, stop.leave];
    return `${bend}L${round(stop.x)} ${round(stop.leave)}`;
  });
  return parts.join("");
}

function curve(x: number, y: number, to: { x: number; enter: number }): string {
  const middle = (y + to.enter) / 2;
  return `C${round(x)} ${round(middle)} ${round(to.x)} ${round(middle)} ${round(to.x)} ${round(to.enter)}`;
}

/** A coordinate with at most one decimal. */
export function round(value: number): number {
  return Math.round(value * 10) / 10 + 0;
}
