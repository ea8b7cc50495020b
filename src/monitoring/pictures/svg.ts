import type { AnyStateMachine } from "xstate";
import { chartOf, type Chart, type ChartState } from "./chart-model.js";
import { metrics, type Label, type TextLine } from "./chart-text.js";
import { dotRadius, placeChart, type PlacedEdge, type PlacedLevel, type PlacedState } from "./layout.js";
import { round as number, type Point } from "./routes.js";
import { escapeText, paletteSize, style } from "./svg-style.js";

const margin = 20;
const titleHeight = 46;
const legendHeight = 34;

/** The chart as an SVG picture that reads on light and on dark pages. Tags are colours, final states have a double border. */
export async function toSvg(machine: AnyStateMachine): Promise<string> {
  const chart = chartOf(machine);
  const level = placeChart(chart, await import("@dagrejs/dagre"));
  const tags = tagsOf(chart.root);
  const colours = coloursOf(tags);
  const width = Math.max(level.width, legendWidth(tags), titleWidth(chart)) + 2 * margin;
  const height = level.height + titleHeight + (tags.length === 0 ? 0 : legendHeight) + 2 * margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${number(width)} ${number(height)}" width="${number(width)}" height="${number(height)}" role="img" aria-label="state chart of ${escapeText(chart.id)}">`,
    `<title>${escapeText(chart.id)}</title>`,
    style,
    `<rect class="page" width="100%" height="100%" rx="10"/>`,
    `<text class="title" x="${margin}" y="${margin + 18}">${escapeText(chart.id)}</text>`,
    ...(chart.description === undefined ? [] : [`<text class="about" x="${margin}" y="${margin + 36}">${escapeText(chart.description)}</text>`]),
    drawLevel(level, { x: (width - level.width) / 2, y: margin + titleHeight }, colours),
    ...(tags.length === 0 ? [] : [drawLegend(colours, height - margin - 12)]),
    "</svg>\n",
  ].join("\n");
}

function tagsOf(state: ChartState): string[] {
  return [...new Set([...state.tags, ...state.children.flatMap(tagsOf)])];
}

/** A colour for each tag, in the order the chart names them; what has ended is grey everywhere. */
function coloursOf(tags: readonly string[]): Map<string, string> {
  const others = tags.filter((tag) => tag !== "final");
  return new Map([...others.map((tag, index): [string, string] => [tag, `c${index % paletteSize}`]), ...tags.filter((tag) => tag === "final").map((tag): [string, string] => [tag, "ended"])]);
}

/** Lines first, then boxes, then labels: nothing hides a word. */
function drawLevel(level: PlacedLevel, at: Point, colours: ReadonlyMap<string, string>): string {
  const { states, edges, start } = level;
  return [
    `<g transform="translate(${number(at.x)} ${number(at.y)})">`,
    ...edges.map(drawLine),
    ...states.map((state) => drawState(state, colours)),
    ...(start === undefined ? [] : [`<circle class="start" cx="${number(start.x)}" cy="${number(start.y)}" r="${dotRadius}"/>`]),
    ...edges.flatMap(({ label }) => (label === undefined ? [] : [drawLabel(label)])),
    "</g>",
  ].join("\n");
}

function drawState(placed: PlacedState, colours: ReadonlyMap<string, string>): string {
  const { state, text, x, y, width, height, inside } = placed;
  const tag = state.tags[0];
  const colour = tag === undefined ? "plain" : (colours.get(tag) ?? "plain");
  const box = (inset: number, kind: string): string =>
    `<rect class="${kind} ${colour}" x="${number(inset)}" y="${number(inset)}" width="${number(width - 2 * inset)}" height="${number(height - 2 * inset)}" rx="${number(9 - inset)}"/>`;
  return [
    `<g transform="translate(${number(x)} ${number(y)})">`,
    box(0, inside ? "compound" : "state"),
    ...(state.kind === "final" ? [box(3.5, "inner")] : []),
    `<text class="name" x="${number(width / 2)}" y="20" text-anchor="middle">${escapeText(text.name)}</text>`,
    ...(text.lines.length === 0 ? [] : [`<path class="rule ${colour}" d="M${state.kind === "final" ? 4 : 0} ${metrics.nameHeight}h${number(width - (state.kind === "final" ? 8 : 0))}"/>`]),
    ...text.lines.map((line, index) => drawText(line, metrics.inset, metrics.nameHeight + 15 + index * metrics.line)),
    ...(inside ? [drawLevel(inside, { x: (width - inside.width) / 2, y: text.height }, colours)] : []),
    "</g>",
  ].join("\n");
}

function drawText({ text, style: kind }: TextLine, x: number, y: number): string {
  return `<text class="${kind}" x="${number(x)}" y="${number(y)}" xml:space="preserve">${escapeText(text)}</text>`;
}

function drawLabel(label: Label & Point): string {
  const [left, top] = [label.x - label.width / 2, label.y - label.height / 2];
  const back = `<rect class="back" x="${number(left)}" y="${number(top)}" width="${number(label.width)}" height="${number(label.height)}" rx="4"/>`;
  return [back, ...label.lines.map((line, index) => drawText(line, left + 5, top + 13.5 + index * metrics.line))].join("\n");
}

function drawLine({ path, tip, upward }: PlacedEdge): string {
  const back = upward ? 8 : -8;
  return `<path class="line" d="${path}"/>\n<path class="arrow" d="M${number(tip.x)} ${number(tip.y)}l-3.6 ${back}h7.2Z"/>`;
}

const swatch = (tag: string): number => tag.length * 7 + 34;
const legendWidth = (tags: readonly string[]): number => tags.reduce((sum, tag) => sum + swatch(tag), 0);
const titleWidth = ({ id, description = "" }: Chart): number => Math.max(id.length * 13, description.length * 6.6);

function drawLegend(colours: ReadonlyMap<string, string>, y: number): string {
  let x = margin;
  return [...colours]
    .map(([tag, colour]) => {
      const drawn = `<rect class="state ${colour}" x="${number(x)}" y="${number(y)}" width="14" height="14" rx="4"/><text class="about" x="${number(x + 20)}" y="${number(y + 11)}">${escapeText(tag)}</text>`;
      x += swatch(tag);
      return drawn;
    })
    .join("\n");
}
