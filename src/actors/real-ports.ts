import { randomUUID } from "node:crypto";
import type { Ids, Ports } from "./ports.js";

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

/** The ports of a running program: this machine's time, event loop and randomness. */
export function realPorts(): Ports {
  return {
    clock: {
      now: () => performance.now(),
      wall: () => Date.now(),
      after(ms, fire) {
        const timer = setTimeout(fire, ms).unref();
        return { cancel: () => clearTimeout(timer) };
      },
    },
    scheduler: { soon: (run) => queueMicrotask(run), later: (run) => void setImmediate(run) },
    random: { next: () => Math.random() },
    ids: countingIds(() => randomUUID().slice(0, 8)),
  };
}
