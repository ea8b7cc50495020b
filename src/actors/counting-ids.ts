import type { Ids } from "./ports.js";

/** Numbers each kind from 1. */
export function countingIds(token: () => string): Ids {
  const counts = new Map<string, number>();
  return {
    next(kind) {
      const n = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, n);
      return `${kind}-${n}`;
    },
    token,
  };
}
