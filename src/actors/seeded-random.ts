import type { Random } from "./ports.js";

/** A deterministic generator: the same seed gives the same numbers everywhere. The algorithm is sfc32 (PractRand), seeded by splitmix32. */
export function seededRandom(seed: number): Random & { /** A whole number in [0, below). */ below(below: number): number } {
  let s = seed | 0;
  const mix = (): number => {
    s = (s + 0x9e3779b9) | 0;
    let t = s ^ (s >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return t ^ (t >>> 15);
  };
  let [a, b, c, d] = [mix(), mix(), mix(), 1];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return { next, below: (below) => Math.floor(next() * below) };
}
