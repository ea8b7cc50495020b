import type { Ids } from "./ports.js";

/** Numbers each kind from 1. */
export function countingIds(token: () => string): Ids {
  const counts = new Map<string, { n: number }>();
  const number = (kind: string): number => {
    let count = counts.get(kind);
    if (count === undefined) counts.set(kind, (count = { n: 0 }));
    return ++count.n;
  };
  return { next: (kind) => `${kind}-${number(kind)}`, number, token };
}
