import type { Clock } from "../../actors/ports.js";

/** Why an answer counts as not given. */
export class NoAnswer extends Error {}

/** The same answer, or a rejection once it takes too long. */
export function within<T>(clock: Clock, ms: number, answer: Promise<T>, who: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(new NoAnswer(`${who} has not answered for ${ms} ms`)));
    answer.finally(() => timer.cancel()).then(resolve, reject);
  });
}

/** A throw becomes a rejection. */
export async function attempt<T>(call: () => Promise<T> | T): Promise<T> {
  return call();
}
