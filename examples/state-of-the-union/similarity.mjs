// How alike addresses are: tf-idf vectors and their cosines. `similarityBand` is an app: see main.mjs.
import { readCounts } from "./counts.mjs";

/** Each worker makes the vectors once, however many bands it computes. */
const loaded = new Map();

/** Rows `from` up to `to` of the matrix of similarities, row after row. */
export async function similarityBand(from, to, counts, frequencies) {
  const vectors = await vectorsOf(counts, frequencies);
  const n = vectors.length;
  const band = new Float32Array((to - from) * n);
  for (let row = from; row < to; row++) {
    for (let column = 0; column < n; column++) {
      const known = column >= from && column < row;
      band[(row - from) * n + column] = known ? band[(column - from) * n + row] : cosine(vectors[row], vectors[column]);
    }
  }
  return band;
}

function vectorsOf(counts, frequencies) {
  const key = `${frequencies.path} ${counts.length}`;
  if (!loaded.has(key)) loaded.set(key, loadVectors(counts, frequencies));
  return loaded.get(key);
}

async function loadVectors(counts, frequencies) {
  const inDocuments = await readCounts(frequencies.path);
  const number = new Map([...inDocuments.keys()].map((word, i) => [word, i]));
  return Promise.all(counts.map(async ({ path }) => vectorOf(await readCounts(path), inDocuments, number, counts.length)));
}

/** Words by number, in order, each with (1 + log tf) · log(N / df), the whole of length 1. */
function vectorOf(counted, inDocuments, number, documents) {
  const entries = [];
  for (const [word, count] of counted) {
    const found = inDocuments.get(word) ?? 0;
    if (found < 2 || found === documents) continue;
    entries.push([number.get(word), (1 + Math.log(count)) * Math.log(documents / found)]);
  }
  entries.sort((a, b) => a[0] - b[0]);
  const length = Math.hypot(...entries.map(([, weight]) => weight)) || 1;
  return { words: Int32Array.from(entries, ([word]) => word), weights: Float64Array.from(entries, ([, weight]) => weight / length) };
}

function cosine(a, b) {
  let [i, j, sum] = [0, 0, 0];
  while (i < a.words.length && j < b.words.length) {
    const difference = a.words[i] - b.words[j];
    if (difference === 0) sum += a.weights[i++] * b.weights[j++];
    else if (difference < 0) i++;
    else j++;
  }
  return sum;
}
