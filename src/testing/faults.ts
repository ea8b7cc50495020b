import type { Random } from "../actors/ports.js";

/** A time between two bounds, in milliseconds. */
export type Span = readonly [least: number, most: number];

/** How a simulated host behaves: how slow it is, and what goes wrong. */
export interface HostConduct {
  /** From opening a worker to its being ready. */
  readonly start: Span;
  /** Of a message, either way. */
  readonly way: Span;
  /** From being told to end to ending, where no native call runs. */
  readonly kill: Span;
  /** How long answers wait for company. */
  readonly flush: Span;
  /** Of a revocation's answer; 0: at once, as with shared memory. */
  readonly revoke: Span;
  /** For how long after a start it cannot be seen which task runs, in milliseconds: the claim is taken first, and told then. */
  readonly blind: number;
  /** How likely a worker is to end before it is ready. */
  readonly failStart: number;
  /** How likely a ready worker is to die by itself, at a time within `deathWithin`. */
  readonly death: number;
  readonly deathWithin: number;
  /** How likely a frame of answers is to arrive twice. */
  readonly duplicate: number;
}

/** Quick and faultless. */
export const calm: HostConduct = { start: [1, 3], way: [0, 0.2], kill: [0, 1], flush: [0, 0.25], revoke: [0, 0], blind: 0, failStart: 0, death: 0, deathWithin: 200, duplicate: 0 };

export function within([least, most]: Span, random: Random): number {
  return most === 0 ? 0 : least + (most - least) * random.next();
}
