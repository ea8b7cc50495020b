// Medians, spreads, slopes, and numbers as people read them.

/** @param {Iterable<number>} values @param {number} fraction */
export function quantile(values, fraction) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

/** @param {Iterable<number>} values */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** @param {number[]} values */
export const summarise = (values) => ({ median: median(values), min: Math.min(...values), max: Math.max(...values), values });

/** @typedef {ReturnType<typeof summarise>} Summary */

/** One figure over another, round by round: both were measured in each, under the same load. @param {Summary | undefined} a @param {Summary | undefined} b */
export function ratio(a, b) {
  if (a === undefined || b === undefined) return undefined;
  const rounds = Math.min(a.values.length, b.values.length);
  return summarise(a.values.slice(0, rounds).map((value, round) => value / (b.values[round] ?? Number.NaN)));
}

/** Least squares through (x, y). @param {[x: number, y: number][]} points */
export function slope(points) {
  const meanX = points.reduce((total, [x]) => total + x, 0) / points.length;
  const meanY = points.reduce((total, [, y]) => total + y, 0) / points.length;
  const covariance = points.reduce((total, [x, y]) => total + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((total, [x]) => total + (x - meanX) ** 2, 0);
  return covariance / variance;
}

/** @param {number} value */
export function readable(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)}k`;
  if (size >= 1e3) return `${(value / 1e3).toFixed(1)}k`;
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** Columns padded to their widest cell, the first to the left, the rest to the right. @param {string[][]} rows */
export function layOut(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {string[]} */ row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
