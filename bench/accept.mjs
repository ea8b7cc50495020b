// The figures that count, each with its bound; read from bench/results.
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { bestOf, resultPath } from "./harness.mjs";
import { layOut, readable } from "./statistics.mjs";

/** @typedef {import("./harness.mjs").Row} Row */
/** @typedef {{ metrics: import("./harness.mjs").Metric[], rows: Row[], quick: boolean }} Result */
/** @typedef {{ text: string, figure: string, value: (result: Result) => number | undefined, bound: number, direction: "≥" | "≤", unit: string }} Criterion */

/** @param {Result} result @param {string} contender @param {string} metric @param {string} [variant] the first one unless given */
const pick = ({ rows }, contender, metric, variant) =>
  rows.find((row) => row.contender === contender && (variant === undefined || row.variant === variant))?.metrics[metric]?.median;

/** @param {number | undefined} a @param {number | undefined} b */
const ratio = (a, b) => (a === undefined || b === undefined ? undefined : a / b);

/** caraway over the best pool of a column. @param {Result} result @param {string} variant */
function overBestPool({ metrics, rows }, variant) {
  const metric = metrics[0];
  return metric && ratio(bestOf(rows, variant, metric, "self")?.value, bestOf(rows, variant, metric, "peer")?.value);
}

/** How far the rate of a column is from that at 10k. @param {Result} result @param {string} variant */
function distanceFrom10k(result, variant) {
  const relative = ratio(pick(result, "caraway", "tasksPerSecond", variant), pick(result, "caraway", "tasksPerSecond", "10k"));
  return relative === undefined ? undefined : Math.abs(1 - relative) * 100;
}

/** @type {Criterion[]} */
const criteria = [
  ...["1k", "10k", "100k"].map((variant) => /** @type {Criterion} */ ({ text: `no-op tasks/s at ${variant} over the best pool`, figure: "noop-throughput", value: (r) => overBestPool(r, variant), bound: 3, direction: "≥", unit: "×" })),
  ...["1M", "1M, ≤10k pending"].map((variant) => /** @type {Criterion} */ ({ text: `rate at ${variant} against 10k`, figure: "noop-throughput", value: (r) => distanceFrom10k(r, variant), bound: 20, direction: "≤", unit: " % apart" })),
  { text: "latency p50 over a raw round trip", figure: "latency", value: (r) => ratio(pick(r, "caraway", "p50"), pick(r, "raw round trip", "p50")), bound: 2, direction: "≤", unit: "×" },
  { text: "heap per waiting task", figure: "memory", value: (r) => pick(r, "caraway", "heap"), bound: 700, direction: "≤", unit: " B" },
  { text: "heap slope over 1M tasks", figure: "heap-slope", value: (r) => pick(r, "caraway", "bytesPerTask"), bound: 1, direction: "≤", unit: " B/task" },
  { text: 'import "caraway"', figure: "import-time", value: (r) => pick(r, "caraway", "inside"), bound: 120, direction: "≤", unit: " ms" },
  { text: "process start to first result", figure: "first-result", value: (r) => pick(r, "caraway", "first"), bound: 300, direction: "≤", unit: " ms" },
  { text: "bash commands/s over xargs -P2", figure: "bash", value: (r) => ratio(pick(r, "caraway", "tasksPerSecond"), pick(r, "xargs -P2", "tasksPerSecond")), bound: 0.5, direction: "≥", unit: "×" },
];

/** @param {string} figure @returns {Result | undefined} */
const load = (figure) => (existsSync(resultPath(figure)) ? JSON.parse(readFileSync(resultPath(figure), "utf8")) : undefined);

/** @param {Criterion} criterion */
function judge({ text, figure, value, bound, direction, unit }) {
  const result = load(figure);
  const measured = result && value(result);
  const met = measured !== undefined && (direction === "≥" ? measured >= bound : measured <= bound);
  const verdict = measured === undefined ? "not measured" : met ? "pass" : "FAIL";
  return [text, `${direction} ${String(bound)}${unit}`, measured === undefined ? "–" : `${readable(measured)}${unit}`, `${verdict}${result?.quick ? " (quick)" : ""}`];
}

/** Prints each criterion with what was measured. */
export function printAcceptance() {
  console.log(`\nAcceptance\n\n${layOut([["criterion", "bound", "measured", "verdict"], ...criteria.map(judge)])}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) printAcceptance();
