/**
 * The fewest cells of a table, nearly, in which every value of every column meets every value of every other at least once: those that have
 * most of the missing pairs are taken first, the earlier ones where two have as many.
 */
export function coveringCells<T extends readonly unknown[]>(columns: { readonly [K in keyof T]: readonly T[K][] }): readonly T[] {
  const sizes = columns.map((column) => column.length);
  const cells = sizes.reduce<number[][]>((rows, size) => rows.flatMap((row) => Array.from({ length: size }, (_, i) => [...row, i])), [[]]);
  const pairsOf = (cell: readonly number[]): string[] => cell.flatMap((one, i) => cell.slice(i + 1).map((other, k) => `${i}=${one} ${i + 1 + k}=${other}`));
  const missing = new Set(cells.flatMap(pairsOf));
  const chosen: T[] = [];
  while (missing.size > 0) {
    const newOf = (cell: readonly number[]): number => pairsOf(cell).filter((pair) => missing.has(pair)).length;
    const best = cells.reduce((left, right) => (newOf(right) > newOf(left) ? right : left));
    for (const pair of pairsOf(best)) missing.delete(pair);
    chosen.push(best.map((value, i) => columns[i]?.[value]) as unknown as T);
  }
  return chosen;
}
