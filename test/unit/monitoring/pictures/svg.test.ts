import * as dagre from "@dagrejs/dagre";
import { describe, expect, it } from "vitest";
import { charts } from "#internal/state-machines/index";
import { chartOf } from "#internal/monitoring/pictures/chart-model";
import { placeChart, type PlacedLevel } from "#internal/monitoring/pictures/layout";
import { toSvg } from "#internal/monitoring/pictures/svg";
import { doorMachine } from "./door-machine.js";

const all = Object.entries({ ...charts, door: doorMachine });

interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const overlap = (a: Rectangle, b: Rectangle): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const pairs = <T>(items: readonly T[]): [T, T][] => items.flatMap((a, index) => items.slice(index + 1).map((b): [T, T] => [a, b]));
const boxesOf = ({ states }: PlacedLevel): Rectangle[] => states.map(({ x, y, width, height }) => ({ left: x, right: x + width, top: y, bottom: y + height }));
const labelsOf = ({ edges }: PlacedLevel): Rectangle[] => edges.flatMap(({ label }) => (label ? [{ left: label.x - label.width / 2, right: label.x + label.width / 2, top: label.y - label.height / 2, bottom: label.y + label.height / 2 }] : []));
const levelsOf = (level: PlacedLevel): PlacedLevel[] => [level, ...level.states.flatMap(({ inside }) => (inside ? levelsOf(inside) : []))];

/** Points along a path of M, L and C: a cubic with its controls half-way down stays between its ends, so points of it suffice. */
function pointsAlong(path: string): { x: number; y: number }[] {
  let [x, y] = [0, 0];
  return [...path.matchAll(/([MLC])([^MLC]*)/g)].flatMap(([, command, numbers = ""]) => {
    const values = numbers.trim().split(/\s+/).map(Number);
    const [toX = 0, toY = 0] = values.slice(-2);
    const [x1 = x, y1 = y, x2 = toX, y2 = toY] = command === "C" ? values : [];
    const from = { x, y };
    [x, y] = [toX, toY];
    if (command === "M") return [];
    return Array.from({ length: 21 }, (_, index) => index / 20).map((t) => {
      const at = (a: number, b: number, c: number, d: number): number => (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t ** 2 * (1 - t) * c + t ** 3 * d;
      return command === "C" ? { x: at(from.x, x1, x2, toX), y: at(from.y, y1, y2, toY) } : { x: from.x + t * (toX - from.x), y: from.y + t * (toY - from.y) };
    });
  });
}

describe.each(all)("the picture of the %s chart", (name, machine) => {
  const levels = levelsOf(placeChart(chartOf(machine), dagre));

  it("has no box on another box, no label on a box and no label on another", () => {
    for (const level of levels) {
      const [boxes, labels] = [boxesOf(level), labelsOf(level)];
      expect(pairs(boxes).filter(([a, b]) => overlap(a, b))).toEqual([]);
      expect(labels.filter((label) => boxes.some((box) => overlap(label, box)))).toEqual([]);
      expect(pairs(labels).filter(([a, b]) => overlap(a, b))).toEqual([]);
    }
  });

  it("has no line through a box", () => {
    for (const level of levels) {
      const inner = boxesOf(level).map(({ left, right, top, bottom }) => ({ left: left + 0.5, right: right - 0.5, top: top + 0.5, bottom: bottom - 0.5 }));
      const inside = level.edges.flatMap(({ path }) => pointsAlong(path)).filter(({ x, y }) => inner.some((box) => x > box.left && x < box.right && y > box.top && y < box.bottom));
      expect(inside).toEqual([]);
    }
  });

  it("shows every state, is well-formed and always the same", async () => {
    const svg = await toSvg(machine);
    for (const state of Object.keys(machine.states)) expect(svg).toContain(`>${state}</text>`);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 [\d.]+ [\d.]+"/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(tagBalance(svg)).toEqual([]);
    expect(await toSvg(machine)).toBe(svg);
    expect(svg).toContain(`<title>${name}</title>`);
  });
});

/** Tags that are not closed in order. */
function tagBalance(svg: string): string[] {
  const open: string[] = [];
  for (const [, closing, tag = "", selfClosing] of svg.matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closing === "/") open.splice(open.lastIndexOf(tag), open.at(-1) === tag ? 1 : 0);
    else if (selfClosing !== "/") open.push(tag);
  }
  return open;
}

describe("toSvg", () => {
  it("writes effects, guards and what is ignored into lines and boxes, and escapes what SVG reads as markup", async () => {
    const svg = await toSvg(doorMachine);
    for (const text of ["entry / hinge.creak", "ignores look", "lock / bolt.turn", "to locked", "from unlocked:", "unlock / alarm.ring", "unlock [codeIsRight]", "[isWeak]", "A door with a lock &amp; a &lt;hinge&gt;."]) {
      expect(svg).toContain(`>${text}</text>`);
    }
  });

  it("has colours for dark pages, a legend of tags and a double border around final states", async () => {
    const svg = await toSvg(doorMachine);
    expect(svg).toContain("@media (prefers-color-scheme:dark)");
    expect(svg).toMatch(/class="about"[^>]*>shut<\/text>/);
    expect(svg.match(/class="inner ended"/g)).toHaveLength(1);
  });
});
