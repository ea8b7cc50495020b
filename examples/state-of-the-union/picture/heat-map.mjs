// The map of similarities: every address against every other, eras drawn on the diagonal.
import { pngUri } from "./png.mjs";
import { el, lastName, partyColor, presidencies, scale, text } from "./svg.mjs";

const size = 760;
const left = 92;
const top = 30;
const strip = 9;

/** Paper to ink. */
const stops = [[0, 0xfb, 0xf6, 0xea], [0.22, 0xf6, 0xd7, 0xa0], [0.45, 0xee, 0x9b, 0x5f], [0.65, 0xc9, 0x4f, 0x5b], [0.82, 0x7a, 0x2a, 0x6b], [1, 0x22, 0x12, 0x3f]];

export function colorAt(t) {
  const clamped = Math.min(1, Math.max(0, t));
  const i = Math.max(1, stops.findIndex(([at]) => at >= clamped));
  const [a, b] = [stops[i - 1], stops[i]];
  const part = (clamped - a[0]) / (b[0] - a[0]);
  return [1, 2, 3].map((channel) => Math.round(a[channel] + part * (b[channel] - a[channel])));
}

/** The similarity that is drawn as paper, and the one that is drawn as ink. */
export function contrast(similar) {
  const values = [];
  for (let i = 0; i < similar.length; i++) for (let j = 0; j < i; j++) values.push(similar[i][j]);
  values.sort((a, b) => a - b);
  const at = (part) => values[Math.floor(part * (values.length - 1))] ?? 0;
  return { low: at(0.02), high: Math.max(at(0.993), at(0.02) + 0.01) };
}

function image(similar, { low, high }) {
  const n = similar.length;
  const pixels = new Uint8Array(3 * n * n);
  for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) pixels.set(colorAt(Math.max(0, (similar[row][column] - low) / (high - low)) ** 0.85), 3 * (row * n + column));
  return pngUri(n, n, pixels);
}

/** The map as SVG. */
export function heatMap({ profiles, similar, eras }) {
  const n = similar.length;
  const at = scale(0, n, 0, size);
  const range = contrast(similar);
  return el(
    "svg",
    { class: "map", viewBox: `0 0 ${left + size + 150} ${top + size + 46}`, role: "img", "aria-label": "How alike the addresses are, each against each" },
    el("image", { x: left, y: top, width: size, height: size, href: image(similar, range), style: "image-rendering: pixelated" }),
    partyStrips(profiles, at),
    presidents(profiles, at),
    years(profiles, at),
    eras.map((era) => eraBox(era, profiles, at)),
    el("g", { id: "cross", class: "cross", visibility: "hidden" }, el("line", { id: "cross-row", x1: left, x2: left + size }), el("line", { id: "cross-column", y1: top, y2: top + size })),
    el("rect", { id: "map-area", x: left, y: top, width: size, height: size, fill: "transparent" }),
  );
}

function partyStrips(profiles, at) {
  return profiles.map(({ party }, i) => {
    const [from, to, fill] = [at(i), at(i + 1) - at(i) + 0.3, partyColor(party)];
    return [el("rect", { x: left - strip - 3, y: top + from, width: strip, height: to, fill }), el("rect", { x: left + from, y: top + size + 3, width: to, height: strip, fill })];
  });
}

/** Names where there is room for them. */
function presidents(profiles, at) {
  let lowest = -Infinity;
  return presidencies(profiles).map(({ name, from, to }) => {
    const middle = top + at((from + to) / 2);
    if (middle - lowest < 10.5) return "";
    lowest = middle;
    return text(left - strip - 8, middle + 3, lastName(name), { class: "president", "text-anchor": "end" });
  });
}

function years(profiles, at) {
  return profiles.map(({ year }, i) => {
    if (year % 20 !== 0 || profiles[i - 1]?.year === year) return "";
    const x = left + at(i + 0.5);
    return [el("line", { x1: x, x2: x, y1: top + size + 3 + strip, y2: top + size + 8 + strip, class: "tick" }), text(x, top + size + 32, year, { class: "year", "text-anchor": "middle" })];
  });
}

function eraBox({ from, to, words }, profiles, at) {
  const [x, side] = [left + at(from), at(to) - at(from)];
  const y = top + at(from);
  return [
    el("rect", { x, y, width: side, height: side, class: "era-edge" }),
    el("rect", { x, y, width: side, height: side, class: "era" }),
    el("line", { x1: x + side, x2: left + size + 8, y1: y + side / 2, y2: y + side / 2, class: "leader" }),
    text(left + size + 12, y + side / 2 - 2, `${profiles[from].year}–${profiles[to - 1].year}`, { class: "era-years" }),
    text(left + size + 12, y + side / 2 + 12, fewWords(words), { class: "era-words" }),
  ];
}

/** The first words that fit beside the map, without those that begin like one before. */
function fewWords(words, room = 22) {
  const chosen = [];
  for (const { word } of words) {
    const similar = chosen.some((other) => other.slice(0, 5) === word.slice(0, 5));
    if (!similar && [...chosen, word].join(", ").length <= room) chosen.push(word);
    if (chosen.length === 3) break;
  }
  return chosen.join(", ");
}

/** What the script of the page needs to tell what is under the pointer: places and similarities. */
export function mapData({ profiles, similar }) {
  const bytes = Uint8Array.from(similar.flatMap((row) => Array.from(row, (value) => Math.round(255 * Math.max(0, value)))));
  return { left, top, size, names: profiles.map(({ year, name }) => `${year} ${lastName(name)}`), bytes: Buffer.from(bytes).toString("base64") };
}
