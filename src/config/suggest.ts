/** The number of single-letter changes and swaps of neighbours between two words (optimal string alignment: Levenshtein 1966, Damerau 1964). */
export function distance(a: string, b: string): number {
  let [earlier, previous]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(earlier, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, swapped, at(previous, j) + 1, at(row, j - 1) + 1));
    }
    [earlier, previous] = [previous, row];
  }
  return at(previous, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Infinity;
const plain = (word: string): string => word.toLowerCase().replaceAll(/[_\-\s]/g, "");

/** The candidate a mistyped word most likely stands for; `max_threads` and `maxthreads` both find `maxThreads`. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const changes = distance(wanted, plain(candidate));
    if (changes < least) [best, least] = [candidate, changes];
  }
  return best;
}
