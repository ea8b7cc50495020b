// What every figure shares: fresh processes, interleaved rounds, results on disk, a table.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contenders, NotBuilt } from "./contenders.mjs";
import { watchOthers } from "./processor-share.mjs";
import { layOut, ratio, readable, summarise } from "./statistics.mjs";

/** @typedef {{ contender: string, variant: string }} Case  what is measured, of whom; a column and a row of the table */
/** @typedef {{ [metric: string]: number }} Sample */
/** @typedef {{ key: string, label: string, better: "higher" | "lower", ratio?: false }} Metric  `ratio: false`: a quotient of it says nothing */
/**
 * @template {Case} C
 * @typedef {object} Figure
 * @property {string} name the name of its file
 * @property {string} title
 * @property {Metric[]} metrics
 * @property {(quick: boolean) => C[]} cases
 * @property {(c: C) => Promise<Sample>} measure runs in a process of its own, unless `here`
 * @property {number} [rounds] 5 unless given; --quick: 2, or 5 of what is measured from here
 * @property {string[]} [execArgv]
 * @property {true} [here] measured from this process, which spawns what it measures
 * @property {string[]} [limits] contenders only this figure has, and which bound what is possible
 * @property {string[]} [notes]
 */
/** @typedef {import("./statistics.mjs").Summary} Summary */
/** @typedef {{ contender: string, variant: string, kind: string, metrics: Record<string, Summary>, skipped?: string, error?: string }} Row */
/** @typedef {{ sample?: Sample, skipped?: string, error?: string }} Outcome */

const resultsDirectory = fileURLToPath(new URL("./results/", import.meta.url));
const caseLimit = 180_000;

/** @param {string} name */
export const resultPath = (name) => join(resultsDirectory, `${name}.json`);

/** Measures a figure, or, in the process started for one case, that case. @template {Case} C @param {Figure<C>} figure */
export async function runFigure(figure) {
  const at = process.argv.indexOf("--measure");
  if (at > 0) await answerCase(figure, JSON.parse(process.argv[at + 1] ?? ""));
  else await runRounds(figure);
}

/** @template {Case} C @param {Figure<C>} figure @param {C} c @returns {Promise<Outcome>} */
async function attempt(figure, c) {
  try {
    return { sample: await figure.measure(c) };
  } catch (error) {
    if (error instanceof NotBuilt) return { skipped: error.message };
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** @template {Case} C @param {Figure<C>} figure @param {C} c */
async function answerCase(figure, c) {
  writeSync(3, JSON.stringify(await attempt(figure, c)));
  process.exit(0);
}

/** @template {Case} C @param {Figure<C>} figure @param {C} c @returns {Promise<Outcome>} */
async function measureApart(figure, c) {
  const script = fileURLToPath(new URL(`./${figure.name}.mjs`, import.meta.url));
  const cwd = mkdtempSync(join(tmpdir(), "caraway-bench-"));
  const child = spawn(process.execPath, [...(figure.execArgv ?? []), script, "--measure", JSON.stringify(c)], { cwd, stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), caseLimit);
  const [errors, answer] = await Promise.all([readAll(child.stdio[2]), readAll(child.stdio[3])]);
  clearTimeout(timer);
  rmSync(cwd, { recursive: true, force: true });
  if (answer !== "") return JSON.parse(answer);
  return { error: `its process ended without an answer (limit ${String(caseLimit / 1000)} s): ${errors.slice(-500)}` };
}

/** @param {unknown} stream */
async function readAll(stream) {
  let text = "";
  for await (const chunk of /** @type {import("node:stream").Readable} */ (stream)) text += String(chunk);
  return text;
}

/** @template {Case} C @param {Figure<C>} figure */
async function runRounds(figure) {
  const quick = process.argv.includes("--quick");
  const rounds = quick ? (figure.here ? 5 : 2) : (figure.rounds ?? 5);
  const cases = figure.cases(quick).map((c) => ({ c, samples: /** @type {Sample[]} */ ([]), outcome: /** @type {Outcome} */ ({}) }));
  const shareOfOthers = watchOthers();
  for (let round = 0; round < rounds; round++) {
    for (const entry of cases) {
      if (entry.outcome.skipped !== undefined || entry.outcome.error !== undefined) continue;
      showProgress(`${figure.name} ${String(round + 1)}/${String(rounds)} ${entry.c.contender} ${entry.c.variant}`);
      entry.outcome = await (figure.here ? attempt(figure, entry.c) : measureApart(figure, entry.c));
      if (entry.outcome.sample !== undefined) entry.samples.push(entry.outcome.sample);
    }
  }
  showProgress("");
  const rows = cases.map(({ c, samples, outcome }) => toRow(figure, c, samples, outcome));
  report(figure, rows, { quick, rounds, othersPercent: shareOfOthers() });
}

/** @param {string} text */
function showProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

/** @template {Case} C @param {Figure<C>} figure @param {C} c @param {Sample[]} samples @param {Outcome} outcome @returns {Row} */
function toRow({ metrics, limits = [] }, { contender, variant }, samples, { skipped, error }) {
  const summaries = samples.length === 0 ? [] : metrics.map(({ key }) => [key, summarise(samples.map((sample) => sample[key] ?? Number.NaN))]);
  const kind = limits.includes(contender) ? "limit" : (contenders[contender]?.kind ?? "other");
  return { contender, variant, kind, metrics: Object.fromEntries(summaries), ...(skipped && { skipped }), ...(error && { error }) };
}

/** @returns {{ cpu: string, cores: number, memoryGiB: number, node: string }} */
const machine = () => ({ cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version });

/** The best of a kind in a column. @param {Row[]} rows @param {string} variant @param {Metric} metric @param {string} kind */
export function bestOf(rows, variant, { key, better }, kind) {
  const measured = rows.flatMap((row) => {
    const summary = row.variant === variant && row.kind === kind ? row.metrics[key] : undefined;
    return summary === undefined ? [] : [{ contender: row.contender, summary }];
  });
  measured.sort((a, b) => a.summary.median - b.summary.median);
  return better === "higher" ? measured.at(-1) : measured[0];
}

/** @template {Case} C @param {Figure<C>} figure @param {Row[]} rows @param {{ quick: boolean, rounds: number, othersPercent: number | undefined }} how */
function report(figure, rows, how) {
  mkdirSync(resultsDirectory, { recursive: true });
  const { name, title, metrics, notes = [] } = figure;
  writeFileSync(resultPath(name), `${JSON.stringify({ figure: name, title, when: new Date().toISOString(), machine: machine(), ...how, metrics, notes, rows }, null, 2)}\n`);
  const { cpu, cores, node } = machine();
  const others = how.othersPercent === undefined ? "" : `, other processes took ${String(how.othersPercent)} % of the CPUs`;
  console.log(`\n${title}\n${cpu}, ${String(cores)} cores, Node ${node}${others}; ${String(how.rounds)} rounds, median (min–max)${how.quick ? ", quick" : ""}`);
  for (const metric of metrics) printMetric(metric, rows);
  for (const note of notes) console.log(`  ${note}`);
  for (const line of new Set(rows.flatMap((row) => (row.skipped ? [`${row.contender}: ${row.skipped}`] : row.error ? [`${row.contender}, ${row.variant}: ${row.error}`] : [])))) console.log(`  ! ${line}`);
}

/** @param {Metric} metric @param {Row[]} rows */
function printMetric(metric, rows) {
  const variants = [...new Set(rows.map((row) => row.variant))];
  const names = [...new Set(rows.map((row) => row.contender))];
  const cell = (/** @type {string} */ name, /** @type {string} */ variant) => {
    const row = rows.find((candidate) => candidate.contender === name && candidate.variant === variant);
    const summary = row?.metrics[metric.key];
    if (summary === undefined) return row?.skipped ? "skipped" : row?.error ? "failed" : "–";
    return `${readable(summary.median)} (${readable(summary.min)}–${readable(summary.max)})`;
  };
  const body = names.map((name) => [name, ...variants.map((variant) => cell(name, variant))]);
  const ratios = (metric.ratio === false ? [] : ["peer", "limit"]).flatMap((kind) => ratioRow(metric, rows, variants, kind));
  console.log(`\n${layOut([[metric.label, ...variants], ...body, ...ratios])}`);
}

/** caraway over the best of a kind, per column. @param {Metric} metric @param {Row[]} rows @param {string[]} variants @param {string} kind */
function ratioRow(metric, rows, variants, kind) {
  const ratios = variants.map((variant) => {
    const [own, other] = [bestOf(rows, variant, metric, "self"), bestOf(rows, variant, metric, kind)];
    return own && other ? `${readable(ratio(own.summary, other.summary)?.median ?? Number.NaN)}× ${other.contender}` : "";
  });
  return ratios.some((ratio) => ratio !== "") ? [[`caraway ÷ best ${kind}`, ...ratios]] : [];
}
