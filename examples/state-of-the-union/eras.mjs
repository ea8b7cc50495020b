// Where the language changes, and which words each era has for itself. Each exported function is an app: see main.mjs.
import { functionWords, readCounts } from "./counts.mjs";

/**
 * Cuts the addresses, in order of time, into `wanted` eras so that those in one era are as alike as possible:
 * change points by kernel least squares (Harchaoui & Cappé 2007), exact by dynamic programming.
 */
export function findEras(bands, wanted) {
  const similar = square(bands);
  const n = similar.length;
  const cost = segmentCosts(similar);
  const eras = Math.max(1, Math.min(wanted, Math.floor(n / 2)));
  const best = [cost.map((row) => row[0])];
  const cuts = [];
  for (let k = 1; k < eras; k++) {
    const before = best[k - 1];
    const cut = new Array(n + 1).fill(0);
    best.push(
      before.map((_, end) => {
        let least = Infinity;
        for (let start = 2 * k; start <= end - 2; start++) {
          const total = before[start] + cost[end][start];
          if (total < least) [least, cut[end]] = [total, start];
        }
        return least;
      }),
    );
    cuts.push(cut);
  }
  const bounds = [n];
  for (let k = eras - 1; k > 0; k--) bounds.unshift(cuts[k - 1][bounds[0]]);
  return [0, ...bounds].slice(0, -1).map((from, i) => ({ from, to: bounds[i], medoid: medoid(similar, from, bounds[i]) }));
}

function square(bands) {
  const size = Math.round(Math.sqrt(bands.reduce((sum, band) => sum + band.length, 0)));
  return bands.flatMap((band) => Array.from({ length: band.length / size }, (_, i) => band.subarray(i * size, (i + 1) * size)));
}

/** `cost[end][start]` of making one era of the addresses from `start` up to `end`. */
function segmentCosts(similar) {
  const n = similar.length;
  const sums = Array.from({ length: n + 1 }, () => new Float64Array(n + 1));
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sums[i + 1][j + 1] = similar[i][j] + sums[i][j + 1] + sums[i + 1][j] - sums[i][j];
  const inside = (from, to) => sums[to][to] - 2 * sums[from][to] + sums[from][from];
  return Array.from({ length: n + 1 }, (_, end) => Array.from({ length: end + 1 }, (_, start) => (end === start ? Infinity : end - start - inside(start, end) / (end - start))));
}

/** The address that is most like the others of its era. */
function medoid(similar, from, to) {
  let [best, most] = [from, -1];
  for (let i = from; i < to; i++) {
    let sum = 0;
    for (let j = from; j < to; j++) sum += similar[i][j];
    if (sum > most) [best, most] = [i, sum];
  }
  return best;
}

/**
 * The words that set an era apart from all the others: log-odds with an informative Dirichlet prior, in standard deviations
 * (Monroe, Colaresi & Quinn 2008, "Fightin' Words").
 */
export async function characteristicWords(own, others, wanted) {
  const [mine, theirs] = await Promise.all([total(own), total(others)]);
  const all = [sum(mine), sum(theirs)];
  const scored = [];
  for (const [word, count] of mine) {
    const other = theirs.get(word) ?? 0;
    if (word.length < 3 || count < 3 || functionWords.has(word.replace("'", ""))) continue;
    const prior = 0.05 * (count + other);
    const [here, there] = [count + prior, other + prior];
    const odds = Math.log(here / (1.05 * all[0] - here)) - Math.log(there / (1.05 * all[1] - there));
    scored.push({ word, score: odds / Math.sqrt(1 / here + 1 / there), count });
  }
  return scored.sort((a, b) => b.score - a.score).slice(0, wanted);
}

async function total(files) {
  const counts = new Map();
  for (const { path } of files) for (const [word, count] of await readCounts(path)) counts.set(word, (counts.get(word) ?? 0) + count);
  return counts;
}

const sum = (counts) => [...counts.values()].reduce((total, count) => total + count, 0);
