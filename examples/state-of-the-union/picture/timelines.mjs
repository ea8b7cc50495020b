// Two timelines over the same years: how long the addresses are, and how hard they are to read.
import { el, lastName, partyColor, scale, text } from "./svg.mjs";

const width = 1140;
const left = 52;
const right = 14;

const span = (profiles) => scale(profiles[0].year, profiles.at(-1).year, left, width - right);

/** Words of each address, as bars in its party's colour. */
export function lengths(profiles) {
  const [height, base] = [230, 200];
  const x = span(profiles);
  const most = Math.max(...profiles.map(({ words }) => words));
  const y = scale(0, most, base, 18);
  const bar = Math.max(2, Math.min(18, (0.72 * (width - left - right)) / (profiles.at(-1).year - profiles[0].year || 1)));
  const steps = [0, 10_000, 20_000, 30_000].filter((step) => step <= most);
  return chart(height, "Words of each address", [
    steps.map((step) => grid(y(step), step === 0 ? "0" : `${step / 1000},000`)),
    profiles.map(({ year, name, party, words }) => el("rect", { x: x(year) - bar / 2, y: y(words), width: bar, height: base - y(words), fill: partyColor(party) }, el("title", {}, `${year} ${lastName(name)}: ${words.toLocaleString("en-US")} words`))),
    yearAxis(profiles, x, base),
    longest(profiles, 2).map(({ year, name, words }) => note(x(year), y(words) - 6, `${lastName(name)} ${year}: ${words.toLocaleString("en-US")} words`, x(year) > width / 2 ? "end" : "start")),
  ]);
}

const longest = (profiles, wanted) => [...profiles].sort((a, b) => b.words - a.words).slice(0, wanted);

/** The school grade each asks for: a dot each, and the middle of the years around. */
export function grades(profiles) {
  const [height, base] = [250, 220];
  const x = span(profiles);
  const values = profiles.map(({ grade }) => grade);
  const [low, high] = [Math.floor(Math.min(...values) / 2) * 2, Math.ceil(Math.max(...values) / 2) * 2];
  const y = scale(low, high, base, 14);
  const steps = Array.from({ length: Math.floor((high - low) / 4) + 1 }, (_, i) => low + 4 * i);
  const line = smooth(profiles).map(([year, grade], i) => `${i === 0 ? "M" : "L"}${x(year).toFixed(1)},${y(grade).toFixed(1)}`).join("");
  return chart(height, "School grade needed to read each address", [
    steps.map((step) => grid(y(step), step)),
    el("path", { d: line, class: "trend" }),
    profiles.map(({ year, name, party, grade, wordsPerSentence }) => el("circle", { cx: x(year), cy: y(grade), r: 3.4, fill: partyColor(party), class: "dot" }, el("title", {}, `${year} ${lastName(name)}: grade ${grade.toFixed(1)}, ${wordsPerSentence.toFixed(0)} words a sentence`))),
    yearAxis(profiles, x, base),
  ]);
}

/** Weighted means of the years around (tricube weights, Cleveland 1979). */
function smooth(profiles, reach = 16) {
  return profiles.map(({ year }) => {
    let [sum, weights] = [0, 0];
    for (const other of profiles) {
      const weight = (1 - Math.min(1, Math.abs(other.year - year) / reach) ** 3) ** 3;
      sum += weight * other.grade;
      weights += weight;
    }
    return [year, sum / weights];
  });
}

function chart(height, label, content) {
  return el("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, content);
}

const grid = (y, label) => [el("line", { x1: left, x2: width - right, y1: y, y2: y, class: "grid" }), text(left - 8, y + 4, label, { class: "axis", "text-anchor": "end" })];

const note = (x, y, content, anchor) => text(x + (anchor === "end" ? 4 : -4), y, content, { class: "note", "text-anchor": anchor });

function yearAxis(profiles, x, base) {
  const [first, last] = [profiles[0].year, profiles.at(-1).year];
  const marks = [];
  for (let year = Math.ceil(first / 20) * 20; year <= last; year += 20) marks.push(el("line", { x1: x(year), x2: x(year), y1: base, y2: base + 5, class: "tick" }), text(x(year), base + 20, year, { class: "axis", "text-anchor": "middle" }));
  return marks;
}
