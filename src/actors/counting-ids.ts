import type { Ids } from "./ports.js";

/** Numbers each kind from 1. */
export function countingIds(token: () => string): Ids {
  const counts = new Map<string, { readonly prefix: string; n: number }>();
  return {
    next(kind) {
      let count = counts.get(kind);
      if (count === undefined) counts.set(kind, (count = { prefix: `${kind}-`, n: 0 }));
      return `${count.prefix}${++count.n}`;
    },
    token,
  };
}
