// The run that made the page: every task as a bar, in the order they ran.
import { el, scale, text } from "./svg.mjs";

const width = 1140;
const left = 196;
const right = 14;
const lane = 9;

const inks = ["#3a74b8", "#2e9e8f", "#d79a2b", "#8e6bb0", "#a0714f", "#5f7d3a", "#b8577e", "#4c6a78"];

/** Gantt chart with the rows of an app below each other; bars that overlap in time get lanes of their own. */
export function runChart({ runs, ms }) {
  const apps = [...new Set([...runs].sort((a, b) => a.start - b.start).map(({ app }) => app))];
  const x = scale(0, ms, left, width - right);
  let y = 8;
  const rows = apps.map((app, i) => {
    const own = runs.filter((run) => run.app === app).sort((a, b) => a.start - b.start);
    const lanes = inLanes(own);
    const [at, height] = [y, Math.max(1, lanes.length) * lane];
    y += height + 9;
    return [
      text(left - 12, at + height / 2 + 4, `${app} × ${own.filter(({ outcome }) => outcome !== "failed").length}`, { class: "app", "text-anchor": "end" }),
      el("rect", { x: left, y: at - 3, width: width - right - left, height: height + 6, class: "row" }),
      lanes.map((bars, number) => bars.map((run) => bar(run, x, at + number * lane, inks[i % inks.length]))),
      failureMarks(own, lanes, x, at),
    ];
  });
  return el("svg", { class: "chart", viewBox: `0 0 ${width} ${y + 24}`, role: "img", "aria-label": "When each task ran" }, secondMarks(ms, x, y), rows);
}

function inLanes(runs) {
  const lanes = [];
  for (const run of runs) {
    const free = lanes.find((bars) => bars.at(-1).end <= run.start + 0.05);
    if (free === undefined) lanes.push([run]);
    else free.push(run);
  }
  return lanes;
}

function bar({ task, app, attempt, start, end, outcome }, x, y, ink) {
  const failed = outcome === "failed";
  const title = el("title", {}, `${app}, task ${task}, attempt ${attempt}: ${(end - start).toFixed(1)} ms${failed ? ", failed" : ""}`);
  return el("rect", { x: x(start), y, width: Math.max(0.8, x(end) - x(start) - 0.4), height: lane - 2, fill: failed ? "#cf2b1f" : ink }, title);
}

/** A ring around each attempt that failed, and one note where its row is free. */
function failureMarks(own, lanes, x, at) {
  const failed = own.filter(({ outcome }) => outcome === "failed");
  if (failed.length === 0) return "";
  const rings = failed.map((run) => {
    const number = lanes.findIndex((bars) => bars.includes(run));
    return el("circle", { cx: x((run.start + run.end) / 2), cy: at + number * lane + lane / 2 - 1, r: 8, class: "failure" });
  });
  return [...rings, text(x(Math.max(...own.map(({ end }) => end))) + 10, at + lane / 2 + 3, "○ exited on purpose, and was tried again", { class: "failure-note" })];
}

function secondMarks(ms, x, y) {
  const step = ms > 12_000 ? 2000 : ms > 4000 ? 1000 : 500;
  const marks = [];
  for (let at = 0; at <= ms; at += step) marks.push(el("line", { x1: x(at), x2: x(at), y1: 4, y2: y, class: "grid" }), text(x(at), y + 16, `${at / 1000} s`, { class: "axis", "text-anchor": "middle" }));
  return marks;
}
