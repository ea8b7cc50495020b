// The figures that count, each with its bound; read from bench/results.
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { bestOf, resultPath } from "./harness.mjs";
import { layOut, ratio, readable, summarise } from "./statistics.mjs";

/** @typedef {import("./statistics.mjs").Summary} Summary */
/** @typedef {{ metrics: import("./harness.mjs").Metric[], rows: import("./harness.mjs").Row[], quick: boolean, othersPercent?: number }} Result */
/** @typedef {{ text: string, figure: string, value: (result: Result) => Summary | undefined, bound: number, direction: "≥" | "≤", unit: string }} Criterion */

/** @param {Result} result @param {string} contender @param {string} metric @param {string} [variant] the first one unless given */
const pick = ({ rows }, contender, metric, variant) =>
  rows.find((row) => row.contender === contender && (variant === undefined || row.variant === variant))?.metrics[metric];

/** caraway over the best pool of a column. @param {Result} result @param {string} variant */
function overBestPool({ metrics, rows }, variant) {
  const metric = metrics[0];
  return metric && ratio(bestOf(rows, variant, metric, "self")?.summary, bestOf(rows, variant, metric, "peer")?.summary);
}

/** By how many per cent the rate of a column falls short of that at 10k. @param {Result} result @param {string} variant */
function slowerThan10k(result, variant) {
  const relative = ratio(pick(result, "caraway", "tasksPerSecond", variant), pick(result, "caraway", "tasksPerSecond", "10k"));
  return relative && summarise(relative.values.map((value) => (1 - value) * 100));
}

/** @param {string} variant @returns {Criterion} */
const throughput = (variant) => ({ text: `no-op tasks/s at ${variant} over the best pool`, figure: "noop-throughput", value: (r) => overBestPool(r, variant), bound: 3, direction: "≥", unit: "×" });

/** @param {string} variant @returns {Criterion} */
const steadiness = (variant) => ({ text: `rate at ${variant} against 10k`, figure: "noop-throughput", value: (r) => slowerThan10k(r, variant), bound: 20, direction: "≤", unit: " % slower" });

/** @type {Criterion[]} */
const criteria = [
  ...["1k", "10k", "100k"].map(throughput),
  ...["1M", "1M, ≤10k pending"].map(steadiness),
  { text: "latency p50 over a raw round trip", figure: "latency", value: (r) => ratio(pick(r, "caraway", "p50"), pick(r, "raw round trip", "p50")), bound: 2, direction: "≤", unit: "×" },
  { text: "heap per waiting task", figure: "memory", value: (r) => pick(r, "caraway", "heap"), bound: 700, direction: "≤", unit: " B" },
  { text: "heap slope over 1M tasks", figure: "heap-slope", value: (r) => pick(r, "caraway", "bytesPerTask"), bound: 1, direction: "≤", unit: " B/task" },
  { text: 'import "caraway"', figure: "import-time", value: (r) => pick(r, "caraway", "inside"), bound: 120, direction: "≤", unit: " ms" },
  { text: "process start to first result", figure: "first-result", value: (r) => pick(r, "caraway", "first"), bound: 300, direction: "≤", unit: " ms" },
  { text: "bash commands/s over xargs -P2", figure: "bash", value: (r) => ratio(pick(r, "caraway", "tasksPerSecond"), pick(r, "xargs -P2", "tasksPerSecond")), bound: 0.5, direction: "≥", unit: "×" },
  { text: "no-op tasks/s on a manager with 2 workers", figure: "high-throughput", value: (r) => pick(r, "high throughput", "tasksPerSecond", "10k no-op, 1 × 2"), bound: 100_000, direction: "≥", unit: "/s" },
  { text: "the same over Parsl's", figure: "high-throughput", value: (r) => ratio(pick(r, "high throughput", "tasksPerSecond", "10k no-op, 1 × 2"), pick(r, "Parsl HTEX", "tasksPerSecond", "10k no-op, 1 × 2")), bound: 70, direction: "≥", unit: " ×" },
  { text: "latency p50 on a manager", figure: "high-throughput", value: (r) => pick(r, "high throughput", "p50", "one at a time"), bound: 200, direction: "≤", unit: " µs" },
  { text: "process start to first result, on a manager", figure: "first-result", value: (r) => pick(r, "caraway high throughput", "first"), bound: 1000, direction: "≤", unit: " ms" },
  ...[["worker killed", 50], ["manager killed", 200]].map(([variant, bound]) => /** @type {Criterion} */ ({ text: `${String(variant)}: noticed`, figure: "deaths", value: (r) => pick(r, "high throughput", "median", String(variant)), bound: Number(bound), direction: "≤", unit: " ms" })),
  ...[["10 ms", 90], ["100 ms", 98], ["1000 ms", 99]].map(([variant, bound]) => /** @type {Criterion} */ ({ text: `efficiency of sleeps of ${String(variant)}`, figure: "sleeps", value: (r) => pick(r, "high throughput", "efficiency", String(variant)), bound: Number(bound), direction: "≥", unit: " %" })),
];

/** @param {string} figure @returns {Result | undefined} */
const load = (figure) => (existsSync(resultPath(figure)) ? JSON.parse(readFileSync(resultPath(figure), "utf8")) : undefined);

/** @param {Criterion} criterion */
function judge({ text, figure, value, bound, direction, unit }) {
  const limit = `${direction} ${String(bound)}${unit}`;
  const result = load(figure);
  const measured = result && value(result);
  if (result === undefined || measured === undefined) return [text, limit, "–", "not measured", ""];
  const { median, min, max } = measured;
  const met = direction === "≥" ? median >= bound : median <= bound;
  const { quick, othersPercent = 0 } = result;
  const remarks = [...(quick ? ["quick"] : []), ...(othersPercent > 10 ? [`others took ${String(othersPercent)} % of the CPUs`] : [])];
  return [text, limit, `${readable(median)} (${readable(min)}–${readable(max)})${unit}`, met ? "pass" : "FAIL", remarks.join(", ")];
}

/** Prints each criterion with what was measured. */
export function printAcceptance() {
  console.log(`\nAcceptance\n\n${layOut([["criterion", "bound", "measured", "verdict", "remarks"], ...criteria.map(judge)])}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) printAcceptance();
